//! AuthorizationPolicy.
//!
//! What is refused here is mostly what would admit or deny something other than it seems to: an
//! empty list, a path with a query, a lower-case method, an address with bits behind its prefix.

use engine::identity::Identity;
use ipnet::IpNet;

use super::check::Check;
use super::jwt;
use super::targets::{self, AUTHORIZATION_POLICY};
use super::text::{check_header_name, shown};
use crate::check::Code;
use crate::meta::name;
use crate::policy::{
    AuthorizationCondition, AuthorizationOperation, AuthorizationPolicySpec, AuthorizationRule,
    AuthorizationSource, ConditionKey, PeerAuthentication, WorkloadSelector,
};

/// Rules, sources, operations, conditions and values of one list. More are data, not policy.
const LIST_LEN_MAX: usize = 256;
/// Longest value: a SPIFFE id (SPIFFE-ID §2.3).
const VALUE_LEN_MAX: usize = 2048;
/// Kinds that say what a whole workload does.
const WORKLOAD_WIDE: [&str; 2] = ["Namespace", "XMesh"];

/// Judges one value of a list.
type Judge = fn(&mut Check, &str);

pub(super) fn check(check: &mut Check, spec: &AuthorizationPolicySpec) {
    targets::targets(check, &spec.target_refs, AUTHORIZATION_POLICY);
    let help = "it names workloads: give the Gateway a policy of its own";
    let selector = spec.selector.is_some();
    targets::not_of_gateways(check, &spec.target_refs, "selector", selector, help);
    producer_only(check, spec);
    if let Some(selector) = &spec.selector {
        check.field("selector", |check| self::selector(check, selector));
    }
    match &spec.rules {
        Some(rules) if rules.is_empty() => check.field("rules", |check| {
            check.coded(Code::NoRules, |check| {
                check.error(
                    "`rules` is empty",
                    "write a rule; `- {}` matches every request, and without the field `rules` the \
                 policy denies nobody",
                );
            });
        }),
        Some(rules) => {
            check.at_most("rules", rules, LIST_LEN_MAX);
            check.each("rules", rules, rule);
        }
        None if spec.action.is_some() => check.field("action", |check| {
            check.error(
                "`action` has no effect without `rules`",
                "add rules, or remove the action",
            );
        }),
        None if spec.jwt.is_none() && spec.peer_authentication.is_none() => check.error(
            "the policy sets nothing",
            "set rules, jwt or peerAuthentication",
        ),
        None => {}
    }
    if let Some(jwt) = &spec.jwt {
        check.field("jwt", |check| jwt::check(check, jwt));
    }
    if let Some(peer) = &spec.peer_authentication {
        check.field("peerAuthentication", |check| {
            peer_authentication(check, peer, spec);
        });
    }
}

/// Whoever owns the destination says who may call it; a client cannot say it for others.
fn producer_only(check: &mut Check, spec: &AuthorizationPolicySpec) {
    check.each("targetRefs", &spec.target_refs, |check, target| {
        if target.kind == "Service" && target.namespace.is_some() {
            check.field("namespace", |check| {
                check.error(
                    "an AuthorizationPolicy is of the namespace of its target",
                    "move the policy to the Service's namespace and remove the field",
                );
            });
        }
    });
}

pub(super) fn selector(check: &mut Check, selector: &WorkloadSelector) {
    if selector.match_labels.is_empty() {
        check.error(
            "the selector has no labels",
            "add matchLabels, or remove the selector: then all workloads of the target are meant",
        );
    }
    check.field("matchLabels", |check| {
        for (key, value) in &selector.match_labels {
            let problem = name::label_key(key).and_then(|()| name::label_value(value));
            if let Err(allowed) = problem {
                let message = format!("`{}: {}` is not a label", shown(key), shown(value));
                check.field(key, |check| check.error(message, allowed));
            }
        }
    });
}

fn rule(check: &mut Check, rule: &AuthorizationRule) {
    some_items(check, "from", rule.from.as_deref());
    some_items(check, "to", rule.to.as_deref());
    some_items(check, "when", rule.when.as_deref());
    check.each("from", rule.from.as_deref().unwrap_or_default(), source);
    check.each("to", rule.to.as_deref().unwrap_or_default(), operation);
    let conditions = rule.when.as_deref().unwrap_or_default();
    check.each("when", conditions, |check, one| condition(check, one, true));
}

fn source(check: &mut Check, from: &AuthorizationSource) {
    let lists: [(&str, &Option<Vec<String>>, Judge); 8] = [
        ("identities", &from.identities, identity),
        ("notIdentities", &from.not_identities, identity),
        ("serviceAccounts", &from.service_accounts, service_account),
        (
            "notServiceAccounts",
            &from.not_service_accounts,
            service_account,
        ),
        ("namespaces", &from.namespaces, namespace),
        ("notNamespaces", &from.not_namespaces, namespace),
        ("ipBlocks", &from.ip_blocks, ip_block),
        ("notIpBlocks", &from.not_ip_blocks, ip_block),
    ];
    if lists.iter().all(|(_, values, _)| values.is_none()) {
        check.error(
            "a source without a field stands for everybody",
            "name identities, serviceAccounts, namespaces or ipBlocks, or remove `from`",
        );
    }
    for (key, list, judge) in lists {
        values(check, key, list.as_deref(), judge);
    }
}

fn operation(check: &mut Check, to: &AuthorizationOperation) {
    let lists: [(&str, &Option<Vec<String>>, Judge); 8] = [
        ("hosts", &to.hosts, host),
        ("notHosts", &to.not_hosts, host),
        ("methods", &to.methods, method),
        ("notMethods", &to.not_methods, method),
        ("paths", &to.paths, path),
        ("notPaths", &to.not_paths, path),
        ("grpcMethods", &to.grpc_methods, grpc_method),
        ("notGrpcMethods", &to.not_grpc_methods, grpc_method),
    ];
    let no_ports = to.ports.is_none() && to.not_ports.is_none();
    if no_ports && lists.iter().all(|(_, values, _)| values.is_none()) {
        check.error(
            "an operation without a field stands for everything",
            "name hosts, ports, methods, paths or grpcMethods, or remove `to`",
        );
    }
    some_items(check, "ports", to.ports.as_deref());
    some_items(check, "notPorts", to.not_ports.as_deref());
    for (key, list, judge) in lists {
        values(check, key, list.as_deref(), judge);
    }
}

/// A condition; on claims only where there may be a token.
pub(super) fn condition(check: &mut Check, condition: &AuthorizationCondition, claims: bool) {
    check.field("key", |check| match condition.key() {
        Some(ConditionKey::Header(name)) => check_header_name(check, name),
        Some(ConditionKey::Claim(_)) if claims => {}
        _ => check.error(
            format!("`{}` is not a key of a condition", shown(&condition.key)),
            if claims {
                "write `header[x-name]` or `jwt.claims[name]`, nested as `jwt.claims[realm][roles]`"
            } else {
                "write `header[x-name]`"
            },
        ),
    });
    if condition.values.is_none() && condition.not_values.is_none() {
        check.error(
            "a condition without values always holds",
            "set values or notValues",
        );
    }
    values(check, "values", condition.values.as_deref(), |_, _| {});
    values(
        check,
        "notValues",
        condition.not_values.as_deref(),
        |_, _| {},
    );
}

/// A list that is written down has values, each of them good.
pub(super) fn values(check: &mut Check, key: &str, list: Option<&[String]>, judge: Judge) {
    some_items(check, key, list);
    check.each(key, list.unwrap_or_default(), |check, value| {
        if value.is_empty() || value.len() > VALUE_LEN_MAX {
            check.error(
                format!("the value has {} characters", value.len()),
                format!("1 to {VALUE_LEN_MAX} are allowed"),
            );
        } else {
            judge(check, value);
        }
    });
}

/// An empty list reads as "all" to some and as "none" to others.
pub(super) fn some_items<T>(check: &mut Check, key: &str, list: Option<&[T]>) {
    let Some(items) = list else { return };
    check.at_most(key, items, LIST_LEN_MAX);
    if items.is_empty() {
        check.field(key, |check| {
            check.error(
                format!("`{key}` is an empty list"),
                "add a value, or remove the field",
            );
        });
    }
}

pub(super) fn identity(check: &mut Check, value: &str) {
    // A star may stand for any part, also for the whole.
    let good = match value.split_once('*') {
        None => value.parse::<Identity>().is_ok(),
        Some((before, _)) => {
            let scheme = "spiffe://";
            let byte = |b: u8| b.is_ascii_alphanumeric() || b"*.-_/:".contains(&b);
            value.bytes().all(byte) && (before.starts_with(scheme) || scheme.starts_with(before))
        }
    };
    if !good {
        check.error(
            format!("`{}` is not a SPIFFE id", shown(value)),
            "write `spiffe://TRUST-DOMAIN/ns/NAMESPACE/sa/ACCOUNT`, with `*` for any text",
        );
    }
}

fn service_account(check: &mut Check, value: &str) {
    let (space, account) = value.split_once('/').unwrap_or(("default", value));
    let starless = |text: &str| text.replace('*', "x");
    let good =
        name::dns_label(&starless(space)).is_ok() && name::subdomain(&starless(account)).is_ok();
    if !good {
        check.error(
            format!("`{}` is not a service account", shown(value)),
            "write `namespace/name`, or `name` for the policy's own namespace, with `*` for any \
             text",
        );
    }
}

fn namespace(check: &mut Check, value: &str) {
    if let Err(allowed) = name::dns_label(&value.replace('*', "x")) {
        check.error(
            format!("`{}` is not a namespace", shown(value)),
            format!("{allowed}; `*` stands for any text"),
        );
    }
}

fn ip_block(check: &mut Check, value: &str) {
    if value.parse::<core::net::IpAddr>().is_ok() {
        return;
    }
    match value.parse::<IpNet>() {
        Ok(block) if block == block.trunc() => {}
        Ok(block) => check.error(
            format!("`{}` has bits behind its prefix", shown(value)),
            format!("write `{}`", block.trunc()),
        ),
        Err(_) => check.error(
            format!("`{}` is not an IP address or block", shown(value)),
            "write `10.1.2.3`, `10.0.0.0/8` or `fd00::/8`",
        ),
    }
}

fn host(check: &mut Check, value: &str) {
    let byte = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"*.-".contains(&b);
    // An IPv6 address as a client writes it.
    let literal = value.starts_with('[') && value.ends_with(']');
    if !literal && !value.bytes().all(byte) {
        check.error(
            format!("`{}` is not a host name", shown(value)),
            "write lower-case names without a port, with `*` for any text; ports have a field of \
             their own",
        );
    }
}

pub(super) fn method(check: &mut Check, value: &str) {
    let upper = value.to_ascii_uppercase();
    if http::Method::from_bytes(value.as_bytes()).is_err() || upper != value {
        check.error(
            format!("`{}` is not a method", shown(value)),
            format!(
                "methods are compared with their case: write `{}`",
                shown(&upper)
            ),
        );
    }
}

pub(super) fn path(check: &mut Check, value: &str) {
    if !value.starts_with(['/', '*']) {
        check.error(
            format!("the path `{}` does not begin with `/`", shown(value)),
            format!("write `/{}`", shown(value)),
        );
    } else if value.contains(['?', '#']) {
        check.error(
            format!("the path `{}` has a query", shown(value)),
            "paths are compared without their query",
        );
    } else if engine::authz::path::normal(&value.replace('*', "x")).is_some() {
        check.error(
            format!("the path `{}` is not in its normal form", shown(value)),
            "write it without `//`, `/./`, `/../` and escapes of plain characters: requests are \
             compared in that form",
        );
    }
}

fn grpc_method(check: &mut Check, value: &str) {
    let parts: Vec<&str> = value.split('/').collect();
    let byte = |b: u8| b.is_ascii_alphanumeric() || b"._*".contains(&b);
    let part = |part: &&str| !part.is_empty() && part.bytes().all(byte);
    if parts.len() != 2 || !parts.iter().all(part) {
        check.error(
            format!("`{}` is not a method of gRPC", shown(value)),
            "write `package.Service/Method`, with `*` for any text: `shop.Cart/*`",
        );
    }
}

fn peer_authentication(
    check: &mut Check,
    peer: &PeerAuthentication,
    spec: &AuthorizationPolicySpec,
) {
    let targets = &spec.target_refs;
    if let Some(narrow) = targets
        .iter()
        .find(|t| !WORKLOAD_WIDE.contains(&t.kind.as_str()))
    {
        check.error(
            format!("a {} has no peerAuthentication", shown(&narrow.kind)),
            "the mode belongs to workloads: target the Namespace or the XMesh, and narrow it with \
             `selector` and `ports`",
        );
    }
    for (later, port) in peer.ports.iter().enumerate() {
        if peer.ports[..later]
            .iter()
            .any(|first| first.port == port.port)
        {
            check.item("ports", later, |check| {
                check.error(
                    format!("port {} is named twice", port.port),
                    "remove one of the two",
                );
            });
        }
    }
}
