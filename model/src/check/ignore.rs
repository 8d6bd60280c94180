//! Findings that somebody has seen and accepted: by a flag for all, by an annotation for one
//! object.

use core::str::FromStr;

use super::{Code, Findings};
use crate::diagnostic::{Diagnostic, Subject};
use crate::document::Object;
use crate::yaml::Step;

use super::facts::Facts;

/// Codes that are not reported about this object, separated by commas.
pub const LINT_IGNORE: &str = "meshctl.dev/lint-ignore";

/// What is not reported: a code, everywhere or about some objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignore {
    pub code: Code,
    /// Namespace and name, where `*` stands for any text; none = every object.
    pub object: Option<(String, String)>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IgnoreError {
    #[error(transparent)]
    Code(#[from] super::NoSuchCode),
    #[error("`{0}` is not NAMESPACE/NAME: `*` stands for any text, as in `shop/*`")]
    Object(String),
}

// === impl Ignore ===

impl Ignore {
    pub fn covers(&self, finding: &Diagnostic) -> bool {
        if finding.code != Some(self.code) {
            return false;
        }
        let Some((namespace, name)) = &self.object else {
            return true;
        };
        finding
            .subject
            .as_deref()
            .is_some_and(|subject| glob(namespace, &subject.namespace) && glob(name, &subject.name))
    }
}

impl FromStr for Ignore {
    type Err = IgnoreError;

    /// Reads `MC0214` and `MC0214=shop/*`.
    fn from_str(text: &str) -> Result<Self, IgnoreError> {
        let Some((code, object)) = text.split_once('=') else {
            return Ok(Self {
                code: text.parse()?,
                object: None,
            });
        };
        let Some((namespace, name)) = object.split_once('/') else {
            return Err(IgnoreError::Object(object.chars().take(80).collect()));
        };
        Ok(Self {
            code: code.parse()?,
            object: Some((namespace.to_owned(), name.to_owned())),
        })
    }
}

/// What the annotations say, with the object each one is about.
pub(super) fn of_annotations(facts: &Facts<'_>) -> Vec<(Subject, Vec<Code>)> {
    let objects = facts.resources.iter().map(|resource| &resource.object);
    objects
        .filter_map(|object| {
            let text = object.meta.annotations.get(LINT_IGNORE)?;
            let codes = entries(text).filter_map(|entry| entry.parse().ok());
            Some((object.subject(), codes.collect()))
        })
        .collect()
}

/// An annotation that names no code ignores nothing, which its author has to know.
pub(super) fn unknown(facts: &Facts<'_>, findings: &mut Findings) {
    for resource in &facts.resources {
        let object: &Object = &resource.object;
        let Some(text) = object.meta.annotations.get(LINT_IGNORE) else {
            continue;
        };
        let path = ["metadata", "annotations", LINT_IGNORE].map(Step::Key);
        for entry in entries(text) {
            if let Err(error) = entry.parse::<Code>() {
                let message = format!("{LINT_IGNORE}: {error}");
                let help = "`meshctl lint --list` prints all codes";
                findings.add(Code::UnknownIgnore, object, &path, message, help);
            }
        }
    }
}

fn entries(text: &str) -> impl Iterator<Item = &str> {
    text.split(',')
        .map(str::trim)
        .filter(|text| !text.is_empty())
}

/// Whether `text` is `pattern`, where `*` stands for any text, also none.
fn glob(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = text.strip_prefix(parts.next().unwrap_or_default()) else {
        return false;
    };
    let mut last = None;
    for part in parts {
        // The leftmost place of each part leaves the most for those after it.
        if let Some(part) = last.replace(part) {
            let Some(at) = rest.find(part) else {
                return false;
            };
            rest = &rest[at + part.len()..];
        }
    }
    match last {
        Some(part) => rest.ends_with(part),
        None => rest.is_empty(),
    }
}

#[cfg(test)]
mod tests;
