//! `meshctl route split`.

use model::edit::{Edit, Place, Pointer};
use serde_json::{Value, json};

use super::change::backends::{self, Backend, Subsets};
use super::change::select::{Governed, RuleAt};
use super::change::weight::{self, Share};
use super::change::{self, Change, ChangeArgs, Conditions, Plan, route};
use super::mesh::Mesh;
use crate::error::{Answer, Error};
use crate::ui::Ui;

/// Divide the requests of a Service among versions: canary, blue-green, A/B
///
/// Edits the HTTPRoute or GRPCRoute that governs the Service, or makes one. A backend is a Service
/// (`reviews-v2`, or `v2` for it), or a version of the Service's own pods (label `version`, or
/// --subset), for which a Service is made. Backends of the route that are not named get weight 0.
///
/// The routes of the Service's own namespace hold for all clients; --clients NAMESPACE edits or
/// makes those of one client namespace.
///
/// Without --match the rule for all requests is meant. With it, the rule for exactly these requests
/// is edited or added, and the others go on as before.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  meshctl route split reviews v1=90 v2=10 -f manifests/ --diff
  meshctl route split reviews v2=100% -f manifests/ --in-place          all to the new version
  meshctl route split reviews v2=1 --match header:x-canary=true -f manifests/
  meshctl route split shop/reviews v1=100 --clients partner -f manifests/
  meshctl route split cart v1=0.99 v2=0.01 --subset v2=track=canary -f manifests/ --out new.yaml
  meshctl route split reviews v1=50 v2=50 -f manifests/ --simulate rush.yaml --require --in-place

Exit status: 0 done (or it was so already); 1 the expectations of --require do not hold; 2 it
cannot be done, and nothing was written.")]
pub(crate) struct Args {
    /// NAME, NAMESPACE/NAME or svc/NAME
    service: String,
    /// BACKEND=WEIGHT: whole numbers, percentages or fractions
    #[arg(value_name = "BACKEND=WEIGHT", required = true)]
    weights: Vec<String>,
    /// The labels of a version's pods: `v2=version=v2,track=canary`
    #[arg(long, value_name = "NAME=LABELS")]
    subset: Vec<String>,
    /// Take backends that are not named out of the rule, instead of giving them weight 0
    #[arg(long)]
    prune: bool,
    #[command(flatten)]
    change: ChangeArgs,
}

/// What is wanted.
struct Wish {
    shares: Vec<Share>,
    conditions: Conditions,
    subsets: Subsets,
    prune: bool,
}

pub(super) fn run(ui: &mut Ui, args: &Args) -> Result<Answer, Error> {
    let wish = Wish {
        shares: weight::parse(&args.weights)?,
        conditions: args.change.conditions()?,
        subsets: backends::subsets(&args.subset)?,
        prune: args.prune,
    };
    change::run(ui, &args.change, &args.service, |mesh| {
        let to = args.change.governed(mesh, &args.service)?;
        plan(mesh, &to, args.change.rule.as_deref(), &wish)
    })
}

fn plan<'a>(
    mesh: &'a Mesh,
    to: &Governed<'a>,
    rule: Option<&str>,
    wish: &Wish,
) -> Result<Plan<'a>, Error> {
    let mut plan = Plan::default();
    let mut wanted = Vec::with_capacity(wish.shares.len());
    for share in &wish.shares {
        let backend = backends::resolve(mesh, to, &share.name, &wish.subsets, &mut plan)?;
        if wanted.iter().any(|(b, _)| *b == backend) {
            let service = &backend.service;
            return Err(Error::new(format!("two of the names stand for {service}")));
        }
        wanted.push((backend, share.weight));
    }
    let found = match rule {
        Some(rule) => Some(to.named(rule)?),
        None => to.exactly(&wish.conditions)?,
    };
    let Some(found) = found else {
        add(mesh, to, &wish.conditions, &wanted, &mut plan)?;
        return Ok(plan);
    };
    let edits = reweigh(&found, &wanted, wish.prune)?;
    if !edits.is_empty() {
        plan.changes.push(Change::Edit {
            object: &found.route.object,
            edits,
        });
    }
    Ok(plan)
}

/// The edits that give a rule these weights.
fn reweigh(rule: &RuleAt<'_>, wanted: &[(Backend, u32)], prune: bool) -> Result<Vec<Edit>, Error> {
    let json = rule.json();
    if has_redirect(&json) {
        return Err(Error::new(format!(
            "{} redirects: it has no backends",
            rule.place()
        )));
    }
    let home = &*rule.route.name.namespace;
    let none = Vec::new();
    let there = json
        .get("backendRefs")
        .and_then(Value::as_array)
        .unwrap_or(&none);
    let list = rule.pointer().key("backendRefs");
    let mut edits = Vec::new();
    let mut gone = Vec::new();
    for (i, reference) in there.iter().enumerate() {
        let meant = wanted
            .iter()
            .position(|(b, _)| b.is_meant_by(reference, home));
        let again = |other: &&Value| meant.is_some_and(|at| wanted[at].0.is_meant_by(other, home));
        if there[..i].iter().find(again).is_some() {
            return Err(Error::new(format!(
                "{} has {} twice",
                rule.place(),
                wanted[meant.unwrap_or_default()].0.service
            ))
            .hint("make it one backend reference first"));
        }
        let weight = meant.map_or(0, |at| wanted[at].1);
        let now = reference.get("weight").and_then(Value::as_u64).unwrap_or(1);
        match meant {
            None if prune => gone.push(i),
            _ if now != u64::from(weight) => edits.push(set_weight(&list, i, weight)),
            _ => {}
        }
    }
    let is_there = |backend: &Backend| there.iter().any(|r| backend.is_meant_by(r, home));
    for (backend, weight) in wanted.iter().filter(|(b, _)| !is_there(b)) {
        let reference = backend.json(home, Some(*weight));
        edits.push(Edit::insert(list.clone(), reference, Place::Last));
    }
    // From the end, so that the places before stay what they are.
    edits.extend(
        gone.into_iter()
            .rev()
            .map(|i| Edit::remove(list.clone().index(i))),
    );
    Ok(edits)
}

fn set_weight(list: &Pointer, index: usize, weight: u32) -> Edit {
    let at = list.clone().index(index).key("weight");
    Edit::set_at(at, weight, Place::After("port".into()))
}

fn has_redirect(rule: &Value) -> bool {
    let filters = rule.get("filters").and_then(Value::as_array);
    let mut filters = filters.into_iter().flatten();
    filters.any(|filter| filter.get("type") == Some(&json!("RequestRedirect")))
}

/// A rule that is not there yet.
fn add<'a>(
    mesh: &'a Mesh,
    to: &Governed<'a>,
    conditions: &Conditions,
    wanted: &[(Backend, u32)],
    plan: &mut Plan<'a>,
) -> Result<(), Error> {
    let weights = |weight: u32| (wanted.len() > 1).then_some(weight);
    let home = &to.home;
    let references = wanted
        .iter()
        .map(|(b, weight)| b.json(home, weights(*weight)));
    let rule = json!({"backendRefs": references.collect::<Vec<Value>>()});
    route::put(mesh, to, conditions, rule, plan)
}
