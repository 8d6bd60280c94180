//! What `meshctl inject` writes is what runs: its capture and its proxy, with the arguments and the
//! environment of an injected pod, in network namespaces of the test.

use std::fs;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::common::Place;

const PATIENCE: Duration = Duration::from_secs(20);

/// Two pods on one wire, each in a namespace of its own.
struct Wire {
    names: [String; 2],
}

/// A process that is killed when dropped.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        for name in &self.names {
            let _ = Command::new("ip").args(["netns", "del", name]).output();
        }
    }
}

fn run(command: &[&str]) -> Output {
    Command::new(command[0])
        .args(&command[1..])
        .output()
        .unwrap()
}

fn must(command: &[&str]) -> String {
    let output = run(command);
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {err}");
    String::from_utf8(output.stdout).unwrap()
}

impl Wire {
    /// `tag` tells the wires of several tests apart.
    fn new(tag: &str) -> Self {
        let id = std::process::id();
        let wire = Self {
            names: [format!("mc-{tag}-a-{id}"), format!("mc-{tag}-b-{id}")],
        };
        let [a, b] = &wire.names;
        for name in [a, b] {
            must(&["ip", "netns", "add", name]);
        }
        let link = ["ip", "link", "add", "eth0", "netns", a, "type", "veth"];
        must(&[&link[..], &["peer", "name", "eth0", "netns", b]].concat());
        for (i, name) in wire.names.iter().enumerate() {
            let (own, other) = (format!("10.77.0.{}", i + 1), format!("10.77.0.{}", 2 - i));
            let own6 = format!("fd77::{}/64", i + 1);
            for command in [
                &["addr", "add", &format!("{own}/24"), "dev", "eth0"][..],
                &["addr", "add", &own6, "dev", "eth0", "nodad"],
                &["link", "set", "lo", "up"],
                &["link", "set", "eth0", "up"],
                &["route", "add", "default", "via", &other],
            ] {
                must(&[&["ip", "-n", name][..], command].concat());
            }
        }
        wire
    }

    /// Runs a command in the namespace of pod 0 or 1.
    fn inside(&self, pod: usize, command: &[&str]) -> Output {
        run(&[&["ip", "netns", "exec", &self.names[pod]][..], command].concat())
    }

    fn spawn(&self, pod: usize, command: &[&str], log: &str) -> Process {
        let log = fs::File::create(log).unwrap();
        let child = Command::new("ip")
            .args(["netns", "exec", &self.names[pod]])
            .args(command)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn();
        Process(child.unwrap())
    }

    /// What `curl` in the pod prints; empty until `expected` is in it or patience ends.
    fn curl(&self, pod: usize, args: &[&str], expected: &str) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            let curl = [&["curl", "-sS", "-m", "5"][..], args].concat();
            let output = self.inside(pod, &curl);
            let out = String::from_utf8_lossy(&output.stdout).into_owned();
            if out.contains(expected) || Instant::now() > until {
                return format!("{out}{}", String::from_utf8_lossy(&output.stderr));
            }
            thread::sleep(Duration::from_millis(100));
        }
    }
}

/// Answers its name and who called, as its proxy proved it.
const APP: &str = "
import http.server, socket, sys
class H(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def do_GET(self):
        who = self.headers.get('x-forwarded-client-cert') or 'somebody'
        body = (sys.argv[1] + ' for ' + who + '\\n').encode()
        self.send_response(200)
        self.send_header('content-length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *a): pass
class S(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6
S(('::', 8080), H).serve_forever()
";

const MESH: &str = "\
apiVersion: v1
kind: Service
metadata: {name: NAME, namespace: shop}
spec: {clusterIP: CLUSTERIP, selector: {app: NAME}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: NAME, namespace: shop}
spec:
  selector: {matchLabels: {app: NAME}}
  template:
    metadata:
      labels: {app: NAME}
      annotations: {meshctl.dev/identity: secret/NAME-tls}
    spec:
      serviceAccountName: NAME
      containers:
        - name: app
          image: app
          ports: [{containerPort: 8080}]
---
apiVersion: v1
kind: Pod
metadata: {name: NAME-7d4b9-x2x9z, namespace: shop, labels: {app: NAME}}
spec:
  serviceAccountName: NAME
  containers: [{name: app, image: app, ports: [{containerPort: 8080}]}]
status: {podIP: PODIP, phase: Running}
---
";

const STRICT: &str = "\
apiVersion: meshctl.dev/v1alpha1
kind: AuthorizationPolicy
metadata: {name: strict, namespace: shop}
spec:
  targetRefs: [{kind: Namespace, name: shop}]
  peerAuthentication: {mtls: Strict}
";

const PODS: [(&str, &str, &str); 2] = [
    ("web", "10.77.0.1", "10.96.0.1"),
    ("api", "10.77.0.2", "10.96.0.2"),
];

/// The arguments of a container, with its environment filled in as the kubelet does.
fn arguments(container: &Value, pod: &str) -> Vec<String> {
    let args = container["args"].as_array().unwrap().iter();
    let args = args.map(|arg| arg.as_str().unwrap());
    let filled = args.map(|arg| {
        let arg = arg
            .replace("$(POD_NAMESPACE)", "shop")
            .replace("$(POD_NAME)", pod);
        assert!(!arg.contains("$("), "{arg}: not in the environment");
        arg
    });
    filled.collect()
}

/// The containers that injection adds to `name`: the capture and the proxy.
fn injected(place: &Place, name: &str) -> (Value, Value) {
    let out = place.run(&["inject", "-f", &format!("mesh/{name}.yaml")]);
    assert_eq!(out.code, 0, "{}", out.shown());
    for document in serde_yaml::Deserializer::from_str(&out.stdout) {
        let value: Value = serde::Deserialize::deserialize(document).unwrap();
        if value["kind"] != "Deployment" {
            continue;
        }
        let spec = &value["spec"]["template"]["spec"];
        let all = ["initContainers", "containers"].into_iter();
        let all = all.flat_map(|key| spec[key].as_array().cloned().unwrap_or_default());
        let find = |wanted: &str| all.clone().find(|c| c["args"][0] == wanted).unwrap();
        return (find("proxy-init"), find("proxy"));
    }
    panic!("no Deployment in {}", out.stdout)
}

/// Starts an injected pod: capture, proxy, application.
fn start(place: &Place, wire: &Wire, index: usize, backend: &str) -> Vec<Process> {
    let (name, ..) = PODS[index];
    let pod = format!("{name}-7d4b9-x2x9z");
    let (capture, proxy) = injected(place, name);
    let meshctl = place.path("meshctl").display().to_string();
    let init = arguments(&capture, &pod);
    let init: Vec<&str> = init.iter().map(String::as_str).collect();
    // Twice: applied again, the rules replace themselves.
    for _ in 0..2 {
        let command = [&[meshctl.as_str()][..], &init, &["--backend", backend]].concat();
        let out = wire.inside(index, &command);
        assert!(
            out.status.success(),
            "{}",
            String::from_utf8_lossy(&out.stderr)
        );
    }
    let uid = proxy["securityContext"]["runAsUser"].to_string();
    let args = arguments(&proxy, &pod).join(" ");
    // The volume of the pod, and its user.
    let script = format!(
        "mount -t tmpfs tmpfs /run && mkdir -p /run/meshctl/identity && \
         cp certs/{name}/* /run/meshctl/identity/ && chown -R {uid} /run/meshctl && \
         exec setpriv --reuid {uid} --regid {uid} --clear-groups {meshctl} {args} -f mesh"
    );
    let dir = place.path("").display().to_string();
    let script = format!("cd {dir} && {script}");
    let log = |what: &str| {
        place
            .path(&format!("{name}.{what}.log"))
            .display()
            .to_string()
    };
    let proxy = wire.spawn(
        index,
        &["unshare", "-m", "bash", "-c", &script],
        &log("proxy"),
    );
    let app = wire.spawn(index, &["python3", "-c", APP, name], &log("app"));
    vec![proxy, app]
}

fn mesh(strict: bool) -> Place {
    let place = Place::new();
    for (name, ip, service) in PODS {
        let text = MESH.replace("NAME", name).replace("PODIP", ip);
        place.file(
            &format!("mesh/{name}.yaml"),
            text.replace("CLUSTERIP", service),
        );
    }
    if strict {
        place.file("mesh/strict.yaml", STRICT);
    }
    assert_eq!(place.run(&["ca", "init", "ca"]).code, 0);
    for (name, ..) in PODS {
        let (account, out) = (format!("shop/{name}"), format!("certs/{name}"));
        assert_eq!(
            place
                .run(&["ca", "issue", &account, "--ca", "ca", "--out", &out])
                .code,
            0
        );
    }
    // The user of the proxy has to be able to start it.
    fs::copy(env!("CARGO_BIN_EXE_meshctl"), place.path("meshctl")).unwrap();
    place
}

fn logs(place: &Place) -> String {
    let read = |name: &str| fs::read_to_string(place.path(&format!("{name}.proxy.log")));
    format!("{:?}\n{:?}", read("web"), read("api"))
}

fn traffic_passes_both_ways(backend: &str) {
    let place = mesh(true);
    let wire = Wire::new(&backend[..2]);
    let _pods = [
        start(&place, &wire, 0, backend),
        start(&place, &wire, 1, backend),
    ];
    let san = |name: &str| format!("URI=spiffe://cluster.local/ns/shop/sa/{name}");
    // To the Service's address, and to the pod itself.
    for (from, to) in [(0, 1), (1, 0)] {
        let (name, ip, service) = PODS[to];
        let expected = san(PODS[from].0);
        for url in [format!("http://{service}/"), format!("http://{ip}:8080/")] {
            let answer = wire.curl(from, &[&url], &expected);
            let logs = logs(&place);
            assert!(
                answer.starts_with(&format!("{name} for ")),
                "{url}: {answer}\n{logs}"
            );
            assert!(answer.contains(&expected), "{url}: {answer}\n{logs}");
        }
    }
    // The health of a pod can be asked from elsewhere, its administration cannot.
    let ready = wire.curl(0, &["http://10.77.0.2:14020/ready"], "ready");
    assert_eq!(ready, "ready\n");
    let admin = wire.curl(1, &["http://127.0.0.1:14000/certificates"], "notAfter");
    assert!(
        admin.contains("spiffe://cluster.local/ns/shop/sa/api"),
        "{admin}"
    );
    // What is not captured any more gets nowhere under Strict: it is plain text.
    let meshctl = place.path("meshctl").display().to_string();
    let clean = [&meshctl, "proxy-init", "--clean-up", "--backend", backend];
    for _ in 0..2 {
        assert!(wire.inside(0, &clean).status.success());
    }
    let refused = wire.curl(0, &["-w", "%{http_code}", "http://10.77.0.2:8080/"], "403");
    assert!(refused.contains("403"), "{refused}");
}

#[test]
#[ignore = "needs root"]
fn an_injected_pod_is_captured_with_nftables_and_speaks_mutual_tls_both_ways() {
    traffic_passes_both_ways("nftables");
}

#[test]
#[ignore = "needs root"]
fn an_injected_pod_is_captured_with_iptables_and_speaks_mutual_tls_both_ways() {
    traffic_passes_both_ways("iptables");
}

#[test]
#[ignore = "needs root"]
fn what_is_excluded_is_not_captured() {
    let place = mesh(false);
    let wire = Wire::new("ex");
    let meshctl = place.path("meshctl").display().to_string();
    let server = ["python3", "-c", APP, "plain"];
    let _app = wire.spawn(1, &server, &place.path("app.log").display().to_string());
    let reach = |url: &str| wire.curl(0, &["-g", "-m", "2", url], "plain");
    assert!(reach("http://10.77.0.2:8080/").contains("plain for somebody"));
    assert!(reach("http://[fd77::2]:8080/").contains("plain for somebody"));
    for backend in ["nftables", "iptables"] {
        let init = |more: &[&str]| {
            let command = [
                &[meshctl.as_str(), "proxy-init", "--backend", backend][..],
                more,
            ];
            let out = wire.inside(0, &command.concat());
            assert!(
                out.status.success(),
                "{}",
                String::from_utf8_lossy(&out.stderr)
            );
        };
        // Nobody listens where connections are redirected to: refused means captured.
        let captured = |url: &str| {
            let curl = ["curl", "-sS", "-g", "-m", "2", url];
            !wire.inside(0, &curl).status.success()
        };
        let (v4, v6) = ("http://10.77.0.2:8080/", "http://[fd77::2]:8080/");
        init(&[]);
        assert!(captured(v4) && captured(v6), "{backend}");
        init(&["--skip-outbound-ports", "8000-8100"]);
        assert!(!captured(v4) && !captured(v6), "{backend}");
        init(&["--skip-outbound-cidrs", "10.77.0.0/24"]);
        assert!(!captured(v4) && captured(v6), "{backend}");
        init(&["--outbound-cidrs", "10.77.0.0/24"]);
        assert!(captured(v4) && !captured(v6), "{backend}");
        init(&["--proxy-uid", "0"]);
        assert!(!captured(v4) && !captured(v6), "{backend}");
        init(&["--clean-up"]);
        assert!(!captured(v4) && !captured(v6), "{backend}");
    }
}
