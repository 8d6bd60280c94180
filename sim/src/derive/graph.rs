//! Calls as a graph, without cycles.

use std::collections::{BTreeMap, BTreeSet};

use super::routes::Routes;
use crate::scenario::UrlScheme;
use crate::scenario::known::{Id, Known};

/// A call that some text suggests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Edge {
    pub from: Id,
    /// Namespace and name of the Service.
    pub to: (String, String),
    pub port: u16,
    pub scheme: UrlScheme,
    /// As the address has it.
    pub path: Option<String>,
    /// Where: `CART_ADDR (shop.yaml:12) names it`.
    pub found: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Done,
}

/// The edges without those that close a cycle, and those. The search begins at the workloads that
/// nobody calls, then at those that can be reached from outside of the cluster, and follows the
/// calls in their order, so that the same manifests lose the same calls, seldom one of the first.
pub(super) fn without_cycles(
    edges: Vec<Edge>,
    known: &Known,
    routes: &Routes,
) -> (Vec<Edge>, Vec<Edge>) {
    let leads_to: Vec<Vec<&Id>> = edges
        .iter()
        .map(|edge| routes.behind(&edge.to, known))
        .collect();
    let mut states: BTreeMap<&Id, State> = BTreeMap::new();
    let mut closing = vec![false; edges.len()];
    let called: BTreeSet<&Id> = leads_to.iter().flatten().copied().collect();
    let outward = known.services().filter(|(_, service)| service.outward);
    let outward: BTreeSet<&Id> = outward
        .flat_map(|(key, _)| routes.behind(key, known))
        .collect();
    let mut starts: Vec<&Id> = edges.iter().map(|e| &e.from).collect();
    starts.sort_by_key(|id| (called.contains(id), !outward.contains(id)));
    for start in starts {
        visit(start, &edges, &leads_to, &mut states, &mut closing);
    }
    let (mut kept, mut dropped) = (Vec::new(), Vec::new());
    for (edge, closes) in edges.iter().cloned().zip(closing) {
        if closes {
            dropped.push(edge);
        } else {
            kept.push(edge);
        }
    }
    (kept, dropped)
}

/// Depth first, with a stack of its own: a chain of calls may be as long as there are workloads.
fn visit<'e>(
    start: &'e Id,
    edges: &'e [Edge],
    leads_to: &[Vec<&'e Id>],
    states: &mut BTreeMap<&'e Id, State>,
    closing: &mut [bool],
) {
    if states.contains_key(start) {
        return;
    }
    states.insert(start, State::Open);
    // An app, and the next of its edges to follow.
    let mut stack = vec![(start, 0)];
    while let Some((app, next)) = stack.pop() {
        let Some(i) = (next..edges.len()).find(|i| edges[*i].from == *app && !closing[*i]) else {
            states.insert(app, State::Done);
            continue;
        };
        stack.push((app, i + 1));
        if leads_to[i]
            .iter()
            .any(|to| states.get(to) == Some(&State::Open))
        {
            closing[i] = true;
            continue;
        }
        // The edge is followed again for each further workload behind the Service.
        if let Some(to) = leads_to[i].iter().find(|to| !states.contains_key(*to)) {
            states.insert(to, State::Open);
            if let Some(top) = stack.last_mut() {
                top.1 = i;
            }
            stack.push((to, 0));
        }
    }
}
