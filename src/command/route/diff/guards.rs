//! What the proxies of the destinations make of requests: who may call, in which way, how often.
//!
//! For each port of each workload callers and requests are made up from the rules of both sides,
//! and the engine is asked for its verdict under either.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use engine::identity::Identity;
use engine::snapshot::authz::{AccountGlob, Action, Condition, Key, Operation, Set, Source};
use engine::snapshot::glob::Glob;
use engine::snapshot::{InboundPort, InboundTls, ObjectName, Snapshot};
use model::lower::Lowering;
use serde::Serialize;

use super::limits;
use super::probe::{self, Probe, Sketch};
use crate::command::authz::judge::{Caller, Judged};
use crate::command::route::mesh::{Mesh, TRUST_DOMAIN, workload_name};

/// A port of a workload that is guarded in another way.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GuardDiff {
    /// `pay/Deployment/payments:8080`; `other ports` when none is declared.
    pub(super) workload: String,
    /// The mode of mutual TLS before and after.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mtls: Option<[&'static str; 2]>,
    pub(super) verdicts: Vec<VerdictDiff>,
    pub(super) limits_lost: Vec<String>,
    pub(super) limits_gained: Vec<String>,
}

/// Requests that get another verdict, all of them the same.
#[derive(Debug, Serialize)]
pub(super) struct VerdictDiff {
    /// One of them: `GET /admin from shop/Deployment/web`.
    pub(super) request: String,
    /// How many more of those that were asked.
    pub(super) more: usize,
    pub(super) old: String,
    pub(super) new: String,
}

/// A caller, and how it is called.
type Named = (String, Option<Identity>);

/// One side.
struct Side {
    lowering: Lowering,
    /// A pod of each workload.
    pods: BTreeMap<String, ObjectName>,
}

/// Callers and requests that are asked at most for one port.
const CALLERS_MAX: usize = 32;
const REQUESTS_MAX: usize = 128;

/// What differs, and what could not be asked.
pub(super) fn compare(old: &Mesh, new: &Mesh) -> (Vec<GuardDiff>, Vec<String>) {
    let sides = [old, new].map(Side::new);
    let mut not_asked = BTreeSet::new();
    let mut found = Vec::new();
    let everybody = callers(&sides);
    for workload in sides[0].pods.keys() {
        let snapshots = sides.each_ref().map(|side| side.snapshot(workload));
        let [Some(old), Some(new)] = snapshots else {
            continue;
        };
        let ports: BTreeSet<u16> = [&old, &new]
            .into_iter()
            .flat_map(|s| s.inbound.ports.keys().copied())
            .collect();
        for number in ports.into_iter().map(Some).chain([None]) {
            let ports = [&old, &new].map(|s| {
                let of_number = number.and_then(|number| s.inbound.ports.get(&number));
                of_number.unwrap_or(&s.inbound.default)
            });
            let name = match number {
                Some(number) => format!("{workload}:{number}"),
                None => format!("{workload}, other ports"),
            };
            let mut diff = GuardDiff::new(name, ports);
            diff.verdicts(ports, number.unwrap_or(0), &everybody, &mut not_asked);
            if !diff.is_empty() {
                found.push(diff);
            }
        }
    }
    (found, not_asked.into_iter().collect())
}

/// Who calls: every workload of either side, and somebody without identity.
fn callers(sides: &[Side; 2]) -> Vec<Named> {
    let mut all: Vec<Named> = vec![("somebody without identity".into(), None)];
    for side in sides {
        for workload in side.pods.keys() {
            let Some(snapshot) = side.snapshot(workload) else {
                continue;
            };
            let identity = Some(snapshot.workload.identity.clone());
            if !all.iter().any(|(_, known)| *known == identity) {
                all.push((workload.clone(), identity));
            }
        }
    }
    all
}

// === impl Side ===

impl Side {
    fn new(mesh: &Mesh) -> Self {
        let mut lowering = Lowering::new(TRUST_DOMAIN);
        lowering.update(&mesh.index);
        let pods = mesh.index.pods();
        Self {
            pods: pods
                .map(|pod| (workload_name(pod), pod.name.clone()))
                .collect(),
            lowering,
        }
    }

    fn snapshot(&self, workload: &str) -> Option<Arc<Snapshot>> {
        self.lowering.snapshot(self.pods.get(workload)?)
    }
}

// === impl GuardDiff ===

impl GuardDiff {
    fn new(workload: String, ports: [&InboundPort; 2]) -> Self {
        let modes = ports.map(|port| match port.tls {
            InboundTls::Permissive => "Permissive",
            InboundTls::Strict => "Strict",
            InboundTls::Disable => "Disable",
        });
        let [old, new] = ports.map(|port| limits::described(&port.limits));
        Self {
            workload,
            mtls: (modes[0] != modes[1]).then_some(modes),
            verdicts: Vec::new(),
            limits_lost: old.difference(&new).cloned().collect(),
            limits_gained: new.difference(&old).cloned().collect(),
        }
    }

    fn is_empty(&self) -> bool {
        self.mtls.is_none()
            && self.verdicts.is_empty()
            && self.limits_lost.is_empty()
            && self.limits_gained.is_empty()
    }

    fn verdicts(
        &mut self,
        ports: [&InboundPort; 2],
        number: u16,
        everybody: &[Named],
        not_asked: &mut BTreeSet<String>,
    ) {
        let guarded = ports
            .iter()
            .any(|port| !port.authorization.policies.is_empty());
        if !guarded && self.mtls.is_none() {
            return;
        }
        let probes = requests(ports, &self.workload, not_asked);
        let mut callers = everybody.to_vec();
        callers.extend(named_in_rules(ports));
        if callers.len() > CALLERS_MAX {
            let more = callers.len() - CALLERS_MAX;
            not_asked.insert(format!(
                "{more} callers of {} were not asked",
                self.workload
            ));
            callers.truncate(CALLERS_MAX);
        }
        let mut groups: BTreeMap<[String; 2], usize> = BTreeMap::new();
        for (name, identity) in &callers {
            let caller = Caller {
                identity: identity.clone(),
                address: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            };
            for probe in &probes {
                let [old, new] = ports.map(|port| {
                    Judged::of_port(String::new(), number, port, &caller, Some(&probe.head))
                });
                if (old.allowed, old.status, old.flag) == (new.allowed, new.status, new.flag) {
                    continue;
                }
                let (old, new) = (old.verdict(), new.verdict());
                let next = self.verdicts.len();
                let at = *groups.entry([old.clone(), new.clone()]).or_insert(next);
                match self.verdicts.get_mut(at) {
                    Some(known) => known.more += 1,
                    None => self.verdicts.push(VerdictDiff {
                        request: format!("{} from {name}", probe.name),
                        more: 0,
                        old,
                        new,
                    }),
                }
            }
        }
    }
}

/// Identities that rules name; of a pattern one that it means.
fn named_in_rules(ports: [&InboundPort; 2]) -> Vec<Named> {
    let rules = ports
        .into_iter()
        .flat_map(|port| &port.authorization.policies);
    let sources = rules
        .flat_map(|applied| &applied.policy.rules)
        .flat_map(|rule| &rule.from);
    let mut found: BTreeSet<String> = BTreeSet::new();
    for Source {
        identities,
        service_accounts,
        ..
    } in sources
    {
        let is_whole = |glob: &&Glob| !glob.as_str().contains('*');
        let globs = identities.wanted.iter().chain(&identities.unwanted);
        found.extend(globs.filter(is_whole).map(|glob| glob.as_str().to_owned()));
        let accounts = service_accounts
            .wanted
            .iter()
            .chain(&service_accounts.unwanted);
        for AccountGlob { namespace, name } in accounts {
            if is_whole(&namespace) && is_whole(&name) {
                found.insert(format!("spiffe://{TRUST_DOMAIN}/ns/{namespace}/sa/{name}"));
            }
        }
    }
    let read = |text: String| Some((text.clone(), Some(text.parse::<Identity>().ok()?)));
    found.into_iter().filter_map(read).collect()
}

/// The requests that tell both sides apart: one for each alternative of each rule, without each of
/// its conditions, two at a time, and one that is nothing special.
fn requests(
    ports: [&InboundPort; 2],
    workload: &str,
    not_asked: &mut BTreeSet<String>,
) -> Vec<Probe> {
    let mut sketches: Vec<Sketch> = Vec::new();
    for applied in ports.iter().flat_map(|port| &port.authorization.policies) {
        if applied.policy.jwt.is_some() {
            not_asked.insert(format!("requests with tokens were not asked of {workload}"));
        }
        for rule in &applied.policy.rules {
            let mut when = Sketch::default();
            rule.when
                .iter()
                .for_each(|condition| demand(&mut when, condition));
            let operations = rule.to.iter().flat_map(operations);
            let alternatives: Vec<Sketch> = match rule.to.is_empty() {
                true => vec![when],
                false => operations.map(|operation| operation.with(&when)).collect(),
            };
            // A Deny without conditions is about any request.
            if applied.policy.action != Action::Audit {
                sketches.extend(alternatives);
            }
        }
        if let Some(scope) = &applied.scope {
            let rules = scope
                .rules
                .iter()
                .filter_map(|at| scope.table.rules().get(*at));
            for m in rules.flat_map(|rule| &rule.matches) {
                sketches.extend(probe::sketch(m).unwrap_or_default());
            }
        }
    }
    let mut all: Vec<Sketch> = vec![Sketch::default()];
    all.extend(sketches.iter().cloned());
    all.extend(sketches.iter().flat_map(Sketch::without_one));
    for a in &sketches {
        all.extend(sketches.iter().map(|b| a.with(b)));
    }
    let mut seen = BTreeSet::new();
    all.retain(|sketch| seen.insert(sketch.clone()));
    if let Some(more) = all.len().checked_sub(REQUESTS_MAX).filter(|n| *n > 0) {
        not_asked.insert(format!(
            "{more} requests to {workload} were not asked: too many"
        ));
        all.truncate(REQUESTS_MAX);
    }
    let host = "any.example";
    all.iter().filter_map(|sketch| sketch.probe(host)).collect()
}

/// Requests that an operation means: one for each value that it names.
fn operations(operation: &Operation) -> Vec<Sketch> {
    let mut paths: Vec<Sketch> = named(&operation.paths)
        .map(|glob| of_path(example(glob)))
        .collect();
    paths.extend(named(&operation.grpc_methods).map(|call| Sketch {
        grpc: true,
        ..of_path(format!("/{}", example(call)))
    }));
    if paths.is_empty() {
        paths.push(Sketch::default());
    }
    let methods: Vec<Option<String>> = match operation.methods.is_empty() {
        true => vec![None],
        false => named(&operation.methods)
            .map(|method| Some(method.to_string()))
            .collect(),
    };
    let hosts: Vec<(String, String)> = named(&operation.hosts)
        .map(|host| ("host".to_owned(), example(host)))
        .take(1)
        .collect();
    let with_method = |path: &Sketch| {
        let (path, hosts) = (path.clone(), hosts.clone());
        methods.clone().into_iter().map(move |method| Sketch {
            method,
            headers: hosts.clone(),
            ..path.clone()
        })
    };
    paths
        .iter()
        .flat_map(with_method)
        .take(REQUESTS_MAX)
        .collect()
}

fn of_path(path: String) -> Sketch {
    Sketch {
        path: Some(path),
        ..Sketch::default()
    }
}

/// What is asked of a header; tokens cannot be made up.
fn demand(sketch: &mut Sketch, condition: &Condition) {
    if let (Key::Header(name), Some(value)) = (&condition.key, named(&condition.values).next()) {
        sketch.headers.push((name.to_string(), example(value)));
        sketch.headers.sort();
    }
}

/// The values that are named, be they wanted or not.
fn named<T>(set: &Set<T>) -> impl Iterator<Item = &T> {
    set.wanted.iter().chain(&set.unwanted)
}

/// A text that a pattern matches.
fn example(glob: &Glob) -> String {
    glob.as_str().replace('*', "x")
}
