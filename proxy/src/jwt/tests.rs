use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::json;

use super::*;

/// The time of the tests, in seconds.
const NOW: u64 = 1_700_000_000;

/// An issuer with one key.
struct Issuer {
    key: EncodingKey,
    public: Value,
}

impl Issuer {
    fn new(kid: Option<&str>) -> Self {
        let pair = rcgen::KeyPair::generate().unwrap();
        let key = EncodingKey::from_ec_der(&pair.serialize_der());
        let mut jwk = Jwk::from_encoding_key(&key, Algorithm::ES256).unwrap();
        jwk.common.key_id = kid.map(Into::into);
        let public = serde_json::to_value(jwk).unwrap();
        Self { key, public }
    }

    fn sign(&self, kid: Option<&str>, claims: &Value) -> String {
        let mut header = Header::new(Algorithm::ES256);
        header.kid = kid.map(Into::into);
        jsonwebtoken::encode(&header, claims, &self.key).unwrap()
    }
}

fn provider(keys: &[&Value], audiences: &[&str]) -> Provider {
    Provider {
        issuer: "https://issuer".into(),
        audiences: audiences.iter().map(|a| Arc::from(*a)).collect(),
        keys: Keys::Inline(json!({ "keys": keys }).to_string().into()),
        headers: Vec::new(),
        forward: false,
    }
}

fn verify(provider: &Provider, token: &str) -> Result<Claims, BadToken> {
    let keys = KeySets::default();
    let now = Wall(NOW * 1_000_000_000);
    Verifier { keys: &keys, now }.verify(provider, token)
}

fn claims(more: Value) -> Value {
    let mut claims = json!({"iss": "https://issuer", "sub": "alice", "exp": NOW + 1});
    let more = more.as_object().cloned().unwrap_or_default();
    claims.as_object_mut().unwrap().extend(more);
    claims
}

#[test]
fn a_good_token_says_its_claims() {
    let issuer = Issuer::new(Some("a"));
    let more = json!({
        "scope": "read write", "admin": true, "level": 3,
        "realm": {"roles": ["buyer", "seller"]}, "none": null,
    });
    let token = issuer.sign(Some("a"), &claims(more));
    let said = verify(&provider(&[&issuer.public], &[]), &token).unwrap();
    let check = |path: &[&str], expected: Option<&[&str]>| {
        let seen = said.get(path.iter().copied());
        let seen = seen.map(|values| values.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(seen.as_deref(), expected, "{path:?}");
    };
    check(&["sub"], Some(&["alice"]));
    check(&["scope"], Some(&["read", "write"]));
    check(&["admin"], Some(&["true"]));
    check(&["level"], Some(&["3"]));
    check(&["realm", "roles"], Some(&["buyer", "seller"]));
    check(&["realm"], None);
    check(&["none"], None);
}

#[test]
fn times_and_audiences_have_to_hold() {
    let issuer = Issuer::new(None);
    let check = |more: Value, audiences: &[&str], expected: Result<(), &str>| {
        let token = issuer.sign(None, &claims(more.clone()));
        let seen = verify(&provider(&[&issuer.public], audiences), &token).map(drop);
        let seen = seen.map_err(|bad| bad.to_string());
        assert_eq!(seen, expected.map_err(str::to_owned), "{more}");
    };
    check(json!({"exp": NOW - 59}), &[], Ok(()));
    check(json!({"exp": NOW - 60}), &[], Err("it expired 60 s ago"));
    check(
        json!({"exp": "soon"}),
        &[],
        Err("its `exp` is not a number"),
    );
    check(json!({"nbf": NOW + 60}), &[], Ok(()));
    check(
        json!({"nbf": NOW + 61}),
        &[],
        Err("it is valid only in 61 s"),
    );
    check(json!({"aud": "web"}), &["web"], Ok(()));
    check(json!({"aud": ["pay", "web"]}), &["web"], Ok(()));
    check(
        json!({"aud": "pay"}),
        &["web"],
        Err("it is for another audience"),
    );
    check(json!({}), &["web"], Err("it is for another audience"));
}

#[test]
fn only_keys_of_the_issuer_sign() {
    let (issuer, other) = (Issuer::new(Some("a")), Issuer::new(Some("b")));
    let unsigned = "no key of its issuer signed it";
    let check = |keys: &[&Value], token: &str, expected: Result<(), &str>| {
        let seen = verify(&provider(keys, &[]), token).map(drop);
        let seen = seen.map_err(|bad| bad.to_string());
        assert_eq!(seen, expected.map_err(str::to_owned));
    };
    let good = issuer.sign(Some("a"), &claims(json!({})));
    check(&[&other.public, &issuer.public], &good, Ok(()));
    // A token without the name of a key is tried with all of them.
    let nameless = issuer.sign(None, &claims(json!({})));
    check(&[&other.public, &issuer.public], &nameless, Ok(()));
    check(&[&other.public], &good, Err(unsigned));
    check(
        &[&issuer.public],
        &other.sign(Some("a"), &claims(json!({}))),
        Err(unsigned),
    );
    let changed = good.replacen('.', ".e30", 1);
    assert!(verify(&provider(&[&issuer.public], &[]), &changed).is_err());
    check(
        &[],
        &good,
        Err("the keys of https://issuer are not available"),
    );
    let foreign = issuer.sign(Some("a"), &claims(json!({"iss": "https://other"})));
    check(
        &[&issuer.public],
        &foreign,
        Err("its issuer is not https://issuer"),
    );
}

#[test]
fn what_is_no_signed_token_is_refused() {
    let issuer = Issuer::new(None);
    let provider = provider(&[&issuer.public], &[]);
    let long = "a".repeat(100_000);
    // `{"alg":"none"}` and `{"alg":"HS256"}`, the latter signed with nothing.
    let body = "eyJpc3MiOiJodHRwczovL2lzc3VlciJ9";
    let none = format!("eyJhbGciOiJub25lIn0.{body}.");
    let symmetric = format!("eyJhbGciOiJIUzI1NiJ9.{body}.AAAA");
    for token in ["", ".", "..", "a.b.c", &*long, &*none, &*symmetric] {
        let bad = verify(&provider, token).unwrap_err();
        assert!(matches!(bad, BadToken::Invalid(_)), "{token:.20}: {bad:?}");
    }
}

#[test]
fn a_shared_secret_is_no_key() {
    let secret = json!({"kty": "oct", "k": "c2VjcmV0", "alg": "HS256"});
    assert!(read(&json!({ "keys": [secret] }).to_string()).is_empty());
    assert!(read("not JSON").is_empty());
}
