//! MC0810, MC0811: how mutual TLS is asked for, and who cannot take part.

use super::facts::{Facts, WorkloadFact};
use super::guarded::guarded;
use super::{Code, Findings};
use crate::index::{AuthorizationPolicy, Inject};
use crate::policy::{AuthorizationAction, AuthorizationRule, AuthorizationSource, MtlsMode};
use crate::yaml::Step::Key;

/// More names than this help nobody.
const NAMES_SHOWN_MAX: usize = 3;

pub(super) fn analyze(facts: &Facts<'_>, findings: &mut Findings) {
    for policy in facts.index.authorization_policies() {
        let Some(peer) = &policy.spec.peer_authentication else {
            continue;
        };
        match peer.mtls {
            MtlsMode::Strict => strict(facts, findings, policy),
            MtlsMode::Disable => disabled(facts, findings, policy),
            MtlsMode::Permissive => {}
        }
    }
}

/// Workloads of the same scope that have no proxy: their calls are refused.
fn strict(facts: &Facts<'_>, findings: &mut Findings, policy: &AuthorizationPolicy) {
    for target in &policy.spec.target_refs {
        let Some(guarded) = guarded(facts, policy, target) else {
            continue;
        };
        let pod = |workload: &WorkloadFact<'_>| facts.index.pod(&workload.pod);
        let plain: Vec<String> = guarded
            .workloads
            .iter()
            .filter_map(|workload| {
                let pod = pod(workload)?;
                let why = if pod.host_network {
                    "host network"
                } else if pod.inject == Inject::Disabled {
                    "opted out"
                } else {
                    "namespace opted out"
                };
                let plain = !facts.index.is_meshed(pod);
                plain.then(|| format!("{} ({why})", workload.object.subject()))
            })
            .collect();
        let meshed = guarded.workloads.len() > plain.len();
        if plain.is_empty() || !meshed {
            continue;
        }
        let more = plain.len().saturating_sub(NAMES_SHOWN_MAX);
        let mut names = plain[..plain.len().min(NAMES_SHOWN_MAX)].join(", ");
        if more > 0 {
            names.push_str(&format!(" and {more} more"));
        }
        let message =
            format!("with Strict, requests from workloads without a proxy are refused: {names}");
        let help = "mesh them, or set `mtls: Permissive` for the ports that they call";
        let path = ["spec", "peerAuthentication", "mtls"].map(Key);
        findings.add(
            Code::StrictWithoutProxy,
            &policy.object,
            &path,
            message,
            help,
        );
    }
}

/// Without mutual TLS nobody has an identity, so rules that ask for one match nobody.
fn disabled(facts: &Facts<'_>, findings: &mut Findings, policy: &AuthorizationPolicy) {
    let peer = policy.spec.peer_authentication.as_ref();
    if policy.spec.selector.is_some() || peer.is_some_and(|peer| !peer.ports.is_empty()) {
        return;
    }
    for allow in facts.index.authorization_policies() {
        let asks = allow.spec.rules.as_deref().unwrap_or_default();
        let all = !asks.is_empty() && asks.iter().all(asks_identity);
        let decided = |workload: &&WorkloadFact<'_>| {
            let pod = facts.index.pod(&workload.pod);
            let by = pod.and_then(|pod| facts.index.peer_authentication(pod));
            by.is_some_and(|(by, _)| by.name == policy.name)
        };
        let about = allow
            .spec
            .target_refs
            .iter()
            .filter_map(|target| guarded(facts, allow, target));
        let hit = about.flat_map(|guarded| guarded.workloads).find(decided);
        if let (true, AuthorizationAction::Allow, Some(workload)) = (all, allow.spec.action(), hit)
        {
            let message = format!(
                "without mutual TLS no caller of {} has an identity: {} {} admits nobody",
                workload.object.subject(),
                allow.object.kind,
                allow.name
            );
            let help = "set `mtls: Permissive` or `Strict` where callers are told apart";
            let path = ["spec", "peerAuthentication", "mtls"].map(Key);
            findings.add(
                Code::IdentityWithoutTls,
                &policy.object,
                &path,
                message,
                help,
            );
        }
    }
}

fn asks_identity(rule: &AuthorizationRule) -> bool {
    let named = |source: &AuthorizationSource| {
        source.identities.is_some()
            || source.service_accounts.is_some()
            || source.namespaces.is_some()
    };
    rule.from
        .as_ref()
        .is_some_and(|sources| !sources.is_empty() && sources.iter().all(named))
}
