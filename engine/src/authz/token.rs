//! Tokens that policies ask for (RFC 7519). Cryptography is the caller's: the engine says which
//! token has to be one of which provider.

use http::header::HeaderName;

use super::{Claims, Denial};
use crate::head::RequestHead;
use crate::snapshot::authz::{Jwt, Provider};

/// Verifies tokens.
pub trait Tokens {
    /// What the token says, when `provider` made it and it is valid now.
    ///
    /// # Errors
    /// Why it is not.
    fn verify(&self, provider: &Provider, token: &str) -> Result<Claims, BadToken>;
}

/// Why a token was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadToken {
    /// Another provider may know it.
    #[error("its issuer is not {0}")]
    Issuer(String),
    #[error("{0}")]
    Invalid(String),
    /// The provider's keys are not there: nobody can say.
    #[error("the keys of {0} are not available")]
    NoKeys(String),
}

/// What the request's token says; none when there is none and none is needed. Headers whose token
/// the application is not to see are added to `remove`.
pub(super) fn require(
    jwt: &Jwt,
    head: Option<&RequestHead>,
    tokens: &dyn Tokens,
    remove: &mut Vec<HeaderName>,
) -> Result<Option<Claims>, Denial> {
    let mut refused: Option<BadToken> = None;
    let given = jwt
        .providers
        .iter()
        .flat_map(|provider| found(provider, head).map(move |found| (provider, found)));
    for (provider, (name, token)) in given {
        match tokens.verify(provider, token) {
            Ok(claims) => {
                if !provider.forward {
                    remove.push(name.clone());
                }
                return Ok(Some(claims));
            }
            // What the provider that was meant says goes before what others say.
            Err(bad) if matches!(refused, None | Some(BadToken::Issuer(_))) => refused = Some(bad),
            Err(_) => {}
        }
    }
    let origin = jwt.origin.clone();
    match refused {
        Some(BadToken::NoKeys(issuer)) => Err(Denial::NoKeys { issuer, origin }),
        Some(why) => Err(Denial::BadToken {
            why: why.to_string(),
            origin,
        }),
        None if jwt.optional => Ok(None),
        None => Err(Denial::NoToken { origin }),
    }
}

/// The tokens in the headers of `provider`.
fn found<'a>(
    provider: &'a Provider,
    head: Option<&'a RequestHead>,
) -> impl Iterator<Item = (&'a HeaderName, &'a str)> {
    let headers = head.map(|head| &head.headers);
    provider.headers.iter().filter_map(move |header| {
        let value = headers?.get(&header.name)?.to_str().ok()?;
        let split = value.split_at_checked(header.prefix.len())?;
        // RFC 9110 §11.1: the scheme of Authorization has no case.
        let (before, token) = split;
        let token = token.trim();
        let fits = before.eq_ignore_ascii_case(&header.prefix) && !token.is_empty();
        fits.then_some((&header.name, token))
    })
}
