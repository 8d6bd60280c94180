//! Authorization as data: which policies hold for a port of a workload, and what their rules ask.
//! The logic is in [`crate::authz`].

use std::sync::Arc;

use http::Method;
use http::header::HeaderName;
use ipnet::IpNet;

use super::glob::Glob;
use super::{ClusterKey, ObjectName, RouteTable};
use crate::origin::Origin;

/// The policies of one port. The lowering gives them in order: by action as [`Action`] is declared,
/// then oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Authorization {
    pub policies: Vec<Applied>,
}

/// A policy that holds here, for all requests or for those of some rules of routes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    pub policy: Arc<Policy>,
    pub scope: Option<Scope>,
}

/// The requests for which one of `rules` is the rule that wins in `table`.
///
/// The destination asks its own table: what the client's proxy matched is not proven to it. The
/// host name plays no part, since the client chooses it.
#[derive(Clone, Debug)]
pub struct Scope {
    pub table: Arc<RouteTable>,
    /// Indices into the table's rules.
    pub rules: Vec<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    Deny,
    Audit,
    Allow,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    pub name: ObjectName,
    pub action: Action,
    /// Alternatives; empty for a policy that only asks for tokens.
    pub rules: Vec<Rule>,
    pub jwt: Option<Jwt>,
    pub origin: Origin,
}

/// All three parts have to hold; an empty one does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Alternatives.
    pub from: Vec<Source>,
    /// Alternatives.
    pub to: Vec<Operation>,
    /// All of them.
    pub when: Vec<Condition>,
    pub origin: Origin,
}

/// Values that are wanted and values that are not; a side that is empty says nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Set<T> {
    pub wanted: Vec<T>,
    pub unwanted: Vec<T>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    pub identities: Set<Glob>,
    pub service_accounts: Set<AccountGlob>,
    pub namespaces: Set<Glob>,
    pub ip_blocks: Set<IpNet>,
}

/// A service account of the mesh's own trust domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountGlob {
    pub namespace: Glob,
    pub name: Glob,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Operation {
    /// Of the workload.
    pub ports: Set<u16>,
    /// In lower case.
    pub hosts: Set<Glob>,
    pub methods: Set<Method>,
    /// Without query.
    pub paths: Set<Glob>,
    /// `package.Service/Method`.
    pub grpc_methods: Set<Glob>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    pub key: Key,
    pub values: Set<Glob>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    Header(HeaderName),
    /// Outermost name first.
    Claim(Vec<Arc<str>>),
}

/// Requests need a token of one of the providers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Jwt {
    pub providers: Vec<Arc<Provider>>,
    /// Requests without any token are admitted.
    pub optional: bool,
    pub origin: Origin,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    pub issuer: Arc<str>,
    /// Empty = any.
    pub audiences: Vec<Arc<str>>,
    pub keys: Keys,
    pub headers: Vec<TokenHeader>,
    /// Whether the application gets the token.
    pub forward: bool,
}

/// Where the keys of a provider come from. Without keys nobody is admitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Keys {
    /// The key set as JSON (RFC 7517 §5).
    Inline(Arc<str>),
    /// The proxy fetches it, and again from time to time.
    Fetched(KeySource),
}

/// A Service that gives a key set to whoever asks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeySource {
    pub cluster: ClusterKey,
    /// As the manifest writes it.
    pub authority: Arc<str>,
    pub path: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenHeader {
    pub name: HeaderName,
    /// What stands before the token.
    pub prefix: Arc<str>,
}

// === impl KeySource ===

impl core::fmt::Display for KeySource {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "http://{}{}", self.authority, self.path)
    }
}

// === impl Scope ===

impl PartialEq for Scope {
    fn eq(&self, other: &Self) -> bool {
        self.table.version() == other.table.version() && self.rules == other.rules
    }
}

impl Eq for Scope {}

// === impl Set ===

impl<T> Default for Set<T> {
    fn default() -> Self {
        Self {
            wanted: Vec::new(),
            unwanted: Vec::new(),
        }
    }
}

impl<T> Set<T> {
    /// Whether nothing is asked.
    pub fn is_empty(&self) -> bool {
        self.wanted.is_empty() && self.unwanted.is_empty()
    }
}
