//! Typed kinds, read from manifests as people write them.

use super::*;
use crate::resource::{self, Resource, Spec};

/// The only resource of `text`, which is all right.
#[track_caller]
fn one(text: &str) -> Resource {
    let mut reading = resource::read("t.yaml", text);
    let messages: Vec<String> = reading
        .diagnostics
        .iter()
        .map(ToString::to_string)
        .collect();
    assert!(messages.is_empty(), "{messages:?}");
    assert_eq!(reading.resources.len(), 1, "{text}");
    reading.resources.remove(0)
}

/// What is said about `text`, without the help.
#[track_caller]
fn refuse(text: &str, expected: &[&str]) {
    let reading = resource::read("t.yaml", text);
    let found: Vec<String> = reading
        .diagnostics
        .iter()
        .map(|found| format!("{}: {}", found.line(), found.message))
        .collect();
    assert_eq!(found, expected, "{text}");
}

fn service(spec: &str) -> Service {
    let head = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec:\n";
    match one(&format!("{head}{spec}")).spec {
        Spec::Service(service) => *service,
        other => panic!("{other:?}"),
    }
}

const DEPLOYMENT: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 4
  selector: {matchLabels: {app: web}}
  strategy:
    rollingUpdate: {maxUnavailable: 0}
  template:
    metadata:
      labels: {app: web, version: v1}
      annotations: {note: x}
    spec:
      serviceAccountName: web
      terminationGracePeriodSeconds: 5
      nodeSelector: {topology.kubernetes.io/zone: a}
      initContainers:
      - {name: setup, image: setup}
      - name: cache
        image: cache
        restartPolicy: Always
        ports: [{name: cache, containerPort: 6379}]
      containers:
      - name: web
        image: web:1
        args: [--upstream=http://api:80]
        ports:
        - {name: http, containerPort: 8080}
        - {name: dns, containerPort: 53, protocol: UDP}
        env:
        - {name: API, value: 'http://api:80'}
        - name: TOKEN
          valueFrom: {secretKeyRef: {name: tokens, key: api}}
        - name: IP
          valueFrom: {fieldRef: {fieldPath: status.podIP}}
        envFrom:
        - configMapRef: {name: conf}
        readinessProbe:
          httpGet: {path: /ready, port: http}
          periodSeconds: 2
        resources: {limits: {cpu: 500m, memory: 1Gi}}
";

#[test]
fn a_deployment_is_a_workload_with_all_that_runs_in_its_pods() {
    let workload = one(DEPLOYMENT).workload().unwrap();
    assert_eq!(workload.kind, WorkloadKind::Deployment);
    assert!(workload.kind.is_long_running());
    assert_eq!(workload.replicas, 4);
    assert_eq!(workload.rollout.bounds(workload.replicas), (1, 0));
    let pod = &workload.template.spec;
    assert_eq!(pod.service_account(), "web");
    assert_eq!(pod.termination_grace_seconds(), 5);
    assert_eq!(pod.node_selector[ZONE_LABEL], "a");
    let running: Vec<&str> = pod.running().map(|container| &*container.name).collect();
    assert_eq!(running, ["cache", "web"]);
    assert_eq!(pod.port(&IntOrString::String("http".into())), Some(8080));
    assert_eq!(pod.port(&IntOrString::String("cache".into())), Some(6379));
    assert_eq!(pod.port(&IntOrString::String("dns".into())), None);
    assert_eq!(pod.port(&IntOrString::Int(81)), Some(81));
    let web = &pod.containers[0];
    assert_eq!(web.env_value("API"), Some("http://api:80"));
    let source = web.env[1].value_from.as_ref().unwrap();
    let secret = source.secret_key_ref.as_ref().unwrap();
    assert_eq!((&*secret.name, &*secret.key), ("tokens", "api"));
    assert_eq!(
        web.env_from[0].config_map_ref.as_ref().unwrap().name,
        "conf"
    );
    let probe = web.readiness_probe.as_ref().unwrap();
    assert_eq!(probe.port(), Some(IntOrString::String("http".into())));
    let numbers = (
        probe.period_seconds(),
        probe.timeout_seconds(),
        probe.failure_threshold(),
    );
    assert_eq!(numbers, (2, 1, 3));
    assert_eq!(web.resources.limits["cpu"].milli(), 500);
    assert_eq!(web.resources.limits["memory"].value(), 1 << 30);
}

#[test]
fn every_kind_of_workload_is_one_view() {
    let template =
        "    metadata: {labels: {app: a}}\n    spec: {containers: [{name: a, image: a}]}\n";
    let check = |api: &str, kind: &str, spec: &str, replicas: u32, rollout: RolloutKind| {
        let text = format!(
            "apiVersion: {api}\nkind: {kind}\nmetadata: {{name: a}}\n\
             spec:\n{spec}  template:\n{template}"
        );
        let workload = one(&text).workload().unwrap();
        assert_eq!(workload.kind, WorkloadKind::of(kind).unwrap());
        assert_eq!(workload.replicas, replicas, "{text}");
        assert_eq!(workload.rollout.kind, rollout, "{text}");
        assert_eq!(workload.template.metadata.labels["app"], "a");
        workload
    };
    let selector = "  selector: {matchLabels: {app: a}}\n";
    let rolling = RolloutKind::RollingUpdate;
    check("apps/v1", "Deployment", selector, 1, rolling);
    check(
        "apps/v1",
        "Deployment",
        &format!("{selector}  replicas: 0\n"),
        0,
        rolling,
    );
    let recreate = format!("{selector}  strategy: {{type: Recreate}}\n");
    check("apps/v1", "Deployment", &recreate, 1, RolloutKind::Recreate);
    check("apps/v1", "ReplicaSet", selector, 1, RolloutKind::OnDelete);
    let set = check(
        "apps/v1",
        "StatefulSet",
        &format!("{selector}  serviceName: a\n"),
        1,
        rolling,
    );
    assert!(set.ordered);
    assert_eq!(set.service_name.as_deref(), Some("a"));
    assert_eq!(set.rollout.bounds(3), (0, 1));
    let on_delete = format!("{selector}  updateStrategy: {{type: OnDelete}}\n");
    let daemons = check("apps/v1", "DaemonSet", &on_delete, 1, RolloutKind::OnDelete);
    assert!(daemons.kind.is_per_node());
    let controller = "  replicas: 2\n  selector: {app: a}\n";
    check(
        "v1",
        "ReplicationController",
        controller,
        2,
        RolloutKind::OnDelete,
    );
    let job = check(
        "batch/v1",
        "Job",
        "  parallelism: 3\n  completions: 2\n",
        2,
        RolloutKind::OnDelete,
    );
    assert!(!job.kind.is_long_running());
    check(
        "batch/v1",
        "Job",
        "  suspend: true\n",
        0,
        RolloutKind::OnDelete,
    );
}

#[test]
fn cron_jobs_and_bare_pods_are_workloads_too() {
    let workload = one(
        "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: a}\nspec:\n  \
         schedule: '* * * * *'\n  \
         jobTemplate: {spec: {template: {spec: {containers: [{name: a, image: a}]}}}}\n",
    )
    .workload()
    .unwrap();
    assert_eq!(
        (workload.kind, workload.replicas),
        (WorkloadKind::CronJob, 1)
    );
    let workload = one(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a, labels: {x: z}}\nspec:\n  \
         serviceAccount: old\n  containers: [{name: a, image: a}]\n",
    )
    .workload()
    .unwrap();
    assert_eq!(workload.template.metadata.labels["x"], "z");
    assert_eq!(workload.template.spec.service_account(), "old");
}

#[test]
fn services_say_who_answers_where() {
    let web = service(
        "  selector: {app: web}\n  ports:\n  - {name: http, port: 80, targetPort: web}\n  \
         - {name: grpc, port: 81, appProtocol: kubernetes.io/h2c}\n",
    );
    assert_eq!(web.cluster_ip(), ClusterIp::Assigned);
    assert_eq!(web.ports[0].target(), IntOrString::String("web".into()));
    assert_eq!(web.ports[1].target(), IntOrString::Int(81));
    assert_eq!(
        web.port(&IntOrString::String("grpc".into()))
            .unwrap()
            .port
            .get(),
        81
    );
    assert_eq!(
        web.ports[1].app_protocol.as_deref(),
        Some("kubernetes.io/h2c")
    );
    assert!(service("  clusterIP: None\n").is_headless());
    let given = service("  clusterIPs: [10.0.0.1, '::1']\n  ports: [{port: 80}]\n");
    assert_eq!(given.cluster_ip(), ClusterIp::Given("10.0.0.1"));
    let external = service("  type: ExternalName\n  externalName: example.org\n");
    assert_eq!(external.kind, ServiceType::ExternalName);
    let near = service("  trafficDistribution: PreferClose\n  ports: [{port: 80}]\n");
    assert_eq!(
        near.traffic_distribution,
        Some(TrafficDistribution::PreferSameZone)
    );
}

#[test]
fn services_that_the_api_server_refuses_are_refused() {
    let check = |spec: &str, expected: &[&str]| {
        let head = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec:\n";
        refuse(&format!("{head}{spec}"), expected);
    };
    check("  ports: []\n", &["5: `spec.ports` is missing"]);
    check(
        "  ports:\n  - port: 80\n  - port: 80\n    name: b\n",
        &[
            "6: each port of a Service with several ports needs a `name`",
            "7: two ports have the number 80",
        ],
    );
    check(
        "  ports:\n  - {port: 80, name: a, targetPort: 70000}\n  - {port: 81, name: a}\n",
        &[
            "6: 70000 is not a port: allowed is 1 to 65535",
            "7: two ports are named `a`",
        ],
    );
    check(
        "  ports: [{port: 80, targetPort: Web_1}]\n",
        &["5: `Web_1` cannot be the name of a container's port"],
    );
    check(
        "  type: ExternalName\n",
        &["4: a Service of type ExternalName needs `spec.externalName`"],
    );
    check(
        "  ports: [{port: 0}]\n",
        &["5: `spec.ports[0].port`: 0 is out of range: allowed is a whole number from 1 to 65535"],
    );
    check(
        "  type: clusterIP\n",
        &["5: `spec.type` has the value `clusterIP`, which is not known"],
    );
    check(
        "  selector: {app: 1}\n",
        &["5: `spec.selector.app` is the number 1, but a string is wanted"],
    );
}

#[test]
fn workloads_that_the_api_server_refuses_are_refused() {
    refuse(
        &DEPLOYMENT.replace("matchLabels: {app: web}", "matchLabels: {app: other}"),
        &["6: `spec.selector` does not match the labels of `spec.template`"],
    );
    refuse(
        &DEPLOYMENT.replace("  selector: {matchLabels: {app: web}}\n", ""),
        &["4: `spec.selector` is missing"],
    );
    refuse(
        &DEPLOYMENT.replace("name: cache\n", "name: web\n"),
        &["24: two containers are named `web`"],
    );
    refuse(
        &DEPLOYMENT.replace("name: http, ", "name: http-metrics-port, "),
        &["28: `http-metrics-port` cannot be the name of a port"],
    );
    refuse(
        &DEPLOYMENT.replace("replicas: 4", "replicas: -1"),
        &["5: `spec.replicas`: -1 is out of range: allowed is a whole number from 0 to 4294967295"],
    );
    refuse(
        &DEPLOYMENT.replace("version: v1", "version: 1.0"),
        &["11: `spec.template.metadata.labels.version` is the number 1, but a string is wanted"],
    );
    refuse(
        &DEPLOYMENT.replace("version: v1", "version: 'a b'"),
        &["11: `a b` cannot be the value of a label"],
    );
    refuse(
        &DEPLOYMENT.replace("name: web, labels", "name: Web, labels"),
        &["3: `Web` cannot be a name"],
    );
    refuse(
        "apiVersion: v1\nkind: Pod\nmetadata: {generateName: a-}\nspec: {}\n",
        &["4: `spec.containers` is missing"],
    );
    refuse(
        &DEPLOYMENT.replace("value: 'http://api:80'", "value: 80"),
        &[
            "31: `spec.template.spec.containers[0].env[0].value` is the number 80, but a string is \
             wanted",
        ],
    );
}

#[test]
fn slices_configs_and_secrets_are_read() {
    let slice = one(
        "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata:\n  name: web-1\n  \
         labels: {kubernetes.io/service-name: web}\naddressType: IPv4\nports: [{name: http, port: \
         8080}]\nendpoints:\n- addresses: [10.0.0.1]\n  conditions: {ready: false, terminating: \
         true}\n  zone: a\n- addresses: [10.0.0.2]\n",
    );
    let Spec::EndpointSlice(slice) = slice.spec else {
        panic!("{slice:?}")
    };
    let ready: Vec<bool> = slice
        .endpoints
        .iter()
        .map(|one| one.conditions.is_ready())
        .collect();
    assert_eq!(ready, [false, true]);
    assert!(slice.endpoints[0].conditions.is_terminating());
    assert!(!slice.endpoints[0].conditions.is_serving());

    let secret = one(
        "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {a: aGk=, b: eA==}\nstringData: \
         {b: plain}\n",
    );
    let Spec::Secret(secret) = secret.spec else {
        panic!("{secret:?}")
    };
    assert_eq!(secret.value("a"), Some(&b"hi"[..]));
    assert_eq!(secret.value("b"), Some(&b"plain"[..]));
    assert_eq!(secret.keys().collect::<Vec<_>>(), ["a", "b"]);
    assert!(!format!("{secret:?}").contains("plain"));
    refuse(
        "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {a: hello}\n",
        &["4: `data.a`: not valid base64, plain text belongs in `stringData`"],
    );

    let config = one("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {a: b, c: }\n");
    let Spec::ConfigMap(config) = config.spec else {
        panic!("{config:?}")
    };
    assert_eq!((&*config.data["a"], &*config.data["c"]), ("b", ""));
}

#[test]
fn quantities_are_kubernetes_amounts() {
    for (text, milli) in [
        ("0", 0),
        ("100m", 100),
        ("1", 1000),
        ("1.5", 1500),
        (".5", 500),
        ("2.", 2000),
        ("1k", 1_000_000),
        ("1Ki", 1_024_000),
        ("1.5Gi", 1_610_612_736_000),
        ("1e3", 1_000_000),
        ("1E-3", 1),
        ("1n", 1),
        ("-1", -1000),
        ("+1u", 1),
    ] {
        assert_eq!(
            Quantity::parse(text).map(Quantity::milli),
            Some(milli),
            "{text}"
        );
    }
    for text in [
        "", "m", "1 Gi", "1gi", "1.2.3", "e3", "1e", "0x1", "1e1.5", "--1",
    ] {
        assert_eq!(Quantity::parse(text), None, "{text}");
    }
    assert_eq!(
        Quantity::parse("1E2147483647").map(Quantity::milli),
        Some(i128::MAX)
    );
    assert_eq!(Quantity::parse("1500m").map(Quantity::value), Some(2));
}

#[test]
fn shares_round_as_the_controllers_round() {
    let of = |text: &str, total, up| IntOrString::String(text.into()).of(total, up);
    assert_eq!(of("25%", 10, true), Some(3));
    assert_eq!(of("25%", 10, false), Some(2));
    assert_eq!(of("100%", u32::MAX, true), Some(u32::MAX));
    assert_eq!(of("http", 10, true), None);
    assert_eq!(IntOrString::Int(3).of(10, true), Some(3));
    assert_eq!(IntOrString::Int(-3).of(10, true), Some(0));
}
