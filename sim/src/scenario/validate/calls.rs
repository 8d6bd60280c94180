//! Applications and the calls they make: a cycle of calls must come to an end.
//!
//! A request that causes, on average, one or more requests to the same application by way of its
//! calls never ends: the expected number of calls along the cycle is the product of the calls'
//! probabilities, and where several calls lead on, their sum. So the check is on the whole: the
//! expected calls from each application of a cycle back to itself, summed over all ways, have to be
//! below one.

use std::collections::BTreeMap;

use super::Check;
use crate::scenario::{App, Call};

/// Levels of calls that are followed. What has not died out by then does not.
const LEVELS: usize = 200;

/// Expected requests at which a cascade counts as ended.
const DIED_OUT: f64 = 1e-6;

/// A call as an edge: from the app of this index to another, by the call of this index.
struct Edge {
    from: usize,
    call: usize,
    to: usize,
    expected: f64,
}

// === impl Check ===

impl Check<'_> {
    pub(super) fn apps(&mut self) {
        let apps = &self.spec.apps;
        let names: Vec<_> = apps.iter().map(|a| a.workload.to_string()).collect();
        let path = |i: usize| format!("apps[{i}].workload");
        let named = names
            .iter()
            .enumerate()
            .map(|(i, name)| (path(i), name.as_str()));
        self.unique("the app of", named);
        for (i, app) in apps.iter().enumerate() {
            self.app(&format!("apps[{i}]"), app);
        }
        self.cycles();
    }

    fn app(&mut self, at: &str, app: &App) {
        self.workload(format!("{at}.workload"), &app.workload);
        self.distribution(format!("{at}.serviceTime"), app.service_time.as_ref());
        if app.workers == Some(0) {
            self.problem(
                format!("{at}.workers"),
                "an app without workers answers nothing",
            );
        }
        if app
            .error_status
            .is_some_and(|status| !(400..=599).contains(&status))
        {
            self.problem(
                format!("{at}.errorStatus"),
                "an error has a status from 400 to 599",
            );
        }
        if let Some(cold) = &app.cold_start
            && !(1.0..=1000.0).contains(&cold.factor)
        {
            self.problem(
                format!("{at}.coldStart.factor"),
                "a factor is between 1 and 1000",
            );
        }
        for (j, call) in app.calls.iter().enumerate() {
            self.call(&format!("{at}.calls[{j}]"), app, call);
        }
    }

    fn call(&mut self, at: &str, app: &App, call: &Call) {
        if call.retries > 10 {
            self.problem(format!("{at}.retries"), "an app retries at most ten times");
        }
        if call
            .path
            .as_ref()
            .is_some_and(|path| !path.starts_with('/'))
        {
            self.problem(format!("{at}.path"), "a path begins with /");
        }
        let namespace = &app.workload.namespace;
        let target = self.known.map(|known| known.target(&call.to, namespace));
        if let Some(Err(missing)) = target {
            self.missing(format!("{at}.to"), missing);
        }
    }

    fn cycles(&mut self) {
        let edges = self.edges();
        for start in 0..self.spec.apps.len() {
            if !grows(&edges, start) {
                continue;
            }
            // The edge that closes the cycle is the last of those on the way back to its start.
            let Some(way) = way_back(&edges, start) else {
                continue;
            };
            let names: Vec<_> = way
                .iter()
                .map(|e| edges[*e].from)
                .chain([start])
                .map(|app| self.spec.apps[app].workload.to_string())
                .collect();
            let closing = &edges[way[way.len() - 1]];
            let path = format!("apps[{}].calls[{}]", closing.from, closing.call);
            self.helped(
                path,
                format!("these calls never end: {}", names.join(" → ")),
                "lower the probability of a call, or remove it",
            );
            return;
        }
    }

    /// Calls between applications of the scenario. A Service with pods of several workloads sends
    /// each an equal share.
    fn edges(&self) -> Vec<Edge> {
        let Some(known) = self.known else {
            return self.edges_by_name();
        };
        let mut index = BTreeMap::new();
        for (i, app) in self.spec.apps.iter().enumerate() {
            if let Ok((id, _)) = known.workload(&app.workload) {
                index.insert(id, i);
            }
        }
        let mut edges = Vec::new();
        for (from, app) in self.spec.apps.iter().enumerate() {
            for (call, c) in app.calls.iter().enumerate() {
                let Ok((service, found)) = known.target(&c.to, &app.workload.namespace) else {
                    continue;
                };
                let behind = known.behind(&service.0, found);
                let expected = c.probability.0 / behind.len().max(1) as f64;
                for to in behind.iter().filter_map(|id| index.get(id)) {
                    edges.push(Edge {
                        from,
                        call,
                        to: *to,
                        expected,
                    });
                }
            }
        }
        edges
    }

    /// Without manifests a Service is taken for the workload of its name.
    fn edges_by_name(&self) -> Vec<Edge> {
        let mut edges = Vec::new();
        for (from, app) in self.spec.apps.iter().enumerate() {
            for (call, c) in app.calls.iter().enumerate() {
                let Some((namespace, name)) = c.to.service(&app.workload.namespace) else {
                    continue;
                };
                let to = self
                    .spec
                    .apps
                    .iter()
                    .position(|a| a.workload.namespace == namespace && a.workload.name == name);
                edges.extend(to.map(|to| Edge {
                    from,
                    call,
                    to,
                    expected: c.probability.0,
                }));
            }
        }
        edges
    }
}

/// Whether one request to `start` causes requests without end, among them some to `start` itself.
fn grows(edges: &[Edge], start: usize) -> bool {
    let mut now = BTreeMap::from([(start, 1.0_f64)]);
    let mut returned = 0.0;
    for _ in 0..LEVELS {
        let mut next = BTreeMap::new();
        for edge in edges {
            if let Some(n) = now.get(&edge.from) {
                *next.entry(edge.to).or_insert(0.0) += n * edge.expected;
            }
        }
        // Renewal: what comes back to the start is counted and not followed again.
        returned += next.remove(&start).unwrap_or(0.0);
        now = next;
        if returned >= 1.0 - 1e-9 {
            return true;
        }
        if now.values().sum::<f64>() < DIED_OUT {
            return false;
        }
    }
    false
}

/// The shortest way of calls from `start` back to it, as indexes of edges.
fn way_back(edges: &[Edge], start: usize) -> Option<Vec<usize>> {
    let mut ways: Vec<Vec<usize>> = vec![Vec::new()];
    let mut seen = vec![start];
    while !ways.is_empty() {
        let mut longer = Vec::new();
        for way in ways {
            let at = way.last().map_or(start, |e: &usize| edges[*e].to);
            for (i, edge) in edges.iter().enumerate() {
                if edge.from != at || edge.expected <= 0.0 {
                    continue;
                }
                let mut next = way.clone();
                next.push(i);
                if edge.to == start {
                    return Some(next);
                }
                if !seen.contains(&edge.to) {
                    seen.push(edge.to);
                    longer.push(next);
                }
            }
        }
        ways = longer;
    }
    None
}
