//! AuthorizationPolicy: who may call what, enforced by the proxy of the destination.
//!
//! A superset of GEP-3779 (identity based authorization for east-west traffic) with the fields of
//! Istio's AuthorizationPolicy, RequestAuthentication and PeerAuthentication in one kind. They are
//! one here since their separation is a known trap: a rule about tokens without a rule about
//! callers admits everybody without a token. Semantics stand at [`engine::authz`].

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::TargetRef;
use crate::number::Port;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AuthorizationPolicySpec {
    #[serde(default)]
    pub target_refs: Vec<TargetRef>,
    /// Of the targets only the workloads with these labels. All when absent.
    pub selector: Option<WorkloadSelector>,
    /// What happens to requests that a rule matches. Default Allow.
    pub action: Option<AuthorizationAction>,
    /// Alternatives. A policy without `rules`, which sets only `jwt` or `peerAuthentication`,
    /// denies nobody.
    pub rules: Option<Vec<AuthorizationRule>>,
    /// Requests need a valid token.
    pub jwt: Option<Jwt>,
    /// Whether peers have to prove who they are. Only for a Namespace or the mesh.
    pub peer_authentication: Option<PeerAuthentication>,
}

/// Workloads by their labels: all of them have to be there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WorkloadSelector {
    #[serde(default)]
    pub match_labels: BTreeMap<String, String>,
}

#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum AuthorizationAction {
    /// Once a target has an Allow, a request has to match one of its Allows.
    Allow,
    /// Denies, whatever the Allows say.
    Deny,
    /// Counts what it matches, and never changes a verdict.
    Audit,
}

/// `from`, `to` and `when` all have to hold; a part that is absent always does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AuthorizationRule {
    /// Alternatives.
    pub from: Option<Vec<AuthorizationSource>>,
    /// Alternatives.
    pub to: Option<Vec<AuthorizationOperation>>,
    /// All of them have to hold.
    pub when: Option<Vec<AuthorizationCondition>>,
}

/// Who calls. All fields that are there have to hold; the values of one field are alternatives.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AuthorizationSource {
    /// SPIFFE ids; `*` stands for any text.
    pub identities: Option<Vec<String>>,
    pub not_identities: Option<Vec<String>>,
    /// `namespace/name`, or `name` for the policy's own namespace; `*` stands for any text.
    pub service_accounts: Option<Vec<String>>,
    pub not_service_accounts: Option<Vec<String>>,
    /// Namespaces; `*` stands for any text.
    pub namespaces: Option<Vec<String>>,
    pub not_namespaces: Option<Vec<String>>,
    /// Addresses or blocks (`10.0.0.0/8`) of whoever opened the connection.
    pub ip_blocks: Option<Vec<String>>,
    pub not_ip_blocks: Option<Vec<String>>,
}

/// What is called. All fields that are there have to hold; the values of one field are
/// alternatives.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AuthorizationOperation {
    /// Host names without port, as the client sent them; `*` stands for any text.
    pub hosts: Option<Vec<String>>,
    pub not_hosts: Option<Vec<String>>,
    /// Ports of the workload (of its containers, not of a Service).
    pub ports: Option<Vec<Port>>,
    pub not_ports: Option<Vec<Port>>,
    /// HTTP methods, in capitals.
    pub methods: Option<Vec<String>>,
    pub not_methods: Option<Vec<String>>,
    /// Paths without query; `*` stands for any text.
    pub paths: Option<Vec<String>>,
    pub not_paths: Option<Vec<String>>,
    /// `package.Service/Method`; `*` stands for any text.
    pub grpc_methods: Option<Vec<String>>,
    pub not_grpc_methods: Option<Vec<String>>,
}

/// A value of the request. At least one of `values` and `notValues` is there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AuthorizationCondition {
    /// `header[x-name]`, or `jwt.claims[name]`; nested claims as `jwt.claims[realm][roles]`.
    pub key: String,
    /// Alternatives; `*` stands for any text.
    pub values: Option<Vec<String>>,
    pub not_values: Option<Vec<String>>,
}

/// Requests need a token of one of the providers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Jwt {
    #[serde(default)]
    pub providers: Vec<JwtProvider>,
    /// Admit requests without any token; a token that is not valid is refused all the same.
    /// Default false.
    pub optional: Option<bool>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JwtProvider {
    /// The claim `iss` of its tokens.
    pub issuer: String,
    /// The claim `aud` has to name one of them; any audience when absent.
    pub audiences: Option<Vec<String>>,
    pub jwks: Jwks,
    /// Where the token is. Default: `Authorization` after `Bearer `.
    pub from_headers: Option<Vec<JwtHeader>>,
    /// Pass the token on to the application. Default false: it is removed.
    pub forward: Option<bool>,
}

/// The keys that sign the tokens (RFC 7517 §5).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Jwks {
    /// The key set itself, as JSON.
    pub inline: Option<String>,
    /// Where it is fetched, again and again: a path of a Service of the mesh, reached over mutual
    /// TLS, for example `http://issuer.auth:8080/jwks.json`.
    pub uri: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JwtHeader {
    pub name: String,
    /// What stands before the token. Default nothing.
    pub prefix: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PeerAuthentication {
    pub mtls: MtlsMode,
    /// Ports of the workload that differ.
    #[serde(default)]
    pub ports: Vec<PortMtls>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PortMtls {
    pub port: Port,
    pub mtls: MtlsMode,
}

/// Which connections a workload takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum MtlsMode {
    /// Mutual TLS only; probes that the pod declares are admitted in plain text.
    Strict,
    /// Mutual TLS from the mesh, plain text from everybody else.
    Permissive,
    /// No mutual TLS: the clients' proxies do not begin it either.
    Disable,
}

/// The parts of a condition's `key`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConditionKey<'a> {
    Header(&'a str),
    /// Outermost name first.
    Claim(Vec<&'a str>),
}

/// Nested claims that are looked at. Identity providers nest two deep.
const CLAIM_DEPTH_MAX: usize = 4;

// === impl AuthorizationPolicySpec ===

impl AuthorizationPolicySpec {
    pub fn action(&self) -> AuthorizationAction {
        self.action.unwrap_or(AuthorizationAction::Allow)
    }
}

// === impl WorkloadSelector ===

impl WorkloadSelector {
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        let wanted = self.match_labels.iter();
        wanted
            .into_iter()
            .all(|(key, value)| labels.get(key) == Some(value))
    }
}

// === impl AuthorizationCondition ===

impl AuthorizationCondition {
    /// What `key` means; none when it cannot be read.
    pub fn key(&self) -> Option<ConditionKey<'_>> {
        let names = |prefix: &str| {
            let rest = self.key.strip_prefix(prefix)?;
            let inner = rest.strip_prefix('[')?.strip_suffix(']')?;
            let names: Vec<&str> = inner.split("][").collect();
            let good = |name: &&str| !name.is_empty() && !name.contains(['[', ']']);
            names.iter().all(good).then_some(names)
        };
        if let Some(names) = names("header") {
            return match names[..] {
                [name] => Some(ConditionKey::Header(name)),
                _ => None,
            };
        }
        let names = names("jwt.claims")?;
        (names.len() <= CLAIM_DEPTH_MAX).then_some(ConditionKey::Claim(names))
    }
}
