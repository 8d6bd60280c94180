//! Routes that another controller looks after: what is written here it would write back.

use model::document::Object;
use model::yaml::{Node, Step};

use super::{Change, Plan};
use crate::command::route::mesh::Mesh;
use crate::error::Error;

/// Labels and annotations by which controllers mark what they look after.
pub(in crate::command::route) const MARKS: [(&str, &str); 7] = [
    ("argocd.argoproj.io/tracking-id", "Argo CD"),
    ("argocd.argoproj.io/instance", "Argo CD"),
    ("kustomize.toolkit.fluxcd.io/name", "Flux"),
    ("helm.toolkit.fluxcd.io/name", "Flux"),
    ("rollouts.argoproj.io/managed-by-rollouts", "Argo Rollouts"),
    ("rollouts.argoproj.io/gatewayapi-canary", "Argo Rollouts"),
    ("flagger.app/managed", "Flagger"),
];

/// Field managers of controllers, as `metadata.managedFields` of a cluster's objects has them.
pub(in crate::command::route) const MANAGERS: [(&str, &str); 7] = [
    ("argocd-controller", "Argo CD"),
    ("argocd-application-controller", "Argo CD"),
    ("kustomize-controller", "Flux"),
    ("helm-controller", "Flux"),
    ("rollouts-controller", "Argo Rollouts"),
    ("gatewayapi", "Argo Rollouts"),
    ("flagger", "Flagger"),
];

/// Refuses a plan that changes or deletes what a controller looks after.
pub(super) fn refuse(mesh: &Mesh, plan: &Plan<'_>) -> Result<(), Error> {
    for change in &plan.changes {
        let (Change::Edit { object, .. } | Change::Delete { object }) = change else {
            continue;
        };
        if let Some(reason) = by(mesh, object) {
            return Err(Error::new(format!(
                "the {} {}/{} is looked after by {reason}",
                object.kind,
                object.namespace(),
                object.name()
            ))
            .caused_by(format!("{}:{}", object.source().name(), object.line()))
            .hint("change it there; or change it all the same: --force"));
        }
    }
    Ok(())
}

/// Who looks after an object, and by what it is known.
pub(in crate::command::route) fn by(mesh: &Mesh, object: &Object) -> Option<String> {
    let meta = &object.meta;
    for (mark, who) in MARKS {
        if meta.labels.contains_key(mark) || meta.annotations.contains_key(mark) {
            return Some(format!("{who} (`{mark}`)"));
        }
    }
    if meta
        .labels
        .get("app.kubernetes.io/managed-by")
        .is_some_and(|by| by == "flagger")
    {
        return Some("Flagger (`app.kubernetes.io/managed-by`)".into());
    }
    let managers = object.at(&[Step::Key("metadata"), Step::Key("managedFields")]);
    for entry in managers.and_then(Node::items).into_iter().flatten() {
        let manager = entry
            .get("manager")
            .and_then(Node::as_str)
            .unwrap_or_default();
        if let Some((_, who)) = MANAGERS.iter().find(|(name, _)| *name == manager) {
            return Some(format!("{who} (field manager `{manager}`)"));
        }
    }
    mesh.resources
        .iter()
        .find_map(|r| by_reference(&r.object, object))
}

/// A Rollout or Canary of the input that names the route.
fn by_reference(controller: &Object, route: &Object) -> Option<String> {
    if controller.namespace() != route.namespace() {
        return None;
    }
    let name = controller.name();
    match (controller.group(), controller.kind.as_str()) {
        ("argoproj.io", "Rollout") => {
            let path = ["spec", "strategy", "canary", "trafficRouting", "plugins"].map(Step::Key);
            let plugins = controller.at(&path)?;
            let plugin = plugins.get("argoproj-labs/gatewayAPI")?;
            let one = plugin.get("httpRoute").into_iter();
            let many = plugin.get("httpRoutes").and_then(Node::items);
            let many = many
                .into_iter()
                .flatten()
                .filter_map(|item| item.get("name"));
            let mut names = one.chain(many).filter_map(Node::as_str);
            let named = names.any(|named| named == route.name());
            named.then(|| format!("Argo Rollouts (Rollout {name})"))
        }
        ("flagger.app", "Canary") => {
            let service = controller.at(&[Step::Key("spec"), Step::Key("service")]);
            let named = service.and_then(|s| s.get("name")).and_then(Node::as_str);
            let target = ["spec", "targetRef", "name"].map(Step::Key);
            let target = controller.at(&target).and_then(Node::as_str);
            // Flagger's route has the name of its Service.
            let is_it = named.or(target) == Some(route.name());
            is_it.then(|| format!("Flagger (Canary {name})"))
        }
        _ => None,
    }
}
