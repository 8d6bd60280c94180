//! MC0806, MC0807, MC0808: policies about workloads, callers and tokens that do not exist.

use super::facts::Facts;
use super::guarded::guarded;
use super::{Code, Findings};
use crate::index::AuthorizationPolicy;
use crate::policy::{AuthorizationSource, ConditionKey};
use crate::yaml::Step::{Index, Key};

/// Every namespace has it without anybody writing it.
const DEFAULT_ACCOUNT: &str = "default";

pub(super) fn analyze(facts: &Facts<'_>, findings: &mut Findings) {
    let tokens = facts
        .index
        .authorization_policies()
        .any(|policy| policy.spec.jwt.is_some());
    for policy in facts.index.authorization_policies() {
        selected(facts, findings, policy);
        for (r, rule) in policy.spec.rules.iter().flatten().enumerate() {
            for (f, source) in rule.from.iter().flatten().enumerate() {
                callers(facts, findings, policy, (r, f), source);
            }
            for (w, condition) in rule.when.iter().flatten().enumerate() {
                if tokens || !matches!(condition.key(), Some(ConditionKey::Claim(_))) {
                    continue;
                }
                let message = format!(
                    "no policy verifies tokens, so `{}` is never there",
                    condition.key
                );
                let help = "add `jwt` with the provider of the tokens to a policy of the target";
                let path = [
                    Key("spec"),
                    Key("rules"),
                    Index(r),
                    Key("when"),
                    Index(w),
                    Key("key"),
                ];
                findings.add(
                    Code::ClaimWithoutToken,
                    &policy.object,
                    &path,
                    message,
                    help,
                );
            }
        }
    }
}

fn selected(facts: &Facts<'_>, findings: &mut Findings, policy: &AuthorizationPolicy) {
    let guarded: Option<Vec<_>> = policy
        .spec
        .target_refs
        .iter()
        .map(|target| guarded(facts, policy, target))
        .collect();
    let nobody = guarded.is_some_and(|all| all.iter().all(|one| one.workloads.is_empty()));
    if policy.spec.selector.is_some() && nobody {
        let message = "the selector matches no workload of the targets: the policy has no effect";
        let help = "the labels are those of the pods, not of their Deployment or Service";
        let path = ["spec", "selector"].map(Key);
        findings.add(
            Code::SelectsNoWorkload,
            &policy.object,
            &path,
            message,
            help,
        );
    }
}

/// Callers that are named and not there.
fn callers(
    facts: &Facts<'_>,
    findings: &mut Findings,
    policy: &AuthorizationPolicy,
    (rule, source): (usize, usize),
    from: &AuthorizationSource,
) {
    let home = &*policy.name.namespace;
    let mut add = |field: &'static str, at: usize, message: String| {
        let path = [
            Key("spec"),
            Key("rules"),
            Index(rule),
            Key("from"),
            Index(source),
            Key(field),
            Index(at),
        ];
        let help = "callers are known by the service accounts of their pods";
        findings.add(Code::CallerMissing, &policy.object, &path, message, help);
    };
    for (at, value) in from.identities.iter().flatten().enumerate() {
        if let Some((namespace, account)) = of_identity(value)
            && !account_exists(facts, namespace, account)
        {
            let message = format!("no ServiceAccount {namespace}/{account} exists");
            add("identities", at, message);
        }
    }
    for (at, value) in from.service_accounts.iter().flatten().enumerate() {
        let (namespace, account) = value.split_once('/').unwrap_or((home, value));
        if !value.contains('*') && !account_exists(facts, namespace, account) {
            let message = format!("no ServiceAccount {namespace}/{account} exists");
            add("serviceAccounts", at, message);
        }
    }
    for (at, value) in from.namespaces.iter().flatten().enumerate() {
        if !value.contains('*') && !namespace_exists(facts, value) {
            add(
                "namespaces",
                at,
                format!("the namespace {value} does not exist"),
            );
        }
    }
}

/// Namespace and account of a whole SPIFFE id of a workload.
fn of_identity(value: &str) -> Option<(&str, &str)> {
    let (_, path) = value.strip_prefix("spiffe://")?.split_once('/')?;
    let (namespace, account) = path.strip_prefix("ns/")?.split_once("/sa/")?;
    let whole = !value.contains('*') && !account.contains('/');
    whole.then_some((namespace, account))
}

fn account_exists(facts: &Facts<'_>, namespace: &str, account: &str) -> bool {
    let declared = facts
        .find("", "ServiceAccount", namespace, account)
        .is_some();
    declared || account == DEFAULT_ACCOUNT && namespace_exists(facts, namespace)
}

/// A namespace is there when it is declared, or when an object is in it.
fn namespace_exists(facts: &Facts<'_>, name: &str) -> bool {
    facts.resources.iter().any(|resource| {
        let object = &resource.object;
        let declared = object.kind == "Namespace" && object.name() == name;
        declared || object.namespace() == name && !object.namespace().is_empty()
    })
}
