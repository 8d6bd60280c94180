//! `meshctl route timeout`.

use model::edit::Edit;
use model::policy::GepDuration;
use serde_json::json;

use super::change::{self, ChangeArgs};
use crate::error::{Answer, Error};
use crate::ui::Ui;

/// Bound the time of requests: all tries together, and each one
///
/// Without --match or --rule the rules of all requests are meant. A GRPCRoute has no timeouts; a
/// TrafficPolicy for it has.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  meshctl route timeout reviews --request 2s --backend-request 500ms -f manifests/ --diff
  meshctl route timeout reviews --request 10s --match path:/export -f manifests/ --in-place
  meshctl route timeout reviews --off -f manifests/ --in-place")]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(true))]
pub(crate) struct Args {
    /// NAME, NAMESPACE/NAME or svc/NAME
    service: String,
    /// From the request to the end of the response, all tries together; 0s for no limit
    #[arg(long, value_name = "DURATION", group = "what")]
    request: Option<GepDuration>,
    /// One try; 0s for no limit
    #[arg(long, value_name = "DURATION", group = "what")]
    backend_request: Option<GepDuration>,
    /// Take the timeouts away
    #[arg(long, group = "what", conflicts_with_all = ["request", "backend_request"])]
    off: bool,
    #[command(flatten)]
    change: ChangeArgs,
}

pub(super) fn run(ui: &mut Ui, args: &Args) -> Result<Answer, Error> {
    change::run(ui, &args.change, &args.service, |mesh| {
        let keys = [
            ("request", args.request),
            ("backendRequest", args.backend_request),
        ];
        let given = keys
            .iter()
            .filter_map(|(key, value)| Some((*key, value.as_ref()?)));
        let timeouts: serde_json::Map<_, _> = given
            .clone()
            .map(|(key, value)| (key.to_owned(), json!(value.to_string())))
            .collect();
        let edits = |rule: &change::select::RuleAt<'_>| {
            let at = rule.pointer().key("timeouts");
            match args.off {
                true if rule.json().get("timeouts").is_some() => vec![Edit::remove(at)],
                true => Vec::new(),
                false => {
                    let set = timeouts.iter();
                    set.map(|(key, v)| Edit::set(at.clone().key(key.as_str()), v.clone()))
                        .collect()
                }
            }
        };
        let new = ("timeouts", (!args.off).then(|| json!(timeouts)));
        change::properties(mesh, &args.change, &args.service, new, edits)
    })
}
