//! Why a cluster gave no answer, or a negative one; what to do about it.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::time::Duration;

use serde::Deserialize;

use crate::error::Error;

/// What was asked, why it failed, what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) kind: Kind,
    pub(crate) message: String,
    pub(crate) causes: Vec<String>,
    pub(crate) hints: Vec<String>,
}

/// What callers act upon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nothing was asked: the kubeconfig, credentials, this machine.
    Local,
    /// No connection, or none that can be trusted.
    Unreachable,
    /// A connection, and no whole answer in time.
    Cut,
    Unauthorized,
    Forbidden,
    NotFound,
    /// The object was changed since it was read, or is there already.
    Conflict,
    /// Fields belong to other managers.
    Owned(Vec<Owner>),
    /// A page of a list that the server does not remember.
    Gone,
    /// The object is refused as it is.
    Invalid,
    /// Come back later.
    Busy,
    Server,
}

/// Who owns a field that we want to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    /// The field manager, as it calls itself.
    pub(crate) manager: String,
    /// `.spec.rules`
    pub(crate) field: String,
}

/// `v1.Status`, the part that is read.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Status {
    kind: String,
    message: String,
    reason: String,
    pub(super) details: Option<Details>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Details {
    causes: Vec<Cause>,
    pub(super) retry_after_seconds: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Cause {
    reason: String,
    message: String,
    field: String,
}

/// What an API server says of an apply with a field that the schema of the kind does not have.
const NOT_DECLARED: &str = "field not declared in schema";
/// Characters of an answer that is no `Status` which are shown: a proxy's error page is longer.
const ANSWER_SHOWN_MAX: usize = 200;

// === impl Failure ===

impl Failure {
    pub(super) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            causes: Vec::new(),
            hints: Vec::new(),
        }
    }

    /// Something on this machine.
    pub(super) fn local(message: impl Into<String>, cause: &dyn fmt::Display) -> Self {
        Self::new(Kind::Local, message).caused_by(cause)
    }

    #[must_use]
    pub(super) fn caused_by(mut self, cause: impl fmt::Display) -> Self {
        self.causes.push(cause.to_string());
        self
    }

    #[must_use]
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// A kind that the cluster does not know.
    pub(crate) fn not_served(kind: &str, cluster: &str) -> Self {
        Self::new(
            Kind::NotFound,
            format!("the cluster {cluster} has no kind {kind}"),
        )
        .hint("`meshctl check` says what is missing")
    }

    /// No answer within `patience`.
    pub(super) fn late(what: &str, server: &str, patience: Duration) -> Self {
        Self::new(
            Kind::Cut,
            format!("cannot {what}: {server} did not answer within {patience:?}"),
        )
        .hint("try again, or wait longer with --request-timeout")
    }

    /// What the connection's error means.
    pub(super) fn of_connection(
        what: &str,
        server: &str,
        error: &(dyn StdError + 'static),
    ) -> Self {
        let chain = || std::iter::successors(Some(error), |e| inner(*e));
        if let Some(tls) = chain().find_map(|e| e.downcast_ref::<rustls::Error>()) {
            return Self::of_tls(what, server, tls);
        }
        if let Some(auth) = chain().find_map(|e| e.downcast_ref::<kube::client::AuthError>()) {
            return Self::local("cannot get credentials for the cluster", auth)
                .hint("the `user` of the context names a plugin or a file: run it by hand to see");
        }
        // The innermost: others wrap it, and are of kind `Other`.
        let io = chain().filter_map(|e| e.downcast_ref::<io::Error>()).last();
        let last = chain().last().map(ToString::to_string).unwrap_or_default();
        let failed = format!("cannot {what}");
        let (kind, message, hint) = match io.map(io::Error::kind) {
            Some(io::ErrorKind::ConnectionRefused) => (
                Kind::Unreachable,
                format!("{failed}: nothing listens at {server}"),
                "is the cluster running, and is this its address? `kubectl config view` shows it",
            ),
            Some(io::ErrorKind::TimedOut) => (
                Kind::Unreachable,
                format!("{failed}: {server} does not answer"),
                "is a VPN or a tunnel needed to reach the cluster?",
            ),
            Some(
                io::ErrorKind::ConnectionReset
                | io::ErrorKind::ConnectionAborted
                | io::ErrorKind::BrokenPipe
                | io::ErrorKind::UnexpectedEof,
            ) => (
                Kind::Cut,
                format!("{failed}: {server} cut the connection"),
                "try again; if it stays, look at the API server and at what is before it",
            ),
            _ if last.contains("dns error") || last.contains("lookup address") => (
                Kind::Unreachable,
                format!("{failed}: the name in {server} is not known"),
                "check `server` of the cluster in the kubeconfig, and your DNS or VPN",
            ),
            None if last.contains("connection closed") || last.contains("end of file") => (
                Kind::Cut,
                format!("{failed}: {server} cut the connection"),
                "try again; if it stays, look at the API server and at what is before it",
            ),
            _ => (
                Kind::Unreachable,
                format!("{failed}: no connection to {server}"),
                "check `server` of the cluster in the kubeconfig",
            ),
        };
        Self::new(kind, message).caused_by(last).hint(hint)
    }

    fn of_tls(what: &str, server: &str, error: &rustls::Error) -> Self {
        use rustls::{AlertDescription as Alert, CertificateError as Bad, Error as Tls};
        let message = format!("cannot {what}: no trust between us and {server}");
        let failure = Self::new(Kind::Unreachable, message).caused_by(error);
        match error {
            Tls::InvalidCertificate(Bad::Expired | Bad::ExpiredContext { .. }) => {
                failure.hint("the API server's certificate has expired: renew it on the cluster")
            }
            Tls::InvalidCertificate(Bad::NotValidForName | Bad::NotValidForNameContext { .. }) => {
                failure.hint(
                    "the certificate is for another name: use that name in `server`, or set \
                     `tls-server-name`",
                )
            }
            Tls::InvalidCertificate(_) => failure.hint(
                "the certificate is not signed by `certificate-authority(-data)` of the cluster: \
                 was the cluster made anew? get its kubeconfig again",
            ),
            Tls::AlertReceived(
                Alert::CertificateExpired
                | Alert::CertificateRequired
                | Alert::BadCertificate
                | Alert::UnknownCA
                | Alert::CertificateUnknown
                | Alert::CertificateRevoked
                | Alert::AccessDenied,
            ) => {
                failure.hint("the API server refuses your client certificate: get new credentials")
            }
            _ => failure.hint("is there an HTTPS API server at this address?"),
        }
    }

    /// What the status of an answer means; `wait` is what `Retry-After` said.
    pub(super) fn of_answer(what: &str, code: u16, body: &[u8], wait: Option<Duration>) -> Self {
        let status = Status::read(body);
        let failed = format!("cannot {what}");
        let said = match status.message.is_empty() {
            true => excerpt(body),
            false => status.message.clone(),
        };
        let owners = status.owners();
        let failure = |kind, message: String| {
            let failure = Self::new(kind, message);
            match said.is_empty() {
                true => failure.caused_by(format!("status {code} without a word")),
                false => failure.caused_by(&said),
            }
        };
        match code {
            401 => Self::new(
                Kind::Unauthorized,
                format!("{failed}: the API server does not accept your credentials"),
            ),
            403 => failure(Kind::Forbidden, format!("{failed}: you are not allowed to")).hint(
                "ask for a Role that allows it; `kubectl auth can-i --list` shows what you may",
            ),
            404 => failure(Kind::NotFound, format!("{failed}: there is no such thing")),
            409 if !owners.is_empty() => Self::owned(what, owners),
            409 if status.reason == "AlreadyExists" => {
                failure(Kind::Conflict, format!("{failed}: it is there already"))
            }
            409 => failure(
                Kind::Conflict,
                format!("{failed}: somebody else changed it at the same time"),
            )
            .hint("try again"),
            410 => failure(
                Kind::Gone,
                format!("{failed}: the cluster changes faster than it can be read"),
            )
            .hint("try again, or ask for one namespace (-n)"),
            400 | 415 | 422 => status.invalid(&failed, failure),
            429 => {
                let later = wait.map_or_else(String::new, |w| {
                    format!(" and wants to be left alone for {} s", w.as_secs())
                });
                failure(
                    Kind::Busy,
                    format!("{failed}: the API server is overloaded (429){later}"),
                )
                .hint(
                    "try again later; its priority and fairness settings say who may ask how much",
                )
            }
            503 | 504 => failure(
                Kind::Busy,
                format!("{failed}: the API server is not available ({code})"),
            )
            .hint("try again later; is the control plane being restarted?"),
            // Server-side apply has no better code for it.
            500 if said.contains(NOT_DECLARED) => failure(
                Kind::Invalid,
                format!("{failed}: the kind of this cluster has no such field"),
            )
            .hint("its Gateway API is older, or of the standard channel: install a newer one"),
            500.. => failure(
                Kind::Server,
                format!("{failed}: the API server failed ({code})"),
            )
            .hint("its log says more"),
            _ => failure(
                Kind::Server,
                format!("{failed}: unexpected status {code} from the API server"),
            )
            .hint("is there something else at the address of the API server?"),
        }
    }

    /// Fields belong to others.
    fn owned(what: &str, owners: Vec<Owner>) -> Self {
        let message = format!("cannot {what}: it belongs to somebody else");
        let mut failure = Self::new(Kind::Owned(Vec::new()), message);
        for owner in &owners {
            failure = failure.caused_by(format!("`{}` owns {}", owner.manager, owner.field));
        }
        failure.kind = Kind::Owned(owners);
        failure
            .hint("change it where they get it from: they would take the change back")
            .hint("or take the fields over with --force")
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        let error = Self::new(failure.message);
        let error = failure
            .causes
            .iter()
            .fold(error, |e, cause| e.caused_by(cause));
        failure.hints.into_iter().fold(error, Self::hint)
    }
}

// === impl Status ===

impl Status {
    /// Reads an answer that should be a `Status`; another one is as good as empty.
    pub(super) fn read(body: &[u8]) -> Self {
        let read: Option<Self> = serde_json::from_slice(body).ok();
        read.filter(|s| s.kind == "Status").unwrap_or_default()
    }

    /// Managers that own fields of a server-side apply.
    fn owners(&self) -> Vec<Owner> {
        let causes = self.details.iter().flat_map(|d| &d.causes);
        let conflicts = causes.filter(|c| c.reason == "FieldManagerConflict");
        let owner = |cause: &Cause| {
            // `conflict with "argocd-controller" using gateway.networking.k8s.io/v1`
            let manager = cause.message.split('"').nth(1).unwrap_or(&cause.message);
            Owner {
                manager: manager.to_owned(),
                field: cause.field.clone(),
            }
        };
        conflicts.map(owner).collect()
    }

    fn invalid(&self, failed: &str, failure: impl Fn(Kind, String) -> Failure) -> Failure {
        let message = format!("{failed}: the API server refuses it");
        let causes = self.details.iter().flat_map(|d| &d.causes);
        let listed: Vec<_> = causes
            .map(|c| format!("{}: {}", c.field, c.message))
            .collect();
        match listed.is_empty() {
            true => failure(Kind::Invalid, message),
            false => Failure {
                causes: listed,
                ..Failure::new(Kind::Invalid, message)
            },
        }
    }
}

/// The next error of a chain. `io::Error::source` skips the error that it wraps.
fn inner<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
    if let Some(wrapped) = error
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref)
    {
        return Some(wrapped);
    }
    error.source()
}

/// The beginning of an answer in one line.
fn excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let line: Vec<&str> = text.split_whitespace().collect();
    line.join(" ").chars().take(ANSWER_SHOWN_MAX).collect()
}

#[cfg(test)]
mod tests;
