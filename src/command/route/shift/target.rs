//! The route that a shift changes, as an object.

use std::collections::BTreeMap;

use engine::rollout::share::{percent_of, with_percent};
use engine::snapshot::ObjectName;
use serde_json::Value;

use super::note::{ANNOTATION, Note};
use super::place::{Place, Route};
use crate::error::Error;

/// Weights by the index of their rule.
pub(super) type Weights = BTreeMap<usize, Vec<u32>>;

/// A route, and the backend in it that gets the traffic.
#[derive(Debug)]
pub(super) struct Target {
    /// As it was read.
    pub(super) route: Route,
    pub(super) service: ObjectName,
    /// Name of the backend.
    pub(super) to: String,
    /// Its share before, in percent.
    pub(super) percent: u32,
}

/// The Service that is meant, and the routes that govern it, or the one that has this name.
pub(super) fn governing(
    place: &dyn Place,
    service: &str,
    namespace: Option<&str>,
    named: Option<&str>,
) -> Result<(ObjectName, Vec<Route>), Error> {
    let (service, mut routes) = place.routes(service, namespace)?;
    routes.retain(|route| {
        named.is_none_or(|name| route.name == name) && governs(&route.object, &service)
    });
    if routes.is_empty() {
        let which = named.map_or("no route".to_owned(), |name| format!("no route `{name}`"));
        return Err(Error::new(format!("{which} governs the Service {service}"))
            .caused_by(format!(
                "looked at HTTPRoutes and GRPCRoutes of {}",
                place.shown()
            ))
            .hint(format!(
                "make one: meshctl route split {service} OLD=100 NEW=0{}",
                place.flags()
            )));
    }
    Ok((service, routes))
}

/// The one route in which `to` stands beside another backend.
pub(super) fn find(routes: Vec<Route>, service: &ObjectName, to: &str) -> Result<Target, Error> {
    let all: Vec<String> = routes
        .iter()
        .flat_map(|route| names(&route.object))
        .collect();
    let long = format!("{}-{to}", service.name);
    let Some(to) = [to, &long]
        .into_iter()
        .find(|name| all.iter().any(|n| n == name))
    else {
        let mut all = all;
        all.sort();
        all.dedup();
        return Err(
            Error::new(format!("no route of {service} has a backend `{to}`"))
                .hint(format!("backends are {}", all.join(", ")))
                .hint(format!(
                    "add it with no traffic: meshctl route split {service} OLD=100 {to}=0"
                )),
        );
    };
    let mut found = Vec::new();
    for route in routes {
        let rules = weights_of(&route.object, to);
        let mut shares = rules.values().map(|(at, weights)| percent_of(weights, *at));
        if let Some(percent) = shares.next().flatten() {
            found.push(Target {
                percent,
                route,
                service: service.clone(),
                to: to.to_owned(),
            });
        }
    }
    match found.len() {
        1 => Ok(found.remove(0)),
        0 => Err(Error::new(format!(
            "`{to}` stands beside no other backend that gets traffic"
        ))
        .hint("there is nothing to shift from: it has everything already")),
        _ => {
            let names: Vec<String> = found.iter().map(|t| t.route.shown()).collect();
            Err(
                Error::new(format!("several routes have `{to}`: {}", names.join(", ")))
                    .hint("name one of them: --route NAME"),
            )
        }
    }
}

/// The route whose annotation tells of a shift.
pub(super) fn under_way(routes: Vec<Route>, service: &ObjectName) -> Result<(Target, Note), Error> {
    for route in routes {
        let Some(note) = Note::of(&route.object)? else {
            continue;
        };
        let target = Target {
            route,
            service: service.clone(),
            to: note.to.clone(),
            percent: note.from,
        };
        return Ok((target, note));
    }
    Err(
        Error::new(format!("no shift of {service} is under way")).hint(format!(
            "begin one: meshctl route shift {service} --to VERSION"
        )),
    )
}

/// Weights of the rules in which `to` stands beside others that get traffic, and its place there.
pub(super) fn weights_of(object: &Value, to: &str) -> BTreeMap<usize, (usize, Vec<u32>)> {
    let mut found = BTreeMap::new();
    for (index, rule) in list(&object["spec"], "rules").enumerate() {
        let weight = |backend: &Value| backend["weight"].as_u64().unwrap_or(1);
        let weights = list(rule, "backendRefs").map(weight);
        let weights: Vec<u32> = weights
            .map(|w| u32::try_from(w).unwrap_or(u32::MAX))
            .collect();
        let at = list(rule, "backendRefs").position(|backend| backend["name"] == to);
        if let Some(at) = at.filter(|at| with_percent(&weights, *at, 0).is_some()) {
            found.insert(index, (at, weights));
        }
    }
    found
}

/// `object` with these weights.
pub(super) fn with_weights(object: &Value, weights: &Weights) -> Value {
    let mut object = object.clone();
    for (rule, weights) in weights {
        for (backend, weight) in weights.iter().enumerate() {
            let place = format!("/spec/rules/{rule}/backendRefs/{backend}");
            if let Some(Value::Object(backend)) = object.pointer_mut(&place) {
                backend.insert("weight".into(), (*weight).into());
            }
        }
    }
    object
}

/// Whether the rules of `object` have these weights; an absent one is 1.
pub(super) fn has_weights(object: &Value, weights: &Weights) -> bool {
    let rules: Vec<&Value> = list(&object["spec"], "rules").collect();
    weights.iter().all(|(rule, wanted)| {
        let Some(rule) = rules.get(*rule) else {
            return false;
        };
        let weight = |backend: &Value| backend["weight"].as_u64().unwrap_or(1);
        let there = list(rule, "backendRefs").map(weight);
        there.eq(wanted.iter().map(|w| u64::from(*w)))
    })
}

/// `object` without the annotation of a shift.
pub(super) fn without_note(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(Value::Object(annotations)) = object.pointer_mut("/metadata/annotations") {
        annotations.remove(ANNOTATION);
    }
    object
}

/// The names of all backends.
pub(super) fn names(object: &Value) -> Vec<String> {
    let rules = list(&object["spec"], "rules");
    let backends = rules.flat_map(|rule| list(rule, "backendRefs"));
    backends
        .filter_map(|b| b["name"].as_str().map(str::to_owned))
        .collect()
}

fn governs(object: &Value, service: &ObjectName) -> bool {
    list(&object["spec"], "parentRefs").any(|parent| {
        let is_service =
            parent["kind"] == "Service" && parent["group"].as_str().unwrap_or("").is_empty();
        let namespace = parent["namespace"].as_str();
        let here = namespace.is_none_or(|n| *n == *service.namespace);
        is_service && here && parent["name"].as_str() == Some(&*service.name)
    })
}

fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value[key].as_array().into_iter().flatten()
}

// === impl Target ===

impl Target {
    /// The shift that the route tells of already.
    pub(super) fn note(&self) -> Result<Option<Note>, Error> {
        Note::of(&self.route.object)
    }

    /// Refuses a route that another controller looks after: it would write its own weights back.
    pub(super) fn refuse_managed(&self) -> Result<(), Error> {
        let Some(who) = &self.route.managed_by else {
            return Ok(());
        };
        let shown = self.route.shown();
        Err(Error::new(format!("the {shown} is looked after by {who}"))
            .hint("shift it there; or shift it all the same: --force"))
    }

    /// The weights that give the target `percent` of the traffic.
    pub(super) fn weights(&self, percent: u32) -> Weights {
        let rules = weights_of(&self.route.object, &self.to).into_iter();
        let with = |(rule, (at, weights)): (usize, (usize, Vec<u32>))| {
            Some((rule, with_percent(&weights, at, percent)?))
        };
        rules.filter_map(with).collect()
    }

    /// The weights as they were read.
    pub(super) fn weights_before(&self) -> Weights {
        let rules = weights_of(&self.route.object, &self.to).into_iter();
        rules.map(|(rule, (_, weights))| (rule, weights)).collect()
    }
}
