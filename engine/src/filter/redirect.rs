//! Redirects: the answer and its `Location`.

use http::header::{HeaderValue, LOCATION};

use super::{CannotApply, Context, rewrite};
use crate::head::{RequestHead, Scheme};
use crate::snapshot::route::Redirect;
use crate::verdict::LocalResponse;

/// The answer to a request that a redirect filter takes.
///
/// # Errors
/// When no valid `Location` comes out.
pub fn answer(
    redirect: &Redirect,
    head: &RequestHead,
    context: &Context<'_>,
) -> Result<LocalResponse, CannotApply> {
    let location = location(redirect, head, context)?;
    let value = HeaderValue::try_from(location).map_err(|_| CannotApply::Location)?;
    let mut answer = LocalResponse::empty(redirect.status);
    answer.headers.insert(LOCATION, value);
    answer
        .headers
        .insert(http::header::CONTENT_LENGTH, 0.into());
    Ok(answer)
}

/// `scheme://host[:port]path[?query]`; what the filter does not name is the request's.
///
/// The port (Gateway API, `HTTPRequestRedirectFilter.port`): the filter's; else, when the filter
/// names a scheme, that scheme's own; else the one that was addressed. It is left out where it is
/// the scheme's own. A request of HTTP/1.0 that names no host gets a `Location` without one, which
/// RFC 9110 §10.2.2 allows.
fn location(
    redirect: &Redirect,
    head: &RequestHead,
    context: &Context<'_>,
) -> Result<String, CannotApply> {
    let path = match &redirect.path {
        Some(rewrite) => rewrite::new_path(rewrite, &head.path, context.prefix)?,
        None => head.path.path().to_owned(),
    };
    // The target of `OPTIONS *` is the server: a URI without a path (RFC 9110 §7.1).
    let path = if path == "*" { "" } else { &path };
    let target = rewrite::with_query(path, &head.path);
    let host = redirect.hostname.as_deref().unwrap_or(head.host());
    if host.is_empty() {
        // `//evil.example` would name a host.
        return Ok(format!("/{}", target.trim_start_matches('/')));
    }
    let own_scheme = match head.scheme {
        Scheme::Http => "http",
        Scheme::Https => "https",
    };
    let scheme = redirect.scheme.as_deref().unwrap_or(own_scheme);
    if http::uri::Scheme::try_from(scheme).is_err() {
        // `//` as a scheme would make the client go to a host of the path's choice.
        return Err(CannotApply::Location);
    }
    let own_port = well_known(scheme);
    let implied = redirect
        .scheme
        .as_ref()
        .and(own_port)
        .unwrap_or(context.port);
    let port = redirect.port.unwrap_or(implied);
    if own_port == Some(port) {
        return Ok(format!("{scheme}://{host}{target}"));
    }
    Ok(format!("{scheme}://{host}:{port}{target}"))
}

fn well_known(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}
