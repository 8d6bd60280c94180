//! New rules, in the route that governs a port or in a new one.

use engine::snapshot::{ObjectName, RouteKind};
use model::edit::{Edit, Place, Pointer};
use serde_json::{Value, json};

use super::backends::Backend;
use super::conditions::Conditions;
use super::select::Governed;
use super::{Change, Plan};
use crate::command::route::mesh::Mesh;
use crate::command::route::words;
use crate::error::Error;

/// The Service itself: where requests go while nothing else is said.
fn itself(to: &Governed<'_>) -> Value {
    let backend = Backend {
        service: to.service.name.clone(),
        port: to.port.port,
    };
    backend.json(&to.home, None)
}

/// Adds a rule for these conditions: to the route that governs, before its rule for everything, or
/// in a new route.
pub(crate) fn put<'a>(
    mesh: &'a Mesh,
    to: &Governed<'a>,
    conditions: &Conditions,
    rule: Value,
    plan: &mut Plan<'a>,
) -> Result<(), Error> {
    let rule = with_matches(to, conditions, rule)?;
    let everything = to.exactly(&Conditions::default())?;
    let oldest = to.governing.routes.first().copied();
    let Some(into) = everything.map(|rule| rule.route).or(oldest) else {
        return create(mesh, to, !conditions.is_empty(), rule, plan);
    };
    let place = match everything {
        Some(rule) if !conditions.is_empty() => Place::At(rule.index),
        _ => Place::Last,
    };
    if everything.is_none() && !conditions.is_empty() {
        plan.notes.push(format!(
            "{} has no rule for other requests: they are answered with 404",
            into.name
        ));
    }
    let rules = Pointer::root().keys(["spec", "rules"]);
    plan.changes.push(Change::Edit {
        object: &into.object,
        edits: vec![Edit::insert(rules, rule, place)],
    });
    Ok(())
}

/// Adds a rule for these conditions that does what the rule for everything does, and this as well.
pub(crate) fn put_with<'a>(
    mesh: &'a Mesh,
    to: &Governed<'a>,
    conditions: &Conditions,
    (field, value): (&str, Value),
    plan: &mut Plan<'a>,
) -> Result<(), Error> {
    let everything = to.exactly(&Conditions::default())?;
    let mut rule = match everything {
        Some(rule) => rule.json(),
        None => json!({"backendRefs": [itself(to)]}),
    };
    if let Some(rule) = rule.as_object_mut() {
        rule.shift_remove("name");
        rule.shift_remove("matches");
    }
    match (&mut rule[field], value) {
        (Value::Array(list), Value::Array(more)) => list.extend(more),
        (Value::Object(map), Value::Object(more)) => map.extend(more),
        (slot, value) => *slot = value,
    }
    put(mesh, to, conditions, rule, plan)
}

/// A rule with its parts in the order in which people write them.
fn with_matches(to: &Governed<'_>, conditions: &Conditions, rule: Value) -> Result<Value, Error> {
    let mut parts = match rule {
        Value::Object(parts) => parts,
        _ => serde_json::Map::new(),
    };
    if !conditions.is_empty() {
        let m = match to.kind() {
            RouteKind::Grpc => conditions.grpc()?,
            _ => conditions.http()?,
        };
        parts.insert("matches".into(), json!([m]));
    }
    let mut ordered = serde_json::Map::new();
    for key in ["matches", "filters", "backendRefs"] {
        ordered.extend(parts.shift_remove(key).map(|part| (key.to_owned(), part)));
    }
    ordered.extend(parts);
    Ok(Value::Object(ordered))
}

/// Adds a route with this rule to the plan. Requests that a port's routes do not match get 404
/// (GEP-1294), so a rule with conditions gets one behind it that sends the rest where it went
/// before.
fn create<'a>(
    mesh: &'a Mesh,
    to: &Governed<'a>,
    conditional: bool,
    rule: Value,
    plan: &mut Plan<'a>,
) -> Result<(), Error> {
    let name = &to.service.name;
    let kind = words::kind(to.kind());
    let Some(object) = mesh.object("Service", name) else {
        return Err(Error::new(format!("the Service {name} is in no file")));
    };
    if to.port.protocol == engine::snapshot::PortProtocol::Opaque {
        return Err(Error::new(format!(
            "port {} of {name} is forwarded as bytes: a route has no effect there",
            to.port.port
        ))
        .hint("set `appProtocol: http` on the port of the Service if it is HTTP"));
    }
    let route = ObjectName::new(&*to.home, &*name.name);
    if let Some(taken) = mesh.object(kind, &route) {
        return Err(Error::new(format!(
            "the {kind} {route} is there already and is for something else"
        ))
        .caused_by(format!("{}:{}", taken.source().name(), taken.line()))
        .hint("attach it to the Service, or rename it"));
    }
    let mut rules = vec![rule];
    if conditional {
        rules.push(json!({"backendRefs": [itself(to)]}));
    }
    let mut metadata = json!({"name": &*name.name});
    let mut parent = json!({"group": "", "kind": "Service", "name": &*name.name});
    match &object.meta.namespace {
        _ if to.home != name.namespace => {
            metadata["namespace"] = json!(&*to.home);
            parent["namespace"] = json!(&*name.namespace);
        }
        Some(namespace) => metadata["namespace"] = json!(namespace),
        None => {}
    }
    parent["port"] = json!(to.port.port);
    plan.notes.push(format!("made the {kind} {route}"));
    plan.changes.push(Change::Create {
        object: json!({
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": kind,
            "metadata": metadata,
            "spec": {"parentRefs": [parent], "rules": rules},
        }),
        beside: object,
    });
    Ok(())
}
