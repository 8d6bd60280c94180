//! Who calls whom, as a tree.
//!
//! ```text
//!  shop/Deployment/visitors          a workload that nobody is seen to call
//!  └ shop/web:80                     the service it calls
//!    ├ shop/cart:80                  what the workloads behind that call
//!    │ └ pay/payments:80
//!    └ shop/catalog:80
//!  outside                           callers that only the called one's proxy knows
//!  └ shop/Deployment/web
//! ```
//!
//! A proxy counts its own calls by the service it addresses. Which workloads answer for a service
//! is seen from its endpoints: a pod is named after its controller
//! (<https://kubernetes.io/docs/concepts/workloads/controllers/deployment/>). What a service calls
//! is shown once, where it is first reached, so that circles end.

use std::collections::{BTreeMap, BTreeSet};

use engine::report::{Security, Side};
use engine::snapshot::ClusterKey;
use engine::time::Instant;

use super::{Gather, Traffic};
use crate::top::store::Store;

/// Calls of calls up to here; what lies deeper begins a tree of its own.
const DEPTH_MAX: usize = 16;

/// A caller, or a call.
#[derive(Clone, Debug)]
pub(in crate::top) struct CallView {
    /// What is drawn before its name: `│ └ `.
    pub(in crate::top) branch: String,
    /// A caller, or whom it calls.
    pub(in crate::top) name: String,
    /// Who makes the call; empty for a caller.
    pub(in crate::top) by: String,
    /// None for a caller: its calls may differ.
    pub(in crate::top) tls: Option<Security>,
    /// Its own calls are shown further up.
    pub(in crate::top) again: bool,
    /// Of a caller: of all its calls.
    pub(in crate::top) traffic: Traffic,
    pub(in crate::top) stale: bool,
}

/// Who is called, and how it is protected.
type Called<'a> = (&'a str, Security);

/// What was counted of a call by all who counted it.
#[derive(Clone, Debug)]
struct Sum {
    gather: Gather,
    /// All of it is old.
    stale: bool,
}

#[derive(Debug, Default)]
struct Graph<'a> {
    /// By the workload that calls: what its proxy counted.
    calls: BTreeMap<&'a str, BTreeMap<Called<'a>, Sum>>,
    /// By the name or identity that calls: what the called workload's proxy counted.
    served: BTreeMap<&'a str, BTreeMap<Called<'a>, Sum>>,
    /// The workloads that answer for a service.
    behind: BTreeMap<&'a str, BTreeSet<&'a str>>,
}

/// A tree that is being written.
struct Walk<'a, 'g> {
    graph: &'g Graph<'a>,
    /// Workloads whose calls are shown.
    shown: BTreeSet<&'a str>,
    out: Vec<CallView>,
}

/// The calls of a mesh, each below the one that leads to it.
pub(in crate::top) fn calls(store: &Store, now: Instant) -> Vec<CallView> {
    let graph = Graph::new(store, now);
    let reached: BTreeSet<&str> = (graph.calls.values())
        .flat_map(BTreeMap::keys)
        .filter_map(|(to, _)| graph.behind.get(to))
        .flatten()
        .copied()
        .collect();
    let mut walk = Walk {
        graph: &graph,
        shown: BTreeSet::new(),
        out: Vec::new(),
    };
    let first = graph.calls.keys().filter(|from| !reached.contains(*from));
    // Then those that are only reached in circles.
    for from in first.chain(graph.calls.keys()) {
        walk.caller(from);
    }
    for (from, calls) in &graph.served {
        // What a proven caller does is in its own tree, when that is known.
        let known = |(to, tls): &Called<'_>| *tls == Security::Mutual && reached.contains(to);
        let news = calls.iter().filter(|(called, _)| !known(called));
        let news: BTreeMap<_, _> = news.map(|(c, sum)| (*c, sum.clone())).collect();
        if !news.is_empty() {
            walk.root(from, &news);
            walk.calls(from, news, "", DEPTH_MAX);
        }
    }
    walk.out
}

// === impl Sum ===

impl Default for Sum {
    fn default() -> Self {
        Self {
            gather: Gather::default(),
            stale: true,
        }
    }
}

impl Sum {
    fn merge(&mut self, other: &Self) {
        self.gather.merge(&other.gather);
        self.stale &= other.stale;
    }
}

// === impl Graph ===

impl<'a> Graph<'a> {
    fn new(store: &'a Store, now: Instant) -> Self {
        let mut graph = Self::default();
        for (_, source) in store.sources() {
            let stale = source.is_stale(now);
            for (key, rated) in source.edges.iter(source.frames) {
                let side = match key.side {
                    Side::Client => &mut graph.calls,
                    Side::Server => &mut graph.served,
                };
                let calls = side.entry(&*key.from).or_default();
                let sum = calls.entry((&*key.to, key.tls)).or_default();
                sum.gather.add(source, &rated);
                sum.stale &= stale || !rated.present;
            }
        }
        graph.find_behind(store);
        graph
    }

    fn find_behind(&mut self, store: &'a Store) {
        let served = self.served.values().flat_map(BTreeMap::keys);
        let all = self.calls.keys().copied().chain(served.map(|(to, _)| *to));
        // `shop/Deployment/web` by (`shop`, `web`).
        let named = |workload: &'a str| {
            let (namespace, rest) = workload.split_once('/')?;
            Some(((namespace, rest.rsplit('/').next()?), workload))
        };
        let workloads: BTreeMap<_, _> = all.filter_map(named).collect();
        let mut answering = BTreeMap::<_, BTreeSet<&str>>::new();
        for (_, source) in store.sources() {
            for (key, _) in source.endpoints.iter(source.frames) {
                let (namespace, pod) = (&*key.endpoint.namespace, &*key.endpoint.name);
                let names = core::iter::successors(Some(pod), |name| {
                    name.rsplit_once('-').map(|(before, _)| before)
                });
                let mut found = names.filter_map(|name| workloads.get(&(namespace, name)));
                if let Some(workload) = found.next() {
                    let backend = answering.entry(&key.backend).or_default();
                    backend.insert(*workload);
                }
            }
        }
        let called = self.calls.values().flat_map(BTreeMap::keys);
        let called: BTreeSet<&str> = called.map(|(to, _)| *to).collect();
        let mut lead = |service: &str, backend: &ClusterKey| {
            if let (Some(service), Some(workloads)) = (called.get(service), answering.get(backend))
            {
                self.behind.entry(service).or_default().extend(workloads);
            }
        };
        for backend in answering.keys() {
            lead(&backend.to_string(), backend);
        }
        for (_, source) in store.sources() {
            for (key, _) in source.backends.iter(source.frames) {
                lead(&key.service.to_string(), &key.backend);
            }
        }
    }
}

// === impl Walk ===

impl<'a> Walk<'a, '_> {
    /// A workload at the top, with all it calls; nothing when that is shown already.
    fn caller(&mut self, from: &'a str) {
        let Some(calls) = self.graph.calls.get(from) else {
            return;
        };
        if self.shown.insert(from) {
            self.root(from, calls);
            self.calls(from, calls.clone(), "", 0);
        }
    }

    fn root(&mut self, from: &str, calls: &BTreeMap<Called<'_>, Sum>) {
        let mut all = Sum::default();
        calls.values().for_each(|sum| all.merge(sum));
        self.out.push(CallView {
            branch: String::new(),
            name: from.to_owned(),
            by: String::new(),
            tls: None,
            again: false,
            traffic: all.gather.traffic(),
            stale: all.stale,
        });
    }

    fn calls(&mut self, by: &str, calls: BTreeMap<Called<'a>, Sum>, before: &str, depth: usize) {
        let count = calls.len();
        for (i, ((to, tls), sum)) in calls.into_iter().enumerate() {
            let (corner, below) = match i + 1 == count {
                true => ("└ ", "  "),
                false => ("├ ", "│ "),
            };
            let graph = self.graph;
            let behind = graph.behind.get(to).into_iter().flatten();
            let behind: Vec<&str> = behind
                .copied()
                .filter(|workload| graph.calls.contains_key(workload))
                .collect();
            let mut further = BTreeMap::<Called<'_>, Sum>::new();
            if depth < DEPTH_MAX {
                for workload in &behind {
                    if self.shown.insert(workload) {
                        for (called, sum) in &graph.calls[workload] {
                            further.entry(*called).or_default().merge(sum);
                        }
                    }
                }
            }
            self.out.push(CallView {
                branch: format!("{before}{corner}"),
                name: to.to_owned(),
                by: by.to_owned(),
                tls: Some(tls),
                again: !behind.is_empty() && further.is_empty(),
                traffic: sum.gather.traffic(),
                stale: sum.stale,
            });
            self.calls(to, further, &format!("{before}{below}"), depth + 1);
        }
    }
}

#[cfg(test)]
mod tests;
