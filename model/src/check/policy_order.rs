//! MC0709: a policy that takes the place of a wider one, whole.
//!
//! The most specific policy holds with all it leaves out (atomic defaults, GEP-713): what the wider
//! one sets is not added.

use std::collections::BTreeMap;

use super::facts::Facts;
use super::{Code, Findings};
use crate::document::Object;
use crate::index::{Policy, PolicyTarget, Targets};
use crate::yaml::Step::Key;

/// From the widest to the most specific.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Mesh,
    Namespace,
    Service,
}

pub(super) fn analyze(facts: &Facts<'_>, findings: &mut Findings) {
    hidden(
        findings,
        &facts.index.backend_policies().collect::<Vec<_>>(),
    );
    hidden(
        findings,
        &facts.index.traffic_policies().collect::<Vec<_>>(),
    );
}

fn hidden<S: Targets>(findings: &mut Findings, policies: &[&Policy<S>]) {
    let mut wide: BTreeMap<(Level, &str), &Policy<S>> = BTreeMap::new();
    for policy in policies {
        for (level, namespace, _) in levels(policy) {
            if level != Level::Service {
                wide.entry((level, namespace)).or_insert(policy);
            }
        }
    }
    for policy in policies {
        for (level, namespace, service) in levels(policy) {
            let wider = [(Level::Namespace, namespace), (Level::Mesh, "")];
            let wider = wider.iter().filter(|(wider, _)| *wider < level);
            let Some(wider) = wider.filter_map(|key| wide.get(key)).next() else {
                continue;
            };
            let lost = lost(&wider.object, &policy.object);
            if lost.is_empty() {
                continue;
            }
            let message = format!(
                "for {service} this policy holds alone: {} of {} {} does not",
                lost.join(" and "),
                wider.object.kind,
                wider.name
            );
            let help =
                "the more specific policy wins whole (GEP-713): repeat here what should hold";
            let path = [Key("spec"), Key("targetRefs")];
            findings.add(Code::PolicyHidesOther, &policy.object, &path, message, help);
        }
    }
}

/// What a policy names, without what its readers know anyway: namespace of the target, and a name
/// for messages.
fn levels<S: Targets>(policy: &Policy<S>) -> Vec<(Level, &str, String)> {
    let targets = policy.spec.targets().iter();
    let home = &policy.name.namespace;
    targets
        .filter_map(|target| match crate::index::resolve(home, target)? {
            PolicyTarget::Mesh => Some((Level::Mesh, "", "the mesh".to_owned())),
            PolicyTarget::Namespace(name) => {
                Some((Level::Namespace, &**home, format!("namespace {name}")))
            }
            // A consumer's policy hides the producer's, which is its purpose.
            PolicyTarget::Service {
                service,
                consumer: None,
                ..
            } => Some((Level::Service, &**home, format!("Service {service}"))),
            _ => None,
        })
        .collect()
}

/// Fields of `spec` that `wide` has and `narrow` has not.
fn lost(wide: &Object, narrow: &Object) -> Vec<String> {
    let fields = |object: &Object| -> Vec<String> {
        let spec = object.at(&[Key("spec")]);
        let entries = spec.map(crate::yaml::Node::decided).unwrap_or_default();
        entries
            .into_iter()
            .map(|(key, _)| key.into_owned())
            .collect()
    };
    let present = fields(narrow);
    let mut lost = fields(wide);
    lost.retain(|field| !present.contains(field));
    lost
}
