//! Lists: pages, and label selectors.

use serde_json::{Value, json};

use super::store::Store;

/// What a list asks for.
#[derive(Debug, Default)]
pub(crate) struct Query {
    pub(crate) limit: usize,
    pub(crate) token: String,
    pub(crate) selector: String,
}

/// `items` and `metadata` of a list of `plural`; an empty namespace is all.
pub(crate) fn list(store: &Store, plural: &str, namespace: &str, query: &Query) -> Value {
    let here = |key: &&(String, String, String)| {
        key.0 == plural && (namespace.is_empty() || key.1 == namespace)
    };
    let selected = |object: &Value| matches(&query.selector, &object["metadata"]["labels"]);
    // A token is the version of the list and how far it was read.
    let (version, from) = match query.token.split_once(':') {
        Some((version, from)) => (version.parse::<u64>().unwrap(), from.parse().unwrap()),
        None => (store.version, 0_usize),
    };
    let keys: Vec<_> = store.objects.keys().filter(here).collect();
    let limit = if query.limit == 0 {
        keys.len().max(1)
    } else {
        query.limit
    };
    let mut items = Vec::new();
    let mut next = from;
    while next < keys.len() && items.len() < limit {
        let object = &store.objects[keys[next]];
        if selected(object) {
            items.push(bare(object));
        }
        next += 1;
    }
    let token = match next < keys.len() {
        true => format!("{version}:{next}"),
        false => String::new(),
    };
    json!({
        "apiVersion": "v1",
        "kind": "List",
        "metadata": {"resourceVersion": version.to_string(), "continue": token},
        "items": items,
    })
}

/// Items of a list carry neither `apiVersion` nor `kind`.
fn bare(object: &Value) -> Value {
    let mut object = object.clone();
    let fields = object.as_object_mut().unwrap();
    fields.remove("apiVersion");
    fields.remove("kind");
    object
}

/// Whether `labels` match `selector`: `a=b`, `a!=b`, `a`, `!a`.
fn matches(selector: &str, labels: &Value) -> bool {
    selector
        .split(',')
        .filter(|term| !term.is_empty())
        .all(|term| {
            let label = |key: &str| labels[key].as_str();
            if let Some((key, value)) = term.split_once("!=") {
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
