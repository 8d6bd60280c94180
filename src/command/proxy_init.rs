//! `meshctl proxy-init`.

mod apply;
mod iptables;
mod nftables;
mod rules;

use std::io::Write as _;

use clap::ValueEnum;
use model::inject::PortRanges;

use self::rules::{Cidr, Rules};
use crate::error::{Answer, Error};
use crate::ui::Ui;

/// Redirect the traffic of this network namespace to its proxy
///
/// Writes rules for nftables or iptables: connections to the application go to the inbound
/// listener, connections that the application opens go to the outbound listener, those of the
/// proxy's own user go where they want. Traffic within the machine stays as it is. Applied again,
/// the rules replace the old ones.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  meshctl proxy-init --dry-run
  meshctl proxy-init --skip-outbound-ports 5432,6379 --skip-outbound-cidrs 169.254.169.254/32
  meshctl proxy-init --clean-up

Exit status: 0 the rules hold (or are gone), 2 they could not be applied.")]
pub(crate) struct Args {
    /// Ports of the application that pass the proxy [default: all]
    #[arg(long, value_name = "PORTS", env = "MESHCTL_PORTS", value_parser = PortRanges::parse)]
    ports: Option<PortRanges>,
    /// Ports of the application that do not
    #[arg(
        long,
        value_name = "PORTS",
        env = "MESHCTL_SKIP_INBOUND_PORTS",
        value_parser = PortRanges::parse
    )]
    skip_inbound_ports: Option<PortRanges>,
    /// Destination ports that the application reaches without the proxy
    #[arg(
        long,
        value_name = "PORTS",
        env = "MESHCTL_SKIP_OUTBOUND_PORTS",
        value_parser = PortRanges::parse
    )]
    skip_outbound_ports: Option<PortRanges>,
    /// Destinations that the application reaches through the proxy [default: all]
    #[arg(
        long,
        value_name = "CIDRS",
        env = "MESHCTL_OUTBOUND_CIDRS",
        value_delimiter = ','
    )]
    outbound_cidrs: Vec<Cidr>,
    /// Destinations that it reaches without
    #[arg(
        long,
        value_name = "CIDRS",
        env = "MESHCTL_SKIP_OUTBOUND_CIDRS",
        value_delimiter = ','
    )]
    skip_outbound_cidrs: Vec<Cidr>,
    /// The user that the proxy runs as; its connections are left alone
    #[arg(
        long,
        value_name = "UID",
        env = "MESHCTL_PROXY_UID",
        default_value = "14100"
    )]
    proxy_uid: u32,
    /// Port of the proxy's outbound listener
    #[arg(
        long,
        value_name = "PORT",
        env = "MESHCTL_OUTBOUND_PORT",
        default_value = "14001"
    )]
    outbound_port: u16,
    /// Port of the proxy's inbound listener
    #[arg(
        long,
        value_name = "PORT",
        env = "MESHCTL_INBOUND_PORT",
        default_value = "14006"
    )]
    inbound_port: u16,
    /// Whether IPv6 is redirected too
    #[arg(
        long,
        value_name = "WHEN",
        env = "MESHCTL_IPV6",
        default_value = "auto"
    )]
    ipv6: Ipv6,
    /// What the rules are written for
    #[arg(
        long,
        value_name = "TOOL",
        env = "MESHCTL_BACKEND",
        default_value = "auto"
    )]
    backend: Backend,
    /// Print what would be done, and do nothing
    #[arg(long, env = "MESHCTL_DRY_RUN")]
    dry_run: bool,
    /// Take the rules away
    #[arg(long, env = "MESHCTL_CLEAN_UP")]
    clean_up: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Ipv6 {
    /// When this network namespace has an IPv6 address
    Auto,
    Always,
    Never,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Backend {
    /// nftables where `nft` is installed, else iptables
    Auto,
    Nftables,
    Iptables,
}

pub(crate) fn run(ui: &mut Ui, args: &Args) -> Result<Answer, Error> {
    let rules = args.rules();
    let backend = match args.backend {
        Backend::Auto if apply::has("nft") => Backend::Nftables,
        Backend::Auto if apply::has("iptables-restore") => Backend::Iptables,
        Backend::Auto if args.dry_run => Backend::Nftables,
        Backend::Auto => {
            return Err(Error::new("neither nft nor iptables-restore is installed")
                .hint("install the package nftables or iptables"));
        }
        chosen => chosen,
    };
    let steps = match (backend, args.clean_up) {
        (Backend::Iptables, false) => iptables::set_up(&rules),
        (Backend::Iptables, true) => iptables::clean_up(&rules),
        (_, false) => nftables::set_up(&rules),
        (_, true) => nftables::clean_up(),
    };
    if args.dry_run {
        for step in &steps {
            write!(ui.out(), "{step}")?;
        }
        return Ok(Answer::Yes);
    }
    for step in &steps {
        step.run()?;
    }
    ui.note(match args.clean_up {
        false => "traffic is redirected to the proxy",
        true => "traffic is no longer redirected",
    })?;
    Ok(Answer::Yes)
}

// === impl Args ===

impl Args {
    fn rules(&self) -> Rules {
        let ranges = |ports: &Option<PortRanges>| {
            ports
                .as_ref()
                .map_or(Vec::new(), |ports| ports.ranges().to_vec())
        };
        Rules {
            only_inbound: ranges(&self.ports),
            skip_inbound: ranges(&self.skip_inbound_ports),
            skip_outbound: ranges(&self.skip_outbound_ports),
            only_cidrs: self.outbound_cidrs.clone(),
            skip_cidrs: self.skip_outbound_cidrs.clone(),
            proxy_uid: self.proxy_uid,
            outbound: self.outbound_port,
            inbound: self.inbound_port,
            ipv6: match self.ipv6 {
                Ipv6::Auto => rules::has_ipv6(),
                Ipv6::Always => true,
                Ipv6::Never => false,
            },
        }
    }
}
