//! Verifies tokens (RFC 7519, signed as of RFC 7515) for [`engine::authz`].
//!
//! A token is good when a key of its provider signed it with an algorithm of that key's kind, and
//! `iss`, `aud`, `exp` and `nbf` hold. The time is the caller's: nothing here looks at a clock.
//! Shared secrets (HMAC) are not accepted, so that a public key cannot be taken for one.
//!
//! Keys stand in the configuration, or are fetched (`fetch`): before a request needs them and again
//! from time to time, so that no request waits for an issuer. What was fetched once stays until
//! something better comes: an issuer that is away locks nobody out who was let in before.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use engine::authz::{BadToken, Claims, Tokens};
use engine::snapshot::authz::{Keys, Provider};
use engine::time::Wall;
use jsonwebtoken::jwk::{Jwk, JwkSet, PublicKeyUse};
use jsonwebtoken::{AlgorithmFamily, DecodingKey, Header, Validation};
use serde_json::{Map, Value};

pub(crate) mod fetch;

use fetch::Fetched;

/// Seconds that clocks may differ (Envoy's `clock_skew_seconds`).
const SKEW_SECONDS: u64 = 60;
/// Key sets kept ready. One workload has a handful of issuers; more are made anew.
const KEY_SETS_MAX: usize = 64;
/// Claims of one token that rules can look at, and how deep they may be nested.
const CLAIMS_MAX: usize = 256;
const CLAIM_DEPTH_MAX: usize = 4;
/// Claims that are lists, written with blanks (RFC 8693 §4.2, RFC 9068 §2.2.3).
const BLANK_SEPARATED: [&str; 1] = ["scope"];

/// Key sets, read once.
#[derive(Default)]
pub struct KeySets {
    /// By the text in the configuration.
    inline: Mutex<BTreeMap<Arc<str>, Arc<[Key]>>>,
    fetched: Fetched,
}

/// Verifies tokens at one point in time.
pub struct Verifier<'a> {
    pub keys: &'a KeySets,
    pub now: Wall,
}

pub(crate) struct Key {
    id: Option<String>,
    /// What the key set says it is for.
    algorithm: Option<jsonwebtoken::Algorithm>,
    key: DecodingKey,
}

// === impl KeySets ===

impl KeySets {
    /// The keys of a provider.
    ///
    /// # Errors
    /// Why there are none.
    fn of(&self, provider: &Provider) -> Result<Arc<[Key]>, BadToken> {
        let issuer = &provider.issuer;
        match &provider.keys {
            Keys::Inline(text) => match self.inline(text) {
                keys if keys.is_empty() => Err(BadToken::NoKeys(issuer.to_string())),
                keys => Ok(keys),
            },
            Keys::Fetched(source) => self.fetched.get(source).map_err(|why| {
                let what = format!("{issuer} ({source}: {why})");
                BadToken::NoKeys(what)
            }),
        }
    }

    fn inline(&self, text: &Arc<str>) -> Arc<[Key]> {
        let mut sets = self.inline.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(keys) = sets.get(text) {
            return keys.clone();
        }
        if sets.len() >= KEY_SETS_MAX {
            sets.clear();
        }
        let keys = read(text);
        sets.insert(text.clone(), keys.clone());
        keys
    }
}

/// The usable keys of a set; the others are skipped (RFC 7517 §5).
fn read(text: &str) -> Arc<[Key]> {
    let set: Map<String, Value> = serde_json::from_str(text).unwrap_or_default();
    let keys = set.get("keys").and_then(Value::as_array);
    let one = |value: &Value| {
        let set = JwkSet {
            keys: vec![serde_json::from_value::<Jwk>(value.clone()).ok()?],
        };
        key(set.keys.into_iter().next()?)
    };
    keys.into_iter().flatten().filter_map(one).collect()
}

fn key(jwk: Jwk) -> Option<Key> {
    let signs = matches!(
        jwk.common.public_key_use,
        None | Some(PublicKeyUse::Signature)
    );
    let algorithm = match jwk.common.key_algorithm {
        Some(named) => Some(named.to_string().parse().ok()?),
        None => None,
    };
    let key = DecodingKey::from_jwk(&jwk).ok()?;
    let public = key.family() != AlgorithmFamily::Hmac;
    (signs && public).then_some(Key {
        id: jwk.common.key_id,
        algorithm,
        key,
    })
}

// === impl Verifier ===

impl Tokens for Verifier<'_> {
    fn verify(&self, provider: &Provider, token: &str) -> Result<Claims, BadToken> {
        let invalid = |why: &str| BadToken::Invalid(why.to_owned());
        let header = jsonwebtoken::decode_header(token)
            .map_err(|_| invalid("it is not a signed token of an algorithm that is known"))?;
        // Only to find out which provider is meant.
        let claimed: Map<String, Value> = jsonwebtoken::dangerous::insecure_decode_claims(token)
            .map_err(|_| invalid("its claims are not a JSON object"))?;
        if claimed.get("iss").and_then(Value::as_str) != Some(&*provider.issuer) {
            return Err(BadToken::Issuer(provider.issuer.to_string()));
        }
        let keys = self.keys.of(provider)?;
        if header.crit.is_some() {
            return Err(invalid(
                "it has critical extensions that are not understood",
            ));
        }
        let mut fitting = keys.iter().filter(|key| key.fits(&header)).peekable();
        if let (None, Keys::Fetched(source)) = (fitting.peek(), &provider.keys) {
            // The issuer may have a new key.
            self.keys.fetched.missed(source, self.now);
        }
        let claims = fitting
            .find_map(|key| key.verify(&header, token))
            .ok_or_else(|| invalid("no key of its issuer signed it"))?;
        self.in_time(&claims)?;
        audience(&claims, provider)?;
        Ok(flatten(&claims))
    }
}

impl Verifier<'_> {
    fn in_time(&self, claims: &Map<String, Value>) -> Result<(), BadToken> {
        let now = self.now.unix_seconds();
        let seconds = |name: &str| match claims.get(name) {
            None => Ok(None),
            // A fraction of a second does not matter (RFC 7519 §2, NumericDate).
            Some(value) => match value.as_f64() {
                Some(seconds) => Ok(Some(seconds as u64)),
                None => Err(BadToken::Invalid(format!("its `{name}` is not a number"))),
            },
        };
        if let Some(end) = seconds("exp")?
            && now >= end.saturating_add(SKEW_SECONDS)
        {
            let ago = now - end;
            return Err(BadToken::Invalid(format!("it expired {ago} s ago")));
        }
        if let Some(start) = seconds("nbf")?
            && now.saturating_add(SKEW_SECONDS) < start
        {
            let ahead = start - now;
            return Err(BadToken::Invalid(format!("it is valid only in {ahead} s")));
        }
        Ok(())
    }
}

// === impl Key ===

impl Key {
    fn fits(&self, header: &Header) -> bool {
        let named = header.kid.is_none() || self.id.is_none() || header.kid == self.id;
        let family = self.key.family().algorithms().contains(&header.alg);
        named
            && family
            && self
                .algorithm
                .is_none_or(|algorithm| algorithm == header.alg)
    }

    fn verify(&self, header: &Header, token: &str) -> Option<Map<String, Value>> {
        let mut validation = Validation::new(header.alg);
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.validate_aud = false;
        let verified = jsonwebtoken::decode(token, &self.key, &validation);
        verified.ok().map(|data| data.claims)
    }
}

fn audience(claims: &Map<String, Value>, provider: &Provider) -> Result<(), BadToken> {
    if provider.audiences.is_empty() {
        return Ok(());
    }
    let named: Vec<&str> = match claims.get("aud") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    if named
        .iter()
        .any(|name| provider.audiences.iter().any(|wanted| **wanted == **name))
    {
        return Ok(());
    }
    Err(BadToken::Invalid("it is for another audience".to_owned()))
}

fn flatten(claims: &Map<String, Value>) -> Claims {
    let mut flat = Claims::default();
    let mut left = CLAIMS_MAX;
    for (name, value) in claims {
        add(&mut flat, &mut left, &mut vec![name], value);
    }
    flat
}

fn add<'a>(flat: &mut Claims, left: &mut usize, path: &mut Vec<&'a str>, value: &'a Value) {
    if *left == 0 || path.len() > CLAIM_DEPTH_MAX {
        return;
    }
    let mut text = |text: &str| {
        *left = left.saturating_sub(1);
        flat.add(path, text);
    };
    match value {
        Value::Null => {}
        Value::Bool(value) => text(if *value { "true" } else { "false" }),
        Value::Number(value) => text(&value.to_string()),
        Value::String(value) if BLANK_SEPARATED.contains(&path[0]) => {
            value.split_ascii_whitespace().for_each(text);
        }
        Value::String(value) => text(value),
        Value::Array(values) => {
            for value in values.iter().filter(|value| !value.is_array()) {
                add(flat, left, path, value);
            }
        }
        Value::Object(members) => {
            for (name, value) in members {
                path.push(name);
                add(flat, left, path, value);
                path.pop();
            }
        }
    }
}

#[cfg(test)]
mod tests;
