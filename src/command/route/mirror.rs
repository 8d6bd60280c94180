//! `meshctl route mirror`.

use model::edit::{Edit, Place};
use serde_json::{Value, json};

use super::change::backends::{self, Backend};
use super::change::select::RuleAt;
use super::change::{self, ChangeArgs, Plan};
use crate::error::{Answer, Error};
use crate::ui::Ui;

/// Send a copy of requests to another version; its answers are thrown away
///
/// Without --match or --rule the requests of all rules are copied.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  meshctl route mirror reviews --to v2 --percent 5 -f manifests/ --diff
  meshctl route mirror reviews --to v2 --percent 100 --match path:/search -f manifests/ --in-place
  meshctl route mirror reviews --to v2 --off -f manifests/ --in-place")]
pub(crate) struct Args {
    /// NAME, NAMESPACE/NAME or svc/NAME
    service: String,
    /// The backend that gets the copies: a Service, or a version of this one
    #[arg(long, value_name = "BACKEND")]
    to: String,
    /// Which share of the requests is copied
    #[arg(long, value_name = "PERCENT", default_value_t = 100,
          value_parser = clap::value_parser!(u32).range(0..=100))]
    percent: u32,
    /// Copy nothing to this backend any more
    #[arg(long, conflicts_with = "percent")]
    off: bool,
    /// The labels of a version's pods: `v2=version=v2`
    #[arg(long, value_name = "NAME=LABELS")]
    subset: Vec<String>,
    #[command(flatten)]
    change: ChangeArgs,
}

pub(super) fn run(ui: &mut Ui, args: &Args) -> Result<Answer, Error> {
    let subsets = backends::subsets(&args.subset)?;
    let percent = (!args.off).then_some(args.percent);
    change::run(ui, &args.change, &args.service, |mesh| {
        let to = args.change.governed(mesh, &args.service)?;
        let mut plan = Plan::default();
        let backend = backends::resolve(mesh, &to, &args.to, &subsets, &mut plan)?;
        let new = percent.map(|percent| json!([filter(&backend, &to.home, percent)]));
        let edits = |rule: &RuleAt<'_>| edits(rule, &backend, percent);
        let own = change::properties(mesh, &args.change, &args.service, ("filters", new), edits)?;
        plan.changes.extend(own.changes);
        plan.notes.extend(own.notes);
        Ok(plan)
    })
}

fn edits(rule: &RuleAt<'_>, backend: &Backend, percent: Option<u32>) -> Vec<Edit> {
    let home = &*rule.route.name.namespace;
    let json = rule.json();
    let filters = json.get("filters").and_then(Value::as_array);
    let mirrors = filters
        .into_iter()
        .flatten()
        .enumerate()
        .filter(|(_, filter)| {
            let reference = filter.pointer("/requestMirror/backendRef");
            reference.is_some_and(|reference| backend.is_meant_by(reference, home))
        });
    let mirrors: Vec<(usize, &Value)> = mirrors.collect();
    let list = rule.pointer().key("filters");
    let Some(percent) = percent else {
        let all = filters.map_or(0, Vec::len);
        // An empty list of filters would be left behind.
        return match mirrors.len() == all && all > 0 {
            true => vec![Edit::remove(list)],
            false => {
                let gone = mirrors.iter().rev();
                gone.map(|(i, _)| Edit::remove(list.clone().index(*i)))
                    .collect()
            }
        };
    };
    let Some((index, mirror)) = mirrors.first() else {
        let filter = filter(backend, home, percent);
        let list = match filters {
            Some(_) => return vec![Edit::insert(list, filter, Place::Last)],
            None => list,
        };
        let place = match json.get("matches") {
            Some(_) => Place::After("matches".into()),
            None if json.get("name").is_some() => Place::After("name".into()),
            None => Place::First,
        };
        return vec![Edit::set_at(list, json!([filter]), place)];
    };
    let at = list.index(*index).key("requestMirror");
    let mut edits = Vec::new();
    if mirror.pointer("/requestMirror/fraction").is_some() {
        edits.push(Edit::remove(at.clone().key("fraction")));
    }
    let now = mirror
        .pointer("/requestMirror/percent")
        .and_then(Value::as_u64);
    if now != Some(u64::from(percent)) {
        edits.push(Edit::set(at.key("percent"), percent));
    }
    edits
}

fn filter(backend: &Backend, home: &str, percent: u32) -> Value {
    json!({
        "type": "RequestMirror",
        "requestMirror": {"backendRef": backend.json(home, None), "percent": percent},
    })
}
