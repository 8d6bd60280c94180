//! From a request to an answer.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use http::Method;
use http::request::Parts;
use serde_json::{Value, json};

use super::discovery;
use super::faults::Fault;
use super::kinds::{self, Kind};
use super::list::{self, Page, Query};
use super::rules::{self, Deny, Wanted};
use super::store::{By, Key, Refusal, Store, refuse};
use super::watch::Watch;

#[derive(Default)]
pub(crate) struct State {
    pub(crate) store: Store,
    pub(crate) faults: Vec<Fault>,
    pub(crate) denied: Vec<Deny>,
    /// What is behind the one Service that can be reached.
    pub(crate) behind: Option<SocketAddr>,
    /// Method and path of every request.
    pub(crate) log: Vec<String>,
}

/// What is answered.
pub(crate) enum Reply {
    Object(u16, Value),
    Watch(Watch),
}

/// What a path names.
pub(crate) struct Named {
    pub(crate) kind: Kind,
    version: String,
    pub(crate) key: Key,
    /// `status`, `finalize`; mostly empty.
    part: String,
}

/// The parameters of a query.
struct Options(BTreeMap<String, String>);

pub(crate) fn named(store: &Store, path: &str) -> Option<Named> {
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let (group, version, rest) = match &parts[..] {
        ["api", version, rest @ ..] => ("", *version, rest),
        ["apis", group, version, rest @ ..] => (*group, *version, rest),
        _ => return None,
    };
    let (namespace, plural, name, part) = match rest {
        ["namespaces", name, part @ ("status" | "finalize")] => ("", "namespaces", *name, *part),
        ["namespaces", namespace, plural, name, part] => (*namespace, *plural, *name, *part),
        ["namespaces", namespace, plural, name] => (*namespace, *plural, *name, ""),
        ["namespaces", namespace, plural] => (*namespace, *plural, "", ""),
        [plural, name, part @ "status"] => ("", *plural, *name, *part),
        [plural, name] => ("", *plural, *name, ""),
        [plural] => ("", *plural, "", ""),
        _ => return None,
    };
    let served = kinds::served(store).into_iter();
    let mut found = served
        .filter(|k| k.group == group && k.plural == plural)
        .filter(|k| k.versions.iter().any(|v| v == version));
    let kind = found.next()?;
    Some(Named {
        key: (kind.resource(), namespace.into(), name.into()),
        kind,
        version: version.into(),
        part: part.into(),
    })
}

impl State {
    pub(crate) fn respond(
        &mut self,
        head: &Parts,
        user: Option<&str>,
        body: &[u8],
    ) -> Result<Reply, Refusal> {
        let user = user.ok_or_else(|| refuse(401, "Unauthorized", "Unauthorized"))?;
        let nothing = || {
            let message = "the server could not find the requested resource";
            refuse(404, "NotFound", message)
        };
        if let Some(answer) = self.about_itself(head.uri.path(), body)? {
            return Ok(Reply::Object(200, answer));
        }
        let named = named(&self.store, head.uri.path()).ok_or_else(nothing)?;
        let options = Options::of(head.uri.query().unwrap_or_default());
        let verb = verb(&head.method, named.key.2.is_empty(), options.is("watch"))?;
        let resource = match named.part.as_str() {
            "" => named.kind.plural.clone(),
            part => format!("{}/{part}", named.kind.plural),
        };
        let wanted = Wanted {
            verb,
            group: &named.kind.group,
            resource: &resource,
            namespace: &named.key.1,
        };
        if !rules::allowed(&self.denied, &wanted) {
            return Err(refuse(403, "Forbidden", rules::refusal(user, &wanted)));
        }
        match verb {
            "list" | "watch" => self.read(&named, &options),
            _ => self.change(verb, named, &options, head, body),
        }
    }

    /// Version, health, discovery, and what somebody may do.
    fn about_itself(&self, path: &str, body: &[u8]) -> Result<Option<Value>, Refusal> {
        let served = || kinds::served(&self.store);
        let parts: Vec<&str> = path.split('/').collect();
        Ok(Some(match parts[..] {
            ["", "version"] => json!({"major": "1", "minor": "33", "gitVersion": "v1.33.1"}),
            ["", "api"] => discovery::core(),
            ["", "apis"] => discovery::groups(&served()),
            [
                "",
                "apis",
                "authorization.k8s.io",
                "v1",
                "selfsubjectaccessreviews",
            ] => rules::review(&self.denied, &json_of(body)?),
            ["", "apis", group] => return Ok(discovery::group(&served(), group)),
            ["", "api", version] => return Ok(discovery::resources(&served(), "", version)),
            ["", "apis", group, version] => {
                return Ok(discovery::resources(&served(), group, version));
            }
            _ => return Ok(None),
        }))
    }

    fn read(&self, named: &Named, options: &Options) -> Result<Reply, Refusal> {
        let query = Query {
            resource: named.key.0.clone(),
            namespace: named.key.1.clone(),
            selector: options.text("labelSelector").into(),
            fields: options.text("fieldSelector").into(),
        };
        let version = options.number("resourceVersion")?;
        if options.is("watch") {
            return Ok(Reply::Watch(Watch {
                query,
                api_version: list::api_version(&named.kind, &named.version),
                kind: named.kind.kind.clone(),
                since: version.filter(|v| *v > 0),
                bookmarks: options.is("allowWatchBookmarks"),
                length: options.number("timeoutSeconds")?.map(Duration::from_secs),
            }));
        }
        let exactly = options.text("resourceVersionMatch") == "Exact";
        let page = Page {
            limit: options.number("limit")?.unwrap_or(0) as usize,
            token: options.text("continue").into(),
            exactly: version.filter(|_| exactly),
        };
        let kind = (&named.kind, named.version.as_str());
        Ok(Reply::Object(
            200,
            list::list(&self.store, kind, &query, &page)?,
        ))
    }

    fn change(
        &mut self,
        verb: &str,
        named: Named,
        options: &Options,
        head: &Parts,
        body: &[u8],
    ) -> Result<Reply, Refusal> {
        let Named {
            kind,
            version,
            mut key,
            part,
        } = named;
        let by = By {
            manager: match options.text("fieldManager") {
                "" => "unknown",
                manager => manager,
            },
            dry: options.text("dryRun") == "All",
        };
        let is_new = !self.store.objects.contains_key(&key);
        let mut found = match verb {
            "get" => self.store.get(&key)?.clone(),
            "create" => {
                let mut object = json_of(body)?;
                key.2 = name(&mut object, self.store.version);
                if key.0 == kinds::CRDS {
                    kinds::check(&object)?;
                }
                self.store.create(&kind, key, object, by)?
            }
            "update" if part == "finalize" => {
                // Whoever ends a namespace by hand wants it gone.
                self.store.get(&key)?.clone()
            }
            "update" => {
                let before = self.store.get(&key)?.clone();
                let mut object = json_of(body)?;
                kind.keep_other_half(&mut object, &before, part == "status");
                self.store.update(&kind, &key, object, by)?
            }
            "patch" => {
                let content = head.headers.get("content-type");
                let content = content.and_then(|c| c.to_str().ok()).unwrap_or_default();
                let sent = json_of(body)?;
                if content.starts_with("application/apply") {
                    if options.text("fieldManager").is_empty() {
                        let message = "fieldManager is required for apply patch";
                        return Err(refuse(422, "Invalid", message));
                    }
                    if key.0 == kinds::CRDS {
                        kinds::check(&sent)?;
                    }
                }
                let how = (options.is("force"), part == "status");
                self.store.patch(&kind, &key, (content, &sent), by, how)?
            }
            // With a body the query says nothing.
            _ => return self.delete(&kind, &key, by.dry && body.is_empty(), body),
        };
        let is_made = verb == "create" || (verb == "patch" && is_new);
        // An object is shown in the version that was asked for.
        found["apiVersion"] = json!(list::api_version(&kind, &version));
        found["kind"] = json!(kind.kind);
        Ok(Reply::Object(if is_made { 201 } else { 200 }, found))
    }

    fn delete(&mut self, kind: &Kind, key: &Key, dry: bool, body: &[u8]) -> Result<Reply, Refusal> {
        let sent = if body.is_empty() {
            json!({})
        } else {
            json_of(body)?
        };
        if !key.2.is_empty() {
            let done = self.store.delete(kind, key, &sent, dry)?;
            if key.0 == kinds::CRDS && !dry {
                self.store.forget(&key.2);
            }
            return Ok(Reply::Object(200, done));
        }
        let all = self
            .store
            .objects
            .keys()
            .filter(|k| k.0 == key.0 && k.1 == key.1);
        for key in all.cloned().collect::<Vec<_>>() {
            self.store.delete(kind, &key, &json!({}), dry)?;
        }
        Ok(Reply::Object(
            200,
            json!({"kind": "Status", "status": "Success"}),
        ))
    }
}

fn verb(method: &Method, all: bool, watch: bool) -> Result<&'static str, Refusal> {
    Ok(match (method, all) {
        (&Method::GET, true) if watch => "watch",
        (&Method::GET, true) => "list",
        (&Method::GET, false) => "get",
        (&Method::POST, true) => "create",
        (&Method::PUT, false) => "update",
        (&Method::PATCH, false) => "patch",
        (&Method::DELETE, false) => "delete",
        (&Method::DELETE, true) => "deletecollection",
        _ => {
            let message = "the server does not allow this method on the requested resource";
            return Err(refuse(405, "MethodNotAllowed", message));
        }
    })
}

/// The name of a new object; one is made up from `generateName`.
fn name(object: &mut Value, version: u64) -> String {
    let text = |key: &str| {
        object["metadata"][key]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    match (text("name"), text("generateName")) {
        (name, prefix) if name.is_empty() && !prefix.is_empty() => format!("{prefix}{version:05x}"),
        (name, _) => name,
    }
}

fn json_of(body: &[u8]) -> Result<Value, Refusal> {
    serde_json::from_slice(body).map_err(|e| refuse(400, "BadRequest", e.to_string()))
}

impl Options {
    fn of(query: &str) -> Self {
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let pairs = pairs.map(|(key, value)| (key.to_owned(), decoded(value)));
        Self(pairs.collect())
    }

    fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    fn is(&self, name: &str) -> bool {
        matches!(self.text(name), "true" | "1")
    }

    fn number(&self, name: &str) -> Result<Option<u64>, Refusal> {
        match self.text(name) {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|_| {
                refuse(
                    400,
                    "BadRequest",
                    format!("invalid value of {name}: {text}"),
                )
            }),
        }
    }
}

pub(crate) fn decoded(text: &str) -> String {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).unwrap());
        bytes.extend(part[2..].bytes());
    }
    String::from_utf8(bytes).unwrap()
}
