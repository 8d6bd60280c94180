//! Objects and their places.

use super::*;
use crate::yaml;

fn objects(text: &str) -> Result<Vec<Object>, Diagnostic> {
    let mut objects = Vec::new();
    for document in yaml::read("t.yaml", text)? {
        objects.extend(Object::read(document)?);
    }
    Ok(objects)
}

/// `group/version kind namespace/name @line` of each object.
#[track_caller]
fn check(text: &str, expected: &[&str]) {
    let found: Vec<String> = objects(text)
        .unwrap()
        .iter()
        .map(|object| {
            let (group, version) = (object.group(), object.version());
            let place = format!("{}/{}", object.namespace(), object.name());
            format!(
                "{group}/{version} {} {place} @{}",
                object.kind,
                object.line()
            )
        })
        .collect();
    assert_eq!(found, expected);
}

#[track_caller]
fn refuse(text: &str, expected: &str) {
    assert_eq!(objects(text).expect_err(text).to_string(), expected);
}

#[test]
fn objects_have_group_namespace_and_line() {
    check(
        "# c\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a, namespace: shop}\n---\n\
         apiVersion: v1\nkind: Service\nmetadata: {name: b}\n---\n\n\
         apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, namespace: x}\n",
        &[
            "apps/v1 Deployment shop/a @2",
            "/v1 Service default/b @6",
            "/v1 Namespace /shop @11",
        ],
    );
}

#[test]
fn lists_are_flattened_with_the_lines_of_their_items() {
    check(
        "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Service\n  \
         metadata: {name: a}\n- apiVersion: v1\n  kind: List\n  items:\n  - apiVersion: v1\n    \
         kind: Pod\n    metadata: {name: b}\n",
        &["/v1 Service default/a @4", "/v1 Pod default/b @10"],
    );
    check(
        "apiVersion: apps/v1\nkind: DeploymentList\nitems:\n- metadata: {name: a}\n",
        &["apps/v1 Deployment default/a @4"],
    );
    check("apiVersion: v1\nkind: List\nitems: []\n", &[]);
    check(
        "apiVersion: x.dev/v1\nkind: AllowList\nmetadata: {name: a}\n",
        &["x.dev/v1 AllowList default/a @1"],
    );
}

#[test]
fn items_of_lists_reach_their_own_fields() {
    let text = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Service\n  \
                metadata:\n    name: a\n";
    let object = &objects(text).unwrap()[0];
    let path = [Step::Key("metadata"), Step::Key("name")];
    assert_eq!(object.at(&path).unwrap().as_str(), Some("a"));
    assert_eq!(object.line_at(&path), 7);
    assert_eq!(
        object.line_at(&[Step::Key("metadata"), Step::Key("labels")]),
        6
    );
    let error = object.error_at(&path, "no");
    assert_eq!(error.to_string(), "t.yaml:7:11: no");
    assert_eq!(object.origin().to_string(), "Service default/a (t.yaml:4)");
}

#[test]
fn heads_that_the_api_server_refuses_are_refused() {
    let help = "(every Kubernetes object names its `apiVersion` and `kind`)";
    refuse(
        "kind: Service",
        &format!("t.yaml:1:1: `apiVersion` is missing {help}"),
    );
    refuse(
        "\napiVersion: v1",
        &format!("t.yaml:2:1: `kind` is missing {help}"),
    );
    refuse("- a", "t.yaml:1:1: a manifest is an object, this is a list");
    refuse(
        "foo",
        "t.yaml:1:1: a manifest is an object, this is the string \"foo\"",
    );
    refuse(
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: y\n",
        "t.yaml:4:9: `metadata.name` is the boolean true, but a string is wanted \
         (quote it: \"y\")",
    );
    refuse(
        "apiVersion: v1\nkind: Pod\nmetadata:\n  annotations:\n    on: on\n",
        "t.yaml:5:9: `metadata.annotations.true` is the boolean true, but a string is wanted \
         (quote it: \"on\")",
    );
    refuse(
        "apiVersion: v1\nkind: List\nitems:\n- metadata: {name: a}\n",
        &format!("t.yaml:4:3: `apiVersion` is missing {help}"),
    );
}
