//! `/certificates`: what the proxy shows and whom it trusts. Keys are never told.

use engine::time::Wall;
use rustls_pki_types::CertificateDer;
use serde_json::{Value, json};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::time::rfc3339;
use crate::telemetry::process::Certificate;
use crate::tls::{Store, store::uris};

pub(super) fn json(store: &Store, now: Wall) -> Value {
    let all = |certificates: &[CertificateDer<'_>]| -> Vec<Value> {
        certificates.iter().map(|one| shown(one, now)).collect()
    };
    json!({
        "chain": all(&store.chain()),
        "trusted": all(&store.bundle()),
        "refused": store.refused(),
    })
}

/// Until when the workload's own certificate is valid.
pub(super) fn expiries(store: &Store) -> Vec<Certificate> {
    let leaf = store.expiry();
    let leaf = leaf.map(|(identity, expires)| Certificate { identity, expires });
    leaf.into_iter().collect()
}

fn shown(certificate: &CertificateDer<'_>, now: Wall) -> Value {
    let Ok((_, parsed)) = X509Certificate::from_der(certificate) else {
        return json!({"unreadable": true});
    };
    let names = uris(&parsed);
    let validity = parsed.validity();
    let seconds = |at: i64| u64::try_from(at).unwrap_or(0);
    let (from, to) = (
        seconds(validity.not_before.timestamp()),
        seconds(validity.not_after.timestamp()),
    );
    let at = now.unix_seconds();
    json!({
        "names": names,
        "subject": parsed.subject().to_string(),
        "issuer": parsed.issuer().to_string(),
        "serial": parsed.raw_serial_as_string(),
        "notBefore": rfc3339(from),
        "notAfter": rfc3339(to),
        "valid": (from..=to).contains(&at),
        "secondsLeft": to.saturating_sub(at),
    })
}
