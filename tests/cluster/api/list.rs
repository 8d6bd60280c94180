//! Lists: pages of one version, which is forgotten after a while; selectors.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::kinds::Kind;
use super::store::{Key, Refusal, Store, refuse};

/// What is wanted of a list or a watch.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query {
    pub(crate) resource: String,
    /// Empty = all.
    pub(crate) namespace: String,
    pub(crate) selector: String,
    pub(crate) fields: String,
}

/// A page.
#[derive(Clone, Debug, Default)]
pub(crate) struct Page {
    /// 0 = everything.
    pub(crate) limit: usize,
    pub(crate) token: String,
    /// The version that is wanted with `resourceVersionMatch=Exact`.
    pub(crate) exactly: Option<u64>,
}

impl Query {
    pub(crate) fn takes(&self, key: &Key, object: &Value) -> bool {
        key.0 == self.resource
            && (self.namespace.is_empty() || key.1 == self.namespace)
            && matches(&self.selector, &object["metadata"]["labels"])
            && self
                .fields
                .split(',')
                .filter(|f| !f.is_empty())
                .all(|term| {
                    let (field, value) = term.split_once('=').unwrap_or((term, ""));
                    let value = value.trim_start_matches('=');
                    match field {
                        "metadata.name" => key.2 == value,
                        "metadata.namespace" => key.1 == value,
                        _ => false,
                    }
                })
    }
}

pub(crate) fn list(
    store: &Store,
    (kind, version): (&Kind, &str),
    query: &Query,
    page: &Page,
) -> Result<Value, Refusal> {
    // A token is the version of the list and how far it was read.
    let (at, from) = match (&*page.token, page.exactly) {
        ("", exactly) => (exactly.unwrap_or(store.version), 0),
        (token, _) => {
            let parts = token.split_once(':');
            let parts = parts.and_then(|(v, n)| Some((v.parse().ok()?, n.parse().ok()?)));
            let bad = || refuse(400, "BadRequest", "continue key is not valid");
            parts.ok_or_else(bad)?
        }
    };
    let objects: BTreeMap<Key, Value> = store.at(at).map_err(|refusal| match &*page.token {
        "" => refusal,
        _ => refuse(
            410,
            "Expired",
            "The provided continue parameter is too old to display a consistent list result. You \
             can start a new list without the continue parameter.",
        ),
    })?;
    let found = objects
        .into_iter()
        .filter(|(key, object)| query.takes(key, object));
    let found: Vec<Value> = found.map(|(_, object)| object).collect();
    let limit = if page.limit == 0 {
        usize::MAX
    } else {
        page.limit
    };
    let left = found.len().saturating_sub(from);
    let items: Vec<Value> = found.into_iter().skip(from).take(limit).map(bare).collect();
    let mut meta = json!({"resourceVersion": at.to_string()});
    if items.len() < left {
        meta["continue"] = json!(format!("{at}:{}", from + items.len()));
        meta["remainingItemCount"] = json!(left - items.len());
    }
    Ok(json!({
        "apiVersion": api_version(kind, version),
        "kind": format!("{}List", kind.kind),
        "metadata": meta,
        "items": items,
    }))
}

/// `gateway.networking.k8s.io/v1`
pub(crate) fn api_version(kind: &Kind, version: &str) -> String {
    match kind.group.as_str() {
        "" => version.to_owned(),
        group => format!("{group}/{version}"),
    }
}

/// Items of a list of Kubernetes' own kinds carry neither `apiVersion` nor `kind`.
fn bare(mut object: Value) -> Value {
    let fields = object.as_object_mut().unwrap();
    fields.remove("apiVersion");
    fields.remove("kind");
    object
}

/// Whether `labels` match `selector`: `a=b`, `a!=b`, `a`, `!a`, `a in (b,c)`, `a notin (b)`.
fn matches(selector: &str, labels: &Value) -> bool {
    let mut depth = 0;
    let mut terms = selector.split(|c| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        c == ',' && depth == 0
    });
    terms.all(|term| {
        let term = term.trim();
        let label = |key: &str| labels[key.trim()].as_str();
        let among = |list: &str, value: Option<&str>| {
            let list = list.trim().trim_matches(['(', ')']);
            value.is_some_and(|value| list.split(',').any(|one| one.trim() == value))
        };
        if term.is_empty() {
            true
        } else if let Some((key, list)) = term.split_once(" notin ") {
            !among(list, label(key))
        } else if let Some((key, list)) = term.split_once(" in ") {
            among(list, label(key))
        } else if let Some((key, value)) = term.split_once("!=") {
            label(key) != Some(value)
        } else if let Some((key, value)) = term.split_once('=') {
            label(key) == Some(value.trim_start_matches('='))
        } else if let Some(key) = term.strip_prefix('!') {
            label(key).is_none()
        } else {
            label(term).is_some()
        }
    })
}
