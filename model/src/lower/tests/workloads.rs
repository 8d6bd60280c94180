//! Endpoints, who of them is in the mesh, and what they listen on.

use super::*;

/// `address health identity` of the endpoints of web, and whether `web-0` has a proxy.
fn endpoints(text: &str, mode: MeshMode) -> (String, bool) {
    let reading = resource::read("m.yaml", text);
    let loaded = load(&reading.resources, mode);
    assert!(loaded.diagnostics.is_empty(), "{:?}", loaded.diagnostics);
    let lowering = lowered(&loaded.index);
    let key = layout::key(&ObjectName::new("shop", "web"), 80);
    let set = &lowering.endpoints.shared()[&key];
    let lines = set.endpoints.iter().map(|endpoint| {
        let meshed = if endpoint.identity.is_some() {
            "meshed"
        } else {
            "plain"
        };
        format!(
            "{} {} {:?} {meshed}",
            endpoint.address, endpoint.name, endpoint.health
        )
    });
    let proxy = lowering.workloads().any(|name| &*name.name == "web-0");
    (lines.collect::<Vec<_>>().join(", "), proxy)
}

fn pod(meta: &str, spec: &str, status: &str) -> String {
    format!(
        "apiVersion: v1
kind: Service
metadata: {{name: web, namespace: shop}}
spec: {{selector: {{app: web}}, ports: [{{port: 80, targetPort: web}}]}}
---
apiVersion: v1
kind: Pod
metadata: {{name: web-0, namespace: shop, labels: {{app: web}}{meta}}}
spec: {{containers: [{{name: app, ports: [{{name: web, containerPort: 8080}}]}}]{spec}}}
status: {{podIP: 10.1.0.1{status}}}
"
    )
}

#[test]
fn endpoints_follow_the_state_of_their_pods() {
    let check = |meta: &str, status: &str, expected: &str| {
        let (seen, _) = endpoints(&pod(meta, "", status), MeshMode::All);
        assert_eq!(seen, expected);
    };
    let ready = "10.1.0.1:8080 shop/web-0";
    check("", "", &format!("{ready} Healthy meshed"));
    let unready = ", conditions: [{type: Ready, status: 'False'}]";
    check("", unready, &format!("{ready} Unhealthy meshed"));
    let terminating = ", deletionTimestamp: '2026-01-01T00:00:00Z'";
    check(terminating, "", &format!("{ready} Draining meshed"));
    check("", ", phase: Succeeded", "");
}

#[test]
fn a_pod_is_in_the_mesh_unless_it_is_not() {
    let check = |namespace: &str, meta: &str, spec: &str, mode: MeshMode, meshed: bool| {
        let namespace =
            format!("---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: shop{namespace}}}\n");
        let text = format!("{}{namespace}", pod(meta, spec, ""));
        let (seen, proxy) = endpoints(&text, mode);
        let expected = if meshed { "meshed" } else { "plain" };
        assert!(seen.ends_with(expected), "{text}: {seen}");
        assert_eq!(proxy, meshed, "{text}");
    };
    let (all, annotated) = (MeshMode::All, MeshMode::Annotated);
    let on = ", annotations: {meshctl.dev/inject: enabled}";
    let off = ", annotations: {meshctl.dev/inject: disabled}";
    let sidecar = ", initContainers: [{name: meshctl-proxy, restartPolicy: Always}]";
    check("", "", "", all, true);
    check("", "", "", annotated, false);
    check("", off, "", all, false);
    check("", on, "", annotated, true);
    check(off, "", "", all, false);
    check(on, "", "", annotated, true);
    check(off, on, "", all, true);
    check(on, off, "", annotated, false);
    check("", "", ", hostNetwork: true", all, false);
    check("", off, sidecar, all, true);
    check("", "", sidecar, annotated, true);
}

#[test]
fn endpoint_slices_go_before_the_selector() {
    let slice = "---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-x, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{port: 9090}]
endpoints:
- {addresses: [10.9.0.2], conditions: {ready: false}}
- {addresses: [10.9.0.3], conditions: {ready: false, serving: true, terminating: true}}
- {addresses: [10.1.0.1], targetRef: {kind: Pod, name: web-0, namespace: shop}, zone: a}
";
    let (seen, _) = endpoints(&format!("{}{slice}", pod("", "", "")), MeshMode::All);
    assert_eq!(
        seen,
        "10.1.0.1:9090 shop/web-0 Healthy meshed, \
         10.9.0.2:9090 shop/web-10.9.0.2 Unhealthy plain, \
         10.9.0.3:9090 shop/web-10.9.0.3 Draining plain"
    );
}

#[test]
fn inbound_ports_come_from_containers_and_services() {
    let text = "\
apiVersion: v1
kind: Service
metadata: {name: a, namespace: shop}
spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: web}]}
---
apiVersion: v1
kind: Service
metadata: {name: b, namespace: shop}
spec:
  selector: {app: web}
  ports: [{name: grpc, port: 80, targetPort: 8080}, {name: tcp, port: 81, targetPort: 9000}]
---
apiVersion: v1
kind: Pod
metadata:
  name: web-0
  namespace: shop
  labels: {app: web}
  annotations: {meshctl.dev/opaque-ports: 7000-7001}
spec:
  containers:
  - name: app
    ports: [{name: web, containerPort: 8080}, {containerPort: 7000}, {containerPort: 5432}]
    readinessProbe: {httpGet: {path: /ready, port: web}}
    livenessProbe: {httpGet: {port: 8081}}
";
    let snapshot = snapshot_of(text, "shop", "web-0");
    let ports: Vec<String> = snapshot
        .inbound
        .ports
        .iter()
        .map(|(number, port)| {
            let services: Vec<_> = port.services.iter().map(|name| &*name.name).collect();
            format!(
                "{number} {:?} {services:?} {:?}",
                port.protocol, port.probe_paths
            )
        })
        .collect();
    assert_eq!(
        ports,
        [
            "5432 Opaque [] []",
            "7000 Opaque [] []",
            // One Service says HTTP/1.1, the other gRPC: only looking tells.
            "8080 Detect [\"a\", \"b\"] [\"/ready\"]",
            "8081 Detect [] [\"/\"]",
            "9000 Opaque [\"b\"] []",
        ]
    );
}
