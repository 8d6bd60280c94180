//! What credentials say about themselves, looked at when they are refused: most often they are old.

use core::fmt;

use k8s_openapi::jiff::Timestamp;
use kube::config::AuthInfo;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde::Deserialize;
use x509_parser::parse_x509_certificate;

use super::failure::Failure;

/// What a kubeconfig's user brings.
#[derive(Clone, Debug, Default)]
pub(super) struct Credentials {
    /// In words: `a client certificate`, `a token`, `the plugin aws`.
    what: String,
    /// Whether a program gives them.
    plugin: bool,
    /// When the client certificate ends.
    certificate_until: Option<Timestamp>,
    /// When the token ends, if it is a JWT.
    token_until: Option<Timestamp>,
}

/// The claim of a JWT that is looked at.
#[derive(Deserialize)]
struct Claims {
    exp: Option<i64>,
}

// === impl Credentials ===

impl Credentials {
    pub(super) fn of(auth: &AuthInfo) -> Self {
        let pem = auth.client_certificate_data.clone().and_then(|data| {
            let bytes = base64(&data)?;
            String::from_utf8(bytes).ok()
        });
        let pem = pem.or_else(|| std::fs::read_to_string(auth.client_certificate.as_ref()?).ok());
        // Tokens are kept from being printed, but not from being written into a kubeconfig.
        let written = serde_json::to_value(auth).unwrap_or_default();
        let token = written["token"].as_str().map(str::to_owned);
        let token = token.or_else(|| std::fs::read_to_string(auth.token_file.as_ref()?).ok());
        let plugin = auth.exec.as_ref().and_then(|e| e.command.clone());
        let what = match (&plugin, &token, &pem) {
            (Some(command), _, _) => format!("the plugin `{command}`"),
            (None, Some(_), _) => "a token".into(),
            (None, None, Some(_)) => "a client certificate".into(),
            (None, None, None) => String::new(),
        };
        Self {
            what,
            plugin: plugin.is_some(),
            certificate_until: pem.as_deref().and_then(certificate_until),
            token_until: token.as_deref().and_then(token_until),
        }
    }

    /// Why nothing can be sent with them.
    pub(super) fn unusable(&self, context: &str, error: &dyn fmt::Display) -> Failure {
        let message = format!("the credentials of context `{context}` cannot be used");
        let failure = Failure::local(message, error);
        match self.plugin {
            true => failure
                .caused_by(format!("they come from {}", self.what))
                .hint("run the plugin by hand to see what it says; is it installed?"),
            false => failure.hint("get new credentials from the tool that made the cluster"),
        }
    }

    /// Says why a server would not accept them.
    pub(super) fn explain(&self, failure: Failure) -> Failure {
        let now = Timestamp::now();
        let over = |until: &Option<Timestamp>| until.filter(|at| *at < now);
        if let Some(at) = over(&self.certificate_until) {
            return failure
                .caused_by(format!("the client certificate expired on {}", day(at)))
                .hint("get a new kubeconfig from the tool that made the cluster");
        }
        if let Some(at) = over(&self.token_until) {
            return failure
                .caused_by(format!("the token expired on {}", day(at)))
                .hint("log in again");
        }
        match self.what.as_str() {
            "" => failure
                .caused_by("the user of the context has no credentials")
                .hint("log in, or name another context: --context"),
            what => failure
                .caused_by(format!("they are {what}"))
                .hint("log in again, or name another context: --context"),
        }
    }

    /// When the client certificate or the token ends, whichever is first.
    pub(super) fn until(&self) -> Option<Timestamp> {
        let both = [self.certificate_until, self.token_until];
        both.into_iter().flatten().min()
    }
}

fn certificate_until(pem: &str) -> Option<Timestamp> {
    let der = CertificateDer::from_pem_slice(pem.as_bytes()).ok()?;
    let (_, certificate) = parse_x509_certificate(&der).ok()?;
    Timestamp::from_second(certificate.validity().not_after.timestamp()).ok()
}

fn token_until(token: &str) -> Option<Timestamp> {
    let payload = token.trim().split('.').nth(1)?;
    let claims: Claims = serde_json::from_slice(&base64(payload)?).ok()?;
    Timestamp::from_second(claims.exp?).ok()
}

fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// Decodes base64, of the usual and of the URL alphabet (RFC 4648), padded or not.
fn base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    let (mut bits, mut count) = (0_u32, 0);
    for c in text.bytes().filter(|c| !c.is_ascii_whitespace()) {
        let value = match c {
            b'A'..=b'Z' => c - b'A',
            b'a'..=b'z' => c - b'a' + 26,
            b'0'..=b'9' => c - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            b'=' => continue,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from((bits >> count) & 0xFF).ok()?);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_of_both_alphabets_is_decoded() {
        // RFC 4648 section 10, and the two characters in which the alphabets differ.
        for (text, bytes) in [
            ("", &b""[..]),
            ("Zg==", b"f"),
            ("Zm8", b"fo"),
            ("Zm9v YmFy\n", b"foobar"),
            ("-_-_", &[0xfb, 0xff, 0xbf]),
            ("+/+/", &[0xfb, 0xff, 0xbf]),
        ] {
            assert_eq!(base64(text).as_deref(), Some(bytes), "{text}");
        }
        assert_eq!(base64("a*b"), None);
    }

    #[test]
    fn a_token_that_is_no_jwt_says_nothing() {
        for token in ["", "opaque", "a.b.c", "a.e30.c"] {
            assert_eq!(token_until(token), None, "{token}");
        }
        // {"exp":1600000000}
        let until = token_until("x.eyJleHAiOjE2MDAwMDAwMDB9.y").unwrap();
        assert_eq!(day(until), "2020-09-13 12:26 UTC");
    }
}
