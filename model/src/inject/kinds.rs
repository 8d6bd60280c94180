//! Which objects make pods, and where their template is.
//!
//! A kind is known by its group as well: a Knative `Service` is no Service, and a `Deployment` of
//! somebody's CRD is no Deployment. Versions do not matter, since the path is the same in all.

use core::fmt;

/// Group, kind, path of the template.
type Row = (&'static str, &'static str, &'static [&'static str]);

const TEMPLATE: &[&str] = &["spec", "template"];

const KINDS: &[Row] = &[
    ("", "Pod", &[]),
    ("", "ReplicationController", TEMPLATE),
    ("apps", "DaemonSet", TEMPLATE),
    ("apps", "Deployment", TEMPLATE),
    ("apps", "ReplicaSet", TEMPLATE),
    ("apps", "StatefulSet", TEMPLATE),
    ("apps.openshift.io", "DeploymentConfig", TEMPLATE),
    (
        "batch",
        "CronJob",
        &["spec", "jobTemplate", "spec", "template"],
    ),
    ("batch", "Job", TEMPLATE),
    // Gone from Kubernetes since 1.16, and still in published manifests.
    ("extensions", "DaemonSet", TEMPLATE),
    ("extensions", "Deployment", TEMPLATE),
    ("extensions", "ReplicaSet", TEMPLATE),
];

/// The kinds that are known, and those that the user named.
#[derive(Clone, Debug, Default)]
pub struct Kinds {
    named: Vec<NamedKind>,
}

/// `Rollout.argoproj.io=.spec.template`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedKind {
    kind: String,
    /// Any group when it was not said.
    group: Option<String>,
    path: Vec<String>,
}

/// Why a text is no [`NamedKind`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` does not say where a kind has its pod template")]
pub struct BadNamedKind(String);

// === impl Kinds ===

impl Kinds {
    pub fn new(named: Vec<NamedKind>) -> Self {
        Self { named }
    }

    /// The path of the pod template in objects of this kind; empty for the object itself.
    pub fn template(&self, group: &str, kind: &str) -> Option<Vec<&str>> {
        if let Some(named) = self.named.iter().find(|named| named.is(group, kind)) {
            return Some(named.path.iter().map(String::as_str).collect());
        }
        let row = KINDS.iter().find(|row| row.0 == group && row.1 == kind);
        row.map(|row| row.2.to_vec())
    }
}

// === impl NamedKind ===

impl NamedKind {
    /// Reads `KIND=.path` or `KIND.GROUP=.path`.
    ///
    /// # Errors
    /// A text that is not of this form.
    pub fn parse(text: &str) -> Result<Self, BadNamedKind> {
        let bad = || BadNamedKind(text.chars().take(80).collect());
        let (name, path) = text.split_once('=').ok_or_else(bad)?;
        let (kind, group) = match name.split_once('.') {
            Some((kind, group)) => (kind, Some(group.to_owned())),
            None => (name, None),
        };
        let path: Vec<String> = path
            .strip_prefix('.')
            .unwrap_or(path)
            .split('.')
            .map(str::to_owned)
            .collect();
        let plain = |part: &str| {
            !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        };
        if !plain(kind) || group.as_deref() == Some("") || !path.iter().all(|part| plain(part)) {
            return Err(bad());
        }
        Ok(Self {
            kind: kind.to_owned(),
            group,
            path,
        })
    }

    fn is(&self, group: &str, kind: &str) -> bool {
        self.kind == kind && self.group.as_deref().is_none_or(|own| own == group)
    }
}

impl fmt::Display for NamedKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.kind)?;
        if let Some(group) = &self.group {
            write!(f, ".{group}")?;
        }
        write!(f, "=.{}", self.path.join("."))
    }
}
