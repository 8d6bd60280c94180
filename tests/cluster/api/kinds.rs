//! What the server serves: the kinds of Kubernetes, and those that are installed.

use serde_json::{Value, json};

use super::schema;
use super::store::{Refusal, Store, refuse};

#[derive(Clone, Debug)]
pub(crate) struct Kind {
    pub(crate) group: String,
    /// The preferred one first.
    pub(crate) versions: Vec<String>,
    pub(crate) kind: String,
    pub(crate) plural: String,
    pub(crate) namespaced: bool,
    /// Whether `status` is changed on its own.
    status: bool,
    /// Of a custom resource.
    pub(crate) schema: Option<Value>,
}

pub(crate) const CRDS: &str = "customresourcedefinitions.apiextensions.k8s.io";

/// Group, version, kind, plural, in namespaces?, `status` of its own?
type Builtin = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    bool,
    bool,
);

const BUILTIN: &[Builtin] = &[
    ("", "v1", "Namespace", "namespaces", false, true),
    ("", "v1", "Service", "services", true, true),
    ("", "v1", "ServiceAccount", "serviceaccounts", true, false),
    ("", "v1", "ConfigMap", "configmaps", true, false),
    ("", "v1", "Secret", "secrets", true, false),
    ("", "v1", "Pod", "pods", true, true),
    (
        "",
        "v1",
        "ReplicationController",
        "replicationcontrollers",
        true,
        true,
    ),
    ("apps", "v1", "Deployment", "deployments", true, true),
    ("apps", "v1", "ReplicaSet", "replicasets", true, true),
    ("apps", "v1", "StatefulSet", "statefulsets", true, true),
    ("apps", "v1", "DaemonSet", "daemonsets", true, true),
    ("batch", "v1", "Job", "jobs", true, true),
    ("batch", "v1", "CronJob", "cronjobs", true, true),
    ("coordination.k8s.io", "v1", "Lease", "leases", true, false),
    (
        "discovery.k8s.io",
        "v1",
        "EndpointSlice",
        "endpointslices",
        true,
        false,
    ),
    (
        "networking.k8s.io",
        "v1",
        "NetworkPolicy",
        "networkpolicies",
        true,
        false,
    ),
    (
        "apiextensions.k8s.io",
        "v1",
        "CustomResourceDefinition",
        "customresourcedefinitions",
        false,
        true,
    ),
];

/// Everything that is served.
pub(crate) fn served(store: &Store) -> Vec<Kind> {
    let builtin = BUILTIN
        .iter()
        .map(|(group, version, kind, plural, namespaced, status)| Kind {
            group: (*group).into(),
            versions: vec![(*version).into()],
            kind: (*kind).into(),
            plural: (*plural).into(),
            namespaced: *namespaced,
            status: *status,
            schema: None,
        });
    let crds = store.objects.iter().filter(|(key, _)| key.0 == CRDS);
    builtin.chain(crds.map(|(_, crd)| installed(crd))).collect()
}

fn installed(crd: &Value) -> Kind {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let spec = &crd["spec"];
    let versions = || spec["versions"].as_array().into_iter().flatten();
    let storage = versions()
        .find(|v| v["storage"] == true)
        .unwrap_or(&Value::Null);
    let mut served: Vec<&Value> = versions().filter(|v| v["served"] == true).collect();
    // Stable versions before others.
    served.sort_by_key(|v| v["name"].as_str().is_some_and(|n| n.contains(['a', 'b'])));
    Kind {
        group: text(&spec["group"]),
        versions: served.iter().map(|v| text(&v["name"])).collect(),
        kind: text(&spec["names"]["kind"]),
        plural: text(&spec["names"]["plural"]),
        namespaced: spec["scope"] == "Namespaced",
        status: storage["subresources"]["status"].is_object(),
        schema: Some(storage["schema"]["openAPIV3Schema"].clone()),
    }
}

/// What a definition of a kind has to be.
pub(crate) fn check(crd: &Value) -> Result<(), Refusal> {
    let name = crd["metadata"]["name"].as_str().unwrap_or_default();
    let spec = &crd["spec"];
    let group = spec["group"].as_str().unwrap_or_default();
    let wrong = |why: String| {
        let what = format!("CustomResourceDefinition.apiextensions.k8s.io \"{name}\"");
        Err(refuse(422, "Invalid", format!("{what} is invalid: {why}")))
    };
    let full = format!(
        "{}.{group}",
        spec["names"]["plural"].as_str().unwrap_or_default()
    );
    if name != full {
        return wrong(format!("metadata.name must be {full}"));
    }
    let approved = &crd["metadata"]["annotations"]["api-approved.kubernetes.io"];
    if group.ends_with(".k8s.io") && !approved.is_string() {
        return wrong("protected groups must have approval annotation".into());
    }
    for version in spec["versions"].as_array().into_iter().flatten() {
        let mut causes = Vec::new();
        defaults_hold(&version["schema"]["openAPIV3Schema"], "schema", &mut causes);
        if let Some(cause) = causes.first() {
            return wrong(cause.to_string());
        }
    }
    Ok(())
}

/// A default has to be valid itself.
fn defaults_hold(schema: &Value, at: &str, causes: &mut Vec<Value>) {
    if let Some(default) = schema.get("default") {
        let mut default = default.clone();
        schema::set_defaults(schema, &mut default);
        schema::validate(schema, &default, at, causes);
    }
    for (key, schema) in schema["properties"].as_object().into_iter().flatten() {
        defaults_hold(schema, &format!("{at}.{key}"), causes);
    }
    for key in ["items", "additionalProperties"] {
        if schema[key].is_object() {
            defaults_hold(&schema[key], &format!("{at}.{key}"), causes);
        }
    }
}

impl Kind {
    /// `httproutes.gateway.networking.k8s.io`
    pub(crate) fn resource(&self) -> String {
        match self.group.as_str() {
            "" => self.plural.clone(),
            group => format!("{}.{group}", self.plural),
        }
    }

    pub(crate) fn counts_generations(&self) -> bool {
        let without = [
            "Namespace",
            "Service",
            "ServiceAccount",
            "ConfigMap",
            "Secret",
            "Lease",
        ];
        !without.contains(&self.kind.as_str())
    }

    /// What is sent to the object itself says nothing about its status.
    pub(crate) fn without_status(&self, object: &mut Value, before: Option<&Value>) {
        if !self.status {
            return;
        }
        if let Some(fields) = object.as_object_mut() {
            fields.remove("status");
        }
        if let Some(status) = before.and_then(|b| b.get("status")) {
            object["status"] = status.clone();
        }
    }

    /// Of a changed object only the half that was meant is changed.
    pub(crate) fn keep_other_half(&self, object: &mut Value, before: &Value, status: bool) {
        if !status {
            return self.without_status(object, Some(before));
        }
        let mut kept = before.clone();
        if let Some(status) = object.get("status") {
            kept["status"] = status.clone();
        }
        *object = kept;
    }

    /// What Kubernetes adds to its own kinds, as far as somebody here looks at it.
    pub(crate) fn set_defaults(&self, object: &mut Value) {
        match self.kind.as_str() {
            _ if self.schema.is_some() => {}
            "Service" => protocols(&mut object["spec"]["ports"]),
            "Pod" => {
                containers(&mut object["spec"]);
                if object["status"].is_null() {
                    object["status"] = json!({"phase": "Pending"});
                }
            }
            "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet" | "Job" => {
                containers(&mut object["spec"]["template"]["spec"]);
            }
            "Namespace" => {
                let name = object["metadata"]["name"].clone();
                object["metadata"]["labels"]["kubernetes.io/metadata.name"] = name;
                object["spec"]["finalizers"] = json!(["kubernetes"]);
                object["status"] = json!({"phase": "Active"});
            }
            "CustomResourceDefinition" => {
                let is = |what: &str| json!({"type": what, "status": "True"});
                let conditions = [is("NamesAccepted"), is("Established")];
                object["status"] = json!({"conditions": conditions});
            }
            _ => {}
        }
    }
}

fn containers(spec: &mut Value) {
    for key in ["containers", "initContainers"] {
        for container in spec[key].as_array_mut().into_iter().flatten() {
            protocols(&mut container["ports"]);
        }
    }
    // Looking at what is not there has put a null in its place.
    if let Some(fields) = spec.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
        for container in fields
            .values_mut()
            .filter_map(Value::as_array_mut)
            .flatten()
        {
            if let Some(fields) = container.as_object_mut() {
                fields.retain(|_, value| !value.is_null());
            }
        }
    }
}

fn protocols(ports: &mut Value) {
    for port in ports.as_array_mut().into_iter().flatten() {
        if port["protocol"].is_null() {
            port["protocol"] = json!("TCP");
        }
    }
}
