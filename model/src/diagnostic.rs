//! What is wrong with a document, and where: one value for errors, warnings and notes.
//!
//! The model only fills it. How it looks on a terminal is decided by the command line; the plain
//! form here is the one-line shape that editors and grep understand.

use core::fmt;
use std::sync::Arc;

use crate::check::Code;
use crate::yaml::{Source, Span};

/// A finding about a document, with the text it points at.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    pub level: Level,
    /// What kind of finding it is, for those of the catalogue.
    pub code: Option<Code>,
    /// The cause in one sentence, without position and without final full stop.
    pub message: String,
    /// The text that `span` points into; absent for findings about no text at all.
    pub source: Option<Arc<Source>>,
    /// The offending bytes of `source`.
    pub span: Span,
    /// A few words to print beside the marked text.
    pub label: Option<String>,
    /// What to do about it.
    pub help: Option<String>,
    /// The object it is about, where there is one.
    pub subject: Option<Arc<Subject>>,
}

/// The object that a finding is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Subject {
    pub kind: String,
    /// Empty for kinds outside namespaces.
    pub namespace: String,
    pub name: String,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    Note,
    Warning,
    Error,
}

// === impl Diagnostic ===

impl Diagnostic {
    pub fn new(level: Level, message: impl Into<String>) -> Self {
        Self {
            level,
            code: None,
            message: message.into(),
            source: None,
            span: Span::default(),
            label: None,
            help: None,
            subject: None,
        }
    }

    pub fn error(message: impl Into<String>) -> Self {
        Self::new(Level::Error, message)
    }

    pub fn warning(message: impl Into<String>) -> Self {
        Self::new(Level::Warning, message)
    }

    pub fn note(message: impl Into<String>) -> Self {
        Self::new(Level::Note, message)
    }

    /// Points at `span` of `source`.
    #[must_use]
    pub fn at(mut self, source: &Arc<Source>, span: Span) -> Self {
        self.source = Some(Arc::clone(source));
        self.span = span;
        self
    }

    #[must_use]
    pub fn code(mut self, code: Code) -> Self {
        self.code = Some(code);
        self
    }

    /// Says which object it is about.
    #[must_use]
    pub fn about(mut self, subject: Subject) -> Self {
        self.subject = Some(Arc::new(subject));
        self
    }

    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The file as the user named it; empty when the finding points at no text.
    pub fn file(&self) -> &str {
        self.source.as_ref().map_or("", |source| source.name())
    }

    /// Line from 1; 0 when the finding points at no text.
    pub fn line(&self) -> u32 {
        let Some(source) = &self.source else { return 0 };
        source.position(self.span.start).line
    }

    /// Line and column of the first character that is not marked; zeroes when it points at no text.
    pub fn end(&self) -> (u32, u32) {
        let Some(source) = &self.source else {
            return (0, 0);
        };
        let end = source.position(self.span.end.max(self.span.start));
        (end.line, end.column)
    }

    /// Column in characters from 1; 0 when the finding points at no text.
    pub fn column(&self) -> u32 {
        let Some(source) = &self.source else { return 0 };
        source.position(self.span.start).column
    }
}

impl fmt::Display for Diagnostic {
    /// `routes.yaml:12:7: message (help)`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(source) = &self.source {
            let at = source.position(self.span.start);
            write!(f, "{}:{}:{}: ", source.name(), at.line, at.column)?;
        }
        f.write_str(&self.message)?;
        if let Some(help) = &self.help {
            write!(f, " ({help})")?;
        }
        Ok(())
    }
}

impl core::error::Error for Diagnostic {}

// === impl Subject ===

impl fmt::Display for Subject {
    /// `Service shop/web`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            kind,
            namespace,
            name,
        } = self;
        let slash = if namespace.is_empty() { "" } else { "/" };
        write!(f, "{kind} {namespace}{slash}{name}")
    }
}

// === impl Level ===

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}
