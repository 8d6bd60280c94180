//! `meshctl route retry`.

use model::edit::Edit;
use model::policy::GepDuration;
use serde_json::json;

use super::change::{self, ChangeArgs};
use crate::error::{Answer, Error};
use crate::ui::Ui;

/// Try failed requests again
///
/// Writes `retry` of the HTTPRoute's rules (GEP-1731, experimental in the Gateway API). Without
/// --match or --rule the rules of all requests are meant. What may be retried without harm is the
/// engine's affair: requests that are not idempotent are not, and the retry budget bounds the rest.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  meshctl route retry reviews --attempts 2 --codes 502,503 -f manifests/ --diff
  meshctl route retry reviews --attempts 1 --backoff 100ms --match method:GET -f manifests/
  meshctl route retry reviews --off -f manifests/ --in-place")]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(true))]
pub(crate) struct Args {
    /// NAME, NAMESPACE/NAME or svc/NAME
    service: String,
    /// Tries after the first
    #[arg(long, value_name = "N", group = "what",
          value_parser = clap::value_parser!(u32).range(1..=10))]
    attempts: Option<u32>,
    /// Status codes that are tried again, beside connections that fail: 500,502,503
    #[arg(long, value_name = "CODES", value_delimiter = ',', group = "what",
          value_parser = clap::value_parser!(u16).range(400..=599))]
    codes: Vec<u16>,
    /// Wait before the first of them; it doubles
    #[arg(long, value_name = "DURATION", group = "what")]
    backoff: Option<GepDuration>,
    /// Take the retries away
    #[arg(long, group = "what", conflicts_with_all = ["attempts", "codes", "backoff"])]
    off: bool,
    #[command(flatten)]
    change: ChangeArgs,
}

pub(super) fn run(ui: &mut Ui, args: &Args) -> Result<Answer, Error> {
    let mut retry = serde_json::Map::new();
    if !args.codes.is_empty() {
        retry.insert("codes".into(), json!(args.codes));
    }
    retry.extend(args.attempts.map(|n| ("attempts".to_owned(), json!(n))));
    let backoff = args.backoff.as_ref();
    retry.extend(backoff.map(|d| ("backoff".to_owned(), json!(d.to_string()))));
    change::run(ui, &args.change, &args.service, |mesh| {
        let edits = |rule: &change::select::RuleAt<'_>| {
            let at = rule.pointer().key("retry");
            match args.off {
                true if rule.json().get("retry").is_some() => vec![Edit::remove(at)],
                true => Vec::new(),
                false => {
                    let set = retry.iter();
                    set.map(|(key, v)| Edit::set(at.clone().key(key.as_str()), v.clone()))
                        .collect()
                }
            }
        };
        let new = ("retry", (!args.off).then(|| json!(retry)));
        change::properties(mesh, &args.change, &args.service, new, edits)
    })
}
