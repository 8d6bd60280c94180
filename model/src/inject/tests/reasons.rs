//! Every reason why a pod gets no proxy.

use super::*;

fn reason(text: &str, kind: &str, config: &Config) -> Option<&'static str> {
    let pod = value(text);
    match ask(&pod, kind, &Settings::default(), config) {
        Decision::Skip(skip) => Some(skip.id()),
        Decision::Edit { .. } => None,
    }
}

#[test]
fn every_reason_is_found() {
    let check = |text: &str, expected: Option<&str>| {
        assert_eq!(reason(text, "Deployment", &config()), expected, "{text}");
    };
    let containers = "containers: [{name: a, image: a}]";
    let spec = |fields: &str| format!("spec: {{{containers}, {fields}}}");
    check(&format!("spec: {{{containers}}}"), None);
    check(&spec("hostNetwork: true"), Some("host-network"));
    check(&spec("hostNetwork: false"), None);
    check(&spec("os: {name: windows}"), Some("windows"));
    check(
        &spec("nodeSelector: {kubernetes.io/os: windows}"),
        Some("windows"),
    );
    check(&spec("nodeSelector: {kubernetes.io/os: linux}"), None);
    check("spec: {}", Some("no-template"));
    check("spec: {containers: []}", Some("no-template"));
    check("spec: {containers: {a: b}}", Some("no-template"));
    check("metadata: {}", Some("no-template"));
    check(
        &spec("volumes: [{name: meshctl-identity}]"),
        Some("own-sidecar"),
    );
    let said = |word: &str| {
        format!("metadata: {{annotations: {{meshctl.dev/inject: {word}}}}}\nspec: {{{containers}}}")
    };
    check(&said("disabled"), Some("opted-out"));
    check(&said("enabled"), None);
    let container = |fields: &str| format!("spec: {{containers: [{{{fields}}}]}}");
    check(
        &container("name: istio-proxy, image: auto"),
        Some("foreign-sidecar"),
    );
    check(&container("name: linkerd-proxy"), Some("foreign-sidecar"));
    check(
        &container("name: p, image: 'cr.l5d.io/linkerd/proxy:edge'"),
        Some("foreign-sidecar"),
    );
    check(
        &container("name: p, image: 'a:5000/istio/proxyv2@sha256:0'"),
        Some("foreign-sidecar"),
    );
    check(&container("name: p, image: 'my-istio/proxyv2'"), None);
    check(&container("name: meshctl-proxy"), Some("own-sidecar"));
    check(
        &container("name: a, ports: [{containerPort: 14006}]"),
        Some("port-taken"),
    );
    check(
        &container("name: a, ports: [{containerPort: 14006, protocol: UDP}]"),
        None,
    );
    let init = "spec: {containers: [{name: a}], initContainers: [{name: kuma-init}]}";
    check(init, Some("foreign-sidecar"));
}

#[test]
fn a_pod_that_ends_takes_only_a_native_sidecar() {
    let mut beside = config();
    beside.settings.native = Some(false);
    let text = "spec: {containers: [{name: a}], restartPolicy: Never}";
    let plain = "spec: {containers: [{name: a}]}";
    assert_eq!(reason(text, "Pod", &config()), None);
    assert_eq!(reason(text, "Pod", &beside), Some("never-ends"));
    assert_eq!(reason(plain, "Job", &config()), None);
    assert_eq!(reason(plain, "Job", &beside), Some("never-ends"));
    assert_eq!(reason(plain, "Deployment", &beside), None);
    // The webhook decides about native sidecars later.
    beside.mode = Mode::Annotate;
    assert_eq!(reason(plain, "Job", &beside), None);
}

#[test]
fn namespaces_decide_for_pods_that_say_nothing() {
    let pod = |word: Option<&str>| match word {
        Some(word) => value(&format!(
            "metadata: {{labels: {{meshctl.dev/inject: {word}}}}}\nspec: {{containers: [{{name: a}}]}}"
        )),
        None => value("spec: {containers: [{name: a}]}"),
    };
    let check = |own, namespace, system: bool, unset: bool, expected: Option<&str>| {
        let mut config = config();
        config.unset = unset;
        let settings = Settings {
            inject: namespace,
            ..Settings::default()
        };
        let pod = pod(own);
        let question = Question {
            pod: PodView::new(&pod),
            owner: Owner {
                kind: "Deployment",
                namespace: if system { "kube-system" } else { "shop" },
            },
            namespace: &settings,
            form: &form(&pod),
        };
        let seen = match decide(&question, &config).unwrap() {
            Decision::Skip(skip) => Some(skip.id()),
            Decision::Edit { .. } => None,
        };
        assert_eq!(seen, expected, "{own:?} {namespace:?} {system} {unset}");
    };
    let (yes, no) = (Some(Inject::Enabled), Some(Inject::Disabled));
    check(None, None, false, true, None);
    check(None, None, false, false, Some("not-asked"));
    check(None, yes, false, false, None);
    check(None, no, false, true, Some("opted-out"));
    check(Some("enabled"), no, false, false, None);
    check(Some("disabled"), yes, false, true, Some("opted-out"));
    check(None, None, true, true, Some("system-namespace"));
    check(None, yes, true, true, None);
    check(Some("enabled"), None, true, true, None);
}

#[test]
fn a_container_that_runs_as_the_proxy_is_warned_about() {
    let text = "spec: {securityContext: {runAsUser: 14100}, containers: [{name: a}, \
                {name: b, securityContext: {runAsUser: 1}}]}";
    let Decision::Edit { warnings, .. } = ask(&value(text), "Pod", &Settings::default(), &config())
    else {
        panic!("skipped");
    };
    assert_eq!(warnings.len(), 1);
    assert!(
        warnings[0].contains("container a runs as user 14100"),
        "{warnings:?}"
    );
}
