//! This proxy: its manifests, its certificates, its memory.

use std::fmt::Write as _;
use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use crate::load::Load;
use crate::process::{self, PROXIES, Process};
use crate::{Started, forward, free};

const MESHCTL: &str = env!("CARGO_BIN_EXE_meshctl");

/// One workload's certificate, as files.
pub(crate) struct Certificate {
    pub(crate) name: &'static str,
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    pub(crate) bundle: PathBuf,
}

/// Everything that a mesh would have on: breakers of both schools, limits, retries, peak EWMA.
const POLICIES: &str = "\
apiVersion: meshctl.dev/v1alpha1
kind: BackendPolicy
metadata: {name: api, namespace: shop}
spec:
  targetRefs: [{kind: Service, name: api}]
  loadBalancer: {type: PeakEwma}
  circuitBreaker: {type: Unified}
  outlierDetection: {detectors: {consecutive5xx: {consecutive: 5}}}
---
apiVersion: meshctl.dev/v1alpha1
kind: AuthorizationPolicy
metadata: {name: api, namespace: shop}
spec:
  targetRefs: [{kind: Service, name: api}]
  rules:
    - from: [{serviceAccounts: [web]}]
      to: [{methods: [GET]}]
---
";

fn workload(name: &str, more: &str) -> String {
    format!(
        "apiVersion: meshctl.dev/v1alpha1\nkind: Workload\n\
         metadata: {{name: {name}, namespace: shop, labels: {{app: {name}}}}}\n\
         spec: {{serviceAccount: {name}{more}}}\n---\n"
    )
}

fn service(name: &str, protocol: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: shop}}\n\
         spec: {{selector: {{app: {name}}}, \
         ports: [{{name: http, port: 80, targetPort: http, appProtocol: {protocol}}}]}}\n---\n"
    )
}

fn write(directory: &Path, text: &str) -> String {
    let mesh = directory.join("mesh");
    fs::create_dir_all(&mesh).unwrap();
    fs::write(mesh.join("mesh.yaml"), text).unwrap();
    mesh.to_str().unwrap().to_owned()
}

/// One outbound proxy in front of a backend that has none.
pub(crate) fn outbound(
    backend: SocketAddr,
    http2: bool,
    workers: u32,
    directory: &Path,
) -> Started {
    let protocol = if http2 { "kubernetes.io/h2c" } else { "http" };
    let (ip, port) = (backend.ip(), backend.port());
    let slice = format!(
        "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n\
         metadata: {{name: api-1, namespace: shop, \
         labels: {{kubernetes.io/service-name: api}}}}\naddressType: IPv4\n\
         endpoints: [{{addresses: [{ip}]}}]\nports: [{{name: http, port: {port}}}]\n---\n"
    );
    let mesh = write(
        directory,
        &format!(
            "{POLICIES}{}{}{slice}",
            service("api", protocol),
            workload("web", "")
        ),
    );
    let at = free();
    let cores = if workers > 1 { "0,1" } else { PROXIES };
    let own = at.to_string();
    let count = workers.to_string();
    let more = ["--outbound", &own, "--inbound", "none", "--workers", &count];
    (at, vec![proxy(cores, "web", &mesh, &more)])
}

/// Two proxies with mutual TLS between them.
pub(crate) fn sidecars(backend: SocketAddr, directory: &Path) -> Started {
    let (at, between) = (free(), free());
    let ports = format!(
        ", addresses: [127.0.0.1], ports: [{{name: http, port: {}, appPort: {}}}]",
        between.port(),
        backend.port()
    );
    let parts = [
        service("api", "http"),
        workload("web", ""),
        workload("api", &ports),
    ];
    let mesh = write(directory, &format!("{POLICIES}{}", parts.concat()));
    let [web, api] = certificates(directory).map(|own| {
        let files = [own.certificate, own.key, own.bundle];
        files.map(|file| file.to_str().unwrap().to_owned())
    });
    let own = at.to_string();
    let client = [
        &["--outbound", &own, "--inbound", "none"][..],
        &identity(&web),
    ]
    .concat();
    let server = [&["--outbound", "none"][..], &identity(&api)].concat();
    let client = proxy(PROXIES, "web", &mesh, &client);
    let server = proxy(PROXIES, "api", &mesh, &server);
    process::wait_for(between);
    (at, vec![client, server])
}

fn identity(files: &[String; 3]) -> [&str; 6] {
    let [certificate, key, bundle] = files;
    [
        "--cert",
        certificate,
        "--key",
        key,
        "--trust-bundle",
        bundle,
    ]
}

fn proxy(cores: &str, name: &str, mesh: &str, more: &[&str]) -> Process {
    let workload = format!("shop/{name}");
    let args = [MESHCTL, "proxy", "--workload", &workload, "-f", mesh];
    let quiet = [
        "--health",
        "127.0.0.1:0",
        "--admin",
        "none",
        "--log-level",
        "warn",
    ];
    process::start(cores, &[&args[..], &quiet, more].concat())
}

/// Certificates of a client and a server from one authority.
pub(crate) fn certificates(directory: &Path) -> [Certificate; 2] {
    let run = |args: &[&str]| {
        let output = Command::new(MESHCTL)
            .current_dir(directory)
            .args(args)
            .output();
        let output = output.unwrap();
        assert!(output.status.success(), "{output:?}");
    };
    if !directory.join("authority").exists() {
        run(&["ca", "init", "authority"]);
    }
    ["web", "api"].map(|name| {
        let out = directory.join("certificates").join(name);
        if !out.exists() {
            let into = out.to_str().unwrap();
            run(&[
                "ca",
                "issue",
                &format!("shop/{name}"),
                "--ca",
                "authority",
                "--out",
                into,
            ]);
        }
        Certificate {
            name,
            certificate: out.join("tls.crt"),
            key: out.join("tls.key"),
            bundle: out.join("ca.crt"),
        }
    })
}

/// Resident memory: idle, with a thousand connections under load, with a large mesh.
pub(crate) fn memory(directory: &Path) {
    const CONNECTIONS: u32 = 1000;
    println!("\nmemory of one proxy, MiB resident");
    let backend = free();
    let _backend = forward::backend(backend, false);
    process::wait_for(backend);
    let (at, proxies) = outbound(backend, false, 1, directory);
    process::wait_for(at);
    thread::sleep(Duration::from_secs(2));
    println!("  idle {:.1}", proxies[0].resident());
    let idle: Vec<TcpStream> = (0..CONNECTIONS)
        .map(|_| TcpStream::connect(at).unwrap())
        .collect();
    thread::sleep(Duration::from_secs(1));
    println!(
        "  {CONNECTIONS} connections without a request {:.1}",
        proxies[0].resident()
    );
    drop(idle);
    Load::http1(CONNECTIONS, "/100").run(at, 100_000, directory);
    println!(
        "  {CONNECTIONS} connections under load {:.1}",
        proxies[0].resident()
    );
    drop(proxies);
    let (services, endpoints) = (1000, 10);
    write(directory, &large(services, endpoints));
    let mesh = directory.join("mesh");
    let at = free();
    let own = at.to_string();
    let more = ["--outbound", &own, "--inbound", "none"];
    let large = proxy(PROXIES, "web", mesh.to_str().unwrap(), &more);
    process::wait_for(at);
    thread::sleep(Duration::from_secs(3));
    println!(
        "  {services} services of {endpoints} endpoints {:.1}",
        large.resident()
    );
}

/// Services with an EndpointSlice each.
fn large(services: u32, endpoints: u32) -> String {
    let mut text = workload("web", "");
    for i in 0..services {
        let name = format!("s{i}");
        text.push_str(&service(&name, "http"));
        let addresses =
            (0..endpoints).map(|e| format!("{{addresses: [10.{}.{}.{e}]}}", i / 200, i % 200));
        let addresses = addresses.collect::<Vec<_>>().join(", ");
        write!(
            text,
            "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n\
             metadata: {{name: {name}-1, namespace: shop, \
             labels: {{kubernetes.io/service-name: {name}}}}}\naddressType: IPv4\n\
             endpoints: [{addresses}]\nports: [{{name: http, port: 8080}}]\n---\n"
        )
        .unwrap();
    }
    text
}
