//! `--match`: which requests are meant, as a match of a route.

use std::collections::BTreeSet;

use model::gateway::{GrpcRouteMatch, HttpMatch, MatchType, PathMatchType};
use serde_json::{Value, json};

use crate::error::Error;

/// All parts have to hold; without any, every request is meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Conditions {
    path: Option<(PathMatchType, String)>,
    method: Option<String>,
    headers: Vec<Named>,
    query: Vec<Named>,
    /// Service and method of a gRPC call.
    call: Option<(String, Option<String>)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Named {
    regex: bool,
    name: String,
    value: String,
}

/// A match, comparable with others: spelling and order that mean the same are the same.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Normal {
    path: (u8, String),
    method: String,
    headers: BTreeSet<(String, bool, String)>,
    query: BTreeSet<(String, bool, String)>,
    call: (bool, String, String),
}

const HELP: &str = "write header:NAME=VALUE, query:NAME=VALUE, path:/PREFIX, path=/EXACT, \
                    method:GET or grpc:SERVICE/METHOD; with ~ instead of = a regular expression";

// === impl Conditions ===

impl Conditions {
    pub(super) fn parse(words: &[String]) -> Result<Self, Error> {
        let mut conditions = Self::default();
        for word in words {
            conditions.add(word).ok_or_else(|| {
                Error::new(format!("--match {word}: no condition on a request")).hint(HELP)
            })?;
        }
        if conditions.call.is_some() && (conditions.path.is_some() || conditions.method.is_some()) {
            return Err(
                Error::new("a gRPC call is matched by service and method, not by path")
                    .hint("leave out path and method beside grpc:"),
            );
        }
        Ok(conditions)
    }

    fn add(&mut self, word: &str) -> Option<()> {
        let is_path = |path: &str| path.starts_with('/');
        if let Some(rest) = word.strip_prefix("header:") {
            self.headers.push(named(rest)?);
        } else if let Some(rest) = word.strip_prefix("query:") {
            self.query.push(named(rest)?);
        } else if let Some(path) = word.strip_prefix("path:").filter(|p| is_path(p)) {
            once(&mut self.path, (PathMatchType::PathPrefix, path.to_owned()))?;
        } else if let Some(path) = word.strip_prefix("path=").filter(|p| is_path(p)) {
            once(&mut self.path, (PathMatchType::Exact, path.to_owned()))?;
        } else if let Some(path) = word.strip_prefix("path~").filter(|p| !p.is_empty()) {
            once(
                &mut self.path,
                (PathMatchType::RegularExpression, path.to_owned()),
            )?;
        } else if let Some(method) = word.strip_prefix("method:") {
            let known = !method.is_empty() && method.bytes().all(|b| b.is_ascii_alphabetic());
            once(
                &mut self.method,
                known.then(|| method.to_ascii_uppercase())?,
            )?;
        } else {
            let call = word.strip_prefix("grpc:").filter(|call| !call.is_empty())?;
            let (service, method) = match call.split_once('/') {
                None | Some((_, "" | "*")) => (call.trim_end_matches(['/', '*']), None),
                Some((service, method)) => (service, Some(method.to_owned())),
            };
            once(&mut self.call, (service.to_owned(), method))?;
        }
        Some(())
    }

    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// As a match of an HTTPRoute.
    pub(super) fn http(&self) -> Result<Value, Error> {
        let mut m = serde_json::Map::new();
        let path = match &self.call {
            // What a call is on the wire.
            Some((service, Some(method))) => Some(("Exact", format!("/{service}/{method}"))),
            Some((service, None)) => Some(("PathPrefix", format!("/{service}"))),
            None => self.path.as_ref().map(|(kind, path)| {
                let kind = match kind {
                    PathMatchType::Exact => "Exact",
                    PathMatchType::PathPrefix => "PathPrefix",
                    PathMatchType::RegularExpression => "RegularExpression",
                };
                (kind, path.clone())
            }),
        };
        if let Some((kind, value)) = path {
            m.insert("path".into(), json!({"type": kind, "value": value}));
        }
        if let Some(method) = &self.method {
            m.insert("method".into(), json!(method));
        }
        insert_named(&mut m, "headers", &self.headers);
        insert_named(&mut m, "queryParams", &self.query);
        Ok(Value::Object(m))
    }

    /// As a match of a GRPCRoute.
    pub(super) fn grpc(&self) -> Result<Value, Error> {
        if self.path.is_some() || self.method.is_some() || !self.query.is_empty() {
            return Err(Error::new("a GRPCRoute matches calls and headers only")
                .hint("write --match grpc:SERVICE/METHOD or header:NAME=VALUE"));
        }
        let mut m = serde_json::Map::new();
        if let Some((service, method)) = &self.call {
            let mut call = json!({"service": service});
            if let Some(method) = method {
                call["method"] = json!(method);
            }
            m.insert("method".into(), call);
        }
        insert_named(&mut m, "headers", &self.headers);
        Ok(Value::Object(m))
    }
}

fn insert_named(into: &mut serde_json::Map<String, Value>, key: &str, all: &[Named]) {
    let one = |named: &Named| match named.regex {
        true => json!({"type": "RegularExpression", "name": named.name, "value": named.value}),
        false => json!({"name": named.name, "value": named.value}),
    };
    if !all.is_empty() {
        into.insert(key.into(), all.iter().map(one).collect());
    }
}

fn once<T>(slot: &mut Option<T>, value: T) -> Option<()> {
    slot.is_none().then(|| *slot = Some(value))
}

/// `NAME=VALUE` or `NAME~REGEX`, whichever sign comes first.
fn named(text: &str) -> Option<Named> {
    let at = text.find(['=', '~']).filter(|at| *at > 0)?;
    Some(Named {
        regex: text.as_bytes()[at] == b'~',
        name: text[..at].to_owned(),
        value: text[at + 1..].to_owned(),
    })
}

// === impl Normal ===

impl Normal {
    /// Every request.
    pub(super) fn any() -> Self {
        Self::http(&HttpMatch::default())
    }

    pub(super) fn http(m: &HttpMatch) -> Self {
        let path = m.path.as_ref();
        let kind = path.map(|path| path.r#type).unwrap_or_default();
        let value = path.and_then(|path| path.value.as_deref()).unwrap_or("/");
        let value = match kind {
            PathMatchType::PathPrefix if value.len() > 1 => value.trim_end_matches('/'),
            _ => value,
        };
        let rank = match kind {
            PathMatchType::PathPrefix => 0,
            PathMatchType::Exact => 1,
            PathMatchType::RegularExpression => 2,
        };
        let regex = |kind: MatchType| kind == MatchType::RegularExpression;
        let headers = m.headers.iter();
        let query = m.query_params.iter();
        Self {
            path: (rank, value.to_owned()),
            method: m
                .method
                .map(|m| m.to_http().to_string())
                .unwrap_or_default(),
            headers: headers
                .map(|h| {
                    (
                        h.name.to_ascii_lowercase(),
                        regex(h.r#type),
                        h.value.clone(),
                    )
                })
                .collect(),
            query: query
                .map(|q| (q.name.clone(), regex(q.r#type), q.value.clone()))
                .collect(),
            call: (false, String::new(), String::new()),
        }
    }

    pub(super) fn grpc(m: &GrpcRouteMatch) -> Self {
        let regex = |kind: MatchType| kind == MatchType::RegularExpression;
        let headers = m.headers.iter();
        let call = m.method.as_ref().map(|call| {
            let part = |part: &Option<String>| part.clone().unwrap_or_default();
            (regex(call.r#type), part(&call.service), part(&call.method))
        });
        Self {
            headers: headers
                .map(|h| {
                    (
                        h.name.to_ascii_lowercase(),
                        regex(h.r#type),
                        h.value.clone(),
                    )
                })
                .collect(),
            call: call.unwrap_or_default(),
            ..Self::any()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Conditions, Error> {
        let words: Vec<String> = words.iter().map(|w| (*w).to_owned()).collect();
        Conditions::parse(&words)
    }

    #[test]
    fn conditions_become_matches() {
        let check = |words: &[&str], expected: Value| {
            assert_eq!(parse(words).unwrap().http().unwrap(), expected, "{words:?}");
        };
        check(&[], json!({}));
        check(
            &["header:x-canary=true", "method:get"],
            json!({"method": "GET", "headers": [{"name": "x-canary", "value": "true"}]}),
        );
        check(
            &["path:/a", "query:v~[12]", "query:w=a=b"],
            json!({
                "path": {"type": "PathPrefix", "value": "/a"},
                "queryParams": [
                    {"type": "RegularExpression", "name": "v", "value": "[12]"},
                    {"name": "w", "value": "a=b"},
                ],
            }),
        );
        check(
            &["path=/a"],
            json!({"path": {"type": "Exact", "value": "/a"}}),
        );
        check(
            &["grpc:a.B/C"],
            json!({"path": {"type": "Exact", "value": "/a.B/C"}}),
        );
        let call = parse(&["grpc:a.B/*"]).unwrap();
        assert_eq!(call.grpc().unwrap(), json!({"method": {"service": "a.B"}}));
    }

    #[test]
    fn what_is_no_condition_is_refused() {
        for bad in [
            "x",
            "header:",
            "header:=a",
            "header:a",
            "path:a",
            "path=",
            "path~",
            "method:",
            "grpc:",
            "method:G T",
        ] {
            assert!(parse(&[bad]).is_err(), "{bad}");
        }
        assert!(parse(&["path:/a", "path:/b"]).is_err());
        assert!(parse(&["path:/a", "grpc:b"]).is_err());
        assert!(parse(&["path:/a"]).unwrap().grpc().is_err());
    }

    #[test]
    fn matches_that_mean_the_same_are_equal() {
        let read = |value: Value| Normal::http(&serde_json::from_value(value).unwrap());
        let header = |name: &str| json!({"name": name, "value": "1"});
        assert_eq!(read(json!({"path": {"value": "/"}})), Normal::any());
        assert_eq!(
            read(json!({"path": {"value": "/a/"}, "headers": [header("X"), header("y")]})),
            read(json!({"path": {"value": "/a"}, "headers": [header("Y"), header("x")]})),
        );
        assert_ne!(read(json!({"method": "GET"})), Normal::any());
    }
}
