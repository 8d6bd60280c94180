//! What a matched rule, and the backend that was drawn, do to a request and its response.
//!
//! ```text
//!  request ─▶ rule's filters ─▶ split ─▶ backend's filters ─▶ endpoint
//!              │  a redirect or a preflight is answered here
//!  client ◀── rule's filters ◀────────── backend's filters ◀─ response
//! ```
//!
//! The standard leaves the order of filters open: they are applied as they are listed, except that
//! CORS comes first, since a browser does not follow a redirect of its preflight.

use http::header::ORIGIN;
use http::{HeaderMap, HeaderValue};

use crate::entropy::Entropy;
use crate::failure::{Again, Failure, Flag, Whose};
use crate::head::RequestHead;
use crate::origin::Origin;
use crate::snapshot::route::{Filter, Mirror};
use crate::trace::{Step, Trail};
use crate::verdict::LocalResponse;

pub mod cors;
pub mod headers;
pub mod redirect;
pub mod rewrite;

/// What filters need to know beside the head.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The prefix that the rule's match matched: [`crate::route::Found::prefix`].
    pub prefix: Option<&'a str>,
    /// The port that was addressed: the frontend's, a gateway's listener's.
    pub port: u16,
    /// The rule, or the backend reference.
    pub origin: &'a Origin,
}

/// Applies the filters to a request; the answer, if one of them gives it.
pub fn on_request(
    filters: &[Filter],
    head: &mut RequestHead,
    context: &Context<'_>,
    trail: &mut Trail,
) -> Option<LocalResponse> {
    for filter in filters {
        if let Filter::Cors(cors) = filter
            && let Some(answer) = cors::preflight(cors, head)
        {
            note(trail, context, || "answers the preflight request".into());
            return Some(answer.with_origin(context.origin.clone()));
        }
    }
    for filter in filters {
        match apply(filter, head, context, trail) {
            Ok(None) => {}
            Ok(Some(answer)) => return Some(answer.with_origin(context.origin.clone())),
            Err(cannot) => {
                note(trail, context, || cannot.to_string());
                let cause = cannot.to_string();
                let failure = Failure::new(Whose::Config, Again::Never, Flag::NoBackend, cause)
                    .with_origin(context.origin.clone());
                return Some(LocalResponse::from_failure(&failure, head));
            }
        }
    }
    None
}

/// Applies the filters to the headers of a response: those of the backend first, then those of the
/// rule. `origin` is the request's, as [`cors_origin`] found it.
pub fn on_response(filters: &[Filter], origin: Option<&HeaderValue>, headers: &mut HeaderMap) {
    for filter in filters {
        match filter {
            Filter::ResponseHeaders(edit) => headers::edit(edit, headers),
            Filter::Cors(cors) => {
                if let Some(origin) = origin {
                    cors::decorate(cors, origin, headers);
                }
            }
            Filter::RequestHeaders(_)
            | Filter::Redirect(_)
            | Filter::Rewrite(_)
            | Filter::Mirror(_) => {}
        }
    }
}

/// What a filter does to responses, in a few words; none when it does nothing to them.
pub fn describe_response(filter: &Filter) -> Option<String> {
    match filter {
        Filter::ResponseHeaders(edit) => Some(headers::describe(edit)),
        Filter::Cors(cors) => Some(format!("CORS for {}", cors.allow_origins.join(", "))),
        _ => None,
    }
}

/// What has to be kept of a request until its response: the `Origin`, if a filter asks for it. To
/// be called before [`on_request`], which may change it.
pub fn cors_origin(filters: &[Filter], head: &RequestHead) -> Option<HeaderValue> {
    let asked = filters.iter().any(|f| matches!(f, Filter::Cors(_)));
    asked.then(|| head.headers.get(ORIGIN).cloned()).flatten()
}

/// The mirrors that get a copy of this request. One draw for each, also for 0 and 100 %, so that a
/// change of a percentage does not move the draws of later requests.
pub fn mirrors<'a>(filters: &'a [Filter], rng: &mut Entropy) -> impl Iterator<Item = &'a Mirror> {
    filters.iter().filter_map(move |filter| match filter {
        Filter::Mirror(mirror) => {
            let denominator = u64::from(mirror.denominator);
            let drawn = rng.below(denominator.max(1));
            let hit = denominator > 0 && drawn < u64::from(mirror.numerator);
            hit.then_some(mirror)
        }
        _ => None,
    })
}

/// A filter whose values came out of a manifest and do not make a valid request or response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotApply {
    #[error("replacePrefixMatch needs a match by path prefix")]
    NoPrefix,
    #[error("the rewritten path is not a valid path")]
    Path,
    #[error("the rewritten host name is not a valid host name")]
    Host,
    #[error("the redirect does not make a valid Location")]
    Location,
}

fn apply(
    filter: &Filter,
    head: &mut RequestHead,
    context: &Context<'_>,
    trail: &mut Trail,
) -> Result<Option<LocalResponse>, CannotApply> {
    match filter {
        Filter::RequestHeaders(edit) => {
            headers::edit_request(edit, head)?;
            note(trail, context, || {
                format!("request headers: {}", headers::describe(edit))
            });
        }
        Filter::Rewrite(rewrite) => {
            rewrite::apply(rewrite, head, context.prefix)?;
            let host = head.authority.as_ref().map_or("", |a| a.as_str());
            note(trail, context, || {
                format!("rewritten to {host}{}", head.path)
            });
        }
        Filter::Redirect(redirect) => {
            let answer = redirect::answer(redirect, head, context)?;
            note(trail, context, || {
                format!("redirects with {}", redirect.status.as_u16())
            });
            return Ok(Some(answer));
        }
        Filter::ResponseHeaders(_) | Filter::Mirror(_) | Filter::Cors(_) => {}
    }
    Ok(None)
}

fn note(trail: &mut Trail, context: &Context<'_>, text: impl FnOnce() -> String) {
    trail.step(|| Step::new("filter", text()).with_origin(context.origin.clone()));
}

#[cfg(test)]
mod tests;
