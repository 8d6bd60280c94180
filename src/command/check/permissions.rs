//! What may we see and change?

use super::report::Category;
use crate::cluster::discover::Served;
use crate::cluster::failure::Failure;
use crate::cluster::kind::Resource;
use crate::cluster::{Cluster, Scope};

/// What changing routes needs: `route split` makes Services for versions that have none.
const CHANGED: &[&str] = &["HTTPRoute", "GRPCRoute", "Service"];

/// # Errors
/// When the API server does not answer; everybody may ask what they may.
pub(super) fn check(
    cluster: &Cluster,
    scope: &Scope,
    served: &Served,
) -> Result<Category, Failure> {
    let mut to = Category::new("permissions");
    let namespace = cluster.namespace(scope);
    let place = match namespace {
        Some(namespace) => format!("in namespace {namespace}"),
        None => "in all namespaces".to_owned(),
    };
    let mut unseen = Vec::new();
    for resource in &served.modelled {
        if !may(cluster, "list", resource, namespace)? {
            unseen.push(format!("list {}", resource.full_name()));
        }
    }
    let described = format!("you may see the mesh {place}");
    match unseen.is_empty() {
        true => to.success("permissions-read", described),
        false => to.warning(
            "permissions-read",
            described,
            unseen,
            "ask for a Role with these verbs; what is not seen is not judged below",
        ),
    }
    let mut fixed = Vec::new();
    for kind in CHANGED {
        let Some(resource) = served.find(kind) else {
            continue;
        };
        for verb in ["create", "patch"] {
            if !may(cluster, verb, resource, namespace)? {
                fixed.push(format!("{verb} {}", resource.full_name()));
            }
        }
    }
    let described = format!("you may change routes {place}");
    match fixed.is_empty() {
        true => to.success("permissions-change", described),
        false => to.warning(
            "permissions-change",
            described,
            fixed,
            "`meshctl route` can look but not change here: ask for a Role with these verbs",
        ),
    }
    Ok(to)
}

fn may(
    cluster: &Cluster,
    verb: &str,
    resource: &Resource,
    namespace: Option<&str>,
) -> Result<bool, Failure> {
    let namespace = namespace.filter(|_| resource.namespaced);
    cluster.may(verb, resource, namespace)
}
