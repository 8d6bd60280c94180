//! Requests that tell two route tables apart, made up from the conditions of both.
//!
//! For every match one request that satisfies it, one for each two matches together (they may
//! overlap, and then precedence decides), one without each of its conditions, and one that
//! satisfies none. What a regular expression matches is made up as well, and checked; where that
//! fails the expression is reported as not asked.

use std::collections::BTreeSet;

use engine::head::{Protocol, RequestHead};
use engine::snapshot::route::{Filter, Match, PathMatch, RouteTable, ValueMatch};
use engine::snapshot::{Pattern, RouteKind};
use http::uri::{Authority, PathAndQuery};
use http::{HeaderName, HeaderValue, Method, header};

use super::regex;

/// Requests that are asked at most for one port: 64 matches with all their pairs.
const PROBES_MAX: usize = 4096;

/// A value that nobody asks for; also an origin.
const ANY_VALUE: &str = "http://any.example";

/// A path that nobody has.
const NOWHERE: &str = "/any-other-path";

/// What is to be asked of one port.
pub(super) struct Probes {
    pub(super) requests: Vec<Probe>,
    /// Conditions for which no request could be made up, or how many requests were left out.
    pub(super) not_asked: Vec<String>,
}

pub(super) struct Probe {
    pub(super) head: RequestHead,
    /// `GET /list?page=2, x-canary: true`
    pub(super) name: String,
}

/// A request in the making.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Sketch {
    pub(super) path: Option<String>,
    pub(super) method: Option<String>,
    pub(super) headers: Vec<(String, String)>,
    pub(super) query: Vec<(String, String)>,
    pub(super) grpc: bool,
}

/// The requests for two tables of one port.
pub(super) fn probes(tables: [&RouteTable; 2], authority: &str) -> Probes {
    let mut not_asked = BTreeSet::new();
    let mut sketches = Vec::new();
    let grpc = tables.iter().any(|table| table.kind() == RouteKind::Grpc);
    for m in tables
        .iter()
        .flat_map(|t| t.rules())
        .flat_map(|rule| &rule.matches)
    {
        match sketch(m) {
            Ok(all) => sketches.extend(all),
            Err(pattern) => {
                not_asked.insert(format!(
                    "no request could be made up for the pattern {pattern}"
                ));
            }
        }
    }
    let none = Sketch {
        grpc,
        ..Sketch::default()
    };
    // In the order of their worth: what is left out when there are too many comes last.
    let mut all: Vec<Sketch> = vec![none];
    all.extend(sketches.iter().cloned());
    let edited = edited(tables);
    if !edited.headers.is_empty() {
        let with_edited: Vec<Sketch> = all.iter().map(|sketch| sketch.with(&edited)).collect();
        all.extend(with_edited);
    }
    all.extend(sketches.iter().flat_map(Sketch::without_one));
    for a in &sketches {
        all.extend(sketches.iter().map(|b| a.with(b)));
    }
    let mut seen = BTreeSet::new();
    all.retain(|sketch| seen.insert(sketch.clone()));
    if let Some(more) = all.len().checked_sub(PROBES_MAX).filter(|n| *n > 0) {
        not_asked.insert(format!(
            "{more} requests to {authority} were not asked: too many"
        ));
        all.truncate(PROBES_MAX);
    }
    Probes {
        requests: all
            .iter()
            .filter_map(|sketch| sketch.probe(authority))
            .collect(),
        not_asked: not_asked.into_iter().collect(),
    }
}

/// A request with every header that a filter takes off, replaces or asks for: only on such a one
/// what the filter does can be seen.
fn edited(tables: [&RouteTable; 2]) -> Sketch {
    let rules = tables.iter().flat_map(|table| table.rules());
    let filters = rules.flat_map(|rule| {
        let backends = rule.backends.iter().flat_map(|backend| &backend.filters);
        rule.filters.iter().chain(backends)
    });
    let mut headers = BTreeSet::new();
    for filter in filters {
        match filter {
            Filter::RequestHeaders(edit) => {
                let set = edit.set.iter().map(|(name, _)| name);
                headers.extend(set.chain(&edit.remove).map(ToString::to_string));
            }
            Filter::Cors(_) => {
                headers.insert(header::ORIGIN.to_string());
            }
            _ => {}
        }
    }
    headers.remove(header::HOST.as_str());
    Sketch {
        headers: headers
            .into_iter()
            .map(|name| (name, ANY_VALUE.to_owned()))
            .collect(),
        ..Sketch::default()
    }
}

/// Requests that satisfy a match; the pattern for which none was found.
pub(super) fn sketch(m: &Match) -> Result<Vec<Sketch>, String> {
    let value = |wanted: &ValueMatch| match wanted {
        ValueMatch::Exact(exact) => Ok(exact.to_string()),
        ValueMatch::Regex(pattern) => example(pattern),
    };
    let mut sketch = Sketch {
        method: m.method.as_ref().map(ToString::to_string),
        ..Sketch::default()
    };
    for header in &m.headers {
        sketch
            .headers
            .push((header.name.to_string(), value(&header.value)?));
    }
    for query in &m.query {
        sketch
            .query
            .push((query.name.to_string(), value(&query.value)?));
    }
    sketch.headers.sort();
    sketch.query.sort();
    let mut paths: Vec<Option<String>> = Vec::new();
    match (&m.grpc, &m.path) {
        (Some(grpc), _) => {
            let part = |wanted: &Option<ValueMatch>, any: &str| match wanted {
                Some(wanted) => value(wanted),
                None => Ok(any.to_owned()),
            };
            let service = part(&grpc.service, "any.Service")?;
            let method = part(&grpc.method, "Any")?;
            sketch.grpc = true;
            paths.push(Some(format!("/{service}/{method}")));
        }
        (None, None) => paths.push(None),
        (None, Some(PathMatch::Exact(path))) => {
            paths.push(Some(path.to_string()));
            paths.push(Some(format!("{}/below", path.trim_end_matches('/'))));
        }
        (None, Some(PathMatch::Prefix(path))) if **path == *"/" => paths.push(None),
        (None, Some(PathMatch::Prefix(path))) => {
            paths.push(Some(path.to_string()));
            paths.push(Some(format!("{path}/below")));
        }
        (None, Some(PathMatch::Regex(pattern))) => {
            let path = example(pattern)?;
            paths.push(Some(path));
        }
    }
    let with_path = |path| Sketch {
        path,
        ..sketch.clone()
    };
    Ok(paths.into_iter().map(with_path).collect())
}

fn example(pattern: &Pattern) -> Result<String, String> {
    let example = regex::example(pattern.as_str()).filter(|text| pattern.matches(text));
    example.ok_or_else(|| pattern.to_string())
}

// === impl Sketch ===

impl Sketch {
    /// Both at once; where they contradict each other, this one.
    pub(super) fn with(&self, other: &Self) -> Self {
        let merge = |own: &[(String, String)], others: &[(String, String)]| {
            let mut all = own.to_vec();
            let more = others
                .iter()
                .filter(|(name, _)| !own.iter().any(|(n, _)| n == name));
            all.extend(more.cloned());
            all.sort();
            all
        };
        Self {
            path: self.path.clone().or_else(|| other.path.clone()),
            method: self.method.clone().or_else(|| other.method.clone()),
            headers: merge(&self.headers, &other.headers),
            query: merge(&self.query, &other.query),
            grpc: self.grpc || other.grpc,
        }
    }

    /// One condition is not met, in each way.
    pub(super) fn without_one(&self) -> Vec<Self> {
        let mut all = Vec::new();
        for i in 0..self.headers.len() {
            let mut less = self.clone();
            less.headers.remove(i);
            all.push(less);
        }
        for i in 0..self.query.len() {
            let mut less = self.clone();
            less.query.remove(i);
            all.push(less);
        }
        if self.method.is_some() {
            let method = None;
            all.push(Self {
                method,
                ..self.clone()
            });
        }
        if self.path.is_some() {
            let path = None;
            all.push(Self {
                path,
                ..self.clone()
            });
        }
        all
    }

    /// None when the conditions make no valid request, which no client could send either.
    pub(super) fn probe(&self, authority: &str) -> Option<Probe> {
        let default = if self.grpc { "POST" } else { "GET" };
        let method: Method = self.method.as_deref().unwrap_or(default).parse().ok()?;
        let nowhere = if self.grpc {
            "/any.Service/Any"
        } else {
            NOWHERE
        };
        let mut target = self.path.clone().unwrap_or_else(|| nowhere.to_owned());
        for (i, (name, value)) in self.query.iter().enumerate() {
            target.push(if i == 0 { '?' } else { '&' });
            target.push_str(&format!("{name}={value}"));
        }
        let path: PathAndQuery = target.parse().ok()?;
        let mut authority: Authority = authority.parse().ok()?;
        let mut name = format!("{method} {target}");
        let mut headers = http::HeaderMap::new();
        for (key, value) in &self.headers {
            name.push_str(&format!(", {key}: {value}"));
            let key: HeaderName = key.parse().ok()?;
            if key == header::HOST {
                authority = value.parse().ok()?;
                continue;
            }
            headers.insert(key, HeaderValue::from_str(value).ok()?);
        }
        let mut head = RequestHead::new(method, Some(authority), path);
        head.headers = headers;
        if self.grpc {
            head.protocol = Protocol::Http2;
            let kind = HeaderValue::from_static("application/grpc");
            head.headers.insert(header::CONTENT_TYPE, kind);
        }
        Some(Probe { head, name })
    }
}
