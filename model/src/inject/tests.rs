use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::*;
use crate::edit::apply;
use crate::index::Inject;
use crate::yaml;

mod annotation;
mod manifests;
mod parts;
mod reasons;
mod route;

fn value(text: &str) -> Value {
    yaml::read("pod.yaml", text).unwrap()[0].to_json()
}

fn config() -> Config {
    Config::new("0.1.0")
}

fn form(pod: &Value) -> impl Fn(&Pointer) -> Form {
    move |at| patch::form(pod, at)
}

fn ask(pod: &Value, kind: &str, namespace: &Settings, config: &Config) -> Decision {
    let question = Question {
        pod: PodView::new(pod),
        owner: Owner {
            kind,
            namespace: "shop",
        },
        namespace,
        form: &form(pod),
    };
    decide(&question, config).unwrap()
}

/// The pod with its sidecar.
fn injected(pod: &Value, config: &Config) -> Value {
    match ask(pod, "Deployment", &Settings::default(), config) {
        Decision::Edit { edits, .. } => {
            let mut after = pod.clone();
            apply(&mut after, &edits).unwrap();
            after
        }
        Decision::Skip(skip) => panic!("skipped: {skip}"),
    }
}

fn names(pod: &Value, list: &str) -> Vec<String> {
    let items = pod["spec"][list].as_array().cloned().unwrap_or_default();
    let names = items.iter().filter_map(|item| item["name"].as_str());
    names.map(str::to_owned).collect()
}

const WEB: &str = "\
metadata: {labels: {app: web}}
spec:
  initContainers: [{name: migrate, image: m}]
  containers:
    - name: web
      image: w
      ports: [{containerPort: 8080, name: http}]
      readinessProbe: {httpGet: {path: /ready, port: http}}
      livenessProbe: {tcpSocket: {port: 8080}}
";

#[test]
fn a_native_sidecar_starts_before_the_users_init_containers() {
    let pod = injected(&value(WEB), &config());
    assert_eq!(
        names(&pod, "initContainers"),
        ["meshctl-init", "meshctl-proxy", "migrate"]
    );
    assert_eq!(names(&pod, "containers"), ["web"]);
    assert_eq!(names(&pod, "volumes"), ["meshctl-identity"]);
    assert_eq!(pod["spec"]["initContainers"][1]["restartPolicy"], "Always");
}

#[test]
fn without_native_sidecars_the_capture_is_last_and_the_proxy_starts_first() {
    let mut config = config();
    config.settings.native = Some(false);
    let pod = injected(&value(WEB), &config);
    assert_eq!(names(&pod, "initContainers"), ["migrate", "meshctl-init"]);
    assert_eq!(names(&pod, "containers"), ["meshctl-proxy", "web"]);
    let proxy = &pod["spec"]["containers"][0];
    assert!(proxy["lifecycle"]["postStart"]["exec"].is_object());
    assert_eq!(proxy.get("restartPolicy"), None);
    let default = &pod["metadata"]["annotations"][DEFAULT_CONTAINER];
    assert_eq!(default, "web", "kubectl would take the proxy");

    config.settings.hold_application = Some(false);
    let pod = injected(&value(WEB), &config);
    assert_eq!(names(&pod, "containers"), ["web", "meshctl-proxy"]);
    assert_eq!(pod["spec"]["containers"][1].get("lifecycle"), None);
}

#[test]
fn a_cni_plugin_leaves_nothing_to_capture() {
    let mut config = config();
    config.cni = true;
    let pod = injected(&value(WEB), &config);
    assert_eq!(names(&pod, "initContainers"), ["meshctl-proxy", "migrate"]);
}

#[test]
fn probes_stay_and_are_told_to_the_proxy() {
    let before = value(WEB);
    let pod = injected(&before, &config());
    assert_eq!(pod["spec"]["containers"], before["spec"]["containers"]);
    let args = &pod["spec"]["initContainers"][1]["args"];
    let args: Vec<&str> = args
        .as_array()
        .unwrap()
        .iter()
        .flat_map(Value::as_str)
        .collect();
    let probes: Vec<&&str> = args.iter().filter(|a| a.starts_with("--probe=")).collect();
    assert_eq!(probes, [&"--probe=tcp:8080", &"--probe=http:8080/ready"]);
}

#[test]
fn every_container_but_the_capture_meets_the_restricted_standard() {
    for native in [true, false] {
        let mut config = config();
        config.settings.native = Some(native);
        let pod = injected(&value(WEB), &config);
        let lists = [&pod["spec"]["initContainers"], &pod["spec"]["containers"]];
        let all = lists.iter().flat_map(|list| list.as_array().unwrap());
        let mut seen = 0;
        for container in all.filter(|c| c["name"].as_str().unwrap().starts_with("meshctl-")) {
            let context = &container["securityContext"];
            assert_eq!(context["allowPrivilegeEscalation"], false);
            assert_eq!(context["capabilities"]["drop"], json!(["ALL"]));
            assert_eq!(context["seccompProfile"]["type"], "RuntimeDefault");
            assert_eq!(context["readOnlyRootFilesystem"], true);
            let capture = container["name"] == INIT_CONTAINER;
            assert_eq!(context["runAsNonRoot"], !capture);
            assert_eq!(context["capabilities"].get("add").is_some(), capture);
            seen += 1;
        }
        assert_eq!(seen, 2);
    }
}

#[test]
fn a_limit_below_the_usual_request_lowers_the_request() {
    let mut config = config();
    config.settings.cpu_limit = Some("5m".to_owned());
    let pod = injected(&value(WEB), &config);
    let resources = &pod["spec"]["initContainers"][1]["resources"];
    assert_eq!(
        resources["requests"],
        json!({"cpu": "5m", "memory": "32Mi"})
    );
    assert_eq!(resources["limits"], json!({"cpu": "5m"}));
}

#[test]
fn what_a_flag_says_about_ports_is_written_down_where_the_mesh_reads_it() {
    let mut config = config();
    let row = annotations::of_flag("skip-outbound-ports").unwrap();
    config.say(row, "3306").unwrap();
    config
        .say(annotations::of_flag("log-level").unwrap(), "debug")
        .unwrap();
    let pod = injected(&value(WEB), &config);
    let annotations = pod["metadata"]["annotations"].as_object().unwrap();
    assert_eq!(annotations["meshctl.dev/skip-outbound-ports"], "3306");
    assert_eq!(annotations.len(), 2);
    let init = &pod["spec"]["initContainers"][0]["args"];
    assert_eq!(*init, json!(["proxy-init", "--skip-outbound-ports=3306"]));
}

#[test]
fn the_annotate_mode_adds_annotations_only() {
    let mut config = config();
    config.mode = Mode::Annotate;
    config
        .say(annotations::of_flag("log-level").unwrap(), "debug")
        .unwrap();
    let before = value(WEB);
    let after = injected(&before, &config);
    assert_eq!(after["spec"], before["spec"]);
    let annotations = after["metadata"]["annotations"].as_object().unwrap();
    assert_eq!(annotations["meshctl.dev/inject"], "enabled");
    assert_eq!(annotations["meshctl.dev/log-level"], "debug");
    assert_eq!(annotations.len(), 3);
}

#[test]
fn what_was_added_can_be_taken_away() {
    let pods = [
        WEB,
        "spec: {containers: [{name: a, image: a}]}",
        "metadata:\nspec: {containers: [{name: a}], volumes: [], initContainers: }",
        "metadata: {annotations: {}}\nspec: {containers: [{name: a}], volumes: [{name: v}]}",
        "metadata: {annotations: {a: b}}\nspec: {containers: [{name: a}], volumes: ~}",
    ];
    for native in [true, false] {
        for text in pods {
            let mut config = config();
            config.settings.native = Some(native);
            let before = value(text);
            let mut pod = injected(&before, &config);
            let marker = Marker::of(PodView::new(&pod)).unwrap().unwrap();
            let undo = marker.undo(PodView::new(&pod));
            apply(&mut pod, &undo).unwrap();
            assert_eq!(pod, before, "{text}");
        }
    }
}

#[test]
fn a_marker_that_names_what_is_not_ours_is_refused() {
    let check = |marker: Value, expected: &str| {
        let pod = json!({"metadata": {"annotations": {INJECTED: marker.to_string()}}});
        let error = Marker::of(PodView::new(&pod)).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    check(json!({"version": "1", "containers": ["web"]}), "`web`");
    check(
        json!({"version": "1", "annotations": ["a.io/b"]}),
        "`a.io/b`",
    );
    check(json!({"version": "1", "filled": {"spec": null}}), "`spec`");
    check(json!({"version": "1", "later": []}), "later");
    check(json!("no"), "cannot be read");
}
