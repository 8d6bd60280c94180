//! The kinds that tests need: those of the Gateway API, and our own. They are made when they are
//! missing and left alone when they are there: a cluster's own are newer or more complete.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::Value;

use super::target::Target;
use crate::common::repository;

/// How long a server may take to serve a new kind.
const PATIENCE: Duration = Duration::from_secs(60);
const PATH: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

/// Installs everything, once in this process.
pub(crate) fn once(target: &Target) {
    static DONE: OnceLock<()> = OnceLock::new();
    DONE.get_or_init(|| everything(target));
}

pub(crate) fn everything(target: &Target) {
    let crds = definitions();
    assert!(crds.len() > 4);
    for crd in &crds {
        let name = crd["metadata"]["name"].as_str().unwrap();
        if target
            .answer("GET", &format!("{PATH}/{name}"), "", None)
            .is_err()
        {
            target.create(PATH, crd);
        }
    }
    let began = Instant::now();
    while let Some(missing) = crds.iter().find(|crd| !is_served(target, crd)) {
        let name = &missing["metadata"]["name"];
        assert!(began.elapsed() < PATIENCE, "{name} is not served");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The definitions, as files have them.
pub(crate) fn definitions() -> Vec<Value> {
    let ours = std::fs::read_dir(repository("templates/crds")).unwrap();
    let mut files: Vec<PathBuf> = ours.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.push(repository("tests/data/crds/gateway.yaml"));
    let mut found = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(file).unwrap();
        for document in serde_yaml::Deserializer::from_str(&text) {
            found.push(Value::deserialize(document).unwrap());
        }
    }
    found
}

fn is_served(target: &Target, crd: &Value) -> bool {
    let spec = &crd["spec"];
    let group = spec["group"].as_str().unwrap();
    let version = spec["versions"][0]["name"].as_str().unwrap();
    let listed = target.answer("GET", &format!("/apis/{group}/{version}"), "", None);
    let groups = target.send("GET", "/apis", "", None);
    let groups = groups["groups"].as_array().unwrap();
    let resources = listed
        .map(|list| list["resources"].clone())
        .unwrap_or_default();
    let mut resources = resources
        .as_array()
        .cloned()
        .unwrap_or_default()
        .into_iter();
    groups.iter().any(|g| g["name"] == group)
        && resources.any(|r| r["kind"] == spec["names"]["kind"])
}
