//! Kinds and groups: what is known, what passes, what is refused.

use super::*;

/// `kind@line` of each resource, and the messages.
fn read_all(text: &str) -> (Vec<String>, Vec<String>) {
    let reading = read("t.yaml", text);
    let kinds = reading
        .resources
        .iter()
        .map(|resource| {
            let spec = format!("{:?}", resource.spec);
            let name = spec.split(['(', ' ']).next().unwrap_or_default().to_owned();
            format!("{name}@{}", resource.object.line())
        })
        .collect();
    let messages = reading
        .diagnostics
        .iter()
        .map(ToString::to_string)
        .collect();
    (kinds, messages)
}

#[track_caller]
fn check(text: &str, kinds: &[&str], messages: &[&str]) {
    let (found_kinds, found_messages) = read_all(text);
    assert_eq!(found_kinds, kinds, "{text}");
    assert_eq!(found_messages, messages, "{text}");
}

/// An object of this kind with nothing but a name.
fn bare(api_version: &str, kind: &str) -> String {
    format!("apiVersion: {api_version}\nkind: {kind}\nmetadata: {{name: a}}\n")
}

#[test]
fn kinds_that_nobody_knows_pass() {
    for (api, kind) in [
        ("serving.knative.dev/v1", "Service"),
        ("v1", "PersistentVolumeClaim"),
        ("rbac.authorization.k8s.io/v1", "ClusterRole"),
        ("kustomize.config.k8s.io/v1beta1", "Kustomization"),
        ("apps/v1", "ControllerRevision"),
        ("sim.meshctl.dev/v1alpha1", "Scenario"),
    ] {
        check(&bare(api, kind), &["Other@1"], &[]);
    }
    check("apiVersion: x.dev/v1\nkind: NoName\n", &["Other@1"], &[]);
}

#[test]
fn kubernetes_kinds_in_the_wrong_version_are_refused() {
    check(
        &bare("v1", "Deployment"),
        &[],
        &["t.yaml:1:13: `Deployment` is not served as `v1` (use `apiVersion: apps/v1`)"],
    );
    check(
        &bare("extensions/v1beta1", "Deployment"),
        &[],
        &[
            "t.yaml:1:13: `Deployment` is not served as `extensions/v1beta1` \
           (use `apiVersion: apps/v1`)",
        ],
    );
    check(
        &bare("apps/v1", "Service"),
        &[],
        &["t.yaml:1:13: `Service` is not served as `apps/v1` (use `apiVersion: v1`)"],
    );
}

#[test]
fn strict_groups_refuse_what_they_do_not_know() {
    let (kinds, messages) = read_all(&bare("meshctl.dev/v1alpha1", "BackendPolcy"));
    assert!(kinds.is_empty());
    assert_eq!(
        messages,
        [
            "t.yaml:2:7: group `meshctl.dev` has no kind `BackendPolcy` that is known here \
          (known kinds: BackendPolicy, TrafficPolicy, AuthorizationPolicy, RateLimitPolicy, \
          Workload, EgressNetwork)"
        ]
    );
    check(
        &bare("gateway.networking.k8s.io/v2", "HTTPRoute"),
        &[],
        &["t.yaml:1:13: `HTTPRoute` has no version `v2` \
           (use `apiVersion: gateway.networking.k8s.io/v1`)"],
    );
    let route = "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata:\n  name: a\n";
    check(
        &format!("{route}spec:\n  rule: []\n"),
        &[],
        &["t.yaml:6:3: unknown field `spec.rule` \
           (fields allowed here: parentRefs, useDefaultGateways, hostnames, rules)"],
    );
    let (_, messages) = read_all(&format!("{route}  lables: {{}}\nspec: {{}}\n"));
    assert_eq!(messages, ["t.yaml:5:3: unknown field `metadata.lables`"]);
    check(
        &format!("{route}spce: {{}}\n"),
        &[],
        &["t.yaml:5:1: unknown field `spce` \
           (fields allowed here: apiVersion, kind, metadata, spec, status)"],
    );
    check(route, &[], &["t.yaml:1:1: `spec` is missing"]);
}

#[test]
fn what_the_standard_has_and_we_do_not_is_said() {
    check(
        &bare("gateway.networking.k8s.io/v1", "UDPRoute"),
        &["NotModelled@1"],
        &["t.yaml:2:7: `UDPRoute` is not modelled and has no effect here"],
    );
    assert!(
        !read(
            "t.yaml",
            &bare("gateway.networking.x-k8s.io/v1alpha1", "XMesh")
        )
        .has_errors()
    );
}

#[test]
fn every_bad_object_is_reported_and_the_good_ones_are_kept() {
    let text = format!(
        "{}---\n{}---\n{}spec: {{ports: [{{port: -1}}]}}\n---\nfoo: 1\n",
        bare("v1", "Namespace"),
        bare("v1", "Deployment"),
        bare("v1", "Service"),
    );
    let (kinds, messages) = read_all(&text);
    assert_eq!(kinds, ["Namespace@1"]);
    assert_eq!(messages.len(), 3, "{messages:?}");
    assert!(
        messages[2].starts_with("t.yaml:14:1: `apiVersion` is missing"),
        "{messages:?}"
    );
}

#[test]
fn items_of_lists_are_resources_at_their_own_lines() {
    check(
        "apiVersion: v1\nkind: ServiceList\nitems:\n- metadata: {name: a}\n  \
         spec: {clusterIP: None}\n\
         - metadata: {name: b}\n  spec: {clusterIP: Non, ports: [{port: x}]}\n",
        &["Service@4"],
        &[
            "t.yaml:7:41: `spec.ports[0].port` is the string \"x\", but a whole number from 1 to \
           65535 is wanted",
        ],
    );
}

#[test]
fn a_text_that_is_no_yaml_is_one_error() {
    check(
        "a: [",
        &[],
        &["t.yaml:1:4: not valid YAML: unclosed bracket '['"],
    );
}
