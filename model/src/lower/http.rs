//! Matches and filters of HTTPRoute and GRPCRoute → the engine's.
//!
//! Validation has refused what cannot be expressed. What fails here all the same is left out: a
//! match that cannot be built must not become one that matches more.

use std::sync::Arc;

use engine::origin::Origin;
use engine::snapshot::route::{
    Cors, GrpcMatch, HeaderEdit, HeaderMatch, Match, Mirror, PathMatch, PathRewrite, QueryMatch,
    Redirect, Rewrite, ValueMatch,
};
use engine::snapshot::{BackendTarget, Filter, Pattern};
use http::{HeaderName, HeaderValue, StatusCode};

use crate::gateway::{
    BackendTargetRef, CorsFilter, GrpcFilter, GrpcRouteMatch, HeaderFilter, HttpFilter, HttpHeader,
    HttpMatch, HttpMethod, MatchType, MirrorFilter, PathMatchType, PathModifier, PathModifierType,
    RedirectFilter,
};
use crate::number::Port;

/// Seconds a browser may keep a CORS answer, when nothing is said (Gateway API).
const CORS_MAX_AGE: u32 = 5;

/// Resolves a reference, and says where a filter of a list stands.
pub(super) struct Refs<'a> {
    pub(super) target: &'a dyn Fn(BackendTargetRef<'_>) -> BackendTarget,
    pub(super) filter_origin: &'a dyn Fn(usize) -> Origin,
}

/// A match of an HTTPRoute; without a path it is the prefix `/` (the API server's default).
pub(super) fn http_match(one: &HttpMatch) -> Option<Match> {
    let path = one.path.as_ref();
    let value = path.and_then(|path| path.value.as_deref()).unwrap_or("/");
    let path = match path.map(|path| path.r#type).unwrap_or_default() {
        PathMatchType::Exact => PathMatch::Exact(value.into()),
        PathMatchType::PathPrefix => PathMatch::Prefix(value.into()),
        PathMatchType::RegularExpression => PathMatch::Regex(Pattern::new(value).ok()?),
    };
    let headers = one
        .headers
        .iter()
        .map(|h| header_match(h.r#type, &h.name, &h.value));
    let query = one.query_params.iter().map(|param| {
        Some(QueryMatch {
            name: param.name.as_str().into(),
            value: value_match(param.r#type, &param.value)?,
        })
    });
    Some(Match {
        path: Some(path),
        method: one.method.map(HttpMethod::to_http),
        headers: headers.collect::<Option<_>>()?,
        query: query.collect::<Option<_>>()?,
        hosts: Vec::new(),
        grpc: None,
    })
}

/// A match of a GRPCRoute.
pub(super) fn grpc_match(one: &GrpcRouteMatch) -> Option<Match> {
    let headers = one
        .headers
        .iter()
        .map(|h| header_match(h.r#type, &h.name, &h.value));
    let grpc = match &one.method {
        None => None,
        Some(method) => {
            let part = |text: &Option<String>| match text {
                Some(text) => value_match(method.r#type, text).map(Some),
                None => Some(None),
            };
            Some(GrpcMatch {
                service: part(&method.service)?,
                method: part(&method.method)?,
            })
        }
    };
    Some(Match {
        headers: headers.collect::<Option<_>>()?,
        grpc,
        ..Match::default()
    })
}

fn header_match(kind: MatchType, name: &str, value: &str) -> Option<HeaderMatch> {
    Some(HeaderMatch {
        name: HeaderName::try_from(name).ok()?,
        value: value_match(kind, value)?,
    })
}

fn value_match(kind: MatchType, value: &str) -> Option<ValueMatch> {
    match kind {
        MatchType::Exact => Some(ValueMatch::Exact(value.into())),
        MatchType::RegularExpression => Pattern::new(value).ok().map(ValueMatch::Regex),
    }
}

/// Filters of an HTTPRoute's rule or backend.
pub(super) fn http_filters(filters: &[HttpFilter], refs: &Refs<'_>) -> Vec<Filter> {
    let mut lowered = Vec::with_capacity(filters.len());
    for (index, filter) in filters.iter().enumerate() {
        let request = filter.request_header_modifier.as_ref();
        lowered.extend(request.map(edit).map(Filter::RequestHeaders));
        let response = filter.response_header_modifier.as_ref();
        lowered.extend(response.map(edit).map(Filter::ResponseHeaders));
        lowered.extend(
            filter
                .request_redirect
                .as_ref()
                .map(redirect)
                .map(Filter::Redirect),
        );
        lowered.extend(filter.url_rewrite.as_ref().map(|rewrite| {
            Filter::Rewrite(Rewrite {
                hostname: rewrite.hostname.as_deref().map(Into::into),
                path: rewrite.path.as_ref().and_then(path),
            })
        }));
        lowered.extend(filter.cors.as_ref().map(cors).map(Filter::Cors));
        let copy = filter.request_mirror.as_ref();
        lowered.extend(
            copy.and_then(|copy| mirror(copy, index, refs))
                .map(Filter::Mirror),
        );
    }
    lowered
}

/// Filters of a GRPCRoute's rule or backend.
pub(super) fn grpc_filters(filters: &[GrpcFilter], refs: &Refs<'_>) -> Vec<Filter> {
    let mut lowered = Vec::with_capacity(filters.len());
    for (index, filter) in filters.iter().enumerate() {
        let request = filter.request_header_modifier.as_ref();
        lowered.extend(request.map(edit).map(Filter::RequestHeaders));
        let response = filter.response_header_modifier.as_ref();
        lowered.extend(response.map(edit).map(Filter::ResponseHeaders));
        let copy = filter.request_mirror.as_ref();
        lowered.extend(
            copy.and_then(|copy| mirror(copy, index, refs))
                .map(Filter::Mirror),
        );
    }
    lowered
}

fn edit(filter: &HeaderFilter) -> HeaderEdit {
    let pair = |header: &HttpHeader| {
        let name = HeaderName::try_from(&header.name).ok()?;
        Some((name, HeaderValue::from_str(&header.value).ok()?))
    };
    let name = |name: &String| HeaderName::try_from(name).ok();
    HeaderEdit {
        set: filter.set.iter().filter_map(pair).collect(),
        add: filter.add.iter().filter_map(pair).collect(),
        remove: filter.remove.iter().filter_map(name).collect(),
    }
}

fn redirect(filter: &RedirectFilter) -> Redirect {
    let status = filter
        .status_code
        .and_then(|code| StatusCode::from_u16(code.u16()).ok());
    Redirect {
        scheme: filter.scheme.as_deref().map(Into::into),
        hostname: filter.hostname.as_deref().map(Into::into),
        path: filter.path.as_ref().and_then(path),
        port: filter.port.map(Port::u16),
        status: status.unwrap_or(StatusCode::FOUND),
    }
}

fn path(modifier: &PathModifier) -> Option<PathRewrite> {
    match modifier.r#type {
        PathModifierType::ReplaceFullPath => {
            let path = modifier.replace_full_path.as_deref()?;
            Some(PathRewrite::Full(path.into()))
        }
        PathModifierType::ReplacePrefixMatch => {
            let path = modifier.replace_prefix_match.as_deref()?;
            Some(PathRewrite::Prefix(path.into()))
        }
    }
}

fn cors(filter: &CorsFilter) -> Cors {
    let list = |items: &[String]| items.iter().map(|item| Arc::from(item.as_str())).collect();
    Cors {
        allow_origins: list(&filter.allow_origins),
        allow_methods: list(&filter.allow_methods),
        allow_headers: list(&filter.allow_headers),
        expose_headers: list(&filter.expose_headers),
        allow_credentials: filter.allow_credentials == Some(true),
        max_age_seconds: filter.max_age.map_or(CORS_MAX_AGE, |age| age.u32()),
    }
}

/// A mirror to a backend that does not exist is dropped (Gateway API).
fn mirror(filter: &MirrorFilter, index: usize, refs: &Refs<'_>) -> Option<Mirror> {
    let target = (refs.target)(filter.backend_ref.target());
    if matches!(target, BackendTarget::Invalid(_)) {
        return None;
    }
    let (numerator, denominator) = match (&filter.fraction, filter.percent) {
        (Some(fraction), _) => {
            let denominator = fraction.denominator.map_or(100, |d| d.u32());
            (fraction.numerator.u32(), denominator)
        }
        (None, Some(percent)) => (percent.u32(), 100),
        (None, None) => (100, 100),
    };
    Some(Mirror {
        target,
        numerator,
        denominator,
        origin: (refs.filter_origin)(index),
    })
}
