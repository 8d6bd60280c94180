//! Names and addresses of a simulated cluster, given out in a fixed order.

use core::net::{IpAddr, Ipv4Addr};
use std::collections::BTreeSet;

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// The letters of Kubernetes' random suffixes (`k8s.io/apimachinery/pkg/util/rand`): no vowels, so
/// that no words come out.
const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

/// Addresses of pods: the range most CNI plugins default to.
const PODS: Ipv4Addr = Ipv4Addr::new(10, 244, 0, 0);
/// ClusterIPs: kubeadm's default range.
const SERVICES: Ipv4Addr = Ipv4Addr::new(10, 96, 0, 0);
/// Clients outside: TEST-NET-2 (RFC 5737).
const OUTSIDE: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 0);

/// Gives out addresses.
#[derive(Debug)]
pub(crate) struct Addresses {
    pods: u32,
    services: u32,
    outside: u32,
    /// Written in manifests.
    taken: BTreeSet<IpAddr>,
}

// === impl Addresses ===

impl Addresses {
    pub(crate) fn new() -> Self {
        Self {
            pods: 1,
            // .1 is the API server, .10 is DNS by custom.
            services: 10,
            outside: 0,
            taken: BTreeSet::new(),
        }
    }

    pub(crate) fn take(&mut self, ip: IpAddr) {
        self.taken.insert(ip);
    }

    pub(crate) fn pod(&mut self) -> IpAddr {
        next(PODS, &mut self.pods, &self.taken)
    }

    pub(crate) fn service(&mut self) -> IpAddr {
        next(SERVICES, &mut self.services, &self.taken)
    }

    pub(crate) fn outside(&mut self) -> IpAddr {
        next(OUTSIDE, &mut self.outside, &self.taken)
    }
}

fn next(base: Ipv4Addr, count: &mut u32, taken: &BTreeSet<IpAddr>) -> IpAddr {
    loop {
        *count += 1;
        let ip = IpAddr::from(Ipv4Addr::from_bits(u32::from(base).wrapping_add(*count)));
        if !taken.contains(&ip) {
            return ip;
        }
    }
}

/// The name of pod `ordinal` of revision `revision` of a workload.
pub(crate) fn pod_name(
    namespace: &str,
    kind: &str,
    name: &str,
    revision: u32,
    ordinal: u32,
) -> String {
    match kind {
        "Pod" | "Workload" => name.to_owned(),
        "StatefulSet" => format!("{name}-{ordinal}"),
        _ => {
            let key = format!("{namespace}/{kind}/{name}");
            format!("{name}-{}-{ordinal}", letters(&key, revision))
        }
    }
}

/// Nine letters, as a ReplicaSet's `pod-template-hash`.
fn letters(key: &str, revision: u32) -> String {
    let mut hash = xxh3_64_with_seed(key.as_bytes(), u64::from(revision));
    let letter = |_| {
        let index = hash % ALPHABET.len() as u64;
        hash /= ALPHABET.len() as u64;
        char::from(ALPHABET[index as usize])
    };
    (0..9).map(letter).collect()
}
