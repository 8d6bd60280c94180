//! MC0401, MC0402: who is in the mesh, and with which proxy.

use std::collections::BTreeMap;

use super::facts::{Facts, WorkloadFact};
use super::{Code, Findings};
use crate::index::Inject;
use crate::yaml::Step::{Index, Key};

/// The proxy's own container.
const PROXY_CONTAINER: &str = "meshctl-proxy";

pub(super) fn analyze(facts: &Facts<'_>, findings: &mut Findings) {
    left_out(facts, findings);
    images(facts, findings);
}

/// Namespaces that say nothing, where others have asked to be in the mesh.
fn left_out(facts: &Facts<'_>, findings: &mut Findings) {
    let inject = |name: &str| facts.index.namespace(name).map(|ns| ns.inject);
    let mut namespaces = facts.of_kind("", "Namespace");
    let asked = namespaces.any(|r| inject(r.object.name()) == Some(Inject::Enabled));
    if !asked {
        return;
    }
    for resource in facts.of_kind("", "Namespace") {
        let name = resource.object.name();
        let silent = |workload: &&WorkloadFact<'_>| {
            let pod = facts.index.pod(&workload.pod);
            *workload.pod.namespace == *name
                && workload.workload.kind.is_long_running()
                && pod.is_some_and(|pod| pod.inject == Inject::Unset && !pod.injected)
        };
        let system = name.starts_with("kube-");
        if system || inject(name) != Some(Inject::Unset) {
            continue;
        }
        let Some(workload) = facts.workloads.iter().find(silent) else {
            continue;
        };
        let message = format!(
            "the namespace {name} does not say whether it is in the mesh, others do: {} gets no \
             proxy from the webhook",
            workload.object.subject()
        );
        let help = "annotate it with `meshctl.dev/inject: enabled`, or `disabled` if that is meant";
        let path = [Key("metadata")];
        let code = Code::NamespaceNotInjected;
        findings.add(code, &resource.object, &path, message, help);
    }
}

/// Proxies of one namespace that are of several versions.
fn images(facts: &Facts<'_>, findings: &mut Findings) {
    let mut first: BTreeMap<&str, (&str, &WorkloadFact<'_>)> = BTreeMap::new();
    for workload in &facts.workloads {
        let spec = &workload.workload.template.spec;
        let lists = [
            ("initContainers", &spec.init_containers),
            ("containers", &spec.containers),
        ];
        for (list, containers) in lists {
            let found = containers.iter().position(|c| c.name == PROXY_CONTAINER);
            let Some(at) = found else { continue };
            let image = &*containers[at].image;
            let (known, other) = *first
                .entry(workload.object.namespace())
                .or_insert((image, workload));
            if known == image {
                continue;
            }
            let message = format!(
                "the proxy is `{image}` here and `{known}` in {}",
                other.object.subject()
            );
            let help = "inject both with the same version";
            let mut path = workload.spec_path(list);
            path.extend([Index(at), Key("image")]);
            let code = Code::ProxyImagesDiffer;
            findings.add(code, workload.object, &path, message, help);
        }
    }
}
