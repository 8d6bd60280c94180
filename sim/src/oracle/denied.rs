//! A request that a proxy denied never reaches an application.

use std::collections::BTreeSet;

use engine::failure::Flag;
use engine::snapshot::ObjectName;
use engine::time::Instant;
use proxy::observe::Role;

use super::{Fact, Invariant};

/// What was denied at a pod is not received there, neither before nor after.
#[derive(Default)]
pub(super) struct DeniedStaysOut {
    /// Pod and request, of requests that an application has got.
    received: BTreeSet<(String, String)>,
    /// Pod and request, of requests that the pod's proxy denied.
    denied: BTreeSet<(String, String)>,
}

/// Requests remembered; the oldest ids are forgotten first. A denial and a delivery of one request
/// lie within its lifetime, so that this bound only has to exceed the requests under way.
const REMEMBERED_MAX: usize = 100_000;

// === impl DeniedStaysOut ===

impl Invariant for DeniedStaysOut {
    fn name(&self) -> &'static str {
        "no denied request reaches an application"
    }

    fn observe(&mut self, _: Instant, fact: &Fact<'_>, breach: &mut dyn FnMut(String)) {
        let (pod, id, denied) = match fact {
            Fact::Received { pod, id, .. } => ((*pod).to_owned(), (*id).to_owned(), false),
            Fact::Proxied(r) if r.role == Role::Inbound && r.flag == Some(Flag::Denied) => {
                (pod_of(&r.workload), r.id.clone(), true)
            }
            _ => return,
        };
        let key = (pod, id);
        let (mine, other) = if denied {
            (&mut self.denied, &self.received)
        } else {
            (&mut self.received, &self.denied)
        };
        if other.contains(&key) {
            breach(format!(
                "request {} was denied at {} and reached it",
                key.1, key.0
            ));
        }
        mine.insert(key);
        if mine.len() > REMEMBERED_MAX {
            mine.pop_first();
        }
    }

    fn finish(&mut self, _: Instant, _: &mut dyn FnMut(String)) {}
}

fn pod_of(name: &ObjectName) -> String {
    name.to_string()
}
