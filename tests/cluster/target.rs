//! The cluster that a test talks to: our own server, or a real one.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};

use super::api::Api;
use crate::common::{Output, Place};

/// Names a kubeconfig whose current context may create namespaces; the Gateway API has to be
/// installed in that cluster.
const REAL: &str = "MESHCTL_TEST_KUBECONFIG";

static COUNTER: AtomicU32 = AtomicU32::new(0);

/// A namespace of a cluster, and a directory with a kubeconfig that leads there.
pub(crate) struct Target {
    pub(crate) place: Place,
    pub(crate) namespace: String,
    /// None when the cluster is real.
    api: Option<Api>,
    kubeconfig: PathBuf,
    runtime: tokio::runtime::Runtime,
    client: kube::Client,
}

impl Target {
    /// A namespace in the real cluster, if there is one, else in a server of our own.
    pub(crate) fn new() -> Self {
        match std::env::var_os(REAL) {
            Some(path) => Self::real(path.into()),
            None => Self::own(Api::start()),
        }
    }

    /// A server of our own, to misbehave.
    pub(crate) fn own(api: Api) -> Self {
        let place = Place::new();
        api.kubeconfig(&place, "kubeconfig", "token: admin-token");
        let kubeconfig = place.path("kubeconfig");
        Self::connect(place, Some(api), kubeconfig, "shop".into())
    }

    fn real(kubeconfig: PathBuf) -> Self {
        let n = COUNTER.fetch_add(1, Ordering::Relaxed);
        let namespace = format!("meshctl-test-{}-{n}", std::process::id());
        let target = Self::connect(Place::new(), None, kubeconfig, namespace.clone());
        target.create(
            "/api/v1/namespaces",
            json!({
                "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace},
            }),
        );
        target
    }

    fn connect(place: Place, api: Option<Api>, kubeconfig: PathBuf, namespace: String) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let read = kube::config::Kubeconfig::read_from(&kubeconfig).unwrap();
        let client = runtime.block_on(async {
            let options = kube::config::KubeConfigOptions::default();
            let config = kube::Config::from_custom_kubeconfig(read, &options).await;
            kube::Client::try_from(config.unwrap()).unwrap()
        });
        Self {
            place,
            namespace,
            api,
            kubeconfig,
            runtime,
            client,
        }
    }

    /// Our own server.
    pub(crate) fn api(&self) -> &Api {
        self.api
            .as_ref()
            .expect("a test of misbehaviour runs against our own server")
    }

    /// Stores the objects of a manifest in the namespace, as `kubectl create` would.
    pub(crate) fn store(&self, manifest: &str) -> &Self {
        let reading = model::resource::read("test", manifest);
        assert!(!reading.resources.is_empty(), "{:?}", reading.diagnostics);
        for resource in reading.resources {
            let mut object = resource.object.node().to_json();
            object["metadata"]["namespace"] = json!(self.namespace);
            let kind = object["kind"].as_str().unwrap().to_lowercase();
            let plural = match kind.strip_suffix("policy") {
                Some(stem) => format!("{stem}policies"),
                None => format!("{kind}s"),
            };
            let version = object["apiVersion"].as_str().unwrap().to_owned();
            let root = if version.contains('/') {
                "/apis"
            } else {
                "/api"
            };
            let path = format!("{root}/{version}/namespaces/{}/{plural}", self.namespace);
            self.create(&path, object);
        }
        self
    }

    /// The same, for chains.
    pub(crate) fn stored(self, manifest: &str) -> Self {
        self.store(manifest);
        self
    }

    fn create(&self, path: &str, object: Value) -> Value {
        let path = format!("{path}?fieldManager=kubectl-create");
        self.send(http::Request::post(path), object.to_string())
    }

    /// `httproutes.v1.gateway.networking.k8s.io` and the like, as a path in the namespace.
    pub(crate) fn path(&self, group: &str, plural: &str, name: &str) -> String {
        let namespace = &self.namespace;
        match group {
            "v1" => format!("/api/v1/namespaces/{namespace}/{plural}/{name}"),
            group => format!("/apis/{group}/namespaces/{namespace}/{plural}/{name}"),
        }
    }

    /// An object as it is now.
    pub(crate) fn get(&self, group: &str, plural: &str, name: &str) -> Value {
        self.send(
            http::Request::get(self.path(group, plural, name)),
            String::new(),
        )
    }

    /// Changes an object as `kubectl patch --type merge` would.
    pub(crate) fn merge(&self, path: &str, patch: Value) -> Value {
        self.merge_as(path, patch, "kubectl-patch")
    }

    /// The same as another field manager.
    pub(crate) fn merge_as(&self, path: &str, patch: Value, manager: &str) -> Value {
        let request = http::Request::patch(format!("{path}?fieldManager={manager}"));
        let request = request.header("content-type", "application/merge-patch+json");
        self.send(request, patch.to_string())
    }

    /// Applies an object as this program would.
    pub(crate) fn apply(&self, path: &str, object: &Value) -> Value {
        let request = http::Request::patch(format!("{path}?fieldManager=meshctl&force=true"));
        let request = request.header("content-type", "application/apply-patch+yaml");
        self.send(request, object.to_string())
    }

    fn send(&self, request: http::request::Builder, body: String) -> Value {
        let typed = request
            .headers_ref()
            .is_some_and(|h| h.contains_key("content-type"));
        let request = match typed {
            true => request,
            false => request.header("content-type", "application/json"),
        };
        let request = request.body(body.into_bytes()).unwrap();
        self.runtime.block_on(self.client.request(request)).unwrap()
    }

    /// Starts `meshctl ARGS` with this cluster and leaves it running.
    pub(crate) fn spawn(&self, args: &[&str]) -> std::process::Child {
        std::process::Command::new(env!("CARGO_BIN_EXE_meshctl"))
            .args(args)
            .args(["-n", &self.namespace, "--kubeconfig"])
            .arg(&self.kubeconfig)
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// Runs `meshctl ARGS` with this cluster and namespace, and makes names of this run the same in
    /// each.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        let kubeconfig = self.kubeconfig.display().to_string();
        let mut all = args.to_vec();
        all.extend(["--kubeconfig", &kubeconfig]);
        if !args.contains(&"-n") && !args.contains(&"-A") {
            all.extend(["-n", &self.namespace]);
        }
        let mut out = self.place.run(&all);
        for text in [&mut out.stdout, &mut out.stderr] {
            *text = text.replace(&self.namespace, "shop");
            if let Some(api) = &self.api {
                *text = text.replace(&api.server(), "https://SERVER");
            }
        }
        out
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if self.api.is_none() {
            let path = format!("/api/v1/namespaces/{}", self.namespace);
            self.send(http::Request::delete(path), String::new());
        }
    }
}
