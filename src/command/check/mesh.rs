//! Which pods have a sidecar, of which version, and are they well?

use std::collections::BTreeMap;

use serde_json::Value;

use super::report::Category;
use crate::cluster::held::Seen;

/// The annotation of a pod with our sidecar; it says of which version.
const INJECTED: &str = "meshctl.dev/injected";

pub(super) fn check(seen: &Seen) -> Category {
    let mut to = Category::new("mesh");
    if let Some(why) = seen.failed("Pod") {
        to.unknown("mesh-pods", "pods have a sidecar", why);
        return to;
    }
    let running = |pod: &&Value| {
        let phase = pod["status"]["phase"].as_str().unwrap_or_default();
        !matches!(phase, "Succeeded" | "Failed")
    };
    let pods: Vec<&Value> = seen.objects("Pod").filter(running).collect();
    let meshed: Vec<&Value> = pods
        .iter()
        .copied()
        .filter(|p| marker(p).is_some())
        .collect();
    let counted = format!("{} of {} pods have a sidecar", meshed.len(), pods.len());
    to.success("mesh-pods", counted);
    if meshed.is_empty() {
        return to;
    }
    versions(&meshed, &mut to);
    ready(&meshed, &mut to);
    to
}

fn versions(meshed: &[&Value], to: &mut Category) {
    let ours = env!("CARGO_PKG_VERSION");
    let mut others: BTreeMap<String, usize> = BTreeMap::new();
    for version in meshed
        .iter()
        .filter_map(|pod| version(pod))
        .filter(|v| v != ours)
    {
        *others.entry(version).or_default() += 1;
    }
    match others.is_empty() {
        true => to.success(
            "mesh-versions",
            format!("all sidecars are {ours}, like this program"),
        ),
        false => to.warning(
            "mesh-versions",
            format!("all sidecars are {ours}, like this program"),
            others
                .iter()
                .map(|(v, n)| format!("{v}: {n} pods"))
                .collect(),
            "inject again with this version and apply, or use the program of that version",
        ),
    }
}

fn ready(meshed: &[&Value], to: &mut Category) {
    let is_ready = |pod: &Value| {
        let conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
        let mut ready = conditions.filter(|c| c["type"] == "Ready");
        ready.any(|c| c["status"] == "True")
    };
    let unwell: Vec<String> = meshed
        .iter()
        .filter(|pod| !is_ready(pod))
        .map(|pod| {
            let meta = &pod["metadata"];
            let text = |key: &str| meta[key].as_str().unwrap_or_default();
            format!("{}/{} is not ready", text("namespace"), text("name"))
        })
        .collect();
    match unwell.is_empty() {
        true => to.success("mesh-ready", "all pods with a sidecar are ready"),
        false => to.error(
            "mesh-ready",
            "all pods with a sidecar are ready",
            unwell,
            "`kubectl describe pod` says which container is not, and why",
        ),
    }
}

fn marker(pod: &Value) -> Option<&str> {
    pod["metadata"]["annotations"][INJECTED].as_str()
}

/// The version in the marker, which is JSON.
fn version(pod: &Value) -> Option<String> {
    let marker: Value = serde_json::from_str(marker(pod)?).ok()?;
    marker["version"].as_str().map(str::to_owned)
}
