//! Who sends requests: users to what nobody calls, and workloads that nobody can call.

use std::collections::{BTreeMap, BTreeSet};

use super::address::Unasked;
use super::graph::Edge;
use super::texts::Dependency;
use super::{RATE, ServiceName, World, runs};
use crate::record::NotModelled;
use crate::scenario::known::{Id, Known, KnownService};
use crate::scenario::{InputNote, Load, Sender, Source, Span, Spec, Url, UrlScheme};

/// Names of programs whose purpose is to send load.
const GENERATORS: [&str; 16] = [
    "artillery",
    "fortio",
    "gatling",
    "jmeter",
    "k6",
    "load-gen",
    "load-test",
    "loadgen",
    "loadtest",
    "locust",
    "slow-cooker",
    "slowcooker",
    "traffic-gen",
    "trafficgen",
    "vegeta",
    "wrk",
];

/// Workloads that send by themselves, and why: load generators, and what calls others without
/// taking requests.
pub(super) fn senders(known: &Known, edges: &[Edge]) -> BTreeMap<Id, String> {
    let speaking = known.services().filter(|(_, s)| speaking_port(s).is_ok());
    let served: BTreeSet<&Id> = speaking
        .flat_map(|((namespace, _), service)| known.behind(namespace, service))
        .collect();
    let callers: BTreeSet<&Id> = edges.iter().map(|edge| &edge.from).collect();
    let mut out = BTreeMap::new();
    for id in callers {
        let why = if is_generator(&id.name) {
            format!("{id} is named like a load generator")
        } else if !served.contains(id) {
            format!("nobody calls {id}, so it is taken to ask on its own")
        } else {
            continue;
        };
        out.insert(id.clone(), why);
    }
    out
}

fn is_generator(name: &str) -> bool {
    GENERATORS.iter().any(|word| match word.len() {
        // Short words are parts of other names.
        ..=3 => name.split(['-', '.']).any(|part| part == *word),
        _ => name.contains(word),
    })
}

/// What is written down besides calls: loads, their reasons, and what gets none.
pub(super) struct Book<'a> {
    pub spec: &'a mut Spec,
    pub notes: &'a mut Vec<InputNote>,
    pub not_modelled: &'a mut Vec<NotModelled>,
}

// === impl Book ===

impl Book<'_> {
    /// The loads of `senders` along the edges `sent`, and those from outside to what is not called
    /// otherwise.
    pub(super) fn loads(
        &mut self,
        world: &World<'_>,
        sent: &[Edge],
        senders: &BTreeMap<Id, String>,
        unasked: &[Dependency],
    ) {
        let known = world.known;
        let mut names = BTreeSet::new();
        for edge in sent {
            if !runs(known, &edge.from) {
                self.none(
                    &edge.from.to_string(),
                    "it has 0 replicas, so it sends nothing",
                );
                continue;
            }
            let name = format!("{}-{}", edge.from.name, edge.to.1);
            let name = unique(&mut names, name, &edge.to.0);
            let to = world.call_url(edge);
            let why = senders.get(&edge.from).map_or("", |why| why);
            let from = Sender::Workload(edge.from.reference());
            self.push(load(name, from, to), &format!("{why}; {}", edge.found));
        }
        let active = sent.iter().chain(world.edges);
        let called: BTreeSet<&ServiceName> = active
            .filter(|edge| runs(known, &edge.from))
            .map(|edge| &edge.to)
            .collect();
        let telemetry = unasked.iter().filter(|d| d.why == Unasked::Telemetry);
        let telemetry: BTreeSet<&ServiceName> = telemetry.map(|d| &d.to).collect();
        let reached = called.iter().flat_map(|s| world.routes.behind(s, known));
        let mut reached: BTreeSet<&Id> = reached.collect();
        // Those with addresses of their own before those whose names lead to single pods.
        let mut services: Vec<_> = known.services().collect();
        services.sort_by_key(|(_, service)| service.headless);
        let mut entries = Vec::new();
        for (key, service) in services {
            let behind = world.routes.behind(key, known);
            let known_otherwise = called.contains(key)
                || world.routes.is_backend(key)
                || behind.iter().any(|id| reached.contains(id));
            if known_otherwise && !behind.is_empty() {
                continue;
            }
            let what = format!("Service {}/{}{}", key.0, key.1, world.at(key));
            match entry(known, service, &behind, senders, telemetry.contains(key)) {
                Ok(port) => {
                    reached.extend(behind);
                    entries.push((key, port));
                }
                Err(why) => self.none(&what, why),
            }
        }
        entries.sort_unstable();
        for (key, (port, scheme)) in entries {
            let to = world.url(key, port, scheme, None, "");
            let name = unique(&mut names, key.1.clone(), &key.0);
            let why = format!(
                "nobody is seen to call it{}, so users are taken to; the rate is a guess",
                world.at(key)
            );
            self.push(load(name, Sender::Outside, to), &why);
        }
    }

    fn none(&mut self, what: &str, why: &str) {
        self.not_modelled.push(NotModelled {
            what: what.to_owned(),
            means: format!("{why}: no load"),
        });
    }

    fn push(&mut self, load: Load, why: &str) {
        self.notes.push(InputNote {
            path: format!("load[{}].rate", self.spec.load.len()),
            source: Source::Assumed,
            why: why.into(),
        });
        self.spec.load.push(load);
    }
}

/// The port on which users ask a Service, or why they do not.
fn entry(
    known: &Known,
    service: &KnownService,
    behind: &[&Id],
    senders: &BTreeMap<Id, String>,
    telemetry: bool,
) -> Result<(u16, UrlScheme), &'static str> {
    if service.external {
        return Err("it stands for a name outside of the cluster");
    }
    if behind.is_empty() {
        return Err("no pod of the manifests answers for it");
    }
    if !behind.iter().any(|id| runs(known, id)) {
        return Err("its pods have 0 replicas");
    }
    if behind.iter().all(|id| senders.contains_key(*id)) {
        return Err("its pods send requests themselves");
    }
    if telemetry {
        return Err("others send it telemetry beside their requests");
    }
    speaking_port(service)
}

/// The port to ask on: port 80 if there is one, else the lowest that speaks HTTP or gRPC.
fn speaking_port(service: &KnownService) -> Result<(u16, UrlScheme), &'static str> {
    let ports = &service.ports;
    let plain = |p: &&u16| !service.opaque.contains(p) && !service.side.contains(p);
    let mut asked = ports
        .iter()
        .filter(|p| plain(p) && !service.tls.contains(p));
    let first = asked.clone().next();
    let Some(port) = asked.find(|p| **p == 80).or(first) else {
        return Err(match () {
            () if ports.is_empty() => "it has no TCP port",
            () if ports.iter().all(|p| service.side.contains(p)) => {
                "its ports are for metrics, health or administration"
            }
            () if ports.iter().any(|p| plain(&p)) => {
                "its application encrypts by itself, so no proxy sees requests"
            }
            () => "it speaks neither HTTP nor gRPC",
        });
    };
    let scheme = match service.grpc.contains(port) {
        true => UrlScheme::Grpc,
        false => UrlScheme::Http,
    };
    Ok((*port, scheme))
}

fn load(name: String, from: Sender, to: Url) -> Load {
    Load {
        name,
        from,
        to,
        rate: Some(RATE),
        users: None,
        think_time: None,
        arrival: Default::default(),
        shape: None,
        start_time: Span::ZERO,
        duration: None,
        method: Default::default(),
        headers: BTreeMap::new(),
        body_size: None,
        timeout: None,
        protocol: None,
    }
}

/// A name that no other load has: with its namespace, then with a number.
fn unique(names: &mut BTreeSet<String>, name: String, namespace: &str) -> String {
    let with_namespace = format!("{name}-{namespace}");
    let numbered = (2..).map(|n| format!("{with_namespace}-{n}"));
    let mut candidates = [name, with_namespace.clone()].into_iter().chain(numbered);
    let free = candidates.find(|candidate| !names.contains(candidate));
    let free = free.unwrap_or(with_namespace);
    names.insert(free.clone());
    free
}
