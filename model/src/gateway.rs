//! Gateway API (`gateway.networking.k8s.io`), as of v1.6: what routes, Gateways and grants have in
//! common.
//!
//! An unknown field is an error. A field that the standard defines and this version does not act on
//! is read here all the same, so that `validate` can say "not modelled" with its line. Enumerations
//! are closed: the CRDs refuse other values, and so do we.

use serde::{Deserialize, Serialize};

use crate::number::{Int, Port};

mod backend_tls;
mod gateway_class;
mod gateway_object;
mod grpc_route;
mod http_filter;
mod http_route;
mod listener_set;
mod reference_grant;
mod tcp_route;
mod tls_route;
mod x_backend;

pub use backend_tls::{
    BackendTlsPolicySpec, BackendTlsTarget, BackendTlsValidation, SubjectAltName,
    SubjectAltNameType, WellKnownCa,
};
pub use gateway_class::{GatewayClassSpec, ParametersReference};
pub use gateway_object::{
    AllowedFrom, AllowedListeners, AllowedRoutes, CertificateReference, FromNamespaces,
    GatewayAddress, GatewayInfrastructure, GatewaySpec, Listener, ListenerTls, RouteGroupKind,
};
pub use grpc_route::{
    GrpcBackendRef, GrpcFilter, GrpcFilterType, GrpcHeaderMatch, GrpcMethodMatch, GrpcRouteMatch,
    GrpcRouteRule, GrpcRouteSpec,
};
pub use http_filter::{
    CorsFilter, Fraction, HeaderFilter, HttpFilter, HttpFilterType, HttpHeader, MirrorFilter,
    PathModifier, PathModifierType, RedirectFilter, RewriteFilter,
};
pub use http_route::{
    HttpBackendRef, HttpHeaderMatch, HttpMatch, HttpMethod, HttpPathMatch, HttpQueryMatch,
    HttpRetry, HttpRouteRule, HttpRouteSpec, HttpTimeouts, MatchType, PathMatchType,
};
pub use listener_set::{ListenerSetSpec, ParentGatewayReference};
pub use reference_grant::{ReferenceGrantFrom, ReferenceGrantSpec, ReferenceGrantTo};
pub use tcp_route::{TcpRouteRule, TcpRouteSpec};
pub use tls_route::{TlsRouteRule, TlsRouteSpec};
pub use x_backend::{
    ExternalHostname, XBackendPort, XBackendProtocol, XBackendSpec, XBackendTls, XBackendTlsMode,
    XBackendType,
};

/// The API group of everything in this module.
pub const GROUP: &str = "gateway.networking.k8s.io";

/// Share of a backend among its siblings.
pub type Weight = Int<0, 1_000_000>;

/// The object a route attaches to: a Service (mesh) or a Gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ParentReference {
    /// Absent = Gateway API's own group; `""` = core, for a Service.
    pub group: Option<String>,
    /// Absent = `Gateway`.
    pub kind: Option<String>,
    /// Absent = the route's own.
    pub namespace: Option<String>,
    pub name: String,
    pub section_name: Option<String>,
    /// Absent = all ports.
    pub port: Option<Port>,
}

/// Where requests go, and which share of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BackendRef {
    pub group: Option<String>,
    pub kind: Option<String>,
    pub namespace: Option<String>,
    pub name: String,
    pub port: Option<Port>,
    /// Absent = 1.
    pub weight: Option<Weight>,
}

/// Where copies of requests go: a [`BackendRef`] without weight.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BackendObjectReference {
    pub group: Option<String>,
    pub kind: Option<String>,
    pub namespace: Option<String>,
    pub name: String,
    pub port: Option<Port>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LocalObjectReference {
    pub group: String,
    pub kind: String,
    pub name: String,
}

/// A backend of any kind of route: the five fields that say which port of which Service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackendTargetRef<'a> {
    pub group: &'a str,
    pub kind: &'a str,
    pub namespace: Option<&'a str>,
    pub name: &'a str,
    pub port: Option<u16>,
}

// === impl ParentReference ===

impl ParentReference {
    pub fn kind(&self) -> &str {
        self.kind.as_deref().unwrap_or("Gateway")
    }

    pub fn group(&self) -> &str {
        self.group.as_deref().unwrap_or(GROUP)
    }

    /// True for a mesh route's parent.
    ///
    /// `kind: Service` without a group is read as the core Service, as all implementations of GAMMA
    /// do: the default group has no Service.
    pub fn is_service(&self) -> bool {
        self.kind() == "Service" && (self.group.as_deref().unwrap_or("")).is_empty()
    }

    /// True for a parent that has listeners: a Gateway, or a ListenerSet.
    pub fn is_gateway(&self) -> bool {
        self.group() == GROUP && matches!(self.kind(), "Gateway" | "ListenerSet")
    }
}

// === impl BackendTargetRef ===

impl BackendTargetRef<'_> {
    pub fn is_service(&self) -> bool {
        self.group.is_empty() && self.kind == "Service"
    }

    /// True for a host outside, by name.
    pub fn is_x_backend(&self) -> bool {
        self.group == crate::policy::X_GROUP && self.kind == "XBackend"
    }
}

macro_rules! target {
    ($($type:ty),+) => {$(
        impl $type {
            pub fn target(&self) -> BackendTargetRef<'_> {
                BackendTargetRef {
                    group: self.group.as_deref().unwrap_or(""),
                    kind: self.kind.as_deref().unwrap_or("Service"),
                    namespace: self.namespace.as_deref(),
                    name: &self.name,
                    port: self.port.map(Port::u16),
                }
            }
        }
    )+};
}

target!(
    BackendRef,
    BackendObjectReference,
    HttpBackendRef,
    GrpcBackendRef
);
