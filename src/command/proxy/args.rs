//! The flags of a proxy.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use engine::snapshot::ObjectName;
use model::inject;
use sim::scenario::Span;

use super::log::Level;
use super::telemetry::TelemetryArgs;
use crate::error::Error;

/// Proxies in a row before a gateway: more is a mistake.
const TRUSTED_HOPS_MAX: u8 = 16;
/// Worker threads of one proxy.
const WORKERS_MAX: u16 = 256;

#[derive(Debug, clap::Args)]
pub(super) struct ProxyArgs {
    /// What the proxy is
    #[arg(
        long,
        value_name = "ROLE",
        default_value = "sidecar",
        env = "MESHCTL_ROLE"
    )]
    pub(super) role: Role,
    /// Whose proxy it is: NAMESPACE/NAME of a Pod or Workload, of what makes pods, or anything else
    #[arg(long, value_name = "NAMESPACE/NAME", env = "MESHCTL_WORKLOAD", value_parser = name)]
    pub(super) workload: Option<ObjectName>,
    /// The Gateway whose listeners a gateway has [default: the name of the workload]
    #[arg(long, value_name = "NAMESPACE/NAME", env = "MESHCTL_GATEWAY", value_parser = name)]
    pub(super) gateway: Option<ObjectName>,
    /// Manifests: files and directories, watched for changes
    #[arg(
        short = 'f',
        long = "filename",
        value_name = "MANIFESTS",
        env = "MESHCTL_FILENAME",
        value_delimiter = ','
    )]
    pub(super) files: Vec<PathBuf>,
    /// Look for manifests in subdirectories as well
    #[arg(short = 'R', long, env = "MESHCTL_RECURSIVE")]
    pub(super) recursive: bool,
    #[command(flatten)]
    pub(super) identity: IdentityArgs,
    #[command(flatten)]
    pub(super) listen: ListenArgs,
    /// Worker threads
    #[arg(
        long,
        value_name = "N",
        default_value = "1",
        env = "MESHCTL_WORKERS",
        value_parser = clap::value_parser!(u16).range(1..=i64::from(WORKERS_MAX))
    )]
    pub(super) workers: u16,
    /// How long a signal waits for what was accepted
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "30s",
        env = "MESHCTL_DRAIN_TIMEOUT",
        value_parser = duration
    )]
    pub(super) drain_timeout: Duration,
    /// How much is told on standard error
    #[arg(
        long,
        value_name = "LEVEL",
        default_value = "info",
        env = "MESHCTL_LOG_LEVEL"
    )]
    pub(super) log_level: Level,
    /// Zone of the workload, where its manifest says none
    #[arg(long, value_name = "ZONE", env = "MESHCTL_ZONE")]
    pub(super) zone: Option<String>,
    /// Region of the workload, where its manifest says none
    #[arg(long, value_name = "REGION", env = "MESHCTL_REGION")]
    pub(super) region: Option<String>,
    /// A probe of the kubelet that is let through without a certificate: http:PORT/PATH (can be
    /// repeated)
    #[arg(
        long,
        value_name = "PROBE",
        env = "MESHCTL_PROBE",
        value_delimiter = ' '
    )]
    pub(super) probe: Vec<String>,
    /// Where the control plane is; this version has none, and takes its configuration from -f
    #[arg(long, value_name = "HOST:PORT", env = "MESHCTL_CONTROL_PLANE")]
    pub(super) control_plane: Option<String>,
    // Last, since its heading would hold for what follows.
    #[command(flatten)]
    pub(super) telemetry: TelemetryArgs,
}

#[derive(Clone, Debug, clap::Args)]
pub(super) struct IdentityArgs {
    /// The workload's certificate and its issuers, PEM
    #[arg(long, value_name = "FILE", env = "MESHCTL_CERT", requires = "key")]
    pub(super) cert: Option<PathBuf>,
    /// Its private key, PEM
    #[arg(long, value_name = "FILE", env = "MESHCTL_KEY", requires = "cert")]
    pub(super) key: Option<PathBuf>,
    /// Certificates of the authorities that are trusted, PEM
    #[arg(long, value_name = "FILE", env = "MESHCTL_TRUST_BUNDLE")]
    pub(super) trust_bundle: Option<PathBuf>,
    /// The token that the control plane signs a certificate for
    #[arg(long, value_name = "FILE", env = "MESHCTL_TOKEN")]
    pub(super) token: Option<PathBuf>,
    /// SPIFFE trust domain of the mesh
    #[arg(
        long,
        value_name = "DOMAIN",
        default_value = inject::TRUST_DOMAIN,
        env = "MESHCTL_TRUST_DOMAIN"
    )]
    pub(super) trust_domain: String,
}

/// Addresses; `none` = nothing listens.
#[derive(Debug, clap::Args)]
pub(super) struct ListenArgs {
    /// Where the application's connections arrive, or `none` [default: 127.0.0.1:14001 and
    /// [::1]:14001]
    #[arg(
        long,
        value_name = "ADDRESS",
        env = "MESHCTL_OUTBOUND",
        value_delimiter = ','
    )]
    pub(super) outbound: Vec<Place>,
    /// Where connections to the application arrive, or `none` [default: the ports of the Workload
    /// with an `appPort`, else port 14006 of all addresses]
    #[arg(
        long,
        value_name = "ADDRESS",
        env = "MESHCTL_INBOUND",
        value_delimiter = ','
    )]
    pub(super) inbound: Vec<Place>,
    /// Where a gateway listens: an IP for all of its ports, or PORT=IP:PORT for the one that the
    /// Gateway calls PORT [default: all addresses]
    #[arg(
        long,
        value_name = "[PORT=]ADDRESS",
        env = "MESHCTL_LISTEN",
        value_delimiter = ','
    )]
    pub(super) listen: Vec<Entrance>,
    /// Proxies in front of a gateway whose entries in X-Forwarded-For are believed
    #[arg(
        long,
        value_name = "N",
        default_value = "0",
        env = "MESHCTL_TRUSTED_HOPS",
        value_parser = clap::value_parser!(u8).range(..=i64::from(TRUSTED_HOPS_MAX))
    )]
    pub(super) trusted_hops: u8,
    /// Where probes and Prometheus ask, or `none` [default: port 14020 of all addresses]
    #[arg(
        long,
        value_name = "ADDRESS",
        env = "MESHCTL_HEALTH",
        value_delimiter = ','
    )]
    pub(super) health: Vec<Place>,
    /// Where administrators ask, or `none` [default: 127.0.0.1:14000]
    #[arg(
        long,
        value_name = "ADDRESS",
        env = "MESHCTL_ADMIN",
        value_delimiter = ','
    )]
    pub(super) admin: Vec<Place>,
    /// Listener ports behind a load balancer: connections begin with a PROXY header, version 1 or
    /// 2; others are closed. Whoever can reach such a port can be any client
    #[arg(
        long,
        value_name = "PORT",
        env = "MESHCTL_PROXY_PROTOCOL",
        value_delimiter = ','
    )]
    pub(super) proxy_protocol: Vec<u16>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Role {
    /// The proxy of one workload
    Sidecar,
    /// The listeners of a Gateway, for clients outside the mesh
    Gateway,
}

/// Where a port of a gateway is bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entrance {
    /// All ports, each at its own number.
    All(IpAddr),
    One(u16, SocketAddr),
}

/// Where to listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Nowhere,
    At(SocketAddr),
}

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let span = text.parse::<Span>().map_err(|e| e.to_string())?;
    Ok(span.0)
}

fn name(text: &str) -> Result<ObjectName, String> {
    match text.split_once('/') {
        Some((namespace, name))
            if !namespace.is_empty() && !name.is_empty() && !name.contains('/') =>
        {
            Ok(ObjectName::new(namespace, name))
        }
        _ => Err("write NAMESPACE/NAME".to_owned()),
    }
}

// === impl ProxyArgs ===

impl ProxyArgs {
    /// What cannot be left out, and what this version does not have.
    pub(super) fn check(&self) -> Result<&ObjectName, Error> {
        let gateway = self.gateway.as_ref().filter(|_| self.role == Role::Gateway);
        let Some(workload) = self.workload.as_ref().or(gateway) else {
            let what = match self.role {
                Role::Sidecar => "the workload: --workload NAMESPACE/NAME",
                Role::Gateway => "the Gateway: --gateway NAMESPACE/NAME",
            };
            return Err(Error::new("whose proxy is it?").hint(format!("name {what}")));
        };
        if self.gateway.is_some() && self.role != Role::Gateway {
            return Err(Error::new("only a gateway has the listeners of a Gateway")
                .hint("add --role gateway"));
        }
        if self.files.is_empty() {
            let error = match &self.control_plane {
                Some(at) => Error::new(format!(
                    "the control plane at {at} cannot be asked: this version has no control plane"
                )),
                None => Error::new("there is no configuration"),
            };
            return Err(error.hint("name a directory of manifests: -f DIRECTORY"));
        }
        if self.files.iter().any(|file| file.as_os_str() == "-") {
            return Err(Error::new("standard input cannot be watched")
                .hint("write the manifests to a directory, and name it: -f DIRECTORY"));
        }
        let identity = &self.identity;
        if identity.cert.is_some() && identity.trust_bundle.is_none() {
            return Err(Error::new("nobody is trusted")
                .hint("name the certificates of the authorities: --trust-bundle FILE"));
        }
        Ok(workload)
    }
}

// === impl Role ===

impl Role {
    /// As `--role` has it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Sidecar => "sidecar",
            Self::Gateway => "gateway",
        }
    }

    /// What to do when a port is taken.
    pub(super) fn elsewhere(self) -> &'static str {
        match self {
            Self::Sidecar => {
                "is another proxy running? choose other addresses: --outbound, --inbound"
            }
            Self::Gateway => "choose another address for the port: --listen PORT=IP:PORT",
        }
    }
}

// === impl Entrance ===

impl core::str::FromStr for Entrance {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = match text.split_once('=') {
            None => text.parse().map(Self::All).ok(),
            Some((port, at)) => port
                .parse()
                .ok()
                .zip(at.parse().ok())
                .map(|(p, a)| Self::One(p, a)),
        };
        found.ok_or_else(|| "write IP, or PORT=IP:PORT, such as 80=127.0.0.1:8080".to_owned())
    }
}

// === impl Place ===

impl core::str::FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self::Nowhere);
        }
        let bad = |_| format!("`{text}` is no address: write IP:PORT, such as 127.0.0.1:14001");
        text.parse().map(Self::At).map_err(bad)
    }
}

impl Place {
    /// The addresses that were given, or else the default.
    pub(super) fn all(given: &[Self], default: Vec<SocketAddr>) -> Vec<SocketAddr> {
        if given.is_empty() {
            return default;
        }
        let addresses = given.iter().filter_map(|place| match place {
            Self::Nowhere => None,
            Self::At(at) => Some(*at),
        });
        addresses.collect()
    }
}
