//! All objects of a kind, page by page.
//!
//! A list of a large cluster does not fit one answer. The server gives it in pages of one moment;
//! when a page is asked for too late that moment is forgotten (410) and the list begins anew. See
//! "Retrieving large results sets in chunks" of the Kubernetes API concepts.

use serde_json::{Map, Value};

use super::Cluster;
use super::failure::{Failure, Kind as Why};
use super::kind::Resource;
use super::send::{Ask, quoted};

/// Objects per page, as kubectl has it.
const PAGE: usize = 500;
/// Pages of one list: a quarter of a million objects, more than etcd holds.
const PAGES_MAX: usize = 500;
/// How often a list begins anew.
const RESTARTS_MAX: u32 = 3;

// === impl Cluster ===

impl Cluster {
    /// The objects of `resource` in `namespace` (none: in all) whose labels `selector` matches.
    /// Each has its `apiVersion` and `kind`, which the API server leaves out in lists.
    ///
    /// # Errors
    /// When the API server refuses or does not answer.
    pub(crate) fn list(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        selector: Option<&str>,
    ) -> Result<Vec<Value>, Failure> {
        let mut restarts = 0;
        loop {
            match self.pages(resource, namespace, selector) {
                Err(e) if e.kind == Why::Gone && restarts < RESTARTS_MAX => restarts += 1,
                done => return done,
            }
        }
    }

    fn pages(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        selector: Option<&str>,
    ) -> Result<Vec<Value>, Failure> {
        let place = match namespace.filter(|_| resource.namespaced) {
            Some(namespace) => format!(" in namespace {namespace}"),
            None => String::new(),
        };
        let what = format!("list {}{place}", resource.full_name());
        let mut objects = Vec::new();
        let mut token = String::new();
        for _ in 0..PAGES_MAX {
            let mut path = format!("{}?limit={PAGE}", resource.path(namespace, None));
            if let Some(selector) = selector {
                path.push_str(&format!("&labelSelector={}", quoted(selector)));
            }
            if !token.is_empty() {
                path.push_str(&format!("&continue={}", quoted(&token)));
            }
            let mut page = self.ask(&Ask::get(&path, &what))?;
            if let Value::Array(items) = page["items"].take() {
                objects.extend(items.into_iter().map(|item| complete(item, resource)));
            }
            token = page["metadata"]["continue"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            if token.is_empty() {
                return Ok(objects);
            }
        }
        let message = format!("cannot {what}: more than {} objects", PAGE * PAGES_MAX);
        Err(Failure::new(Why::Server, message).hint("ask for one namespace (-n)"))
    }
}

/// `object` with the head that every other place gives it, first as usual.
fn complete(object: Value, resource: &Resource) -> Value {
    let Value::Object(fields) = object else {
        return object;
    };
    let mut whole = Map::new();
    whole.insert("apiVersion".into(), resource.api_version().into());
    whole.insert("kind".into(), resource.kind.as_str().into());
    whole.extend(fields);
    Value::Object(whole)
}
