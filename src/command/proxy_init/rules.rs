//! What is redirected, before it is written for a tool.

use std::fmt;
use std::fs;
use std::net::IpAddr;
use std::str::FromStr;

use model::inject::PROXY_PORTS;

/// Everything that the rules depend on. Empty lists say nothing.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) only_inbound: Vec<(u16, u16)>,
    pub(super) skip_inbound: Vec<(u16, u16)>,
    pub(super) skip_outbound: Vec<(u16, u16)>,
    pub(super) only_cidrs: Vec<Cidr>,
    pub(super) skip_cidrs: Vec<Cidr>,
    pub(super) proxy_uid: u32,
    pub(super) outbound: u16,
    pub(super) inbound: u16,
    pub(super) ipv6: bool,
}

/// Addresses with the same first bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cidr {
    pub(super) address: IpAddr,
    bits: u8,
}

/// Whether this network namespace has an IPv6 address.
pub(super) fn has_ipv6() -> bool {
    fs::read_to_string("/proc/net/if_inet6").is_ok_and(|text| !text.is_empty())
}

// === impl Rules ===

impl Rules {
    /// Ports of the proxy itself, which nobody is redirected from: its listeners, its health.
    pub(super) fn own_ports(&self) -> Vec<(u16, u16)> {
        let mut own: Vec<u16> = PROXY_PORTS.to_vec();
        own.extend([self.outbound, self.inbound]);
        own.sort_unstable();
        own.dedup();
        own.into_iter().map(|port| (port, port)).collect()
    }
}

// === impl Cidr ===

impl FromStr for Cidr {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("`{text}` is no range of addresses: write 10.0.0.0/8 or fd00::/8");
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.trim().parse().map_err(|_| bad())?;
        let all = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            Some(bits) => bits
                .parse()
                .ok()
                .filter(|bits| *bits <= all)
                .ok_or_else(bad)?,
            None => all,
        };
        Ok(Self { address, bits })
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}
