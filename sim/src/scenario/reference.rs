//! How a scenario names things of the manifests: workloads, objects, places and URLs.

use core::fmt;
use core::str::FromStr;
use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::quantity::{shown, text_scalar};

/// A workload of the manifests: `shop/Deployment/web`, or `shop/web` when only one kind has that
/// name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkloadRef {
    pub namespace: String,
    /// `Deployment`, `StatefulSet`, `DaemonSet`, …; none = whichever has the name.
    pub kind: Option<String>,
    pub name: String,
}

/// An object of the manifests: `Kind/namespace/name`, or `Kind/name` when it has no namespace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectRef {
    pub kind: String,
    /// Empty for cluster-scoped objects.
    pub namespace: String,
    pub name: String,
}

/// One end of a link: everything, the outside, a zone, or a workload.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// `*`
    Anywhere,
    /// `outside`: clients that are not in the mesh.
    Outside,
    /// `zone/NAME`
    Zone(String),
    Workload(WorkloadRef),
}

/// Where a load or a call goes: `http://web.shop/cart?x=1`, `grpc://cart.shop:7070/pkg.Cart/Get`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Url {
    pub scheme: UrlScheme,
    /// Host without port, in lower case: a Service's name in any of its DNS forms.
    pub host: String,
    pub port: u16,
    /// Path and query, starting with `/`. For gRPC `/package.Service/Method`.
    pub path: String,
    /// Whether the port stood in the text.
    port_written: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UrlScheme {
    Http,
    /// HTTP/2 in the clear with gRPC framing.
    Grpc,
}

/// Why a reference could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadReference {
    #[error("`{0}` does not name a workload (write NAMESPACE/KIND/NAME, as shop/Deployment/web)")]
    Workload(String),
    #[error(
        "`{0}` is not a kind of workload (Deployment, StatefulSet, DaemonSet, ReplicaSet, \
         ReplicationController, Pod or Workload)"
    )]
    WorkloadKind(String),
    #[error("`{0}` does not name an object (write KIND/NAMESPACE/NAME, as HTTPRoute/shop/web)")]
    Object(String),
    #[error("`{0}` is no place (write *, outside, zone/NAME or NAMESPACE/KIND/NAME)")]
    Place(String),
    #[error("`{0}` is not a URL (write http://SERVICE.NAMESPACE[:PORT]/PATH or grpc://…)")]
    Url(String),
    #[error(
        "`{0}`: only http:// and grpc:// can be simulated; in the mesh the sidecars encrypt, so \
         write http:// even where the cluster's traffic is encrypted"
    )]
    Scheme(String),
}

const WORKLOAD_KINDS: [&str; 7] = [
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "ReplicaSet",
    "ReplicationController",
    "Pod",
    // A process outside Kubernetes.
    "Workload",
];

/// The longest URL accepted: beyond what servers take, and a bound on hostile files.
const URL_BYTES_MAX: usize = 8 * 1024;

// === impl WorkloadRef ===

impl WorkloadRef {
    pub fn new(namespace: &str, kind: &str, name: &str) -> Self {
        Self {
            namespace: namespace.into(),
            kind: Some(kind.into()),
            name: name.into(),
        }
    }

    /// True when this names the workload of that kind and name.
    pub fn names(&self, namespace: &str, kind: &str, name: &str) -> bool {
        self.namespace == namespace
            && self.name == name
            && self.kind.as_deref().is_none_or(|k| k == kind)
    }
}

impl FromStr for WorkloadRef {
    type Err = BadReference;

    fn from_str(s: &str) -> Result<Self, BadReference> {
        let parts: Vec<_> = s.split('/').collect();
        let (namespace, kind, name) = match parts[..] {
            [namespace, name] => (namespace, None, name),
            [namespace, kind, name] => (namespace, Some(kind), name),
            _ => return Err(BadReference::Workload(shown(s))),
        };
        if !is_label(namespace) || !is_name(name) {
            return Err(BadReference::Workload(shown(s)));
        }
        let kind = match kind {
            None => None,
            Some(k) => match WORKLOAD_KINDS.iter().find(|w| w.eq_ignore_ascii_case(k)) {
                Some(kind) => Some((*kind).to_owned()),
                None => return Err(BadReference::WorkloadKind(shown(k))),
            },
        };
        Ok(Self {
            namespace: namespace.into(),
            kind,
            name: name.into(),
        })
    }
}

impl fmt::Display for WorkloadRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Some(kind) => write!(f, "{}/{kind}/{}", self.namespace, self.name),
            None => write!(f, "{}/{}", self.namespace, self.name),
        }
    }
}

// === impl ObjectRef ===

impl FromStr for ObjectRef {
    type Err = BadReference;

    fn from_str(s: &str) -> Result<Self, BadReference> {
        let parts: Vec<_> = s.split('/').collect();
        let (kind, namespace, name) = match parts[..] {
            [kind, name] => (kind, "", name),
            [kind, namespace, name] if is_label(namespace) => (kind, namespace, name),
            _ => return Err(BadReference::Object(shown(s))),
        };
        let kind_ok = kind.starts_with(|c: char| c.is_ascii_uppercase())
            && kind.bytes().all(|b| b.is_ascii_alphanumeric());
        if !kind_ok || !is_name(name) {
            return Err(BadReference::Object(shown(s)));
        }
        Ok(Self {
            kind: kind.into(),
            namespace: namespace.into(),
            name: name.into(),
        })
    }
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.namespace.as_str() {
            "" => write!(f, "{}/{}", self.kind, self.name),
            namespace => write!(f, "{}/{namespace}/{}", self.kind, self.name),
        }
    }
}

// === impl Place ===

impl FromStr for Place {
    type Err = BadReference;

    fn from_str(s: &str) -> Result<Self, BadReference> {
        match s {
            "*" => Ok(Self::Anywhere),
            "outside" => Ok(Self::Outside),
            _ => match s.strip_prefix("zone/") {
                Some(zone) if is_name(zone) => Ok(Self::Zone(zone.into())),
                Some(_) => Err(BadReference::Place(shown(s))),
                None => s.parse().map(Self::Workload).map_err(|e| match e {
                    BadReference::Workload(s) => BadReference::Place(s),
                    other => other,
                }),
            },
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anywhere => f.write_str("*"),
            Self::Outside => f.write_str("outside"),
            Self::Zone(zone) => write!(f, "zone/{zone}"),
            Self::Workload(workload) => workload.fmt(f),
        }
    }
}

// === impl Url ===

impl Url {
    pub fn new(scheme: UrlScheme, host: &str, port: u16, path: &str) -> Self {
        Self {
            scheme,
            host: host.into(),
            port,
            path: path.into(),
            port_written: port != 80,
        }
    }

    /// What a client sends as `Host` or `:authority`: with the port if the URL had one.
    pub fn authority(&self) -> String {
        if self.port_written {
            format!("{}:{}", self.host, self.port)
        } else {
            self.host.clone()
        }
    }

    /// The Service the host may name, seen from `client_namespace`: Kubernetes' search path
    /// (`web`, `web.shop`, `web.shop.svc`, `web.shop.svc.cluster.local`) in its order. None for
    /// hosts that have no such form.
    pub fn service(&self, client_namespace: &str) -> Option<(String, String)> {
        let host = self.host.trim_end_matches('.');
        let host = host.strip_suffix(".cluster.local").unwrap_or(host);
        let short = host.strip_suffix(".svc").unwrap_or(host);
        let mut labels = short.split('.');
        match (labels.next(), labels.next(), labels.next()) {
            (Some(name), None, _) if short == self.host.trim_end_matches('.') => {
                Some((client_namespace.to_owned(), name.to_owned()))
            }
            (Some(name), Some(namespace), None) => Some((namespace.to_owned(), name.to_owned())),
            _ => None,
        }
    }

    /// The same address with another path.
    #[must_use]
    pub fn with_path(mut self, path: &str) -> Self {
        self.path = path.into();
        self
    }
}

impl FromStr for Url {
    type Err = BadReference;

    fn from_str(s: &str) -> Result<Self, BadReference> {
        let bad = || BadReference::Url(shown(s));
        let (scheme, rest) = s.split_once("://").ok_or_else(bad)?;
        let scheme = match scheme {
            "http" => UrlScheme::Http,
            "grpc" => UrlScheme::Grpc,
            _ => return Err(BadReference::Scheme(shown(s))),
        };
        if s.len() > URL_BYTES_MAX {
            return Err(bad());
        }
        let split = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(split);
        let (host, port) = match authority.split_once(':') {
            Some((host, port)) => (host, Some(port.parse::<u16>().map_err(|_| bad())?)),
            None => (authority, None),
        };
        let host = host.to_ascii_lowercase();
        let path = match path.as_bytes().first() {
            None => "/".to_owned(),
            Some(b'?') => format!("/{path}"),
            Some(_) => path.to_owned(),
        };
        let path_ok = path.bytes().all(|b| b.is_ascii_graphic() && b != b'#');
        if !is_name(host.trim_end_matches('.')) || port == Some(0) || !path_ok {
            return Err(bad());
        }
        Ok(Self {
            scheme,
            host,
            port: port.unwrap_or(80),
            path,
            port_written: port.is_some(),
        })
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            UrlScheme::Http => "http",
            UrlScheme::Grpc => "grpc",
        };
        write!(f, "{scheme}://{}{}", self.authority(), self.path)
    }
}

/// An RFC 1123 label, as namespaces are.
fn is_label(s: &str) -> bool {
    (1..=63).contains(&s.len())
        && s.bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// An RFC 1123 subdomain, as most names are; loosely, since the manifests decide what exists.
fn is_name(s: &str) -> bool {
    (1..=253).contains(&s.len())
        && s.bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-._".contains(&b))
}

text_scalar!(
    WorkloadRef,
    "Workload",
    "a workload such as shop/Deployment/web",
    json_schema!({
        "description": "A workload of the manifests: NAMESPACE/KIND/NAME, or NAMESPACE/NAME when \
                        only one kind has that name.",
        "type": "string",
        "pattern": "^[a-z0-9-]+/([A-Za-z]+/)?[a-z0-9._-]+$",
        "examples": ["shop/Deployment/web"]
    })
);

text_scalar!(
    ObjectRef,
    "Object",
    "an object such as HTTPRoute/shop/web",
    json_schema!({
        "description": "An object of the manifests: KIND/NAMESPACE/NAME.",
        "type": "string",
        "pattern": "^[A-Z][A-Za-z0-9]*/([a-z0-9-]+/)?[a-z0-9._-]+$",
        "examples": ["HTTPRoute/shop/web"]
    })
);

text_scalar!(
    Place,
    "Place",
    "a place such as zone/eu-1a",
    json_schema!({
        "description": "One end of a link: `*`, `outside`, `zone/NAME` or NAMESPACE/KIND/NAME.",
        "type": "string",
        "examples": ["zone/eu-1a", "shop/Deployment/web"]
    })
);

text_scalar!(
    Url,
    "Url",
    "a URL such as http://web.shop/",
    json_schema!({
        "description": "Where requests go: a Service by any of its names. `grpc://` sends gRPC.",
        "type": "string",
        "pattern": "^(http|grpc)://[^/?#]+([/?][^#]*)?$",
        "examples": ["http://web.shop/cart", "grpc://cart.shop:7070/shop.Cart/Get"]
    })
);

#[cfg(test)]
mod tests;
