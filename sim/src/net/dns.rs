//! The cluster's DNS, as a pod's resolver uses it.

use core::net::IpAddr;
use core::time::Duration;
use std::collections::BTreeMap;
use std::io;

use crate::dist::Dist;

/// The cluster domain, and with it the end of every service's name.
const CLUSTER_DOMAIN: &str = "cluster.local";

pub(crate) struct Dns {
    names: BTreeMap<String, Vec<IpAddr>>,
    /// Nobody answers.
    pub(crate) down: bool,
    /// How long an answer takes.
    pub(crate) time: Dist,
}

// === impl Dns ===

impl Default for Dns {
    /// What a resolver in a cluster takes for an answer from its node-local cache.
    fn default() -> Self {
        Self {
            names: BTreeMap::new(),
            down: false,
            time: Dist::Constant(Duration::from_micros(500)),
        }
    }
}

impl Dns {
    pub(crate) fn set(&mut self, name: &str, addresses: Vec<IpAddr>) {
        self.names.insert(name.to_ascii_lowercase(), addresses);
    }

    /// Looks `name` up with the search path that kubelet writes into a pod of `namespace`
    /// (`ndots:5`: a name with fewer dots is tried with each suffix first).
    pub(crate) fn lookup(&self, name: &str, namespace: &str) -> io::Result<Vec<IpAddr>> {
        if self.down {
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "no answer from DNS",
            ));
        }
        if let Ok(ip) = name.parse::<IpAddr>() {
            return Ok(vec![ip]);
        }
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        let candidates = [
            format!("{name}.{namespace}.svc.{CLUSTER_DOMAIN}"),
            format!("{name}.svc.{CLUSTER_DOMAIN}"),
            format!("{name}.{CLUSTER_DOMAIN}"),
            name.clone(),
        ];
        let found = candidates.iter().find_map(|c| self.names.get(c));
        match found {
            Some(addresses) => Ok(addresses.clone()),
            None => {
                let text = format!("DNS knows no `{name}`");
                Err(io::Error::new(io::ErrorKind::NotFound, text))
            }
        }
    }
}
