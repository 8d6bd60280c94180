//! What is injected is what Kubernetes knows: by the types of its API, and by its published schemas.

use std::collections::BTreeMap;
use std::process::Command;

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::{Pod, PodTemplateSpec, ReplicationController};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::common::Place;

/// All kinds with what the API server demands of them, as a stream.
fn manifests() -> String {
    let pod = json!({
        "metadata": {"labels": {"app": "x"}},
        "spec": {
            "restartPolicy": "Never",
            "containers": [{
                "name": "app",
                "image": "x",
                "ports": [{"containerPort": 8080, "name": "http"}],
                "readinessProbe": {"httpGet": {"path": "/ready", "port": "http"}},
            }],
        },
    });
    let selector = json!({"matchLabels": {"app": "x"}});
    let spec = json!({"selector": selector, "template": pod});
    let stateful = json!({"selector": selector, "template": pod, "serviceName": "x"});
    let job = json!({"template": pod});
    let cron = json!({"schedule": "* * * * *", "jobTemplate": {"spec": job}});
    let controller = json!({"selector": {"app": "x"}, "template": pod});
    let all = [
        ("v1", "Pod", &pod["spec"]),
        ("apps/v1", "Deployment", &spec),
        ("apps/v1", "DaemonSet", &spec),
        ("apps/v1", "ReplicaSet", &spec),
        ("apps/v1", "StatefulSet", &stateful),
        ("batch/v1", "Job", &job),
        ("batch/v1", "CronJob", &cron),
        ("v1", "ReplicationController", &controller),
    ];
    all.iter()
        .map(|(version, kind, spec)| {
            let meta = json!({"name": kind.to_lowercase()});
            let object =
                json!({"apiVersion": version, "kind": kind, "metadata": meta, "spec": spec});
            format!("{object}\n")
        })
        .collect()
}

/// The objects with sidecars, by kind.
fn injected(flags: &[&str]) -> BTreeMap<String, Value> {
    let args = [&["inject", "-f", "-", "-o", "json"], flags].concat();
    let out = Place::new().run_with(&args, &manifests());
    assert_eq!(out.code, 0, "{}", out.stderr);
    let objects = serde_json::Deserializer::from_str(&out.stdout).into_iter::<Value>();
    objects
        .map(|object| {
            let object = object.unwrap();
            (object["kind"].as_str().unwrap().to_owned(), object)
        })
        .collect()
}

/// Ways to inject that write different fields.
const WAYS: [&[&str]; 3] = [
    &[],
    &[
        "--cni",
        "--identity",
        "secret/cert",
        "--proxy-cpu-limit",
        "1",
        "--image-pull-policy",
        "Always",
    ],
    &["--annotate", "--opaque-ports", "9000"],
];

/// For long-running kinds only: a Job would never end.
const BESIDE: &[&str] = &["--no-native"];

/// Reads `value` as a `T` and writes it again: a field that the type does not have is lost.
#[track_caller]
fn keeps_every_field<T: DeserializeOwned + Serialize>(value: &Value) {
    let read: T = serde_json::from_value(value.clone()).unwrap();
    let written = serde_json::to_value(&read).unwrap();
    lost(value, &written, String::new());
}

#[track_caller]
fn lost(before: &Value, after: &Value, path: String) {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => {
            for (key, value) in before {
                let path = format!("{path}/{key}");
                let found = after
                    .get(key)
                    .unwrap_or_else(|| panic!("{path} is no field"));
                lost(value, found, path);
            }
        }
        (Value::Array(before), Value::Array(after)) => {
            assert_eq!(before.len(), after.len(), "{path}");
            for (index, (before, after)) in before.iter().zip(after).enumerate() {
                lost(before, after, format!("{path}/{index}"));
            }
        }
        _ => assert_eq!(before, after, "{path}"),
    }
}

#[test]
fn the_types_of_the_api_keep_every_field() {
    for way in WAYS {
        let all = injected(way);
        keeps_every_field::<Pod>(&all["Pod"]);
        keeps_every_field::<Deployment>(&all["Deployment"]);
        keeps_every_field::<DaemonSet>(&all["DaemonSet"]);
        keeps_every_field::<ReplicaSet>(&all["ReplicaSet"]);
        keeps_every_field::<StatefulSet>(&all["StatefulSet"]);
        keeps_every_field::<ReplicationController>(&all["ReplicationController"]);
        keeps_every_field::<Job>(&all["Job"]);
        keeps_every_field::<CronJob>(&all["CronJob"]);
        let template = &all["Deployment"]["spec"]["template"];
        keeps_every_field::<PodTemplateSpec>(template);
    }
}

#[test]
#[should_panic(expected = "/spec/containers/0/imagee is no field")]
fn a_field_that_is_none_would_be_seen() {
    let pod = json!({"spec": {"containers": [{"name": "a", "imagee": "b"}]}});
    keeps_every_field::<Pod>(&pod);
}

/// `$MESHCTL_TEST_KUBERNETES_VALIDATE`, or `kubernetes-validate` in PATH; PyPI's package of this
/// name brings it, with the schemas of Kubernetes in it.
#[test]
#[ignore = "needs kubernetes-validate"]
fn the_published_schemas_accept_everything() {
    let program = std::env::var("MESHCTL_TEST_KUBERNETES_VALIDATE");
    let program = program.unwrap_or_else(|_| "kubernetes-validate".to_owned());
    let place = Place::new();
    let mut files = Vec::new();
    for (index, way) in WAYS.iter().chain([&BESIDE]).enumerate() {
        for (kind, object) in injected(way) {
            // Without native sidecars they are left out, as they are.
            let name = format!("{kind}-{index}.json");
            place.file(&name, object.to_string());
            files.push(name);
        }
    }
    let out = Command::new(&program)
        .arg("--strict")
        .args(&files)
        .current_dir(place.path("."))
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    let said =
        String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{said}");
    assert_eq!(said.matches("passed").count(), files.len(), "{said}");
}
