//! MC0802 to MC0805, MC0809: rules of AuthorizationPolicies that admit or deny something else than
//! they seem to.

use engine::snapshot::PortProtocol;

use super::facts::Facts;
use super::guarded::{Guarded, guarded};
use super::{Code, Findings};
use crate::index::{AuthorizationPolicy, PolicyTarget, Service, ServicePort, resolve};
use crate::policy::{AuthorizationAction, AuthorizationOperation, AuthorizationRule, ConditionKey};
use crate::yaml::Step::{self, Index, Key};

pub(super) fn analyze(facts: &Facts<'_>, findings: &mut Findings) {
    for policy in facts.index.authorization_policies() {
        for (at, rule) in policy.spec.rules.iter().flatten().enumerate() {
            if matches_everything(rule) {
                everything(facts, findings, policy, at);
            }
        }
        for target in &policy.spec.target_refs {
            if let Some(guarded) = guarded(facts, policy, target) {
                bytes(facts, findings, policy, &guarded);
                ports(facts, findings, policy, &guarded);
            }
        }
    }
}

fn matches_everything(rule: &AuthorizationRule) -> bool {
    rule.from.is_none() && rule.to.is_none() && rule.when.is_none()
}

fn rule_path(at: usize) -> Vec<Step<'static>> {
    vec![Key("spec"), Key("rules"), Index(at)]
}

/// A rule that matches every request.
fn everything(facts: &Facts<'_>, findings: &mut Findings, policy: &AuthorizationPolicy, at: usize) {
    let path = rule_path(at);
    match policy.spec.action() {
        AuthorizationAction::Allow => {
            let message = "this rule admits everybody, anonymous callers among them";
            let help = "name who may call in `from`; to admit all of the mesh, write \
                        `from: [{identities: [\"*\"]}]`";
            findings.add(Code::AllowsEverybody, &policy.object, &path, message, help);
        }
        AuthorizationAction::Deny => {
            let Some(allow) = allow_beside(facts, policy) else {
                return;
            };
            let message = format!(
                "this rule denies every request: what {} {} allows never happens",
                allow.object.kind, allow.name
            );
            let help = "a Deny wins at any level: an Allow alone denies what it does not name";
            findings.add(Code::DenyHidesAllows, &policy.object, &path, message, help);
        }
        AuthorizationAction::Audit => {}
    }
}

/// An Allow whose targets are all among those of `deny`.
fn allow_beside<'f>(
    facts: &'f Facts<'_>,
    deny: &AuthorizationPolicy,
) -> Option<&'f AuthorizationPolicy> {
    if deny.spec.selector.is_some() {
        return None;
    }
    let targets = |policy: &AuthorizationPolicy| -> Vec<PolicyTarget> {
        let home = &policy.name.namespace;
        let targets = policy.spec.target_refs.iter();
        targets.filter_map(|target| resolve(home, target)).collect()
    };
    let denied = targets(deny);
    let covers = |target: &PolicyTarget| {
        denied.iter().any(|wide| match (wide, target) {
            (PolicyTarget::Mesh, _) => true,
            (PolicyTarget::Namespace(wide), PolicyTarget::Service { service, .. }) => {
                *wide == service.namespace
            }
            (PolicyTarget::Namespace(wide), PolicyTarget::Workload(name)) => {
                *wide == name.namespace
            }
            (
                PolicyTarget::Service {
                    service: wide,
                    section: None,
                    ..
                },
                PolicyTarget::Service { service, .. },
            ) => wide == service,
            (wide, target) => wide == target,
        })
    };
    facts.index.authorization_policies().find(|policy| {
        let rules = policy
            .spec
            .rules
            .as_ref()
            .is_some_and(|rules| !rules.is_empty());
        let own = targets(policy);
        rules
            && policy.spec.action() == AuthorizationAction::Allow
            && !own.is_empty()
            && own.iter().all(covers)
    })
}

/// Parts of HTTP, asked of connections that are forwarded as bytes.
fn bytes(
    facts: &Facts<'_>,
    findings: &mut Findings,
    policy: &AuthorizationPolicy,
    guarded: &Guarded<'_, '_>,
) {
    let Some((service, section)) = &guarded.service else {
        return;
    };
    if !all_opaque(facts, service, section.as_deref()) {
        return;
    }
    for (at, rule) in policy.spec.rules.iter().flatten().enumerate() {
        let Some(part) = part_of_http(rule) else {
            continue;
        };
        let does = match policy.spec.action() {
            AuthorizationAction::Allow => "the rule never matches",
            AuthorizationAction::Deny | AuthorizationAction::Audit => {
                "that part is ignored, and the rule matches more than it says"
            }
        };
        let message = format!(
            "`{part}` is asked of {}, which forwards bytes: {does}",
            service.name
        );
        let help = "set `appProtocol: http` on its port if HTTP is spoken there, or name \
                    callers and ports only";
        let path = rule_path(at);
        findings.add(Code::HttpRuleOnBytes, &policy.object, &path, message, help);
    }
    let jwt = policy.spec.jwt.as_ref();
    if jwt.is_some_and(|jwt| jwt.optional != Some(true)) {
        let message = format!(
            "{} forwards bytes, where no token can be seen: every connection is denied",
            service.name
        );
        let help = "tokens are read from HTTP headers; remove `jwt`, or declare the port as HTTP";
        let path = ["spec", "jwt"].map(Key);
        findings.add(Code::TokenOnBytes, &policy.object, &path, message, help);
    }
}

fn all_opaque(facts: &Facts<'_>, service: &Service, section: Option<&str>) -> bool {
    let meant = |port: &&ServicePort| section.is_none_or(|section| port.is_section(section));
    let mut ports = service.ports.iter().filter(meant).peekable();
    let spoken = |port| facts.index.protocol(service, port);
    ports.peek().is_some() && ports.all(|port| spoken(port) == PortProtocol::Opaque)
}

/// A field of the rule that only HTTP has. Where several operations are alternatives, all of them
/// have to ask for HTTP.
fn part_of_http(rule: &AuthorizationRule) -> Option<&'static str> {
    let of_operation = |to: &AuthorizationOperation| {
        let fields = [
            ("hosts", to.hosts.is_some()),
            ("notHosts", to.not_hosts.is_some()),
            ("methods", to.methods.is_some()),
            ("notMethods", to.not_methods.is_some()),
            ("paths", to.paths.is_some()),
            ("notPaths", to.not_paths.is_some()),
            ("grpcMethods", to.grpc_methods.is_some()),
            ("notGrpcMethods", to.not_grpc_methods.is_some()),
        ];
        let found = fields.into_iter().find(|(_, there)| *there);
        found.map(|(field, _)| field)
    };
    let operations = rule.to.as_deref().unwrap_or_default();
    let parts: Option<Vec<_>> = operations.iter().map(of_operation).collect();
    let first = parts.and_then(|parts| parts.first().copied());
    let mut conditions = rule.when.iter().flatten();
    first.or_else(|| {
        let found = conditions.find_map(|condition| condition.key())?;
        Some(match found {
            ConditionKey::Header(_) => "header[…]",
            ConditionKey::Claim(_) => "jwt.claims[…]",
        })
    })
}

/// A port of the Service, where a port of the container is meant.
fn ports(
    facts: &Facts<'_>,
    findings: &mut Findings,
    policy: &AuthorizationPolicy,
    guarded: &Guarded<'_, '_>,
) {
    let Some((service, _)) = &guarded.service else {
        return;
    };
    let pods: Vec<_> = guarded
        .workloads
        .iter()
        .filter_map(|workload| facts.index.pod(&workload.pod))
        .collect();
    if pods.is_empty() {
        return;
    }
    for (r, rule) in policy.spec.rules.iter().flatten().enumerate() {
        for (t, to) in rule.to.iter().flatten().enumerate() {
            for (p, port) in to.ports.iter().flatten().enumerate() {
                let number = port.u16();
                let Some(of_service) = service.port(number) else {
                    continue;
                };
                let targets: Vec<u16> = pods
                    .iter()
                    .filter_map(|pod| pod.resolve(&of_service.target))
                    .collect();
                let listens = pods.iter().any(|pod| {
                    let targets = service.ports.iter().filter_map(|p| pod.resolve(&p.target));
                    let declared = pod.ports.iter().map(|port| port.port);
                    targets.chain(declared).any(|port| port == number)
                });
                let (Some(target), false) = (targets.first(), listens) else {
                    continue;
                };
                let message = format!(
                    "{number} is the port of the Service, and rules see the port of the \
                     container: {target}"
                );
                let help = format!("write {target}");
                let mut path = rule_path(r);
                path.extend([Key("to"), Index(t), Key("ports"), Index(p)]);
                findings.add(Code::PortOfService, &policy.object, &path, message, help);
            }
        }
    }
}
