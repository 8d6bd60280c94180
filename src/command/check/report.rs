//! What a diagnosis says, for people and for scripts.

use std::fmt::Write;

use serde::Serialize;

use crate::cluster::failure::Failure;
use crate::error::Error;

/// Lines of detail of one check; the rest is counted. Scripts get all of them.
const DETAILS_SHOWN_MAX: usize = 8;

#[derive(Debug, Serialize)]
pub(super) struct Report {
    context: String,
    server: String,
    /// Nothing has failed.
    success: bool,
    categories: Vec<Category>,
}

#[derive(Debug, Serialize)]
pub(super) struct Category {
    name: &'static str,
    checks: Vec<Check>,
}

#[derive(Debug, Serialize)]
pub(super) struct Check {
    /// Stable: `api-version`.
    code: &'static str,
    result: Outcome,
    description: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    details: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Outcome {
    Success,
    Warning,
    Error,
    /// It could not be judged.
    Unknown,
}

// === impl Report ===

impl Report {
    pub(super) fn new(context: &str, server: &str) -> Self {
        Self {
            context: context.to_owned(),
            server: server.to_owned(),
            success: true,
            categories: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, category: Category) {
        self.success &= category.checks.iter().all(|c| c.result != Outcome::Error);
        self.categories.push(category);
    }

    pub(super) fn has_failed(&self) -> bool {
        !self.success
    }

    pub(super) fn json(&self) -> Result<String, Error> {
        let json = serde_json::to_string_pretty(self);
        Ok(json.map_err(|e| Error::new("cannot print the report").caused_by(e))? + "\n")
    }

    /// One line for each check, with what is wrong and what to do below it; `short`: without those
    /// where nothing is wrong.
    pub(super) fn table(&self, width: usize, short: bool) -> String {
        let mut text = String::new();
        for category in &self.categories {
            let shown = |c: &&Check| !short || c.result != Outcome::Success;
            let mut checks = category.checks.iter().filter(shown).peekable();
            if checks.peek().is_none() {
                continue;
            }
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{}", category.name);
            checks.for_each(|check| check.write(&mut text, width));
        }
        let count = |wanted| {
            let all = self.categories.iter().flat_map(|c| &c.checks);
            all.filter(|c| c.result == wanted).count()
        };
        let _ = writeln!(
            text,
            "{}: {} ok, {} warnings, {} errors, {} unknown",
            self.context,
            count(Outcome::Success),
            count(Outcome::Warning),
            count(Outcome::Error),
            count(Outcome::Unknown),
        );
        text
    }
}

// === impl Category ===

impl Category {
    pub(super) fn new(name: &'static str) -> Self {
        Self {
            name,
            checks: Vec::new(),
        }
    }

    pub(super) fn success(&mut self, code: &'static str, description: impl Into<String>) {
        self.add(code, Outcome::Success, description, Vec::new(), None);
    }

    pub(super) fn warning(
        &mut self,
        code: &'static str,
        description: impl Into<String>,
        details: Vec<String>,
        hint: impl Into<String>,
    ) {
        let hint = Some(hint.into());
        self.add(code, Outcome::Warning, description, details, hint);
    }

    pub(super) fn error(
        &mut self,
        code: &'static str,
        description: impl Into<String>,
        details: Vec<String>,
        hint: impl Into<String>,
    ) {
        let hint = Some(hint.into());
        self.add(code, Outcome::Error, description, details, hint);
    }

    /// It could not be judged, because of `failure`.
    pub(super) fn unknown(
        &mut self,
        code: &'static str,
        description: impl Into<String>,
        failure: &Failure,
    ) {
        let mut details = vec![failure.message.clone()];
        details.extend(failure.causes.iter().cloned());
        let hint = failure.hints.first().cloned();
        self.add(code, Outcome::Unknown, description, details, hint);
    }

    fn add(
        &mut self,
        code: &'static str,
        result: Outcome,
        description: impl Into<String>,
        details: Vec<String>,
        hint: Option<String>,
    ) {
        self.checks.push(Check {
            code,
            result,
            description: description.into(),
            details,
            hint,
        });
    }
}

// === impl Check ===

impl Check {
    fn write(&self, text: &mut String, width: usize) {
        let sign = match self.result {
            Outcome::Success => '✓',
            Outcome::Warning => '!',
            Outcome::Error => '×',
            Outcome::Unknown => '?',
        };
        let (description, code) = (&self.description, self.code);
        // The code stands at the right margin, where it does not disturb reading.
        let used = description.chars().count() + code.len() + 6;
        let gap = " ".repeat(width.saturating_sub(used).max(2));
        let _ = writeln!(text, "  {sign} {description}{gap}{code}");
        for detail in self.details.iter().take(DETAILS_SHOWN_MAX) {
            let _ = writeln!(text, "      {detail}");
        }
        let more = self.details.len().saturating_sub(DETAILS_SHOWN_MAX);
        if more > 0 {
            let _ = writeln!(text, "      … and {more} more (-o json has them)");
        }
        if let Some(hint) = &self.hint {
            let _ = writeln!(text, "    → {hint}");
        }
    }
}
