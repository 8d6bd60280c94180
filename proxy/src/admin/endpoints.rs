//! `/endpoints`: who gets traffic, who does not, and why.

use std::collections::BTreeMap;

use engine::report::{EndpointKey, EndpointState, EndpointStatus};
use engine::snapshot::EndpointHealth;
use engine::time::Instant;
use serde_json::{Map, Value, json};

use super::frames::{Cursor, History};
use super::time::rfc3339;
use crate::Proxy;
use crate::net::Rt;

/// Every endpoint of the configuration with what was learned about it.
pub(super) fn json<R: Rt>(proxy: &Proxy<R>, history: &History) -> Value {
    let shared = &proxy.shared;
    let snapshot = shared.snapshot();
    let frame = history.frame(proxy, &mut Cursor::default());
    let mut rows = BTreeMap::new();
    for (key, row) in frame.endpoints.iter() {
        rows.insert(key.clone(), row.clone());
    }
    let (now, wall) = (shared.rt.now(), shared.rt.wall().unix_seconds());
    let at = |moment: Instant| {
        let seconds = match moment >= now {
            true => wall.saturating_add(moment.since(now).as_secs()),
            false => wall.saturating_sub(now.since(moment).as_secs()),
        };
        rfc3339(seconds)
    };
    let mut all = Vec::new();
    for (backend, set) in snapshot.outbound.endpoints.iter() {
        for endpoint in &set.endpoints {
            let key = EndpointKey {
                backend: backend.clone(),
                endpoint: endpoint.name.clone(),
                address: endpoint.address,
            };
            let row = rows.get(&key);
            let declared = || EndpointState::new(status(endpoint.health), "");
            let state = row.map_or_else(declared, |row| row.state.clone());
            let mut one = Map::new();
            one.insert("backend".into(), backend.to_string().into());
            one.insert("endpoint".into(), endpoint.name.to_string().into());
            one.insert("address".into(), endpoint.address.to_string().into());
            let identity = endpoint.identity.as_ref().map(|i| i.as_str());
            one.insert("identity".into(), identity.into());
            one.insert("weight".into(), endpoint.weight.into());
            one.insert("zone".into(), endpoint.locality.zone.clone().into());
            one.insert("state".into(), state.status.as_str().into());
            if let EndpointStatus::HalfOpen { taken, slots } = state.status {
                one.insert("probes".into(), json!({"taken": taken, "slots": slots}));
            }
            one.insert("reason".into(), state.reason.into());
            for (name, moment) in [
                ("since", state.since),
                ("until", state.until),
                ("nextProbe", state.next_probe),
            ] {
                one.insert(name.into(), moment.map(at).into());
            }
            if let Some(row) = row {
                one.insert("requests".into(), row.counters.requests.into());
                one.insert("connections".into(), row.connections.open.into());
            }
            all.push(Value::Object(one));
        }
    }
    Value::Array(all)
}

fn status(health: EndpointHealth) -> EndpointStatus {
    match health {
        EndpointHealth::Healthy | EndpointHealth::Degraded => EndpointStatus::Closed,
        EndpointHealth::Unhealthy => EndpointStatus::Unhealthy,
        EndpointHealth::Draining => EndpointStatus::Draining,
    }
}
