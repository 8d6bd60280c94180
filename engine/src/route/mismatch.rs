//! Whether a match holds and, if not, which part of it failed. The hot path and the explanation ask
//! the same function, so that they cannot disagree.

use super::{Subject, grpc, header, host, path, query};
use crate::snapshot::route::{GrpcMatch, HeaderMatch, Match, PathMatch, QueryMatch, ValueMatch};

/// The most characters of a request's value that an explanation repeats.
const SHOWN_MAX: usize = 80;

/// The first part of a match that does not hold.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Mismatch<'r> {
    Host(&'r str),
    Path(&'r PathMatch),
    Method(&'r http::Method),
    Header(&'r HeaderMatch),
    Query(&'r QueryMatch),
    Grpc(&'r GrpcMatch),
    /// The match asks for parts of HTTP and there is only a connection.
    NotHttp,
}

// === impl Mismatch ===

impl<'r> Mismatch<'r> {
    /// None when the match holds. `m` is none for a rule without matches.
    pub(crate) fn of(
        m: Option<&'r Match>,
        host: Option<&'r str>,
        subject: &Subject<'_>,
    ) -> Option<Self> {
        let head = match subject {
            Subject::Http(head) => *head,
            Subject::Tls(name) => return wrong_host(host, name).or_else(|| http_only(m)),
            Subject::Tcp => return wrong_host(host, "").or_else(|| http_only(m)),
        };
        if let Some(wrong) = wrong_host(host, head.host()) {
            return Some(wrong);
        }
        let m = m?;
        let path = head.path.path();
        if let Some(wanted) = &m.path
            && !path::matches(wanted, path)
        {
            return Some(Self::Path(wanted));
        }
        if let Some(wanted) = &m.grpc
            && !grpc::matches(wanted, path)
        {
            return Some(Self::Grpc(wanted));
        }
        if let Some(wanted) = &m.method
            && *wanted != head.method
        {
            return Some(Self::Method(wanted));
        }
        let header = m.headers.iter().find(|h| !header::matches(h, head));
        let query = m.query.iter();
        header.map(Self::Header).or_else(|| {
            let mut failed = query.filter(|q| !query::matches(q, head.path.query()));
            failed.next().map(Self::Query)
        })
    }

    /// One clause for people: what was wanted and what there was.
    pub(super) fn describe(&self, subject: &Subject<'_>) -> String {
        let Subject::Http(head) = subject else {
            return match (self, subject) {
                (Self::Host(host), Subject::Tls("")) => {
                    format!("there is no server name, and {host} is wanted")
                }
                (Self::Host(host), Subject::Tls(name)) => {
                    format!("server name {} is not {host}", shown(name))
                }
                _ => "needs what only HTTP or TLS has".to_owned(),
            };
        };
        match self {
            Self::Host(wanted) => match head.host() {
                "" => format!("there is no host, and {wanted} is wanted"),
                host => format!("host {} is not {wanted}", shown(host)),
            },
            Self::Path(wanted) => {
                let path = shown(head.path.path());
                match wanted {
                    PathMatch::Exact(exact) => format!("path {path} is not {exact}"),
                    PathMatch::Prefix(prefix) => format!("path {path} is not under {prefix}"),
                    PathMatch::Regex(pattern) => format!("path {path} does not match {pattern}"),
                }
            }
            Self::Method(method) => format!("method {} is not {method}", head.method),
            Self::Grpc(wanted) => {
                let part = |v: &Option<ValueMatch>| v.as_ref().map_or("*".into(), value);
                let (service, method) = (part(&wanted.service), part(&wanted.method));
                let path = shown(head.path.path());
                format!("call {path} is not service {service}, method {method}")
            }
            Self::Header(wanted) => {
                let name = &wanted.name;
                let wanted_value = value(&wanted.value);
                match header::value(name, head) {
                    Some(seen) => {
                        let seen = String::from_utf8_lossy(&seen);
                        format!("header {name} is {:?}, not {wanted_value}", shown(&seen))
                    }
                    None => format!("header {name} is absent, and {wanted_value} is wanted"),
                }
            }
            Self::Query(wanted) => {
                let name = &wanted.name;
                let wanted_value = value(&wanted.value);
                match head.path.query().and_then(|q| query::first(q, name)) {
                    Some(seen) => {
                        format!("query {name} is {:?}, not {wanted_value}", shown(seen))
                    }
                    None => format!("query {name} is absent, and {wanted_value} is wanted"),
                }
            }
            Self::NotHttp => "needs what only HTTP has".to_owned(),
        }
    }
}

fn wrong_host<'r>(wanted: Option<&'r str>, host: &str) -> Option<Mismatch<'r>> {
    let wanted = wanted.filter(|w| *w != "*")?;
    (!host::matches(wanted, host)).then_some(Mismatch::Host(wanted))
}

/// What a bare connection cannot satisfy.
fn http_only<'r>(m: Option<&'r Match>) -> Option<Mismatch<'r>> {
    let m = m?;
    let catch_all = match &m.path {
        None => true,
        Some(PathMatch::Prefix(prefix)) => **prefix == *"/",
        Some(_) => false,
    };
    let parts = m.headers.is_empty() && m.query.is_empty() && m.method.is_none();
    let grpc = m.grpc.as_ref();
    let any_call = grpc.is_none_or(|g| g.service.is_none() && g.method.is_none());
    (!(catch_all && parts && any_call)).then_some(Mismatch::NotHttp)
}

fn value(wanted: &ValueMatch) -> String {
    match wanted {
        ValueMatch::Exact(exact) => format!("{exact:?}"),
        ValueMatch::Regex(pattern) => format!("/{pattern}/"),
    }
}

/// The beginning of a value that a client chose.
pub(super) fn shown(text: &str) -> &str {
    let end = text
        .char_indices()
        .nth(SHOWN_MAX)
        .map_or(text.len(), |(i, _)| i);
    &text[..end]
}
