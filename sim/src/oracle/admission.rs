//! No denied request reaches an application.
//!
//! Judged from the policies as they are written, by whom the application is told to have called,
//! and with matching of its own: neither the lowering nor the engine has a part in it. Tokens,
//! addresses, ports and rules of routes it cannot know: where such a question decides, it says
//! nothing. From the first change of the configuration on it is silent, since proxies learn of it
//! later than it would.

use std::collections::{BTreeMap, BTreeSet};

use engine::time::Instant;
use model::index::{Index, Pod};
use model::policy::{
    AuthorizationAction, AuthorizationOperation, AuthorizationPolicySpec, AuthorizationRule,
    AuthorizationSource, MtlsMode,
};

use super::{Call, Fact, Invariant};
use crate::record::HappeningKind;

/// Every request that an application gets was admitted.
pub(super) struct Admitted {
    /// With namespace and name.
    policies: Vec<(String, String, AuthorizationPolicySpec)>,
    pods: BTreeMap<String, Guarded>,
    silent: bool,
}

/// What is about a pod.
struct Guarded {
    namespace: String,
    /// Indices of the policies that are about all its requests.
    policies: Vec<usize>,
    /// Whether a policy is about it whose reach is not known here.
    open: bool,
    /// Whether every mode that is about it is Strict, and there is one.
    strict: bool,
    probes: BTreeSet<String>,
}

// === impl Admitted ===

impl Admitted {
    pub(super) fn new(index: &Index) -> Self {
        let policies = index.authorization_policies().map(|policy| {
            let (namespace, name) = (&policy.name.namespace, &policy.name.name);
            (namespace.to_string(), name.to_string(), policy.spec.clone())
        });
        Self {
            policies: policies.collect(),
            pods: BTreeMap::new(),
            silent: false,
        }
    }

    fn guard(&self, pod: &Pod, index: &Index) -> Guarded {
        let mut guarded = Guarded {
            namespace: pod.name.namespace.to_string(),
            policies: Vec::new(),
            open: false,
            strict: false,
            probes: pod.probes.iter().map(|probe| probe.path.clone()).collect(),
        };
        let services: BTreeSet<&str> = index
            .services_of_pod(&pod.name)
            .map(|service| &*service.name.name)
            .collect();
        let mut modes = Vec::new();
        for (at, (namespace, _, spec)) in self.policies.iter().enumerate() {
            let selector = spec.selector.as_ref();
            let here = *namespace == guarded.namespace;
            if selector.is_some_and(|s| {
                s.match_labels
                    .iter()
                    .any(|(k, v)| pod.labels.get(k) != Some(v))
            }) {
                continue;
            }
            let mut whole = false;
            for target in &spec.target_refs {
                match (target.kind.as_str(), &target.section_name) {
                    ("XMesh", _) => whole = true,
                    ("Namespace", _) => whole |= here,
                    ("Service", None) if here && services.contains(target.name.as_str()) => {
                        // With more ports it is not known which of them was called.
                        whole |= pod.ports.len() == 1;
                        guarded.open |= pod.ports.len() != 1;
                    }
                    ("Service", None) => {}
                    _ => guarded.open |= here,
                }
            }
            if whole {
                guarded.policies.push(at);
                modes.extend(spec.peer_authentication.as_ref());
            }
        }
        let strict = |peer: &&model::policy::PeerAuthentication| {
            peer.mtls == MtlsMode::Strict && peer.ports.is_empty()
        };
        guarded.strict = !modes.is_empty() && modes.iter().all(strict);
        guarded
    }

    /// Why the call should not have been admitted.
    fn objection(&self, guarded: &Guarded, call: &Call) -> Option<String> {
        let peer = call.peer.as_deref();
        let probe = call.method == "GET" && guarded.probes.contains(&call.path);
        if peer.is_none() && probe {
            return None;
        }
        if peer.is_none() && guarded.strict {
            return Some("the workload takes mutual TLS only".to_owned());
        }
        let mut open = guarded.open;
        let mut refused_by = None;
        for (namespace, name, spec) in guarded.policies.iter().map(|at| &self.policies[*at]) {
            let Some(rules) = &spec.rules else { continue };
            let verdicts = rules.iter().map(|rule| matches(rule, call, namespace));
            let verdicts: Vec<Option<bool>> = verdicts.collect();
            let hit = verdicts.contains(&Some(true));
            match spec.action() {
                AuthorizationAction::Deny if hit => {
                    return Some(format!("{namespace}/{name} denies it"));
                }
                AuthorizationAction::Allow if hit => open = true,
                AuthorizationAction::Allow => {
                    open |= verdicts.contains(&None);
                    refused_by.get_or_insert(format!("{namespace}/{name}"));
                }
                AuthorizationAction::Deny | AuthorizationAction::Audit => {}
            }
        }
        let refused_by = refused_by.filter(|_| !open)?;
        Some(format!("no Allow admits it, and there is {refused_by}"))
    }
}

impl Invariant for Admitted {
    fn name(&self) -> &'static str {
        "no denied request reaches an application"
    }

    fn observe(&mut self, _: Instant, fact: &Fact<'_>, breach: &mut dyn FnMut(String)) {
        match fact {
            Fact::Happened(happening) if happening.kind == HappeningKind::Change => {
                self.silent = true;
            }
            Fact::Placed { pod, index, meshed } if *meshed => {
                let guarded = self.guard(pod, index);
                self.pods.insert(pod.name.to_string(), guarded);
            }
            Fact::Received { pod, id, call, .. } if !self.silent => {
                let Some(guarded) = self.pods.get(*pod) else {
                    return;
                };
                if let Some(why) = self.objection(guarded, call) {
                    let who = call.peer.as_deref().unwrap_or("somebody without identity");
                    let (method, path) = (&call.method, &call.path);
                    breach(format!(
                        "{pod} got request {id}, {method} {path} of {who}, although {why}"
                    ));
                }
            }
            _ => {}
        }
    }

    fn finish(&mut self, _: Instant, _: &mut dyn FnMut(String)) {}
}

/// Whether a rule matches; none when that cannot be known here.
fn matches(rule: &AuthorizationRule, call: &Call, namespace: &str) -> Option<bool> {
    let from = any(rule.from.as_deref(), |one| source(one, call, namespace));
    let to = any(rule.to.as_deref(), |one| operation(one, call));
    let when = if rule.when.is_some() {
        None
    } else {
        Some(true)
    };
    all([from, to, when])
}

fn source(from: &AuthorizationSource, call: &Call, namespace: &str) -> Option<bool> {
    let peer = call.peer.as_deref();
    let negated = from.not_identities.is_some()
        || from.not_namespaces.is_some()
        || from.not_service_accounts.is_some();
    if from.ip_blocks.is_some() || from.not_ip_blocks.is_some() || (peer.is_none() && negated) {
        return None;
    }
    let mut parts = peer.unwrap_or_default().split('/').skip(4);
    let (space, account) = (
        parts.next().unwrap_or_default(),
        parts.nth(1).unwrap_or_default(),
    );
    let accounts = |wanted: &str| match wanted.split_once('/') {
        Some((ns, name)) => glob(ns, space) && glob(name, account),
        None => space == namespace && glob(wanted, account),
    };
    let named = |list: &Option<Vec<String>>, fits: &dyn Fn(&str) -> bool| {
        list.as_ref()
            .map(|list| peer.is_some() && list.iter().any(|one| fits(one)))
    };
    let identity = |wanted: &str| glob(wanted, peer.unwrap_or_default());
    let of_space = |wanted: &str| glob(wanted, space);
    let wanted = [
        named(&from.identities, &identity),
        named(&from.namespaces, &of_space),
        named(&from.service_accounts, &accounts),
    ];
    let unwanted = [
        named(&from.not_identities, &identity),
        named(&from.not_namespaces, &of_space),
        named(&from.not_service_accounts, &accounts),
    ];
    Some(!wanted.contains(&Some(false)) && !unwanted.contains(&Some(true)))
}

fn operation(to: &AuthorizationOperation, call: &Call) -> Option<bool> {
    if to.ports.is_some() || to.not_ports.is_some() || call.path.contains(['%', '\\', ';', '.']) {
        return None;
    }
    let any = |list: &Option<Vec<String>>, value: &str| {
        list.as_ref()
            .map(|list| list.iter().any(|one| glob(one, value)))
    };
    let rpc = call.path.trim_start_matches('/');
    let wanted = [
        any(&to.methods, &call.method),
        any(&to.paths, &call.path),
        any(&to.grpc_methods, rpc),
        any(&to.hosts, &call.host),
    ];
    let unwanted = [
        any(&to.not_methods, &call.method),
        any(&to.not_paths, &call.path),
        any(&to.not_grpc_methods, rpc),
        any(&to.not_hosts, &call.host),
    ];
    Some(!wanted.contains(&Some(false)) && !unwanted.contains(&Some(true)))
}

/// Whether one of the alternatives holds; an absent list always does.
fn any<T>(list: Option<&[T]>, holds: impl Fn(&T) -> Option<bool>) -> Option<bool> {
    let Some(list) = list else {
        return Some(true);
    };
    let verdicts: Vec<_> = list.iter().map(holds).collect();
    match (verdicts.contains(&Some(true)), verdicts.contains(&None)) {
        (true, _) => Some(true),
        (false, true) => None,
        (false, false) => Some(false),
    }
}

fn all(parts: [Option<bool>; 3]) -> Option<bool> {
    match (parts.contains(&Some(false)), parts.contains(&None)) {
        (true, _) => Some(false),
        (false, true) => None,
        (false, false) => Some(true),
    }
}

/// Character by character, with a way back: slow, and nobody else's code.
fn glob(pattern: &str, text: &str) -> bool {
    match pattern.chars().next() {
        None => text.is_empty(),
        Some('*') => {
            let rest = &pattern[1..];
            let ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
            ends.into_iter().any(|at| glob(rest, &text[at..]))
        }
        Some(wanted) => {
            let mut chars = text.chars();
            chars.next() == Some(wanted) && glob(&pattern[wanted.len_utf8()..], chars.as_str())
        }
    }
}
