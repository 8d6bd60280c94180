//! What annotations of pods, Services and namespaces say about ports, joined.

use engine::snapshot::PortProtocol;

use super::{Index, Pod, Service, ServicePort};
use crate::inject::{PortRanges, Settings};

/// All ports.
const ALL: (u32, u32) = (1, 65_535);

// === impl Index: ports ===

impl Index {
    /// The protocol of a Service's port.
    pub fn protocol(&self, service: &Service, port: &ServicePort) -> PortProtocol {
        if service.opaque_ports.is_some() || port.is_declared {
            return port.protocol;
        }
        let namespace = self.namespaces.get(&service.name.namespace);
        let inherited = namespace.and_then(|ns| ns.settings.opaque_ports.as_ref());
        match inherited.is_some_and(|ports| ports.contains(port.port)) {
            true => PortProtocol::Opaque,
            false => port.protocol,
        }
    }

    /// Whether the pod declares a port of its own as bytes.
    pub fn is_opaque(&self, pod: &Pod, port: u16) -> bool {
        let opaque = self.ports_of(pod, |settings| settings.opaque_ports.as_ref());
        opaque.is_some_and(|opaque| opaque.contains(port))
    }

    /// Whether connections to this port of the pod pass its proxy, if it has one.
    pub fn is_captured(&self, pod: &Pod, port: u16) -> bool {
        let within = |ranges: &[(u16, u16)]| {
            let mut ranges = ranges.iter();
            ranges.any(|(from, to)| (*from..=*to).contains(&port))
        };
        !within(&self.uncaptured_inbound(pod))
    }

    /// Ports of the pod that its proxy leaves alone, as inclusive ranges.
    pub fn uncaptured_inbound(&self, pod: &Pod) -> Vec<(u16, u16)> {
        let skipped = self.ports_of(pod, |settings| settings.skip_inbound_ports.as_ref());
        let mut ranges = skipped.map_or(Vec::new(), |ports| ports.ranges().to_vec());
        if let Some(only) = self.ports_of(pod, |settings| settings.ports.as_ref()) {
            ranges.extend(others(only.ranges()));
        }
        if pod.address.is_some_and(|address| address.is_loopback()) {
            // Nothing redirects what stays on the machine: a proxy is where it listens itself.
            let own: Vec<_> = pod.app_ports.keys().map(|port| (*port, *port)).collect();
            ranges.extend(others(&own));
        }
        ranges
    }

    /// Destination ports that the pod reaches without its proxy, as inclusive ranges.
    pub fn uncaptured_outbound(&self, pod: &Pod) -> Vec<(u16, u16)> {
        let skipped = self.ports_of(pod, |settings| settings.skip_outbound_ports.as_ref());
        skipped.map_or(Vec::new(), |ports| ports.ranges().to_vec())
    }

    /// What the pod says, else its namespace.
    fn ports_of<'a>(
        &'a self,
        pod: &'a Pod,
        of: fn(&Settings) -> Option<&PortRanges>,
    ) -> Option<&'a PortRanges> {
        let namespace = || self.namespaces.get(&pod.name.namespace);
        of(&pod.settings).or_else(|| of(&namespace()?.settings))
    }
}

/// The ports that are in none of the ranges.
fn others(ports: &[(u16, u16)]) -> Vec<(u16, u16)> {
    let mut sorted = ports.to_vec();
    sorted.sort_unstable();
    let mut gaps = Vec::new();
    let (mut next, last) = ALL;
    for (from, to) in sorted {
        if u32::from(from) > next {
            gaps.push((next, u32::from(from) - 1));
        }
        next = next.max(u32::from(to) + 1);
    }
    if next <= last {
        gaps.push((next, last));
    }
    let narrow = |port: u32| u16::try_from(port).unwrap_or(u16::MAX);
    gaps.into_iter()
        .map(|(from, to)| (narrow(from), narrow(to)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ports_that_are_not_listed_are_the_others() {
        let check = |text: &str, expected: &[(u16, u16)]| {
            assert_eq!(
                others(PortRanges::parse(text).unwrap().ranges()),
                expected,
                "{text}"
            );
        };
        check("", &[(1, 65_535)]);
        check("1-65535", &[]);
        check("80", &[(1, 79), (81, 65_535)]);
        check("443,80-90,85-100", &[(1, 79), (101, 442), (444, 65_535)]);
        check("65535", &[(1, 65_534)]);
    }
}
