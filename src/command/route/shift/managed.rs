//! Routes of a cluster that another controller looks after.

use serde_json::Value;

/// Labels and annotations by which controllers mark what they look after.
const MARKS: [(&str, &str); 7] = [
    ("argocd.argoproj.io/tracking-id", "Argo CD"),
    ("argocd.argoproj.io/instance", "Argo CD"),
    ("kustomize.toolkit.fluxcd.io/name", "Flux"),
    ("helm.toolkit.fluxcd.io/name", "Flux"),
    ("rollouts.argoproj.io/managed-by-rollouts", "Argo Rollouts"),
    ("rollouts.argoproj.io/gatewayapi-canary", "Argo Rollouts"),
    ("flagger.app/managed", "Flagger"),
];

/// The names under which controllers own fields.
const MANAGERS: [(&str, &str); 7] = [
    ("argocd-controller", "Argo CD"),
    ("argocd-application-controller", "Argo CD"),
    ("kustomize-controller", "Flux"),
    ("helm-controller", "Flux"),
    ("rollouts-controller", "Argo Rollouts"),
    ("gatewayapi", "Argo Rollouts"),
    ("flagger", "Flagger"),
];

/// Who looks after an object, and by what it is known.
pub(super) fn by(object: &Value) -> Option<String> {
    let meta = &object["metadata"];
    for (mark, who) in MARKS {
        if !meta["labels"][mark].is_null() || !meta["annotations"][mark].is_null() {
            return Some(format!("{who} (`{mark}`)"));
        }
    }
    let entries = meta["managedFields"].as_array().into_iter().flatten();
    entries
        .filter_map(|entry| entry["manager"].as_str())
        .find_map(|manager| {
            let (_, who) = MANAGERS.iter().find(|(name, _)| *name == manager)?;
            Some(format!("{who} (field manager `{manager}`)"))
        })
}
