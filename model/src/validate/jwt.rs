//! `jwt` of an AuthorizationPolicy.

use std::str::FromStr as _;

use serde_json::{Map, Value};

use super::authorization_policy::values;
use super::check::Check;
use super::text::{check_header_name, check_len, shown};
use crate::policy::{Jwks, JwksUri, Jwt, JwtProvider};

/// Issuers of one policy; a request's token is tried against the one that it names.
const PROVIDERS_MAX: usize = 16;
/// Keys of one provider. Issuers have two or three while they rotate.
const KEYS_MAX: usize = 64;
const ISSUER_LEN_MAX: usize = 1024;
const PREFIX_LEN_MAX: usize = 64;

/// Kinds of keys, with the members that are its public part (RFC 7518 §6, RFC 8037 §2).
const KEY_TYPES: [(&str, &[&str]); 3] = [
    ("RSA", &["n", "e"]),
    ("EC", &["crv", "x", "y"]),
    ("OKP", &["crv", "x"]),
];

pub(super) fn check(check: &mut Check, jwt: &Jwt) {
    if jwt.providers.is_empty() {
        check.error(
            "there is no provider: every request would be denied",
            "add a provider with its issuer and its keys",
        );
    }
    check.at_most("providers", &jwt.providers, PROVIDERS_MAX);
    check.each("providers", &jwt.providers, provider);
    for (later, provider) in jwt.providers.iter().enumerate() {
        let same = |first: &JwtProvider| first.issuer == provider.issuer;
        if jwt.providers[..later].iter().any(same) {
            check.item("providers", later, |check| {
                check.error(
                    format!("the issuer {} is named twice", shown(&provider.issuer)),
                    "put its audiences and keys into one provider",
                );
            });
        }
    }
}

fn provider(check: &mut Check, provider: &JwtProvider) {
    check.field("issuer", |check| {
        check_len(check, &provider.issuer, 1, ISSUER_LEN_MAX);
    });
    values(check, "audiences", provider.audiences.as_deref(), |_, _| {});
    check.field("jwks", |check| jwks(check, &provider.jwks));
    if provider.from_headers.as_ref().is_some_and(Vec::is_empty) {
        check.field("fromHeaders", |check| {
            check.error(
                "`fromHeaders` is an empty list",
                "add a header, or remove the field for `Authorization: Bearer`",
            );
        });
    }
    let headers = provider.from_headers.as_deref().unwrap_or_default();
    check.each("fromHeaders", headers, |check, header| {
        check.field("name", |check| check_header_name(check, &header.name));
        let prefix = header.prefix.as_deref().unwrap_or_default();
        if prefix.len() > PREFIX_LEN_MAX {
            check.field("prefix", |check| {
                check_len(check, prefix, 0, PREFIX_LEN_MAX);
            });
        }
    });
}

fn jwks(check: &mut Check, jwks: &Jwks) {
    let inline = match (&jwks.inline, &jwks.uri) {
        (Some(inline), None) => inline,
        (None, Some(uri)) => {
            check.field("uri", |check| {
                if let Err(error) = JwksUri::from_str(uri) {
                    check.error(error.to_string(), URI_HELP);
                }
            });
            return;
        }
        (Some(_), Some(_)) => {
            check.error(
                "the provider has two sources of keys",
                "remove `inline` or `uri`",
            );
            return;
        }
        (None, None) => {
            check.error(
                "the provider has no keys",
                "put the key set into `inline`, or say in `uri` which Service has it",
            );
            return;
        }
    };
    check.field("inline", |check| {
        if let Err((message, help)) = key_set(inline) {
            check.error(message, help);
        }
    });
}

const URI_HELP: &str = "write `http://SERVICE.NAMESPACE:PORT/PATH`: the mesh puts mutual TLS under \
                        it; keys of an issuer outside of the mesh go into `inline`";

type Problem = (String, &'static str);

fn key_set(text: &str) -> Result<(), Problem> {
    let wanted = "a JSON Web Key Set is wanted: {\"keys\": [{\"kty\": \"EC\", …}]} (RFC 7517 §5)";
    let set: Value = serde_json::from_str(text)
        .map_err(|error| (format!("the key set is not JSON: {error}"), wanted))?;
    let keys = set.get("keys").and_then(Value::as_array);
    let keys = keys.ok_or_else(|| ("the key set has no list `keys`".to_owned(), wanted))?;
    if keys.is_empty() || keys.len() > KEYS_MAX {
        let message = format!("the key set has {} keys", keys.len());
        return Err((message, "1 to 64 keys are allowed"));
    }
    for (index, key) in keys.iter().enumerate() {
        let members = key.as_object();
        let members = members.ok_or_else(|| (format!("keys[{index}] is not an object"), wanted))?;
        one_key(index, members)?;
    }
    Ok(())
}

fn one_key(index: usize, key: &Map<String, Value>) -> Result<(), Problem> {
    let kind = key.get("kty").and_then(Value::as_str).unwrap_or_default();
    if kind == "oct" {
        return Err((
            format!("keys[{index}] is a shared secret"),
            "whoever can read the policy could make tokens with it: use an RSA, EC or OKP key",
        ));
    }
    let known = KEY_TYPES.iter().find(|(name, _)| *name == kind);
    let Some((_, public)) = known else {
        let message = format!("keys[{index}] has the type `{}`", shown(kind));
        return Err((message, "RSA, EC and OKP keys are understood"));
    };
    if key.contains_key("d") {
        return Err((
            format!("keys[{index}] is a private key"),
            "remove `d` and every other private member, and replace the key: it is published now",
        ));
    }
    let text = |member: &&&str| key.get(**member).is_some_and(Value::is_string);
    if let Some(missing) = public.iter().find(|member| !text(member)) {
        let message = format!("keys[{index}] of type {kind} has no `{missing}`");
        return Err((message, "RFC 7518 §6 names the members of a key"));
    }
    Ok(())
}
