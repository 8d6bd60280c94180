//! A scenario with real proxies and real time, on loopback.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use sim::app::AppSpec;
use tokio::runtime::Runtime;
use tokio::time;

use super::app::{self, World};
use super::load::{self, Client, Due};
use super::log::{Log, Pod, Request};
use super::scenario::Truth;
use crate::common::Place;
use crate::proxy::harness::{Proxy, free_port};
use crate::proxy::mtls::{issue, start};

/// Between the start of the applications and the first request: time to open connections, and for
/// what counts requests to forget it.
const LEAD: Duration = Duration::from_secs(1);

/// Requests that open connections to all pods before the first one that counts: code is loaded and
/// keys are exchanged, which costs a machine time and the simulator none.
const WARM_UP: usize = 6;

/// The Deployments whose pods have a proxy, besides the client's.
const MESHED: [&str; 1] = ["guarded"];

/// Where the applications are, by pod.
pub(super) type Addresses = BTreeMap<Pod, SocketAddr>;

/// Whatever takes requests for the applications, and is stopped when dropped.
pub(super) trait Middle {
    /// Where the client sends its requests.
    fn entry(&self) -> SocketAddr;
}

/// `meshctl proxy`, of the client and of the meshed pods.
struct Mesh {
    client: Proxy,
    _place: Place,
    _others: Vec<Proxy>,
}

/// Runs a scenario with the proxy of `meshctl`.
pub(super) fn run(truth: Truth, seed: u64) -> Log {
    run_through(truth, seed, |truth, addresses| {
        Box::new(mesh(truth, addresses))
    })
}

/// Runs a scenario with something that is started when the addresses of the applications are known.
pub(super) fn run_through(
    truth: Truth,
    seed: u64,
    middle: impl FnOnce(&Truth, &Addresses) -> Box<dyn Middle>,
) -> Log {
    let runtime = Runtime::new().unwrap();
    let apps = truth.apps();
    let world = |truth, start| {
        Arc::new(World {
            truth,
            start,
            arrivals: Arc::default(),
            seed,
        })
    };
    // The clock of the events begins when everything is there: until then nobody asks.
    let listening = runtime.block_on(async {
        let mut listeners = BTreeMap::new();
        for name in apps.keys() {
            for index in 0..truth.replicas(name) {
                let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await;
                listeners.insert((name.clone(), index), listener.unwrap());
            }
        }
        listeners
    });
    let addresses: Addresses = listening
        .iter()
        .map(|(pod, listener)| (pod.clone(), listener.local_addr().unwrap()))
        .collect();
    let middle = middle(&truth, &addresses);
    runtime.block_on(async {
        let world = world(truth, time::Instant::now() + LEAD);
        for (pod, listener) in listening {
            app::serve(&world, &apps[&pod.0], pod, listener);
        }
        drive(&world, &apps, middle.entry()).await
    })
}

/// Sends everything, and gathers what came of it.
async fn drive(world: &Arc<World>, apps: &BTreeMap<String, AppSpec>, entry: SocketAddr) -> Log {
    let through = Client::new(entry);
    if let Some(load) = world.truth.loads().first() {
        for _ in 0..WARM_UP {
            through.warm_up(load).await;
        }
    }
    let mut requests: Vec<Due> = Vec::new();
    let mut sent = Vec::new();
    for load in world.truth.loads() {
        let name = load.to.host.split('.').next().unwrap();
        let twin = app::apart(world, &apps[name], name).await;
        let straight = Client::new(twin);
        for due in load::due(load, world.truth.duration(), requests.len()) {
            requests.push(due.clone());
            let (through, straight, start) = (through.clone(), straight.clone(), world.start);
            sent.push(tokio::spawn(async move {
                tokio::join!(through.send(&due, start), straight.send(&due, start))
            }));
        }
    }
    let mut log = Log::default();
    for (due, sent) in requests.into_iter().zip(sent) {
        let ((answer, took), (twin, twin_took)) = sent.await.unwrap();
        let takes = twin.and_then(|t| t.takes).unwrap_or(twin_took);
        log.requests.push(Request {
            load: due.load,
            due: due.at,
            took,
            own_cost: twin_took.saturating_sub(takes),
            status: answer.map(|a| a.status),
            tries: Vec::new(),
        });
    }
    // The first arrival of a request is its own, wherever its copies go.
    for (number, pod, at) in world.arrivals.lock().unwrap().drain(..) {
        let tries = &mut log.requests[number].tries;
        match is_copy(&world.truth, &pod) {
            true => log.copies += 1,
            false => tries.push((pod, at)),
        }
    }
    log.requests.sort_by_key(|r| r.due);
    log
}

/// Whether a pod is one that only copies go to: its Service is a mirror of the scenario.
fn is_copy(truth: &Truth, pod: &Pod) -> bool {
    let mirror = |object: &serde_json::Map<String, serde_json::Value>| {
        let text = serde_json::to_string(object).unwrap();
        text.contains(&format!(
            "\"requestMirror\":{{\"backendRef\":{{\"name\":\"{}\"",
            pod.0
        ))
    };
    truth.scenario.spec.objects.iter().any(mirror)
}

// === the proxy of meshctl ===

fn mesh(truth: &Truth, addresses: &Addresses) -> Mesh {
    let place = Place::new();
    let mut others = Vec::new();
    let mut text = manifests(truth, addresses);
    for ((name, index), app) in addresses {
        if MESHED.contains(&name.as_str()) {
            let port = free_port();
            let workload = format!("{name}-{index}");
            write!(
                text,
                "---\napiVersion: meshctl.dev/v1alpha1\nkind: Workload\n\
                 metadata: {{name: {workload}, namespace: shop, labels: {{app: {name}}}}}\n\
                 spec: {{addresses: [127.0.0.1], serviceAccount: {name}, \
                 ports: [{{name: http, port: {port}, appPort: {}}}]}}\n",
                app.port()
            )
            .unwrap();
            others.push((format!("shop/{workload}"), name.clone()));
        }
    }
    place.file("mesh/all.yaml", text);
    assert_eq!(place.run(&["ca", "init", "ca"]).code, 0);
    let proxy = |workload: &str, account: &str, more: &[&str]| {
        issue(&place, account);
        start(&place, workload, account, more)
    };
    let others = others.iter();
    let others = others.map(|(workload, account)| proxy(workload, account, &[]));
    let others = others.collect();
    Mesh {
        client: proxy("shop/client", "client", &["--inbound", "none"]),
        _others: others,
        _place: place,
    }
}

/// The manifests of the scenario, where pods of Deployments are addresses on loopback.
fn manifests(truth: &Truth, addresses: &Addresses) -> String {
    let kept = truth.resources.iter().filter(|r| {
        let pods = r.workload().is_some() && r.object.name() != "client";
        !pods
    });
    let objects = kept.map(|r| serde_json::Value::Object(sim::bundle::object(r)).to_string());
    let mut text = objects.collect::<Vec<_>>().join("\n---\n") + "\n";
    for ((name, index), address) in addresses {
        if MESHED.contains(&name.as_str()) {
            continue;
        }
        let (ip, port) = (address.ip(), address.port());
        write!(
            text,
            "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n\
             metadata: {{name: {name}-{index}, namespace: shop, \
             labels: {{kubernetes.io/service-name: {name}}}}}\n\
             addressType: IPv4\nports: [{{name: http, port: {port}}}]\n\
             endpoints: [{{addresses: [{ip}]}}]\n"
        )
        .unwrap();
    }
    text
}

// === impl Mesh ===

impl Middle for Mesh {
    fn entry(&self) -> SocketAddr {
        self.client.outbound
    }
}
