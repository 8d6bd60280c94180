//! The pods of the demo, their configuration and their certificates.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use engine::identity::Identity;
use engine::snapshot::{ObjectName, Snapshot};
use model::diagnostic::Level;
use model::index::{Fact, MeshMode};
use model::load;
use model::lower::Lowering;
use model::resource;
use proxy::net::Rt as _;
use proxy::net::real::Real;
use proxy::tls::Material;
use proxy::{Bootstrap, Bounds, Proxy};
use rustls::crypto::aws_lc_rs;
use sim::crypto::{Crypto, pki::Pki};
use tokio::sync::watch;

use super::rt::DemoRt;
use crate::error::Error;

/// Services, routes and policies.
const MANIFESTS: &str = include_str!("../../templates/demo/mesh.yaml");

const TRUST_DOMAIN: &str = "cluster.local";

/// The address of the first pod; the others follow.
pub(super) const FIRST: Ipv4Addr = Ipv4Addr::new(127, 1, 0, 1);

/// Ports of every pod, on its own address: not 8080, which somebody may use on all addresses.
pub(super) const APP: u16 = 18080;
pub(super) const OUTBOUND: u16 = 14001;
pub(super) const INBOUND: u16 = 14006;

/// Longer than anybody watches.
const CERTIFICATE_LIFETIME: Duration = Duration::from_secs(24 * 3600);

/// Namespace, app, version, and how many.
const WORKLOADS: [(&str, &str, &str, u8); 7] = [
    ("shop", "visitors", "v1", 1),
    ("shop", "web", "v1", 2),
    ("shop", "catalog", "v1", 3),
    ("shop", "cart", "v1", 2),
    ("shop", "recommendations", "v1", 2),
    ("shop", "recommendations", "v2", 1),
    ("pay", "payments", "v1", 2),
];

/// One pod.
#[derive(Clone, Debug)]
pub(super) struct Pod {
    pub(super) namespace: &'static str,
    pub(super) app: &'static str,
    pub(super) version: &'static str,
    /// Its number among those of its workload.
    pub(super) index: u8,
    pub(super) ip: Ipv4Addr,
}

/// Everything that is known before anything runs.
pub(super) struct Mesh {
    pub(super) pods: Vec<Pod>,
    snapshots: Vec<Arc<Snapshot>>,
}

/// What is kept alive while a proxy runs.
pub(super) struct Running {
    pub(super) proxy: Proxy<DemoRt>,
    /// Configuration and certificate stay as they are; their channels have to stay open.
    _snapshots: watch::Sender<Arc<Snapshot>>,
    _material: watch::Sender<Arc<Material>>,
}

// === impl Mesh ===

impl Mesh {
    pub(super) fn new() -> Result<Self, Error> {
        let pods = pods();
        let manifests: String = pods.iter().map(Pod::manifest).collect();
        let text = format!("{MANIFESTS}---\n{manifests}");
        let reading = resource::read("demo", &text);
        let loaded = load::load(&reading.resources, MeshMode::All);
        let mut found = reading.diagnostics;
        found.extend(loaded.diagnostics);
        found.retain(|d| d.level == Level::Error);
        if !found.is_empty() {
            return Err(Error::Input(found));
        }
        let mut index = loaded.index;
        for pod in &pods {
            // On loopback only what is said to be captured is.
            if let Some(mut fact) = index.pod(&pod.name()).cloned() {
                fact.app_ports.insert(APP, APP);
                index.apply(Fact::Pod(fact));
            }
        }
        let mut lowering = Lowering::new(TRUST_DOMAIN);
        lowering.update(&index);
        let snapshots = pods.iter().map(|pod| {
            let snapshot = lowering.snapshot(&pod.name());
            snapshot.ok_or_else(|| Error::new(format!("{} has no configuration", pod.name())))
        });
        let snapshots = snapshots.collect::<Result<_, _>>()?;
        Ok(Self { pods, snapshots })
    }

    /// Starts the proxies of all pods.
    pub(super) async fn start(&self, real: &Real) -> Result<Vec<Running>, Error> {
        let wall = real.wall();
        let no_certificate =
            |e: sim::crypto::pki::IssueError| Error::new("cannot make a certificate").caused_by(e);
        // Real keys: the seed only numbers the certificates.
        let mut pki = Pki::new(Crypto::Real, real.rand(), "demo", wall).map_err(no_certificate)?;
        let mut running = Vec::new();
        for (pod, snapshot) in self.pods.iter().zip(&self.snapshots) {
            let identity = pod.identity();
            let issued = pki.issue(&identity, wall, CERTIFICATE_LIFETIME);
            let issued = issued.map_err(no_certificate)?;
            let material = Arc::new(Material {
                chain: issued.chain,
                key: issued.key,
                roots: vec![pki.root().clone()],
            });
            let (material, tls) = watch::channel(material);
            let (snapshots, newest) = watch::channel(snapshot.clone());
            let bootstrap = Bootstrap {
                name: pod.name().to_string(),
                outbound: vec![pod.at(OUTBOUND)],
                inbound: vec![pod.at(INBOUND)],
                in_place: Default::default(),
                gateway: None,
                system_roots: Vec::new(),
                tls: Some(tls),
                crypto: Arc::new(aws_lc_rs::default_provider()),
                proxy_protocol: Default::default(),
                observer: None,
                outputs: None,
                bounds: Bounds::default(),
            };
            let rt = DemoRt::new(real.clone(), pod.ip);
            let proxy = proxy::start(bootstrap, newest, rt).await.map_err(|e| {
                Error::new(format!("cannot start the proxy of {}", pod.name()))
                    .caused_by(e)
                    .hint("is another `meshctl demo` running?")
            })?;
            running.push(Running {
                proxy,
                _snapshots: snapshots,
                _material: material,
            });
        }
        Ok(running)
    }

    /// The pods of an app.
    pub(super) fn of<'a>(&'a self, app: &'a str) -> impl Iterator<Item = &'a Pod> {
        self.pods.iter().filter(move |pod| pod.app == app)
    }
}

fn pods() -> Vec<Pod> {
    let all = WORKLOADS.iter().flat_map(|(namespace, app, version, n)| {
        (0..*n).map(move |index| (*namespace, *app, *version, index))
    });
    let [a, b, c, first] = FIRST.octets();
    let numbered = (first..).zip(all);
    let pod = |(number, (namespace, app, version, index))| Pod {
        namespace,
        app,
        version,
        index,
        ip: Ipv4Addr::new(a, b, c, number),
    };
    numbered.map(pod).collect()
}

// === impl Pod ===

impl Pod {
    pub(super) fn name(&self) -> ObjectName {
        let Self { app, index, .. } = self;
        let name = match (*app, self.version) {
            ("recommendations", version) => format!("{app}-{version}-{index}"),
            _ => format!("{app}-{index}"),
        };
        ObjectName::new(self.namespace, name.as_str())
    }

    pub(super) fn at(&self, port: u16) -> SocketAddr {
        SocketAddr::new(IpAddr::V4(self.ip), port)
    }

    fn identity(&self) -> Identity {
        Identity::of_service_account(TRUST_DOMAIN, self.namespace, self.app)
    }

    fn manifest(&self) -> String {
        let Self {
            namespace,
            app,
            version,
            ip,
            index,
        } = self;
        let name = &self.name().name;
        let zone = ["north", "south"][usize::from(index % 2)];
        format!(
            "apiVersion: v1\nkind: Pod\n\
             metadata:\n  name: {name}\n  namespace: {namespace}\n\
             \x20 labels: {{app: {app}, version: {version}, topology.kubernetes.io/zone: {zone}}}\n\
             spec:\n  serviceAccountName: {app}\n  containers:\n    - name: app\n\
             \x20     image: demo\n\
             \x20     ports: [{{name: http, containerPort: {APP}}}]\n\
             status:\n  podIP: {ip}\n---\n"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mesh_of_the_demo_is_one_that_lint_would_pass() {
        let mesh = Mesh::new().unwrap();
        assert_eq!(mesh.pods.len(), 13);
        let web = mesh.of("web").next().unwrap();
        let place = mesh.pods.iter().position(|p| p.ip == web.ip).unwrap();
        let endpoints = &mesh.snapshots[place].outbound.endpoints;
        let catalog = endpoints
            .iter()
            .find(|(key, _)| &*key.service.name == "catalog")
            .unwrap();
        assert_eq!(catalog.1.endpoints.len(), 3);
        let first = &catalog.1.endpoints[0];
        assert_eq!(first.address.port(), APP);
        assert!(first.identity.is_some(), "in the mesh");
    }
}
