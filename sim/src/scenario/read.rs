//! Scenario files: text in, a validated scenario out, every finding with its line.

use std::sync::Arc;

use model::decode;
use model::diagnostic::{Diagnostic, Level};
use model::document::Document;
use model::yaml::{self, Span};
use serde_json::Value;

use super::known::Known;
use super::path::Path;
use super::validate::{self, Problem};
use super::{CounterChange, Scenario, Spec};

/// A scenario and the text it was read from.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub scenario: Scenario,
    document: Arc<Document>,
    /// Paths that were overridden: their values are not in the text.
    overridden: Vec<String>,
}

/// Reads the scenario in `text`; `name` is the file as the user named it. Its names are not yet
/// checked against the manifests: see [`Loaded::check`].
///
/// # Errors
/// The text is no YAML, holds no scenario or more than one, or a field is unknown or has a value it
/// cannot have; at its line.
pub fn read(name: &str, text: &str) -> Result<Loaded, Diagnostic> {
    let mut documents = yaml::read(name, text)?.into_iter();
    let Some(document) = documents.next() else {
        return Err(Diagnostic::error(format!("{name} is empty"))
            .help("a scenario begins with `apiVersion: sim.meshctl.dev/v1alpha1`"));
    };
    let kind = document.root.get("kind").and_then(|kind| kind.as_str());
    if let Some(kind) = kind
        && kind != "Scenario"
    {
        let span = Path::parse("kind")
            .map(|p| p.span_in(&document.root))
            .unwrap_or_default();
        return Err(
            Diagnostic::error(format!("this is a {kind}, not a Scenario"))
                .at(&document.source, span)
                .help(format!(
                    "give manifests with `-f`: meshctl simulate -f {name}"
                )),
        );
    }
    if let Some(second) = documents.next() {
        let span = second.source.first_line(second.root.span);
        return Err(Diagnostic::error("a scenario file holds one document")
            .at(&second.source, span)
            .help("put manifests into files of their own and name them in `spec.manifests`"));
    }
    let scenario: Scenario = decode::decode(&document, &document.root)?;
    let mut loaded = Loaded {
        scenario,
        document: Arc::new(document),
        overridden: Vec::new(),
    };
    if loaded.scenario.metadata.name.is_empty() {
        loaded.scenario.metadata.name = stem(name).to_owned();
    }
    Ok(loaded)
}

/// Reads the value of an override as YAML: `5`, `10%`, `250ms`, `[a, b]`, `{constant: 5ms}`.
///
/// # Errors
/// It is no YAML.
pub fn value(text: &str) -> Result<Value, Diagnostic> {
    // A text that begins with a brace would be read as JSON.
    let documents = yaml::read("--set", &format!("---\n{text}"))?;
    Ok(documents.first().map_or(Value::Null, Document::to_json))
}

/// The file's name without directory and extension.
fn stem(name: &str) -> &str {
    let file = name.rsplit(['/', '\\']).next().unwrap_or(name);
    file.rsplit_once('.').map_or(file, |(stem, _)| stem)
}

// === impl Loaded ===

impl Loaded {
    pub fn spec(&self) -> &Spec {
        &self.scenario.spec
    }

    /// What is wrong with the scenario by itself and, if `known` is given, with the names it uses.
    /// Empty when it can run.
    pub fn check(&self, known: Option<&Known>) -> Vec<Diagnostic> {
        let problems = validate::validate(&self.scenario.spec, known);
        problems
            .iter()
            .map(|problem| self.diagnostic(problem))
            .collect()
    }

    /// The scenario with values set: path below `spec` → value.
    ///
    /// # Errors
    /// A path that leads nowhere, or a value that the field cannot have.
    pub fn with<'a>(
        &self,
        sets: impl IntoIterator<Item = (&'a str, &'a Value)>,
    ) -> Result<Self, Diagnostic> {
        let mut spec = serde_json::to_value(&self.scenario.spec)
            .map_err(|e| Diagnostic::error(e.to_string()))?;
        let mut overridden = self.overridden.clone();
        for (path, value) in sets {
            let parsed = Path::parse(path).map_err(|e| Diagnostic::error(e.to_string()))?;
            parsed
                .set(&mut spec, value.clone())
                .map_err(|e| Diagnostic::error(e.to_string()))?;
            overridden.push(parsed.to_string());
            // Each on its own, so that an error names the override that caused it.
            serde_json::from_value::<Spec>(spec.clone()).map_err(|e| {
                Diagnostic::error(format!("`{path}` cannot be {value}: {e}"))
                    .help("paths begin below `spec`, as load[0].rate")
            })?;
        }
        let spec = serde_json::from_value(spec).map_err(|e| Diagnostic::error(e.to_string()))?;
        Ok(Self {
            scenario: Scenario {
                spec,
                ..self.scenario.clone()
            },
            document: Arc::clone(&self.document),
            overridden,
        })
    }

    /// The scenario under one of its counter-changes. What it says of manifests is for whoever
    /// reads them: see [`super::ManifestChange::apply`].
    ///
    /// # Errors
    /// As [`Loaded::with`], at the line of the change.
    pub fn under(&self, change: &CounterChange) -> Result<Self, Diagnostic> {
        let sets = change
            .set
            .iter()
            .map(|(path, value)| (path.as_str(), value));
        let place = self
            .scenario
            .spec
            .counter_changes
            .iter()
            .position(|c| c == change);
        self.with(sets).map_err(|error| match place {
            Some(i) => self.locate(error, &format!("counterChanges[{i}].set")),
            None => error,
        })
    }

    /// `file:line` of a value below `spec`; none if it does not stand in the file.
    pub fn place(&self, path: &str) -> Option<String> {
        let parsed = Path::parse(path).ok()?.below("spec");
        if !parsed.is_in(&self.document.to_json()) || self.is_overridden(path) {
            return None;
        }
        let line = self.document.line(parsed.span_in(&self.document.root));
        Some(format!("{}:{line}", self.document.source.name()))
    }

    fn is_overridden(&self, path: &str) -> bool {
        self.overridden
            .iter()
            .any(|o| path.starts_with(o.as_str()) || o.starts_with(path))
    }

    fn diagnostic(&self, problem: &Problem) -> Diagnostic {
        let error = Diagnostic::new(Level::Error, problem.message.clone());
        let error = match &problem.help {
            Some(help) => error.help(help.clone()),
            None => error,
        };
        self.locate(error, &problem.path)
    }

    fn locate(&self, error: Diagnostic, path: &str) -> Diagnostic {
        let span = Path::parse(path).map_or_else(
            |_| Span::default(),
            |p| p.below("spec").span_in(&self.document.root),
        );
        let span = self.document.source.first_line(span);
        error.at(&self.document.source, span)
    }
}

#[cfg(test)]
mod tests;
