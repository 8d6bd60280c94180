//! How much is sent, so that a derived run stays gentle however large the mesh is.
//!
//! One request may become many: sixty layers that each call both services of the next make 2^60. So
//! the requests of all hops together are bounded: first by lower rates, then by rarer calls.

use std::collections::BTreeMap;

use super::RATE;
use super::routes::Routes;
use crate::scenario::known::{Id, Known};
use crate::scenario::{InputNote, Share, Source, Spec, Url};

/// Requests per second of all hops together: half a minute of them runs in seconds.
const TOTAL_MAX: f64 = 1000.0;

/// The lowest rate at all, for thousands of entry points: three requests in half a minute.
const RATE_MIN: f64 = 0.1;

/// How often calls may be made half as often; by then each is made once in a million requests.
const HALVINGS_MAX: u32 = 20;

const WHY: &str = "so that all services together get at most 1000 requests per second";

/// How many requests one request of each load becomes.
struct Flow<'k> {
    /// Callers before those they call.
    order: Vec<&'k Id>,
    /// The workloads that each call leads to, by caller.
    calls: BTreeMap<&'k Id, Vec<Vec<&'k Id>>>,
    loads: Vec<Vec<&'k Id>>,
}

/// Lowers rates, and after them the shares of requests that make calls, as far as needed.
pub(super) fn settle(spec: &mut Spec, notes: &mut Vec<InputNote>, known: &Known, routes: &Routes) {
    let flow = Flow::new(spec, known, routes);
    let mut probability = 1.0;
    // Rates above one per second are kept if they can be; rarer calls do not help where the loads
    // alone are many.
    let enough = TOTAL_MAX.max(2.0 * spec.load.len() as f64);
    for _ in 0..HALVINGS_MAX {
        if flow.total(probability) <= enough {
            break;
        }
        probability /= 2.0;
    }
    let fitting = (TOTAL_MAX / flow.total(probability).max(1.0)).min(RATE);
    // Tenths, so that the file is readable.
    let rate = ((fitting * 10.0).floor() / 10.0).max(RATE_MIN);
    for (index, load) in spec.load.iter_mut().enumerate() {
        let path = format!("load[{index}].rate");
        if rate < RATE
            && let Some(note) = notes.iter_mut().find(|note| note.path == path)
        {
            note.why = format!("{}; low {WHY}", note.why);
        }
        load.rate = Some(rate);
    }
    if probability == 1.0 {
        return;
    }
    for (app_index, app) in spec.apps.iter_mut().enumerate() {
        for (index, call) in app.calls.iter_mut().enumerate() {
            call.probability = Share(probability);
            notes.push(InputNote {
                path: format!("apps[{app_index}].calls[{index}].probability"),
                source: Source::Assumed,
                why: format!("not on every request, {WHY}"),
            });
        }
    }
}

// === impl Flow ===

impl<'k> Flow<'k> {
    fn new(spec: &Spec, known: &'k Known, routes: &Routes) -> Self {
        let behind = |url: &Url, namespace: &str| match url.service(namespace) {
            Some(service) => routes.behind(&service, known),
            None => Vec::new(),
        };
        let mut calls: BTreeMap<&Id, Vec<Vec<&Id>>> = BTreeMap::new();
        let mut callers: BTreeMap<&Id, usize> = BTreeMap::new();
        for ((id, _), app) in known.workloads().zip(&spec.apps) {
            for call in &app.calls {
                let targets = behind(&call.to, &id.namespace);
                for target in &targets {
                    *callers.entry(target).or_default() += 1;
                }
                calls.entry(id).or_default().push(targets);
            }
        }
        // Kahn's order; there are no cycles any more.
        let ids = known.workloads().map(|(id, _)| id);
        let mut due: Vec<&Id> = ids.filter(|id| !callers.contains_key(id)).collect();
        let mut order = Vec::new();
        while let Some(id) = due.pop() {
            order.push(id);
            for target in calls.get(id).into_iter().flatten().flatten() {
                if let Some(left) = callers.get_mut(target) {
                    *left -= 1;
                    if *left == 0 {
                        due.push(target);
                    }
                }
            }
        }
        let loads = spec.load.iter();
        Self {
            order,
            calls,
            loads: loads.map(|l| behind(&l.to, l.namespace())).collect(),
        }
    }

    /// Requests per second of all hops when each load sends one and each call is made with
    /// `probability`. Those to one Service are taken to spread evenly over its workloads.
    fn total(&self, probability: f64) -> f64 {
        let mut rates: BTreeMap<&Id, f64> = BTreeMap::new();
        let mut total = 0.0;
        let mut send = |rates: &mut BTreeMap<&'k Id, f64>, targets: &[&'k Id], rate: f64| {
            total += rate;
            for target in targets {
                *rates.entry(target).or_default() += rate / targets.len() as f64;
            }
        };
        for targets in &self.loads {
            send(&mut rates, targets, 1.0);
        }
        for id in &self.order {
            let rate = rates.get(id).copied().unwrap_or_default() * probability;
            for targets in self.calls.get(id).into_iter().flatten() {
                send(&mut rates, targets, rate);
            }
        }
        total
    }
}

#[cfg(test)]
mod tests;
