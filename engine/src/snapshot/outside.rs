//! Backends outside the mesh: found by name, spoken to over their own TLS.

use core::fmt;
use core::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use xxhash_rust::xxh3::xxh3_64;

use super::Passthrough;
use super::gateway::Certificate;
use crate::origin::Origin;

/// The TLS that a proxy begins towards a backend.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Originate {
    /// What it is asked for, and, unless `subjects` say otherwise, what its certificate is for.
    pub server_name: Arc<str>,
    /// One of them has to be in its certificate.
    pub subjects: Vec<Subject>,
    pub trust: Trust,
    /// Shown to it when it asks.
    pub certificate: Option<Arc<Certificate>>,
}

/// An alternative name of a certificate (RFC 5280 §4.2.1.6).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    Host(Arc<str>),
    Uri(Arc<str>),
}

/// Whose certificates are believed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trust {
    /// The authorities that the machine trusts.
    System,
    Bundle(Arc<Bundle>),
    /// Nobody: what the configuration names is not there. The reason.
    Nobody(Arc<str>),
}

/// Certificates of authorities, as PEM.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bundle {
    pub pem: Arc<[u8]>,
}

/// Which addresses outside the mesh may be reached; of several rules for an address the one with
/// the smallest network holds, of equal ones the first.
#[derive(Clone, Debug, Default)]
pub struct Egress {
    pub rules: Vec<EgressRule>,
}

/// What one EgressNetwork says about one network.
#[derive(Clone, Debug)]
pub struct EgressRule {
    pub network: IpNet,
    pub except: Vec<IpNet>,
    pub allow: bool,
    pub origin: Origin,
}

// === impl Egress ===

impl Egress {
    /// The rule for an address; none = what holds for all.
    pub fn rule(&self, address: IpAddr) -> Option<&EgressRule> {
        let hit = |rule: &&EgressRule| {
            let mut except = rule.except.iter();
            rule.network.contains(&address) && !except.any(|not| not.contains(&address))
        };
        let rules = self.rules.iter().filter(hit);
        // The last of several maxima would win: reversed, it is the first.
        rules.rev().max_by_key(|rule| rule.network.prefix_len())
    }

    /// Why an address may not be reached; none when it may.
    pub fn denial(&self, address: IpAddr, default: Passthrough) -> Option<String> {
        let denied = match self.rule(address) {
            Some(rule) if rule.allow => return None,
            Some(rule) => format!("{address} is denied by {}", rule.origin),
            None if default == Passthrough::Deny => {
                format!("{address} is not known and passing it through is denied")
            }
            None => return None,
        };
        Some(denied)
    }
}

impl fmt::Debug for Bundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bundle({:016x})", xxh3_64(&self.pem))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_network_says_whether_an_address_may_be_reached() {
        let rule = |network: &str, except: &[&str], allow| EgressRule {
            network: network.parse().unwrap(),
            except: except.iter().map(|n| n.parse().unwrap()).collect(),
            allow,
            origin: Origin::default_of(network),
        };
        let egress = Egress {
            rules: vec![
                rule("0.0.0.0/0", &[], false),
                rule("192.0.2.0/24", &["192.0.2.128/25"], true),
                rule("192.0.2.64/26", &[], false),
                rule("192.0.2.64/26", &[], true),
            ],
        };
        let check = |address: &str, default, allowed: bool| {
            let denial = egress.denial(address.parse().unwrap(), default);
            assert_eq!(denial.is_none(), allowed, "{address}: {denial:?}");
        };
        check("203.0.113.1", Passthrough::Allow, false);
        check("192.0.2.1", Passthrough::Deny, true);
        check("192.0.2.65", Passthrough::Allow, false);
        check("192.0.2.200", Passthrough::Allow, false);
        check("2001:db8::1", Passthrough::Allow, true);
        check("2001:db8::1", Passthrough::Deny, false);
    }
}
