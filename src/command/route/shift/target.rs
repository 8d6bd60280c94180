//! The route that a shift changes, as an object of the cluster.

use std::collections::BTreeMap;

use engine::rollout::share::{percent_of, with_percent};
use serde_json::Value;

use super::managed;
use super::note::{ANNOTATION, Note};
use crate::cluster::Cluster;
use crate::cluster::apply::How;
use crate::cluster::discover::Served;
use crate::cluster::kind::Resource;
use crate::error::Error;

/// Weights by the index of their rule.
pub(super) type Weights = BTreeMap<usize, Vec<u32>>;

/// A route, and the backend in it that gets the traffic.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) resource: Resource,
    /// As it was read.
    pub(super) object: Value,
    pub(super) service: String,
    /// Name of the backend.
    pub(super) to: String,
    /// Its share before, in percent.
    pub(super) percent: u32,
}

/// The routes of a namespace that govern a Service, or the one that has this name.
pub(super) fn routes(
    cluster: &Cluster,
    served: &Served,
    namespace: &str,
    service: &str,
    named: Option<&str>,
) -> Result<Vec<(Resource, Value)>, Error> {
    let mut found = Vec::new();
    for kind in ["HTTPRoute", "GRPCRoute"] {
        let Some(resource) = served.find(kind) else {
            continue;
        };
        for object in cluster.list(resource, Some(namespace), None)? {
            let is_named = named.is_none_or(|name| object["metadata"]["name"] == name);
            if is_named && governs(&object, namespace, service) {
                found.push((resource.clone(), object));
            }
        }
    }
    if found.is_empty() {
        let which = named.map_or("no route".to_owned(), |name| format!("no route `{name}`"));
        return Err(
            Error::new(format!("{which} governs the Service {namespace}/{service}"))
                .caused_by(format!(
                    "looked at HTTPRoutes and GRPCRoutes of {}",
                    cluster.name()
                ))
                .hint(format!(
                    "make one: meshctl route split {service} OLD=100 NEW=0"
                )),
        );
    }
    Ok(found)
}

/// The one route in which `to` stands beside another backend.
pub(super) fn find(
    routes: Vec<(Resource, Value)>,
    service: &str,
    to: &str,
) -> Result<Target, Error> {
    let all: Vec<String> = routes
        .iter()
        .flat_map(|(_, object)| names(object))
        .collect();
    let long = format!("{service}-{to}");
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
    for (resource, object) in routes {
        let rules = weights_of(&object, to);
        let mut shares = rules.values().map(|(at, weights)| percent_of(weights, *at));
        if let Some(percent) = shares.next().flatten() {
            found.push(Target {
                percent,
                resource,
                service: service.to_owned(),
                to: to.to_owned(),
                object,
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
            let names: Vec<String> = found.iter().map(Target::shown).collect();
            Err(
                Error::new(format!("several routes have `{to}`: {}", names.join(", ")))
                    .hint("name one of them: --route NAME"),
            )
        }
    }
}

/// The route whose annotation tells of a shift.
pub(super) fn under_way(
    routes: Vec<(Resource, Value)>,
    service: &str,
) -> Result<(Target, Note), Error> {
    for (resource, object) in routes {
        let Some(note) = Note::of(&object)? else {
            continue;
        };
        let target = Target {
            resource,
            object,
            service: service.to_owned(),
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

fn governs(object: &Value, namespace: &str, service: &str) -> bool {
    list(&object["spec"], "parentRefs").any(|parent| {
        let is_service =
            parent["kind"] == "Service" && parent["group"].as_str().unwrap_or("").is_empty();
        let here = parent["namespace"].as_str().is_none_or(|n| n == namespace);
        is_service && here && parent["name"] == service
    })
}

fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value[key].as_array().into_iter().flatten()
}

// === impl Target ===

impl Target {
    /// Namespace and name of the route.
    pub(super) fn name(&self) -> (&str, &str) {
        let meta = &self.object["metadata"];
        let text = |key: &str| meta[key].as_str().unwrap_or_default();
        (text("namespace"), text("name"))
    }

    /// `HTTPRoute shop/reviews`
    pub(super) fn shown(&self) -> String {
        let (namespace, name) = self.name();
        format!("{} {namespace}/{name}", self.resource.kind)
    }

    pub(super) fn how(&self, force: bool) -> How {
        How {
            dry_run: false,
            force,
        }
    }

    /// The shift that the route tells of already.
    pub(super) fn note(&self) -> Result<Option<Note>, Error> {
        Note::of(&self.object)
    }

    /// Refuses a route that another controller looks after: it would write its own weights back.
    pub(super) fn refuse_managed(&self) -> Result<(), Error> {
        let Some(who) = managed::by(&self.object) else {
            return Ok(());
        };
        Err(
            Error::new(format!("the {} is looked after by {who}", self.shown()))
                .hint("shift it there; or shift it all the same: --force"),
        )
    }

    /// The weights that give the target `percent` of the traffic.
    pub(super) fn weights(&self, percent: u32) -> Weights {
        let rules = weights_of(&self.object, &self.to).into_iter();
        let with = |(rule, (at, weights)): (usize, (usize, Vec<u32>))| {
            Some((rule, with_percent(&weights, at, percent)?))
        };
        rules.filter_map(with).collect()
    }

    /// The weights as they were read.
    pub(super) fn weights_before(&self) -> Weights {
        let rules = weights_of(&self.object, &self.to).into_iter();
        rules.map(|(rule, (_, weights))| (rule, weights)).collect()
    }
}
