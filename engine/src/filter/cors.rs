//! Cross-origin requests (<https://fetch.spec.whatwg.org/#http-cors-protocol>).
//!
//! Preflight requests are answered here and never reach the application; the response to the actual
//! request is decorated. An origin that is not allowed gets no CORS header, and the browser draws
//! the conclusion: the proxy refuses nothing, as the Gateway API has it.
//!
//! With credentials a browser takes `*` literally, so the proxy then repeats what the request asked
//! for instead (Gateway API, `HTTPCORSFilter.allowCredentials`).

use std::sync::Arc;

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, HeaderName, HeaderValue, ORIGIN,
    VARY,
};
use http::{HeaderMap, Method, StatusCode};

use crate::head::RequestHead;
use crate::snapshot::route::Cors;
use crate::verdict::LocalResponse;

/// The answer to a preflight request; none when the request is not one.
pub fn preflight(cors: &Cors, head: &RequestHead) -> Option<LocalResponse> {
    if head.method != Method::OPTIONS {
        return None;
    }
    let origin = head.headers.get(ORIGIN)?;
    let method = head.headers.get(ACCESS_CONTROL_REQUEST_METHOD)?;
    let mut answer = LocalResponse::empty(StatusCode::NO_CONTENT);
    if !allows(cors, origin) {
        vary_on(&[ORIGIN], &mut answer.headers);
        return Some(answer);
    }
    let out = &mut answer.headers;
    share_with(cors, origin, out);
    let wanted = head.headers.get(ACCESS_CONTROL_REQUEST_HEADERS);
    let echo_methods = list(cors, &cors.allow_methods, Some(method));
    let echo_headers = list(cors, &cors.allow_headers, wanted);
    for (name, value) in [
        (ACCESS_CONTROL_ALLOW_METHODS, echo_methods),
        (ACCESS_CONTROL_ALLOW_HEADERS, echo_headers),
    ] {
        if let Some(value) = value {
            out.insert(name, value);
        }
    }
    out.insert(ACCESS_CONTROL_MAX_AGE, cors.max_age_seconds.into());
    vary_on(
        &[
            ACCESS_CONTROL_REQUEST_METHOD,
            ACCESS_CONTROL_REQUEST_HEADERS,
        ],
        out,
    );
    Some(answer)
}

/// Adds to a response what lets a browser show it to `origin`. What the application said about CORS
/// is replaced: two values of `Access-Control-Allow-Origin` would allow nobody.
pub fn decorate(cors: &Cors, origin: &HeaderValue, headers: &mut HeaderMap) {
    if !allows(cors, origin) {
        vary_on(&[ORIGIN], headers);
        return;
    }
    let exposed = if cors.allow_credentials && has_wildcard(&cors.expose_headers) {
        // `*` would be the name of a header here; all there are is what was meant.
        let names = headers.keys().map(HeaderName::as_str);
        HeaderValue::try_from(names.collect::<Vec<_>>().join(", ")).ok()
    } else {
        list(cors, &cors.expose_headers, None)
    };
    share_with(cors, origin, headers);
    if let Some(exposed) = exposed.filter(|value| !value.is_empty()) {
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    }
}

/// Whether one of the allowed origins is `origin`.
pub fn allows(cors: &Cors, origin: &HeaderValue) -> bool {
    cors.allow_origins
        .iter()
        .any(|allowed| is_origin(allowed, origin.as_bytes()))
}

/// `allowed` is `*`, an origin, or one whose host begins with `*` for one or more labels. Scheme
/// and host are compared without case.
fn is_origin(allowed: &str, origin: &[u8]) -> bool {
    let Some((before, after)) = allowed.split_once('*') else {
        return allowed.as_bytes().eq_ignore_ascii_case(origin);
    };
    if before.is_empty() && after.is_empty() {
        return true;
    }
    let Some(labels) = origin.len().checked_sub(before.len() + after.len()) else {
        return false;
    };
    let (start, rest) = origin.split_at(before.len());
    let (labels, end) = rest.split_at(labels);
    // No port and no path may hide in the place of the labels.
    let label = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
    !labels.is_empty()
        && labels.iter().all(label)
        && start.eq_ignore_ascii_case(before.as_bytes())
        && end.eq_ignore_ascii_case(after.as_bytes())
}

fn share_with(cors: &Cors, origin: &HeaderValue, headers: &mut HeaderMap) {
    if has_wildcard(&cors.allow_origins) && !cors.allow_credentials {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    } else {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        vary_on(&[ORIGIN], headers);
    }
    if cors.allow_credentials {
        let yes = HeaderValue::from_static("true");
        headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, yes);
    } else {
        headers.remove(ACCESS_CONTROL_ALLOW_CREDENTIALS);
    }
}

/// The value of a list; with credentials, `*` becomes what was `asked` for. None when it is empty,
/// or nothing was asked for.
fn list(cors: &Cors, items: &[Arc<str>], asked: Option<&HeaderValue>) -> Option<HeaderValue> {
    if has_wildcard(items) {
        let all = HeaderValue::from_static("*");
        return if cors.allow_credentials {
            asked.cloned()
        } else {
            Some(all)
        };
    }
    if items.is_empty() {
        return None;
    }
    HeaderValue::try_from(items.join(", ")).ok()
}

fn has_wildcard(items: &[Arc<str>]) -> bool {
    items.iter().any(|item| **item == *"*")
}

/// Says which request headers the response depends on, for caches.
fn vary_on(names: &[HeaderName], headers: &mut HeaderMap) {
    for name in names {
        let listed = headers.get_all(VARY).iter().any(|value| {
            let mut items = value
                .as_bytes()
                .split(|b| *b == b',')
                .map(<[u8]>::trim_ascii);
            items.any(|item| item == b"*" || item.eq_ignore_ascii_case(name.as_str().as_bytes()))
        });
        if !listed {
            headers.append(VARY, HeaderValue::from(name.clone()));
        }
    }
}
