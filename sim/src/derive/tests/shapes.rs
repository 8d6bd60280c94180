//! Small manifests, one shape each.

use super::*;

fn has(derived: &Derived, what: &str, means: &str) {
    let found = derived
        .not_modelled
        .iter()
        .any(|n| n.what.contains(what) && n.means.contains(means));
    assert!(found, "{what}, {means}: {:#?}", derived.not_modelled);
}

fn calls(derived: &Derived) -> Vec<String> {
    let apps = derived.scenario.spec.apps.iter();
    apps.flat_map(|app| app.calls.iter().map(|call| call.to.to_string()))
        .collect()
}

fn loads(derived: &Derived) -> Vec<String> {
    let loads = derived.scenario.spec.load.iter();
    loads.map(|l| format!("{}>{}", l.from, l.to)).collect()
}

/// A client and Services `web` (HTTP) and `rpc` (gRPC); `container` is flow YAML.
#[track_caller]
fn check(container: &str, expected: &[&str]) -> Derived {
    let text = manifests("deploy web\n svc web 80/http\n deploy rpc\n svc rpc 50051/grpc")
        + &format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: client, namespace: shop}}\nspec: \
             {{selector: {{app: client}}, ports: [{{name: http, port: 80}}]}}\n---\n\
             apiVersion: v1\nkind: Pod\nmetadata: {{name: client, namespace: shop, labels: {{app: \
             client}}}}\nspec:\n  containers: [{{name: c, image: i, {container}}}]\n"
        );
    let derived = derived_from(&text);
    assert_eq!(calls(&derived), expected, "{container}");
    derived
}

#[test]
fn pairs_flags_and_references_are_read() {
    let web = &["http://web/"];
    check(
        "env: [{name: B_HOST, value: web}, {name: B_PORT, value: \"80\"}]",
        web,
    );
    check("args: [--backend-host, web]", web);
    check("args: [--backend-host=web, --backend-port=80]", web);
    check("command: [sh, -c, \"exec app --url=http://web\"]", web);
    let variables = "env: [{name: X, value: \"$(WEB_SERVICE_HOST):$(WEB_SERVICE_PORT)\"}]";
    check(variables, web);
    let nested = "env: [{name: A, value: web}, {name: X, value: \"http://$(A)/v1\"}]";
    check(nested, &["http://web/v1"]);
    let file = "env: [{name: F, value: \"backend:\\n  host: rpc\\n  port: 50051\\n\"}]";
    check(file, &["grpc://rpc:50051/meshctl.Derived/Call"]);
}

#[test]
fn what_is_configured_and_not_asked_is_said() {
    for (name, value, means) in [
        ("API", "https://web:80/", "encrypts by itself"),
        ("API", "http://web:81/", "no such TCP port"),
        (
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "http://rpc:50051",
            "telemetry",
        ),
    ] {
        let container = format!("env: [{{name: {name}, value: \"{value}\"}}]");
        has(&check(&container, &[]), "calls of shop/Pod/client", means);
    }
    for name in ["NO_PROXY", "ALLOWED_HOSTS", "CORS_ORIGIN"] {
        let container = format!("env: [{{name: {name}, value: \"web,rpc\"}}]");
        let derived = check(&container, &[]);
        assert!(
            !derived
                .not_modelled
                .iter()
                .any(|n| n.what.contains("calls"))
        );
    }
}

#[test]
fn sidecars_among_the_init_containers_call_and_others_do_not() {
    let of = |policy: &str| {
        let text = manifests("deploy web\n svc web 80/http\n svc client 80/http");
        let pod = format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: client, namespace: shop, labels: {{app: \
             client}}}}\nspec:\n  initContainers: [{{name: w, image: i, args: [\"web:80\"]{policy}}}]\n  \
             containers: [{{name: c, image: i}}]\n"
        );
        calls(&derived_from(&(text + &pod)))
    };
    assert_eq!(of(""), Vec::<String>::new());
    assert_eq!(of(", restartPolicy: Always"), ["http://web/"]);
}

#[test]
fn a_cycle_is_opened_where_users_come_in() {
    let short = "deploy a NEXT_URL=http://b\n svc a 80/http\n deploy b NEXT_URL=http://a\n\
                 svc b 80/http";
    let text = manifests(short);
    assert_eq!(calls(&derived_from(&text)), ["http://b/"]);
    let outward = text.replace(
        "  selector: {app: b}\n  ports",
        "  type: NodePort\n  selector: {app: b}\n  ports",
    );
    let derived = derived_from(&outward);
    assert_eq!(calls(&derived), ["http://a/"]);
    // `z` is called by nobody, so the walk begins there and not with `a`.
    let third = manifests("deploy z NEXT_URL=http://b\n svc z 80/http") + &text;
    assert_eq!(calls(&derived_from(&third)), ["http://a/", "http://b/"]);
}

#[test]
fn services_without_pods_get_no_load_and_no_calls() {
    let text = manifests(
        "deploy web A_URL=http://empty B_URL=http://idle C_URL=http://outer\n svc web 80/http\n\
         svc empty 80/http\n deploy idle\n svc idle 80/http",
    );
    let text = text.replace(
        "  selector: {matchLabels: {app: idle}}",
        "  replicas: 0\n  selector: {matchLabels: {app: idle}}",
    ) + "apiVersion: v1\nkind: Service\nmetadata: {name: outer, namespace: shop}\nspec: {type: \
         ExternalName, externalName: a.example.com}\n";
    let derived = derived_from(&text);
    assert_eq!(loads(&derived), ["outside>http://web.shop/"]);
    assert_eq!(calls(&derived), Vec::<String>::new());
    for (name, why) in [
        ("empty", "no pod of the manifests"),
        ("idle", "0 replicas"),
        ("outer", "outside of the cluster"),
    ] {
        has(&derived, &format!("Service shop/{name} ("), why);
        has(&derived, &format!("to Service shop/{name} port 80"), "");
    }
}

#[test]
fn workloads_without_replicas_alone_are_refused() {
    let text =
        manifests("deploy web").replace("spec:\n  selector", "spec:\n  replicas: 0\n  selector");
    let resources = model::resource::read("m.yaml", &text).resources;
    let error = derive(&resources, &[]).unwrap_err();
    assert!(error.message.contains("0 replicas"), "{error}");
}

#[test]
fn huge_replica_counts_are_lowered_and_said() {
    let text = manifests("deploy a\n svc a 80/http\n deploy b\n svc b 80/http").replacen(
        "spec:\n  selector: {matchLabels",
        "spec:\n  replicas: 2000000000\n  selector: {matchLabels",
        1,
    );
    let derived = derived_from(&text);
    let limit = &derived.replicas[0];
    assert_eq!(
        (limit.wanted, limit.taken, derived.replicas.len()),
        (2_000_000_000, 999, 1)
    );
    let written = write(&derived.scenario).unwrap();
    assert!(
        written.contains("--set Deployment/shop/a:spec.replicas=999"),
        "{written}"
    );
    let mut resources = model::resource::read("m.yaml", &text).resources;
    limit.apply(&mut resources);
    let workloads = resources.iter().filter_map(Resource::workload);
    assert_eq!(workloads.map(|w| w.replicas).collect::<Vec<_>>(), [999, 1]);
}

#[test]
fn what_other_objects_make_is_no_app() {
    let owned = "apiVersion: apps/v1\nkind: ReplicaSet\nmetadata:\n  name: web-1\n  namespace: \
                 shop\n  ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: web, uid: u, \
                 controller: true}]\nspec:\n  selector: {matchLabels: {app: web}}\n  template:\n    \
                 metadata: {labels: {app: web}}\n    spec: {containers: [{name: c, image: i}]}\n";
    let both = derived_from(&(manifests("deploy web") + owned));
    assert_eq!(both.scenario.spec.apps.len(), 1);
    has(&both, "1 of kind ReplicaSet", "made by other objects");
    assert_eq!(derived_from(owned).scenario.spec.apps.len(), 1);
}

#[test]
fn load_generators_send_even_if_a_service_shows_their_pages() {
    let short =
        "deploy web\n svc web 80/http\n deploy locust T_URL=http://web\n svc locust 8089/http";
    let derived = derived_from(&manifests(short));
    assert_eq!(loads(&derived), ["shop/Deployment/locust>http://web/"]);
}

#[test]
fn users_ask_no_port_for_metrics_or_administration() {
    let text = "apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop}\nspec: \
                {selector: {app: web}, ports: [{name: metrics, port: 1000}, {name: http-admin, port: \
                2000}, {name: web, port: 8080}, {name: https, port: 443}]}\n---\n";
    let derived = derived_from(&(manifests("deploy web") + text));
    assert_eq!(loads(&derived), ["outside>http://web.shop:8080/"]);
    let only = text.replace(", {name: web, port: 8080}, {name: https, port: 443}", "");
    let derived = derived_from(&(manifests("deploy web") + &only));
    assert_eq!(loads(&derived), Vec::<String>::new());
    has(&derived, "Service shop/web", "metrics");
}

#[test]
fn grpc_is_known_by_its_probe() {
    let text = "apiVersion: v1\nkind: Pod\nmetadata: {name: rpc, labels: {app: rpc}}\nspec:\n  \
                containers: [{name: c, image: i, ports: [{name: p, containerPort: 9}], \
                readinessProbe: {grpc: {port: 9}}}]\n---\napiVersion: v1\nkind: Service\nmetadata: \
                {name: rpc}\nspec: {selector: {app: rpc}, ports: [{port: 80, targetPort: p}]}\n";
    let derived = derived_from(text);
    assert_eq!(
        loads(&derived),
        ["outside>grpc://rpc.default/meshctl.Derived/Call"]
    );
}
