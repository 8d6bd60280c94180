//! A TLS failure in words an operator can act on.

use std::io;

use engine::time::Wall;
use rustls::{AlertDescription, CertificateError, Error};
use rustls_pki_types::UnixTime;

use super::WrongIdentity;

/// The TLS failure behind an I/O error, when there is one.
pub fn tls_error(error: &io::Error) -> Option<&Error> {
    error.get_ref()?.downcast_ref()
}

/// One sentence on a failure after the handshake. Between us and the failure there may be a library
/// that kept nothing but its text.
pub fn later(error: &io::Error) -> String {
    if let Some(known) = tls_error(error) {
        return words(known, "the peer");
    }
    let text = error.to_string();
    for alert in [
        AlertDescription::CertificateExpired,
        AlertDescription::UnknownCA,
    ] {
        let known = Error::AlertReceived(alert);
        if text == known.to_string() {
            return words(&known, "the peer");
        }
    }
    text
}

/// One sentence on `error`, in which the peer is called `peer`.
pub fn words(error: &Error, peer: &str) -> String {
    match error {
        Error::InvalidCertificate(cause) => certificate(cause, peer),
        Error::AlertReceived(AlertDescription::CertificateExpired) => {
            format!("{peer} refused our certificate: it has expired, or their clock is ahead")
        }
        Error::AlertReceived(AlertDescription::UnknownCA) => {
            format!("{peer} refused our certificate: its issuer is not in their trust bundle")
        }
        Error::AlertReceived(alert) => format!("{peer} refused the handshake: {alert:?}"),
        Error::NoCertificatesPresented => format!("{peer} showed no certificate"),
        other => format!("handshake with {peer}: {other}"),
    }
}

fn certificate(cause: &CertificateError, peer: &str) -> String {
    match cause {
        CertificateError::ExpiredContext { not_after, .. } => {
            format!("certificate of {peer} expired at {}", date(*not_after))
        }
        CertificateError::Expired => format!("certificate of {peer} has expired"),
        CertificateError::NotValidYetContext { not_before, .. } => {
            format!(
                "certificate of {peer} is not valid before {}",
                date(*not_before)
            )
        }
        CertificateError::UnknownIssuer => format!(
            "certificate of {peer} is signed by an authority that is not in the trust bundle"
        ),
        // Two meshes made by the same tool: the issuer's name is known, its key is another.
        CertificateError::BadSignature => format!(
            "certificate of {peer} is signed by an authority that is not in the trust bundle, \
             although one of the same name is"
        ),
        CertificateError::Other(other) => match other.0.downcast_ref::<WrongIdentity>() {
            Some(wrong) => format!(
                "expected {} but the certificate is of {}",
                wrong.expected, wrong.presented
            ),
            None => format!("certificate of {peer}: {}", other.0),
        },
        other => format!("certificate of {peer}: {other}"),
    }
}

fn date(at: UnixTime) -> String {
    let seconds = at.as_secs();
    rfc3339(Wall(seconds.saturating_mul(1_000_000_000)))
}

/// `2026-11-20T10:32:20Z`, proleptic Gregorian (days-from-civil inverted, Howard Hinnant).
pub fn rfc3339(at: Wall) -> String {
    let seconds = at.unix_seconds();
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let z = days + 719_468;
    let era = z / 146_097;
    let doe = z % 146_097;
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + u64::from(month <= 2);
    let (h, m, s) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{h:02}:{m:02}:{s:02}Z")
}
