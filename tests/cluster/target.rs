//! The cluster that a test talks to: our own server, or a real one.
//!
//! A test makes a namespace and takes it away again; what it needs of kinds is installed when it is
//! missing. Nothing depends on controllers: a bare `kube-apiserver` with etcd is enough.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::api::Api;
use super::install;
use crate::common::{Output, Place};

/// Names a kubeconfig whose current context may create namespaces and kinds.
const REAL: &str = "MESHCTL_TEST_KUBECONFIG";

/// How often a request of a test is sent while the server says "later".
const TRIES_MAX: u32 = 8;
/// Made in each namespace by a controller: where it is not, there are no controllers.
const OF_A_CONTROLLER: &str = "kube-root-ca.crt";
/// What tests make, to be taken away where nobody else does.
const MADE: [(&str, &str); 10] = [
    ("v1", "services"),
    ("v1", "pods"),
    ("v1", "configmaps"),
    ("v1", "serviceaccounts"),
    ("apps/v1", "deployments"),
    ("gateway.networking.k8s.io/v1", "httproutes"),
    ("gateway.networking.k8s.io/v1", "grpcroutes"),
    ("meshctl.dev/v1alpha1", "backendpolicies"),
    ("meshctl.dev/v1alpha1", "trafficpolicies"),
    ("meshctl.dev/v1alpha1", "authorizationpolicies"),
];

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
            Some(path) => Self::real(PathBuf::from(path).canonicalize().unwrap()),
            None => Self::own(Api::start()),
        }
    }

    /// A server of our own, to misbehave.
    pub(crate) fn own(api: Api) -> Self {
        let place = Place::new();
        api.kubeconfig(&place, "kubeconfig", "token: admin-token");
        let kubeconfig = place.path("kubeconfig");
        let target = Self::connect(place, Some(api), kubeconfig, "shop".into());
        install::everything(&target);
        target.api().forget_requests();
        target
    }

    fn real(kubeconfig: PathBuf) -> Self {
        let n = COUNTER.fetch_add(1, Ordering::Relaxed);
        // Several machines may test against one cluster.
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let seconds = now.unwrap().as_secs() % 1_000_000;
        let namespace = format!("meshctl-test-{}-{seconds}-{n}", std::process::id());
        let target = Self::connect(Place::new(), None, kubeconfig, namespace.clone());
        install::once(&target);
        let object = json!({
            "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace},
        });
        target.create("/api/v1/namespaces", &object);
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

    /// Adds a kind of Istio to our own server.
    pub(crate) fn install_another_mesh(&self) {
        let schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
        self.api().make(json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": "virtualservices.networking.istio.io"},
            "spec": {
                "group": "networking.istio.io", "scope": "Namespaced",
                "names": {"kind": "VirtualService", "plural": "virtualservices"},
                "versions": [{"name": "v1", "served": true, "storage": true,
                              "schema": {"openAPIV3Schema": schema}}],
            },
        }));
    }

    /// Stores the objects of a manifest in the namespace, as `kubectl create` would; a status, as a
    /// controller would.
    pub(crate) fn store(&self, manifest: &str) -> &Self {
        for document in serde_yaml::Deserializer::from_str(manifest) {
            let mut object = Value::deserialize(document).unwrap();
            if object.is_null() {
                continue;
            }
            object["metadata"]["namespace"] = json!(self.namespace);
            let kind = object["kind"].as_str().unwrap().to_lowercase();
            if kind == "pod" {
                self.make_service_account();
            }
            let plural = match kind.strip_suffix("policy") {
                Some(stem) => format!("{stem}policies"),
                None => format!("{kind}s"),
            };
            let version = object["apiVersion"].as_str().unwrap().to_owned();
            let name = object["metadata"]["name"].as_str().unwrap().to_owned();
            let path = self.path(&version, &plural, "");
            self.create(path.trim_end_matches('/'), &object);
            if object["status"].is_object() {
                let status = format!("{path}{name}/status");
                self.merge_as(&status, json!({"status": object["status"]}), "kubelet");
            }
        }
        self
    }

    /// The same, for chains.
    pub(crate) fn stored(self, manifest: &str) -> Self {
        self.store(manifest);
        self
    }

    /// Pods are refused without the account that a controller would make.
    fn make_service_account(&self) {
        let path = self.path("v1", "serviceaccounts", "");
        let object = json!({
            "apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"},
            "automountServiceAccountToken": false,
        });
        self.create(path.trim_end_matches('/'), &object);
    }

    /// Makes an object; one that is there already stays.
    pub(crate) fn create(&self, path: &str, object: &Value) {
        let path = format!("{path}?fieldManager=kubectl-create");
        match self.answer("POST", &path, "application/json", Some(object)) {
            Ok(_) | Err((409, _)) => {}
            Err((code, said)) => panic!("POST {path}: {code}: {said}"),
        }
    }

    /// A path in the namespace: `path("v1", "services", "web")`.
    pub(crate) fn path(&self, version: &str, plural: &str, name: &str) -> String {
        let namespace = &self.namespace;
        let root = if version.contains('/') { "apis" } else { "api" };
        format!("/{root}/{version}/namespaces/{namespace}/{plural}/{name}")
    }

    /// An object as it is now.
    pub(crate) fn get(&self, version: &str, plural: &str, name: &str) -> Value {
        self.send("GET", &self.path(version, plural, name), "", None)
    }

    /// Changes an object as `kubectl patch --type merge` would.
    pub(crate) fn merge(&self, path: &str, patch: Value) -> Value {
        self.merge_as(path, patch, "kubectl-patch")
    }

    /// The same as another field manager.
    pub(crate) fn merge_as(&self, path: &str, patch: Value, manager: &str) -> Value {
        let path = format!("{path}?fieldManager={manager}");
        self.send("PATCH", &path, "application/merge-patch+json", Some(&patch))
    }

    /// Applies an object as this program would.
    pub(crate) fn apply(&self, path: &str, object: &Value) -> Value {
        let path = format!("{path}?fieldManager=meshctl&force=true");
        self.send("PATCH", &path, "application/apply-patch+yaml", Some(object))
    }

    /// Sends a request that has to succeed.
    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        content: &str,
        body: Option<&Value>,
    ) -> Value {
        let answer = self.answer(method, path, content, body);
        answer.unwrap_or_else(|(code, said)| panic!("{method} {path}: {code}: {said}"))
    }

    /// Sends a request; its answer, or the code and the `Status` of the refusal. A server that is
    /// busy is asked again.
    pub(crate) fn answer(
        &self,
        method: &str,
        path: &str,
        content: &str,
        body: Option<&Value>,
    ) -> Result<Value, (u16, Value)> {
        let mut tried = 0;
        loop {
            let request = http::Request::builder().method(method).uri(path);
            let request = match content {
                "" => request,
                content => request.header("content-type", content),
            };
            let bytes = body.map(|b| b.to_string().into_bytes()).unwrap_or_default();
            let answer = self.runtime.block_on(async {
                let request = request.body(kube::client::Body::from(bytes)).unwrap();
                let response = self.client.send(request).await.unwrap();
                let code = response.status().as_u16();
                let bytes = http_body_util::BodyExt::collect(response.into_body()).await;
                (code, bytes.unwrap().to_bytes())
            });
            let (code, bytes) = answer;
            let value = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
            tried += 1;
            match code {
                200..300 => return Ok(value),
                429 | 503 | 504 if tried < TRIES_MAX => {
                    std::thread::sleep(Duration::from_millis(250 * u64::from(tried)));
                }
                code => return Err((code, value)),
            }
        }
    }

    /// The lines of a watch, until it ends.
    pub(crate) fn lines(&self, path: &str) -> Vec<Value> {
        let bytes = self.runtime.block_on(async {
            let request = http::Request::get(path).body(kube::client::Body::empty());
            let response = self.client.send(request.unwrap()).await.unwrap();
            let bytes = http_body_util::BodyExt::collect(response.into_body()).await;
            bytes.unwrap().to_bytes()
        });
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// A command that is told about this cluster and namespace.
    pub(crate) fn command(&self, args: &[&str]) -> std::process::Command {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_meshctl"));
        command
            .args(args)
            .args(["-n", &self.namespace, "--kubeconfig"])
            .arg(&self.kubeconfig);
        command
    }

    /// Starts `meshctl ARGS` with this cluster and leaves it running.
    pub(crate) fn spawn(&self, args: &[&str]) -> std::process::Child {
        self.command(args)
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

    /// Takes everything away by hand, where there is no controller to do it.
    fn end_namespace(&self) {
        for (version, plural) in MADE {
            let all = self.path(version, plural, "");
            let all = all.trim_end_matches('/');
            let Ok(list) = self.answer("GET", all, "", None) else {
                continue;
            };
            for object in list["items"].as_array().into_iter().flatten() {
                let name = object["metadata"]["name"].as_str().unwrap_or_default();
                let now = json!({"gracePeriodSeconds": 0});
                let path = format!("{all}/{name}");
                let _ = self.answer("DELETE", &path, "application/json", Some(&now));
            }
        }
        let end = json!({
            "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace},
            "spec": {"finalizers": []},
        });
        let path = format!("/api/v1/namespaces/{}/finalize", self.namespace);
        let _ = self.answer("PUT", &path, "application/json", Some(&end));
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if self.api.is_some() {
            return;
        }
        let made = self.path("v1", "configmaps", OF_A_CONTROLLER);
        let alone = self.answer("GET", &made, "", None).is_err();
        let path = format!("/api/v1/namespaces/{}", self.namespace);
        let _ = self.answer("DELETE", &path, "", None);
        if alone {
            self.end_namespace();
        }
    }
}
