//! `docs/policy-fields.md`: every field of our policies, what reads it, and a scenario that sets it.
//!
//! The fields come from the schemas, the scenarios from the manifests that they name; only which
//! file of the engine reads a block is written down, here.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::common::repository;

/// Kind, field of the spec (the longest that fits holds), file that reads it.
const READ_BY: &[(&str, &str, &str)] = &[
    ("BackendPolicy", "loadBalancer", "engine/src/balance.rs"),
    (
        "BackendPolicy",
        "loadBalancer.peakEwma",
        "engine/src/balance/peak_ewma.rs",
    ),
    (
        "BackendPolicy",
        "loadBalancer.leastRequest",
        "engine/src/balance/least_request.rs",
    ),
    ("BackendPolicy", "connection", "proxy/src/pool.rs"),
    ("BackendPolicy", "limits", "engine/src/limit.rs"),
    ("BackendPolicy", "outlierDetection", "engine/src/outlier.rs"),
    ("BackendPolicy", "circuitBreaker", "engine/src/breaker.rs"),
    (
        "BackendPolicy",
        "circuitBreaker.unified",
        "engine/src/breaker/unified.rs",
    ),
    (
        "BackendPolicy",
        "circuitBreaker.failureAccrual",
        "engine/src/breaker/accrual.rs",
    ),
    (
        "BackendPolicy",
        "circuitBreaker.rollingWindow",
        "engine/src/breaker/rolling.rs",
    ),
    (
        "BackendPolicy",
        "connectFailFast",
        "engine/src/fail_fast.rs",
    ),
    ("BackendPolicy", "healthCheck", "engine/src/health.rs"),
    (
        "BackendPolicy",
        "adaptiveConcurrency",
        "engine/src/adaptive.rs",
    ),
    (
        "BackendPolicy",
        "loadBalancer.consistentHash",
        "engine/src/hash_policy.rs",
    ),
    (
        "BackendPolicy",
        "loadBalancer.slowStart",
        "engine/src/balance/slow_start.rs",
    ),
    (
        "BackendPolicy",
        "loadBalancer.locality",
        "engine/src/locality.rs",
    ),
    ("BackendPolicy", "", "engine/src/live/pick.rs"),
    ("TrafficPolicy", "retry", "engine/src/retry/condition.rs"),
    (
        "TrafficPolicy",
        "retry.backoff",
        "engine/src/retry/backoff.rs",
    ),
    ("TrafficPolicy", "retryBudget", "engine/src/retry/budget.rs"),
    (
        "TrafficPolicy",
        "admissionControl",
        "engine/src/admission.rs",
    ),
    ("TrafficPolicy", "fault", "engine/src/fault.rs"),
    ("TrafficPolicy", "", "engine/src/session.rs"),
    ("RateLimitPolicy", "", "engine/src/ratelimit.rs"),
    (
        "RateLimitPolicy",
        "local.rules.limit",
        "engine/src/ratelimit/bucket.rs",
    ),
    ("RateLimitPolicy", "selector", "model/src/index/guard.rs"),
    ("AuthorizationPolicy", "", "engine/src/authz.rs"),
    (
        "AuthorizationPolicy",
        "rules.from",
        "engine/src/authz/source.rs",
    ),
    (
        "AuthorizationPolicy",
        "rules.to",
        "engine/src/authz/operation.rs",
    ),
    (
        "AuthorizationPolicy",
        "rules.when",
        "engine/src/authz/condition.rs",
    ),
    ("AuthorizationPolicy", "jwt", "proxy/src/jwt.rs"),
    (
        "AuthorizationPolicy",
        "selector",
        "model/src/index/guard.rs",
    ),
];

/// Fields that every policy has, and that decide where it holds.
const TARGETS: &str = "model/src/index/policies.rs";

/// Paths of the leaves below a schema.
fn leaves(schema: &Value, path: &str, found: &mut Vec<String>) {
    let inner = if schema["items"].is_object() {
        &schema["items"]
    } else {
        schema
    };
    match inner["properties"].as_object() {
        Some(properties) => {
            for (name, property) in properties {
                let dot = if path.is_empty() { "" } else { "." };
                leaves(property, &format!("{path}{dot}{name}"), found);
            }
        }
        None => found.push(path.to_owned()),
    }
}

/// Paths that a value sets, without the places in lists.
fn set(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let dot = if path.is_empty() { "" } else { "." };
                let below = format!("{path}{dot}{name}");
                found.insert(below.clone());
                set(member, &below, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| set(item, path, found)),
        _ => {}
    }
}

fn documents(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    let documents = serde_yaml::Deserializer::from_str(&text);
    documents
        .map(|d| serde::Deserialize::deserialize(d).unwrap())
        .collect()
}

fn yaml_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    let mut files: Vec<_> = entries
        .filter(|p| p.extension().is_some_and(|e| e == "yaml"))
        .collect();
    files.sort();
    files
}

/// (kind, field) → the first scenario that sets it in a file of its own, else in the shop's.
fn shown() -> BTreeMap<(String, String), String> {
    let folder = repository("sim/scenarios");
    let mut shown: BTreeMap<(String, String), (bool, String)> = BTreeMap::new();
    for scenario in yaml_files(&folder) {
        let name = scenario.file_stem().unwrap().to_string_lossy().into_owned();
        for manifest in documents(&scenario)[0]["spec"]["manifests"]
            .as_array()
            .into_iter()
            .flatten()
        {
            let path = folder.join(manifest.as_str().unwrap());
            let shared = path.is_dir();
            let files = if shared {
                yaml_files(&path)
            } else {
                vec![path]
            };
            for object in files.iter().flat_map(|file| documents(file)) {
                let Some(kind) = object["kind"].as_str() else {
                    continue;
                };
                let mut fields = BTreeSet::new();
                set(&object["spec"], "", &mut fields);
                for field in fields {
                    let best = shown
                        .entry((kind.to_owned(), field))
                        .or_insert_with(|| (shared, name.clone()));
                    if best.0 && !shared {
                        *best = (shared, name.clone());
                    }
                }
            }
        }
    }
    shown
        .into_iter()
        .map(|(key, (_, name))| (key, name))
        .collect()
}

fn reader(kind: &str, field: &str) -> &'static str {
    if field.starts_with("targetRefs") {
        return TARGETS;
    }
    let fits = |of: &str| of.is_empty() || field == of || field.starts_with(&format!("{of}."));
    let known = READ_BY.iter().filter(|(k, of, _)| *k == kind && fits(of));
    let longest = known.max_by_key(|(_, of, _)| of.len());
    longest.map_or_else(|| panic!("nothing reads {kind}.{field}"), |(.., file)| file)
}

#[test]
fn every_field_has_a_reader() {
    let shown = shown();
    let mut out = String::from(
        "# Fields of the policies\n\nGenerated by `MESHCTL_BLESS=1 cargo test`: every field that is \
         acted on, the file that reads it\nonce it is lowered, and a scenario in `sim/scenarios` \
         that sets it. A dash: no scenario does; the\ntests of the file do.\n",
    );
    for definition in model::crd::definitions() {
        let kind = definition.object["spec"]["names"]["kind"].as_str().unwrap();
        let schema = &definition.object["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        let mut fields = Vec::new();
        leaves(&schema["properties"]["spec"], "", &mut fields);
        let _ = write!(
            out,
            "\n## {kind}\n\n| field | read by | scenario |\n|---|---|---|\n"
        );
        for field in fields {
            let file = reader(kind, &field);
            assert!(
                repository(file).exists(),
                "{file} of {kind}.{field} does not exist"
            );
            let scenario = shown.get(&(kind.to_owned(), field.clone()));
            let scenario = scenario.map_or("–".to_owned(), |name| format!("`{name}`"));
            let _ = writeln!(out, "| `{field}` | `{file}` | {scenario} |");
        }
    }
    let path = repository("docs/policy-fields.md");
    if std::env::var_os("MESHCTL_BLESS").is_some() {
        fs::write(&path, &out).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == out,
        "docs/policy-fields.md is stale; run MESHCTL_BLESS=1 cargo test"
    );
}
