//! What gateways are made of, and the ways out of the mesh.

use std::sync::Arc;

use engine::origin::Origin;
use engine::snapshot::ObjectName;

use super::Age;
use crate::document::Object;
use crate::gateway::{
    BackendTlsPolicySpec, GatewaySpec, ListenerSetSpec, ReferenceGrantSpec, XBackendSpec,
};
use crate::policy::EgressNetworkSpec;

/// An object whose whole spec is kept, for the lines of its parts.
#[derive(Clone, Debug)]
pub struct Stated<S> {
    pub name: ObjectName,
    pub age: Age,
    pub origin: Origin,
    pub spec: S,
    pub object: Arc<Object>,
}

pub type Gateway = Stated<GatewaySpec>;
pub type ListenerSet = Stated<ListenerSetSpec>;
pub type ReferenceGrant = Stated<ReferenceGrantSpec>;
pub type BackendTlsPolicy = Stated<BackendTlsPolicySpec>;
pub type XBackend = Stated<XBackendSpec>;
pub type EgressNetwork = Stated<EgressNetworkSpec>;

/// A ConfigMap with `ca.crt`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    pub name: ObjectName,
    pub pem: Arc<[u8]>,
}

/// A certificate and its key, as PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyPair {
    /// The certificate itself first, then its issuers.
    pub chain: Arc<[u8]>,
    pub key: Arc<[u8]>,
}

/// A Secret of type `kubernetes.io/tls`, or any with its keys.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    pub name: ObjectName,
    /// `tls.crt` and `tls.key`, as they stand there; none when one is missing.
    pub pair: Option<KeyPair>,
    pub origin: Origin,
}

// === impl Secret ===

impl core::fmt::Debug for Secret {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        // Never the key.
        f.debug_struct("Secret")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
