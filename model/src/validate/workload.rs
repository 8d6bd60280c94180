//! Workload.

use super::check::Check;
use crate::policy::WorkloadSpec;

/// Ports of one workload: each may be a listener.
const PORTS_MAX: usize = 64;

pub(super) fn check(check: &mut Check, spec: &WorkloadSpec) {
    check.at_most("ports", &spec.ports, PORTS_MAX);
    let mut seen = Vec::new();
    check.each("ports", &spec.ports, |check, port| {
        let number = port.port.u16();
        if seen.contains(&number) {
            check.field("port", |check| {
                check.error(
                    format!("port {number} is there twice"),
                    "remove one of them",
                );
            });
        }
        seen.push(number);
        if port.app_port == Some(port.port)
            && spec
                .addresses
                .first()
                .is_some_and(core::net::IpAddr::is_loopback)
        {
            check.field("appPort", |check| {
                check.error(
                    "the proxy and the application cannot both listen on one port of one address",
                    "give the proxy another `port`, or remove `appPort`",
                );
            });
        }
    });
}
