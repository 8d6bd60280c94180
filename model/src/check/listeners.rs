//! MC0308, MC0309, MC0311: ports and the user that the proxy needs for itself, and ports that two
//! containers of a pod want.

use std::collections::BTreeMap;

use super::facts::{Facts, WorkloadFact};
use super::{Code, Findings};
use crate::kube::{Container, Protocol};
use crate::yaml::Step::{self, Index, Key};
use crate::yaml::{Node, Scalar};

/// What the proxy listens on in every pod of the mesh, and for what.
const RESERVED_PORTS: [(u16, &str); 4] = [
    (14000, "its admin interface"),
    (14001, "outbound traffic"),
    (14006, "inbound traffic"),
    (14020, "health and metrics"),
];

/// The user id of the proxy: traffic of this user is not captured.
const PROXY_UID: i64 = 14100;

/// The proxy's own container.
const PROXY_CONTAINER: &str = "meshctl-proxy";

pub(super) fn analyze(facts: &Facts<'_>, findings: &mut Findings) {
    for workload in &facts.workloads {
        let Some(pod) = facts.index.pod(&workload.pod) else {
            continue;
        };
        for container in containers(workload) {
            twice(findings, workload, &container);
            if facts.index.is_meshed(pod) && container.of.name != PROXY_CONTAINER {
                ports(findings, workload, &container);
                user(findings, workload, &container);
            }
        }
        if facts.index.is_meshed(pod) {
            let path = security(workload.spec_path("securityContext"));
            runs_as_proxy(findings, workload, &path);
        }
    }
}

/// A container that runs while the pod serves, and its path.
struct Place<'a> {
    of: &'a Container,
    list: &'static str,
    at: usize,
    /// Those before it in the pod.
    before: Vec<&'a Container>,
}

fn containers<'a>(fact: &'a WorkloadFact<'_>) -> Vec<Place<'a>> {
    let spec = &fact.workload.template.spec;
    let lists = [
        ("initContainers", &spec.init_containers),
        ("containers", &spec.containers),
    ];
    let mut found: Vec<Place<'a>> = Vec::new();
    for (list, containers) in lists {
        for (at, of) in containers.iter().enumerate() {
            if list == "containers" || of.is_sidecar() {
                let before = found.iter().map(|place| place.of).collect();
                found.push(Place {
                    of,
                    list,
                    at,
                    before,
                });
            }
        }
    }
    found
}

fn ports(findings: &mut Findings, fact: &WorkloadFact<'_>, place: &Place<'_>) {
    for (at, port) in place.of.ports.iter().enumerate() {
        let number = port.container_port.u16();
        let reserved = RESERVED_PORTS.iter().find(|(port, _)| *port == number);
        let Some((_, purpose)) = reserved.filter(|_| port.protocol == Protocol::Tcp) else {
            continue;
        };
        let message = format!(
            "container `{}` listens on {number}, which the proxy uses for {purpose}",
            place.of.name
        );
        let help = "move the application to another port, or opt the pod out with the annotation \
                    `meshctl.dev/inject: disabled`";
        let path = port_path(fact, place, at);
        findings.add(Code::ReservedPort, fact.object, &path, message, help);
    }
}

fn twice(findings: &mut Findings, fact: &WorkloadFact<'_>, place: &Place<'_>) {
    let mut taken: BTreeMap<(u16, Protocol), &str> = BTreeMap::new();
    for container in &place.before {
        for port in &container.ports {
            let key = (port.container_port.u16(), port.protocol);
            taken.entry(key).or_insert(&container.name);
        }
    }
    for (at, port) in place.of.ports.iter().enumerate() {
        let number = port.container_port.u16();
        if let Some(other) = taken.get(&(number, port.protocol)) {
            let message = format!("container `{other}` of the same pod declares port {number} too");
            let help = "the containers of a pod share one address: only one of them can listen \
                        there";
            let path = port_path(fact, place, at);
            findings.add(Code::ContainerPortTwice, fact.object, &path, message, help);
        }
    }
}

fn port_path(fact: &WorkloadFact<'_>, place: &Place<'_>, at: usize) -> Vec<Step<'static>> {
    let mut path = fact.spec_path(place.list);
    path.extend([
        Index(place.at),
        Key("ports"),
        Index(at),
        Key("containerPort"),
    ]);
    path
}

fn user(findings: &mut Findings, fact: &WorkloadFact<'_>, place: &Place<'_>) {
    let mut path = fact.spec_path(place.list);
    path.extend([Index(place.at), Key("securityContext")]);
    runs_as_proxy(findings, fact, &security(path));
}

fn security(mut path: Vec<Step<'static>>) -> Vec<Step<'static>> {
    path.push(Key("runAsUser"));
    path
}

fn runs_as_proxy(findings: &mut Findings, fact: &WorkloadFact<'_>, path: &[Step<'_>]) {
    let user = fact.object.at(path).and_then(Node::scalar);
    if !matches!(user, Some((Scalar::Int(PROXY_UID), _))) {
        return;
    }
    let message = format!("the application runs as user {PROXY_UID}, the proxy's own");
    let help = "traffic of that user is not captured, so it would pass beside the mesh: give the \
                application another user";
    findings.add(Code::ReservedUser, fact.object, path, message, help);
}
