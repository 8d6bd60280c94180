//! `meshctl route set`.

use model::edit::{Edit, Place};
use serde_json::{Value, json};

use super::change::select::RuleAt;
use super::change::{self, ChangeArgs};
use crate::error::{Answer, Error};
use crate::ui::Ui;

/// Set what a route does to headers on their way
///
/// Without --match or --rule the rules of all requests are meant. A header that is set replaces
/// what the client sent; one that is removed does not reach the backend, which is how a header that
/// only some may send is stopped at the border.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  meshctl route set web --remove-header x-mesh-env -f manifests/ --diff
  meshctl route set reviews --header x-version=v2 --match header:x-canary=true -f manifests/
  meshctl route set reviews --response-header cache-control=no-store -f manifests/ --in-place")]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(true))]
pub(crate) struct Args {
    /// NAME, NAMESPACE/NAME or svc/NAME
    service: String,
    /// Set a header of the request: NAME=VALUE
    #[arg(long, value_name = "NAME=VALUE", group = "what", value_parser = pair)]
    header: Vec<(String, String)>,
    /// Remove a header of the request
    #[arg(long, value_name = "NAME", group = "what", value_parser = name)]
    remove_header: Vec<String>,
    /// Set a header of the response: NAME=VALUE
    #[arg(long, value_name = "NAME=VALUE", group = "what", value_parser = pair)]
    response_header: Vec<(String, String)>,
    /// Remove a header of the response
    #[arg(long, value_name = "NAME", group = "what", value_parser = name)]
    remove_response_header: Vec<String>,
    #[command(flatten)]
    change: ChangeArgs,
}

/// One filter's part of the wish.
struct Modifier<'a> {
    kind: &'static str,
    key: &'static str,
    set: &'a [(String, String)],
    remove: &'a [String],
}

pub(super) fn run(ui: &mut Ui, args: &Args) -> Result<Answer, Error> {
    let modifiers = [
        Modifier {
            kind: "RequestHeaderModifier",
            key: "requestHeaderModifier",
            set: &args.header,
            remove: &args.remove_header,
        },
        Modifier {
            kind: "ResponseHeaderModifier",
            key: "responseHeaderModifier",
            set: &args.response_header,
            remove: &args.remove_response_header,
        },
    ];
    let wanted = || {
        modifiers
            .iter()
            .filter(|m| !m.set.is_empty() || !m.remove.is_empty())
    };
    change::run(ui, &args.change, |mesh| {
        let filters: Vec<Value> = wanted().map(Modifier::filter).collect();
        let edits = |rule: &RuleAt<'_>| edits(rule, wanted());
        let new = ("filters", Some(json!(filters)));
        change::properties(mesh, &args.change, &args.service, new, edits)
    })
}

fn edits<'a>(rule: &RuleAt<'_>, wanted: impl Iterator<Item = &'a Modifier<'a>>) -> Vec<Edit> {
    let json = rule.json();
    let filters = json.get("filters").and_then(Value::as_array);
    let list = rule.pointer().key("filters");
    let mut edits = Vec::new();
    let mut new = Vec::new();
    for modifier in wanted {
        let mut there = filters.into_iter().flatten();
        let Some(index) = there.position(|f| f.get("type") == Some(&json!(modifier.kind))) else {
            new.push(modifier.filter());
            continue;
        };
        let now = &filters
            .into_iter()
            .flatten()
            .nth(index)
            .unwrap_or(&Value::Null)[modifier.key];
        let at = list.clone().index(index).key(modifier.key);
        for (key, value) in modifier.merged(now) {
            edits.push(match value.as_array().is_some_and(Vec::is_empty) {
                true if now.get(key).is_some() => Edit::remove(at.clone().key(key)),
                true => continue,
                false => Edit::set(at.clone().key(key), value),
            });
        }
    }
    match filters {
        _ if new.is_empty() => {}
        Some(_) => {
            let insert = |filter| Edit::insert(list.clone(), filter, Place::Last);
            edits.extend(new.into_iter().map(insert));
        }
        None => {
            let place = match json.get("matches") {
                Some(_) => Place::After("matches".into()),
                None if json.get("name").is_some() => Place::After("name".into()),
                None => Place::First,
            };
            edits.push(Edit::set_at(list, json!(new), place));
        }
    }
    edits
}

// === impl Modifier ===

impl Modifier<'_> {
    fn filter(&self) -> Value {
        let mut edit = serde_json::Map::new();
        for (key, value) in self.merged(&Value::Null) {
            if value.as_array().is_some_and(|list| !list.is_empty()) {
                edit.insert(key.to_owned(), value);
            }
        }
        json!({"type": self.kind, self.key: edit})
    }

    /// `set` and `remove` of a filter, with what is wanted in the place of what it said of the same
    /// headers.
    fn merged(&self, now: &Value) -> [(&'static str, Value); 2] {
        let wanted = |name: &str| {
            let set = self.set.iter().map(|(n, _)| n);
            set.chain(self.remove).any(|n| n.eq_ignore_ascii_case(name))
        };
        let list = |key: &str| {
            now.get(key)
                .and_then(Value::as_array)
                .cloned()
                .unwrap_or_default()
        };
        let name = |entry: &Value| entry.get("name").and_then(Value::as_str).map(str::to_owned);
        let mut set = list("set");
        set.retain(|entry| name(entry).is_none_or(|name| !wanted(&name)));
        set.extend(
            self.set
                .iter()
                .map(|(name, value)| json!({"name": name, "value": value})),
        );
        let mut remove = list("remove");
        remove.retain(|entry| entry.as_str().is_none_or(|name| !wanted(name)));
        remove.extend(self.remove.iter().map(|name| json!(name)));
        [("set", json!(set)), ("remove", json!(remove))]
    }
}

fn name(text: &str) -> Result<String, String> {
    match text.parse::<http::HeaderName>() {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err("not a name of a header".into()),
    }
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
    http::HeaderValue::from_str(value).map_err(|_| "not a value of a header".to_owned())?;
    Ok((name(key)?, value.to_owned()))
}
