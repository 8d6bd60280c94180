//! What the rows of a frame are about.

use core::net::SocketAddr;
use std::sync::Arc;

use crate::snapshot::{ClusterKey, ObjectName};

/// A service as clients address it, over all routes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ServiceKey {
    /// The frontend: the Service and port that was addressed.
    pub service: ClusterKey,
}

/// One rule of a service's routes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct RouteKey {
    pub service: ClusterKey,
    /// Name of the rule, as in [`crate::snapshot::Rule::name`].
    pub route: Arc<str>,
}

/// The share of a rule's requests that goes to one backend.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct BackendKey {
    pub service: ClusterKey,
    pub route: Arc<str>,
    pub backend: ClusterKey,
}

/// One endpoint of a backend, over all routes that lead to it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct EndpointKey {
    pub backend: ClusterKey,
    /// The pod or Workload.
    pub endpoint: ObjectName,
    pub address: SocketAddr,
}

/// Who talks to whom.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct EdgeKey {
    /// The client: its workload (`shop/Deployment/web`), on the server's side its identity, or
    /// `outside`.
    pub from: Arc<str>,
    /// The server: a Service and port on the client's side, a workload on the server's.
    pub to: Arc<str>,
    pub side: Side,
    /// How the connection is protected.
    pub tls: Security,
}

/// Who counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
pub enum Side {
    Client,
    Server,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
pub enum Security {
    /// In the clear.
    Plain,
    /// The application's own TLS, passed through.
    Opaque,
    /// The mesh's mutual TLS.
    Mutual,
}
