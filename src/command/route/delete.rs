//! `meshctl route delete`.

use std::collections::BTreeMap;

use model::edit::{Edit, Pointer};
use model::index::{self, Route};
use serde_json::Value;

use super::change::select::{Governed, RuleAt};
use super::change::{self, Change, ChangeArgs, Plan, backends};
use super::mesh::Mesh;
use crate::error::{Answer, Error};
use crate::ui::Ui;

/// Take routes, rules or backends away
///
/// Without more words all routes that govern the Service go, and requests reach its own pods again.
/// With --rule or --match one rule goes, with --backend one backend of the rules. A route that is
/// also attached to other Services is only detached.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  meshctl route delete reviews -f manifests/ --diff
  meshctl route delete reviews --rule testers -f manifests/ --in-place
  meshctl route delete reviews --backend v1 -f manifests/ --in-place")]
pub(crate) struct Args {
    /// NAME, NAMESPACE/NAME or svc/NAME
    service: String,
    /// Only this backend: a Service, or a version of this one
    #[arg(long, value_name = "BACKEND")]
    backend: Option<String>,
    #[command(flatten)]
    change: ChangeArgs,
}

pub(super) fn run(ui: &mut Ui, args: &Args) -> Result<Answer, Error> {
    let conditions = args.change.conditions()?;
    let rule = args.change.rule.as_deref();
    change::run(ui, &args.change, &args.service, |mesh| {
        let to = args.change.governed(mesh, &args.service)?;
        if to.governing.routes.is_empty() {
            return Err(Error::new(format!(
                "port {} of {} has no route",
                to.port.port, to.service.name
            )));
        }
        if let Some(name) = &args.backend {
            let rules = to.properties(rule, &conditions)?;
            return without_backend(mesh, &to, name, &rules);
        }
        if rule.is_none() && conditions.is_empty() {
            return Ok(without_routes(&to));
        }
        let rules = to.properties(rule, &conditions)?;
        if rules.is_empty() {
            return Err(Error::new("no rule is for exactly these requests")
                .hint("`meshctl route get` shows the rules"));
        }
        Ok(without_rules(&to, &rules))
    })
}

/// Every route goes, or is detached.
fn without_routes<'a>(to: &Governed<'a>) -> Plan<'a> {
    let mut plan = Plan::default();
    for route in &to.governing.routes {
        let parents = route.spec.parents().iter().enumerate();
        let (ours, others): (Vec<_>, Vec<_>) = parents
            .partition(|(_, parent)| index::is_parent(route, parent, &to.service.name, to.port));
        let object = &route.object;
        if others.is_empty() {
            plan.notes
                .push(format!("{} {} goes", object.kind, route.name));
            plan.changes.push(Change::Delete { object });
            continue;
        }
        plan.notes
            .push(format!("{} {} is detached", object.kind, route.name));
        let list = Pointer::root().keys(["spec", "parentRefs"]);
        let edits = ours.into_iter().rev();
        let edits = edits
            .map(|(i, _)| Edit::remove(list.clone().index(i)))
            .collect();
        plan.changes.push(Change::Edit { object, edits });
    }
    plan
}

/// Rules go; a route of which none is left goes as a whole.
fn without_rules<'a>(to: &Governed<'a>, rules: &[RuleAt<'a>]) -> Plan<'a> {
    let mut plan = Plan::default();
    let mut by_route: BTreeMap<_, (&'a Route, Vec<usize>)> = BTreeMap::new();
    for rule in rules {
        let entry = by_route
            .entry(&rule.route.name)
            .or_insert((rule.route, Vec::new()));
        entry.1.push(rule.index);
    }
    for (route, mut gone) in by_route.into_values() {
        let count = to
            .rules()
            .iter()
            .filter(|r| r.route.name == route.name)
            .count();
        let object = &route.object;
        if gone.len() == count {
            plan.notes.push(format!(
                "{} {} goes with its last rule",
                object.kind, route.name
            ));
            plan.changes.push(Change::Delete { object });
            continue;
        }
        gone.sort_unstable();
        let list = Pointer::root().keys(["spec", "rules"]);
        let edits = gone.into_iter().rev();
        let edits = edits.map(|i| Edit::remove(list.clone().index(i))).collect();
        plan.changes.push(Change::Edit { object, edits });
    }
    plan
}

/// A backend goes out of the rules; the last one stays, since without any the answer is 500.
fn without_backend<'a>(
    mesh: &'a Mesh,
    to: &Governed<'a>,
    name: &str,
    rules: &[RuleAt<'a>],
) -> Result<Plan<'a>, Error> {
    let mut plan = Plan::default();
    let backend = backends::resolve(
        mesh,
        to,
        name,
        &backends::Subsets::new(),
        &mut Plan::default(),
    )?;
    for rule in rules {
        let json = rule.json();
        let home = &*rule.route.name.namespace;
        let all = json.get("backendRefs").and_then(Value::as_array);
        let all: Vec<&Value> = all.into_iter().flatten().collect();
        let meant = |i: &usize| backend.is_meant_by(all[*i], home);
        let gone: Vec<usize> = (0..all.len()).filter(meant).collect();
        if gone.is_empty() {
            continue;
        }
        let weight = |i: usize| all[i].get("weight").and_then(Value::as_u64).unwrap_or(1);
        let left: u64 = (0..all.len())
            .filter(|i| !gone.contains(i))
            .map(weight)
            .sum();
        if left == 0 {
            return Err(Error::new(format!(
                "{} is the only backend with a weight of {}",
                backend.service,
                rule.place()
            ))
            .hint("give another one a weight first: meshctl route split"));
        }
        let list = rule.pointer().key("backendRefs");
        let edits = gone.into_iter().rev();
        let edits = edits.map(|i| Edit::remove(list.clone().index(i))).collect();
        plan.changes.push(Change::Edit {
            object: &rule.route.object,
            edits,
        });
    }
    match plan.changes.is_empty() {
        true => Err(Error::new(format!(
            "no rule sends requests to {}",
            backend.service
        ))),
        false => Ok(plan),
    }
}
