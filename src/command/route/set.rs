//! `meshctl route set`.

use engine::snapshot::RouteKind;
use model::edit::{Edit, Place};
use serde_json::{Value, json};

use super::change::select::RuleAt;
use super::change::{self, ChangeArgs};
use crate::error::{Answer, Error};
use crate::ui::Ui;

/// Set what a route does to requests on their way: headers, host, path
///
/// Without --match or --rule the rules of all requests are meant. A header that is set replaces
/// what the client sent, one that is added stands beside it; one that is removed does not reach the
/// backend, which is how a header that only some may send is stopped at the border. What requests
/// are divided among is set with `route split`, timeouts and retries with commands of their own.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  meshctl route set web --remove-header x-mesh-env -f manifests/ --diff
  meshctl route set reviews --header x-version=v2 --match header:x-canary=true -f manifests/
  meshctl route set reviews --response-header cache-control=no-store -f manifests/ --in-place
  meshctl route set reviews --rewrite-prefix /v2 --match path:/api -f manifests/ --in-place
  meshctl route set reviews --clear -f manifests/ --in-place          take all of this back")]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(true))]
pub(crate) struct Args {
    /// NAME, NAMESPACE/NAME or svc/NAME
    service: String,
    /// Set a header of the request: NAME=VALUE
    #[arg(long, value_name = "NAME=VALUE", group = "what", value_parser = pair)]
    header: Vec<(String, String)>,
    /// Add a header to the request, beside one that is there
    #[arg(long, value_name = "NAME=VALUE", group = "what", value_parser = pair)]
    add_header: Vec<(String, String)>,
    /// Remove a header of the request
    #[arg(long, value_name = "NAME", group = "what", value_parser = name)]
    remove_header: Vec<String>,
    /// Set a header of the response: NAME=VALUE
    #[arg(long, value_name = "NAME=VALUE", group = "what", value_parser = pair)]
    response_header: Vec<(String, String)>,
    /// Add a header to the response, beside one that is there
    #[arg(long, value_name = "NAME=VALUE", group = "what", value_parser = pair)]
    add_response_header: Vec<(String, String)>,
    /// Remove a header of the response
    #[arg(long, value_name = "NAME", group = "what", value_parser = name)]
    remove_response_header: Vec<String>,
    /// The host that the backend is asked for
    #[arg(long, value_name = "HOST", group = "what")]
    rewrite_host: Option<String>,
    /// The path that the backend is asked for
    #[arg(long, value_name = "PATH", group = "what", value_parser = path)]
    rewrite_path: Option<String>,
    /// What stands in the place of the prefix that the rule matches
    #[arg(long, value_name = "PATH", group = "what", value_parser = path,
          conflicts_with = "rewrite_path")]
    rewrite_prefix: Option<String>,
    /// Take away all that this command sets
    #[arg(long, group = "what", conflicts_with_all = [
        "header", "add_header", "remove_header", "response_header", "add_response_header",
        "remove_response_header", "rewrite_host", "rewrite_path", "rewrite_prefix"])]
    clear: bool,
    #[command(flatten)]
    change: ChangeArgs,
}

/// One filter's part of the wish.
enum Modifier<'a> {
    Headers {
        kind: &'static str,
        key: &'static str,
        set: &'a [(String, String)],
        add: &'a [(String, String)],
        remove: &'a [String],
    },
    Rewrite {
        host: Option<&'a str>,
        path: Option<Value>,
    },
}

/// The types of filters that this command writes.
const KINDS: [&str; 3] = [
    "RequestHeaderModifier",
    "ResponseHeaderModifier",
    "URLRewrite",
];

pub(super) fn run(ui: &mut Ui, args: &Args) -> Result<Answer, Error> {
    let modifiers = args.modifiers();
    let wanted = || modifiers.iter().filter(|modifier| !modifier.is_empty());
    change::run(ui, &args.change, &args.service, |mesh| {
        if args.clear {
            let new = ("filters", None);
            return change::properties(mesh, &args.change, &args.service, new, cleared);
        }
        let rewrites = wanted().any(|modifier| matches!(modifier, Modifier::Rewrite { .. }));
        let to = args.change.governed(mesh, &args.service)?;
        if rewrites && to.kind() == RouteKind::Grpc {
            return Err(Error::new("a GRPCRoute rewrites neither host nor path")
                .hint("headers of calls can be set"));
        }
        let filters: Vec<Value> = wanted().map(Modifier::filter).collect();
        let edits = |rule: &RuleAt<'_>| edits(rule, wanted());
        let new = ("filters", Some(json!(filters)));
        change::properties(mesh, &args.change, &args.service, new, edits)
    })
}

/// The edits that take the filters of [`KINDS`] away.
fn cleared(rule: &RuleAt<'_>) -> Vec<Edit> {
    let json = rule.json();
    let filters = json.get("filters").and_then(Value::as_array);
    let all = filters.map_or(0, Vec::len);
    let is_ours = |filter: &Value| {
        KINDS
            .iter()
            .any(|kind| filter.get("type") == Some(&json!(kind)))
    };
    let gone = filters.into_iter().flatten().enumerate();
    let gone: Vec<usize> = gone.filter(|(_, f)| is_ours(f)).map(|(i, _)| i).collect();
    let list = rule.pointer().key("filters");
    match gone.len() {
        0 => Vec::new(),
        // An empty list of filters would be left behind.
        n if n == all => vec![Edit::remove(list)],
        _ => {
            let gone = gone.into_iter().rev();
            gone.map(|i| Edit::remove(list.clone().index(i))).collect()
        }
    }
}

fn edits<'a>(rule: &RuleAt<'_>, wanted: impl Iterator<Item = &'a Modifier<'a>>) -> Vec<Edit> {
    let json = rule.json();
    let filters = json.get("filters").and_then(Value::as_array);
    let list = rule.pointer().key("filters");
    let mut edits = Vec::new();
    let mut new = Vec::new();
    for modifier in wanted {
        let mut there = filters.into_iter().flatten();
        let Some(index) = there.position(|f| f.get("type") == Some(&json!(modifier.kind()))) else {
            new.push(modifier.filter());
            continue;
        };
        let now = &filters
            .into_iter()
            .flatten()
            .nth(index)
            .unwrap_or(&Value::Null)[modifier.key()];
        let at = list.clone().index(index).key(modifier.key());
        for (key, value) in modifier.merged(now) {
            let is_empty = value.is_null() || value.as_array().is_some_and(Vec::is_empty);
            edits.push(match is_empty {
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

// === impl Args ===

impl Args {
    fn modifiers(&self) -> [Modifier<'_>; 3] {
        let whole = self.rewrite_path.as_ref();
        let whole = whole.map(|p| json!({"type": "ReplaceFullPath", "replaceFullPath": p}));
        let prefix = self.rewrite_prefix.as_ref();
        let prefix = prefix.map(|p| json!({"type": "ReplacePrefixMatch", "replacePrefixMatch": p}));
        [
            Modifier::Headers {
                kind: KINDS[0],
                key: "requestHeaderModifier",
                set: &self.header,
                add: &self.add_header,
                remove: &self.remove_header,
            },
            Modifier::Headers {
                kind: KINDS[1],
                key: "responseHeaderModifier",
                set: &self.response_header,
                add: &self.add_response_header,
                remove: &self.remove_response_header,
            },
            Modifier::Rewrite {
                host: self.rewrite_host.as_deref(),
                path: whole.or(prefix),
            },
        ]
    }
}

// === impl Modifier ===

impl Modifier<'_> {
    fn kind(&self) -> &'static str {
        match self {
            Self::Headers { kind, .. } => kind,
            Self::Rewrite { .. } => KINDS[2],
        }
    }

    fn key(&self) -> &'static str {
        match self {
            Self::Headers { key, .. } => key,
            Self::Rewrite { .. } => "urlRewrite",
        }
    }

    fn is_empty(&self) -> bool {
        match self {
            Self::Headers {
                set, add, remove, ..
            } => set.is_empty() && add.is_empty() && remove.is_empty(),
            Self::Rewrite { host, path } => host.is_none() && path.is_none(),
        }
    }

    fn filter(&self) -> Value {
        let mut edit = serde_json::Map::new();
        for (key, value) in self.merged(&Value::Null) {
            if !value.is_null() && value.as_array().is_none_or(|list| !list.is_empty()) {
                edit.insert(key.to_owned(), value);
            }
        }
        json!({"type": self.kind(), self.key(): edit})
    }

    /// The fields of a filter, with what is wanted in the place of what it said of the same.
    fn merged(&self, now: &Value) -> Vec<(&'static str, Value)> {
        let (set, add, remove) = match self {
            Self::Headers {
                set, add, remove, ..
            } => (set, add, remove),
            Self::Rewrite { host, path } => {
                let host = host.map(|host| ("hostname", json!(host)));
                let path = path.clone().map(|path| ("path", path));
                return host.into_iter().chain(path).collect();
            }
        };
        let wanted = |name: &str| {
            let named = set.iter().chain(*add).map(|(n, _)| n);
            named.chain(*remove).any(|n| n.eq_ignore_ascii_case(name))
        };
        let kept = |key: &str| {
            let list = now.get(key).and_then(Value::as_array);
            let name = |entry: &Value| match entry {
                Value::String(name) => Some(name.clone()),
                entry => entry.get("name").and_then(Value::as_str).map(str::to_owned),
            };
            let list = list.into_iter().flatten();
            let list = list.filter(|entry| name(entry).is_none_or(|name| !wanted(&name)));
            list.cloned().collect::<Vec<_>>()
        };
        let with = |key: &str, pairs: &[(String, String)]| {
            let more = pairs.iter();
            let more = more.map(|(name, value)| json!({"name": name, "value": value}));
            json!(kept(key).into_iter().chain(more).collect::<Vec<_>>())
        };
        let removed = remove.iter().map(|name| json!(name));
        let removed: Vec<Value> = kept("remove").into_iter().chain(removed).collect();
        vec![
            ("set", with("set", set)),
            ("add", with("add", add)),
            ("remove", json!(removed)),
        ]
    }
}

fn path(text: &str) -> Result<String, String> {
    match text.starts_with('/') {
        true => Ok(text.to_owned()),
        false => Err("a path begins with `/`".into()),
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
