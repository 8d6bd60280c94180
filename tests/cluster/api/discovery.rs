//! Which groups, versions and kinds there are.

use serde_json::{Value, json};

use super::kinds::Kind;

/// `/api`
pub(crate) fn core() -> Value {
    json!({"kind": "APIVersions", "versions": ["v1"]})
}

/// `/apis`
pub(crate) fn groups(served: &[Kind]) -> Value {
    let mut names: Vec<&str> = served.iter().map(|k| k.group.as_str()).collect();
    names.retain(|name| !name.is_empty());
    names.sort_unstable();
    names.dedup();
    let groups: Vec<Value> = names
        .iter()
        .filter_map(|name| group(served, name))
        .collect();
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
}

/// `/apis/GROUP`
pub(crate) fn group(served: &[Kind], name: &str) -> Option<Value> {
    let mut versions: Vec<&String> = Vec::new();
    for version in served
        .iter()
        .filter(|k| k.group == name)
        .flat_map(|k| &k.versions)
    {
        if !versions.contains(&version) {
            versions.push(version);
        }
    }
    let version = |v: &&String| json!({"groupVersion": format!("{name}/{v}"), "version": v});
    let versions: Vec<Value> = versions.iter().map(version).collect();
    let preferred = versions.first()?.clone();
    Some(
        json!({"kind": "APIGroup", "apiVersion": "v1", "name": name, "versions": versions,
                "preferredVersion": preferred}),
    )
}

/// `/apis/GROUP/VERSION`, `/api/v1`
pub(crate) fn resources(served: &[Kind], group: &str, version: &str) -> Option<Value> {
    let here = |k: &&Kind| k.group == group && k.versions.iter().any(|v| v == version);
    let verbs = [
        "create",
        "delete",
        "deletecollection",
        "get",
        "list",
        "patch",
        "update",
        "watch",
    ];
    let one = |kind: &Kind| {
        json!({"name": kind.plural, "singularName": kind.kind.to_lowercase(),
               "namespaced": kind.namespaced, "kind": kind.kind, "verbs": verbs})
    };
    let resources: Vec<Value> = served.iter().filter(here).map(one).collect();
    let named = match group {
        "" => version.to_owned(),
        group => format!("{group}/{version}"),
    };
    (!resources.is_empty()).then(|| {
        json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": named,
               "resources": resources})
    })
}
