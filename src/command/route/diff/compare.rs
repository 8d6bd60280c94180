//! Every port, for every group of clients, under either side.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use engine::session::Session;
use engine::snapshot::{Cluster, ClusterKey, Frontend, ObjectName, Outbound, PortProtocol};
use model::index::Index;
use model::lower;
use serde::Serialize;

use super::guards::{self, GuardDiff};
use super::policies::{self, ObjectDiff};
use super::{behaviour, probe};
use crate::command::route::mesh::Mesh;
use crate::command::route::words;

/// What differs.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Found {
    pub(super) ports: Vec<PortDiff>,
    /// What the destinations make of requests.
    pub(super) guards: Vec<GuardDiff>,
    /// Objects, whether they have an effect on the input or not.
    pub(super) policies: Vec<ObjectDiff>,
    /// What could not be asked.
    pub(super) not_asked: Vec<String>,
}

/// A port as one group of clients sees it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PortDiff {
    /// `shop/web:80`
    pub(super) service: String,
    /// `all`, or `clients in NAMESPACE`.
    pub(super) clients: String,
    /// The port is there on one side only, or is not read as HTTP on one side.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) existence: Option<String>,
    pub(super) requests: Vec<RequestDiff>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) policy: Option<PolicyDiff>,
}

/// Requests that get something else, all of them the same.
#[derive(Debug, Serialize)]
pub(super) struct RequestDiff {
    /// One of them.
    pub(super) request: String,
    /// How many more of those that were asked.
    pub(super) more: usize,
    pub(super) old: Vec<String>,
    pub(super) new: Vec<String>,
}

/// The policies of the port as a backend.
#[derive(Debug, Serialize)]
pub(super) struct PolicyDiff {
    pub(super) old: String,
    pub(super) new: String,
}

/// One side, as one group of clients sees it.
struct Side<'a> {
    mesh: &'a Mesh,
    clients: Option<Arc<str>>,
    outbound: Outbound,
}

type Audience = Option<Arc<str>>;

pub(super) fn compare(old: &Mesh, new: &Mesh) -> Found {
    let mut found = Found::default();
    let sides = [old, new];
    let ports: BTreeSet<(ObjectName, u16)> = sides.iter().flat_map(|m| ports(&m.index)).collect();
    let mut audiences: BTreeMap<Audience, BTreeSet<(ObjectName, u16)>> = BTreeMap::new();
    for (service, port) in &ports {
        let consumers = sides
            .iter()
            .flat_map(|mesh| consumers(&mesh.index, service));
        for audience in consumers.map(Some).chain([None]) {
            let seen = audiences.entry(audience).or_default();
            seen.insert((service.clone(), *port));
        }
    }
    for (audience, ports) in audiences {
        let sides = sides.map(|mesh| Side::new(mesh, audience.clone()));
        for (service, port) in ports {
            found.port(&sides, &service, port);
        }
    }
    let (guards, not_asked) = guards::compare(old, new);
    found.guards = guards;
    found.not_asked.extend(not_asked);
    found.policies = policies::compare(old, new);
    let order = |port: &PortDiff| (port.service.clone(), port.clients.clone());
    found.ports.sort_by_key(order);
    found.not_asked.sort();
    found.not_asked.dedup();
    found
}

fn ports(index: &Index) -> impl Iterator<Item = (ObjectName, u16)> {
    index.services().flat_map(|service| {
        let ports = service.ports.iter();
        ports.map(|port| (service.name.clone(), port.port))
    })
}

/// Namespaces that see the Service in their own way.
fn consumers(index: &Index, service: &ObjectName) -> BTreeSet<Arc<str>> {
    let mut all = index.route_consumers(service);
    all.extend(index.traffic_consumers(service));
    all.extend(index.backend_consumers(service));
    all
}

// === impl Found ===

impl Found {
    pub(super) fn is_empty(&self) -> bool {
        self.ports.is_empty() && self.guards.is_empty() && self.policies.is_empty()
    }

    fn port(&mut self, sides: &[Side<'_>; 2], service: &ObjectName, port: u16) {
        let audience = sides[0].clients.as_ref();
        let mut diff = PortDiff {
            service: format!("{service}:{port}"),
            clients: audience.map_or_else(|| "all".into(), |ns| format!("clients in {ns}")),
            existence: None,
            requests: Vec::new(),
            policy: None,
        };
        let frontends = sides.each_ref().map(|side| side.frontend(service, port));
        match &frontends {
            [None, None] => return,
            [None, Some(_)] if audience.is_none() => diff.existence = Some("is new".into()),
            [Some(_), None] if audience.is_none() => diff.existence = Some("is gone".into()),
            [Some(old), Some(new)] => self.both(sides, [old, new], &mut diff),
            _ => return,
        }
        let same = diff.existence.is_none() && diff.requests.is_empty() && diff.policy.is_none();
        if !same {
            self.ports.push(diff);
        }
    }

    fn both(&mut self, sides: &[Side<'_>; 2], frontends: [&Frontend; 2], diff: &mut PortDiff) {
        let opaque = frontends.map(|f| f.protocol == PortProtocol::Opaque);
        match opaque {
            [false, true] => diff.existence = Some("is forwarded as bytes now".into()),
            [true, false] => diff.existence = Some("is not forwarded as bytes any more".into()),
            [true, true] => {}
            [false, false] => self.requests(sides, frontends, diff),
        }
        let key = ClusterKey {
            service: frontends[0].service.clone(),
            port: frontends[0].port,
        };
        let clusters = sides
            .each_ref()
            .map(|side| side.outbound.clusters.get(&key));
        if let [Some(old), Some(new)] = clusters
            && old.policy_hash != new.policy_hash
        {
            diff.policy = Some(PolicyDiff {
                old: policy(old),
                new: policy(new),
            });
        }
    }

    fn requests(&mut self, sides: &[Side<'_>; 2], frontends: [&Frontend; 2], diff: &mut PortDiff) {
        let frontend = frontends[0];
        let authority = format!(
            "{}.{}:{}",
            frontend.service.name, frontend.service.namespace, frontend.port
        );
        let probes = probe::probes(frontends.map(|f| &*f.routes), &authority);
        self.not_asked.extend(probes.not_asked);
        let mut groups: BTreeMap<(Vec<String>, Vec<String>), usize> = BTreeMap::new();
        for probe in &probes.requests {
            let ask = |i: usize| {
                let seen = Session::foresee(frontends[i], &probe.head, &sides[i].outbound);
                behaviour::of(&probe.head, &seen)
            };
            let (old, new) = (ask(0), ask(1));
            if old == new {
                continue;
            }
            let next = diff.requests.len();
            let at = *groups.entry((old.clone(), new.clone())).or_insert(next);
            match diff.requests.get_mut(at) {
                Some(known) => known.more += 1,
                None => diff.requests.push(RequestDiff {
                    request: probe.name.clone(),
                    more: 0,
                    old,
                    new,
                }),
            }
        }
    }
}

// === impl Side ===

impl<'a> Side<'a> {
    fn new(mesh: &'a Mesh, clients: Option<Arc<str>>) -> Self {
        let clusters = ports(&mesh.index).filter_map(|(service, port)| {
            let cluster = lower::cluster_seen(&mesh.index, &service, port, clients.as_ref())?;
            Some((ClusterKey { service, port }, Arc::new(cluster)))
        });
        Self {
            mesh,
            outbound: Outbound {
                clusters: Arc::new(clusters.collect()),
                ..Outbound::default()
            },
            clients,
        }
    }

    fn frontend(&self, service: &ObjectName, port: u16) -> Option<Frontend> {
        lower::frontend_seen(&self.mesh.index, service, port, self.clients.as_ref())
    }
}

fn policy(cluster: &Cluster) -> String {
    match &cluster.policy_origin {
        Some(origin) => format!("{} ({})", words::object(origin), words::place(origin)),
        None => "defaults".into(),
    }
}
