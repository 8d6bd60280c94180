//! AuthorizationPolicy → [`engine::snapshot::authz`].
//!
//! Validation has refused what cannot be expressed. A value that cannot be read here all the same
//! makes a list that nothing matches, never one that is empty: an empty list asks nothing.

use std::str::FromStr;
use std::sync::Arc;

use engine::snapshot::authz::{
    AccountGlob, Action, Condition, Jwt, Key, KeySource, Keys, Operation, Policy, Provider, Rule,
    Set, Source, TokenHeader,
};
use engine::snapshot::{ClusterKey, Glob, ObjectName};
use http::header::{AUTHORIZATION, HeaderName};
use ipnet::IpNet;

use crate::index::AuthorizationPolicy;
use crate::number::Port;
use crate::policy::{
    self, AuthorizationAction, AuthorizationCondition, AuthorizationOperation, AuthorizationRule,
    AuthorizationSource, ConditionKey, Jwks, JwksUri, JwtProvider,
};
use crate::yaml::Step;

/// Matches nothing that exists: no value of a request has a line break.
const NOTHING: &str = "\n";

pub(super) fn policy(policy: &AuthorizationPolicy) -> Policy {
    let spec = &policy.spec;
    let rules = spec.rules.iter().flatten().enumerate();
    Policy {
        name: policy.name.clone(),
        action: match spec.action() {
            AuthorizationAction::Allow => Action::Allow,
            AuthorizationAction::Deny => Action::Deny,
            AuthorizationAction::Audit => Action::Audit,
        },
        rules: rules.map(|(index, one)| rule(policy, index, one)).collect(),
        jwt: spec.jwt.as_ref().map(|one| jwt(policy, one)),
        origin: policy.origin.clone(),
    }
}

fn rule(policy: &AuthorizationPolicy, index: usize, rule: &AuthorizationRule) -> Rule {
    let path = [Step::Key("spec"), Step::Key("rules"), Step::Index(index)];
    let line = policy.object.line_at(&path);
    let namespace = &*policy.name.namespace;
    Rule {
        from: rule
            .from
            .iter()
            .flatten()
            .map(|one| source(one, namespace))
            .collect(),
        to: rule.to.iter().flatten().map(operation).collect(),
        when: rule.when.iter().flatten().map(condition).collect(),
        origin: policy.origin.part(format!("rules[{index}]"), line),
    }
}

fn source(from: &AuthorizationSource, namespace: &str) -> Source {
    let account = |text: &str| {
        let (space, name) = text.split_once('/').unwrap_or((namespace, text));
        AccountGlob {
            namespace: Glob::new(space),
            name: Glob::new(name),
        }
    };
    Source {
        identities: globs(&from.identities, &from.not_identities),
        service_accounts: set(&from.service_accounts, &from.not_service_accounts, account),
        namespaces: globs(&from.namespaces, &from.not_namespaces),
        ip_blocks: set(&from.ip_blocks, &from.not_ip_blocks, block),
    }
}

/// A block, or a single address. 255.255.255.255 is nobody's.
fn block(text: &str) -> IpNet {
    let single = || core::net::IpAddr::from_str(text).ok().map(IpNet::from);
    let block = IpNet::from_str(text).ok().or_else(single);
    block.unwrap_or_else(|| core::net::IpAddr::from([255; 4]).into())
}

fn operation(to: &AuthorizationOperation) -> Operation {
    let ports = |list: &Option<Vec<Port>>| list.iter().flatten().map(|port| port.u16()).collect();
    let method =
        |text: &str| http::Method::from_bytes(text.as_bytes()).unwrap_or(http::Method::CONNECT);
    Operation {
        ports: Set {
            wanted: ports(&to.ports),
            unwanted: ports(&to.not_ports),
        },
        hosts: globs(&to.hosts, &to.not_hosts),
        methods: set(&to.methods, &to.not_methods, method),
        paths: globs(&to.paths, &to.not_paths),
        grpc_methods: globs(&to.grpc_methods, &to.not_grpc_methods),
    }
}

pub(super) fn condition(condition: &AuthorizationCondition) -> Condition {
    let header = |name: &str| HeaderName::from_str(name).ok();
    let (key, known) = match condition.key() {
        Some(ConditionKey::Header(name)) => match header(name) {
            Some(name) => (Key::Header(name), true),
            None => (Key::Claim(Vec::new()), false),
        },
        Some(ConditionKey::Claim(names)) => {
            (Key::Claim(names.into_iter().map(Arc::from).collect()), true)
        }
        None => (Key::Claim(Vec::new()), false),
    };
    let values = globs(&condition.values, &condition.not_values);
    let nothing = || Set {
        wanted: vec![Glob::new(NOTHING)],
        unwanted: Vec::new(),
    };
    Condition {
        key,
        values: if known { values } else { nothing() },
    }
}

fn jwt(policy: &AuthorizationPolicy, jwt: &policy::Jwt) -> Jwt {
    let line = policy
        .object
        .line_at(&[Step::Key("spec"), Step::Key("jwt")]);
    let home = &policy.name.namespace;
    let providers = jwt
        .providers
        .iter()
        .map(|one| Arc::new(provider(one, home)));
    Jwt {
        providers: providers.collect(),
        optional: jwt.optional == Some(true),
        origin: policy.origin.part("jwt", line),
    }
}

fn provider(provider: &JwtProvider, home: &Arc<str>) -> Provider {
    let headers = match &provider.from_headers {
        None => vec![TokenHeader {
            name: AUTHORIZATION,
            prefix: "Bearer ".into(),
        }],
        Some(headers) => {
            let header = |header: &policy::JwtHeader| {
                Some(TokenHeader {
                    name: HeaderName::from_str(&header.name).ok()?,
                    prefix: header.prefix.as_deref().unwrap_or_default().into(),
                })
            };
            headers.iter().filter_map(header).collect()
        }
    };
    let audiences = provider.audiences.iter().flatten();
    Provider {
        issuer: provider.issuer.as_str().into(),
        audiences: audiences.map(|one| one.as_str().into()).collect(),
        keys: keys(&provider.jwks, home),
        headers,
        forward: provider.forward == Some(true),
    }
}

fn keys(jwks: &Jwks, home: &Arc<str>) -> Keys {
    match key_source(jwks, home) {
        Some(source) => Keys::Fetched(source),
        None => Keys::Inline(jwks.inline.as_deref().unwrap_or_default().into()),
    }
}

/// The Service that has the keys, when they are fetched.
pub(crate) fn key_source(jwks: &Jwks, home: &Arc<str>) -> Option<KeySource> {
    let uri = JwksUri::from_str(jwks.uri.as_deref()?).ok()?;
    let namespace = uri.namespace.map_or_else(|| home.clone(), Arc::from);
    Some(KeySource {
        cluster: ClusterKey {
            service: ObjectName::new(namespace, uri.service),
            port: uri.port,
        },
        authority: uri.authority.into(),
        path: uri.path.into(),
    })
}

pub(super) fn globs(wanted: &Option<Vec<String>>, unwanted: &Option<Vec<String>>) -> Set<Glob> {
    set(wanted, unwanted, Glob::new)
}

fn set<'a, T>(
    wanted: &'a Option<Vec<String>>,
    unwanted: &'a Option<Vec<String>>,
    read: impl Fn(&'a str) -> T,
) -> Set<T> {
    let all = |list: &'a Option<Vec<String>>| {
        let texts = list.iter().flatten();
        texts.map(|text| read(text.as_str())).collect()
    };
    Set {
        wanted: all(wanted),
        unwanted: all(unwanted),
    }
}
