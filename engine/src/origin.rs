//! Where a lowered object comes from: printed by explain, lint, errors, reports and traces.

use core::fmt;
use std::sync::Arc;

/// The manifest behind a decision. Cheap to clone: one reference count.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin(Arc<Place>);

/// The parts of an [`Origin`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Kubernetes kind, for example `HTTPRoute`; `default` for built-in behaviour.
    pub kind: String,
    /// Namespace; empty for cluster-scoped objects.
    pub namespace: String,
    pub name: String,
    /// A part of the object, for example `rules[0]`; may be empty.
    pub part: String,
    /// File as the user named it; empty when the object comes from a cluster or is derived.
    pub file: String,
    /// Line in `file`, from 1; 0 when unknown.
    pub line: u32,
}

// === impl Origin ===

impl Origin {
    pub fn new(place: Place) -> Self {
        Self(Arc::new(place))
    }

    /// Behaviour that nobody wrote down: the default named `name`.
    pub fn default_of(name: &str) -> Self {
        Self::new(Place {
            kind: "default".into(),
            namespace: String::new(),
            name: name.into(),
            part: String::new(),
            file: String::new(),
            line: 0,
        })
    }

    /// The same object, pointing at one of its parts and that part's line.
    pub fn part(&self, part: impl Into<String>, line: u32) -> Self {
        Self::new(Place {
            part: part.into(),
            line,
            ..(*self.0).clone()
        })
    }

    pub fn place(&self) -> &Place {
        &self.0
    }
}

impl fmt::Display for Origin {
    /// `HTTPRoute shop/web rules[0] (routes.yaml:12)`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let p = &*self.0;
        write!(f, "{} ", p.kind)?;
        if !p.namespace.is_empty() {
            write!(f, "{}/", p.namespace)?;
        }
        write!(f, "{}", p.name)?;
        if !p.part.is_empty() {
            write!(f, " {}", p.part)?;
        }
        match (p.file.is_empty(), p.line) {
            (true, _) => Ok(()),
            (false, 0) => write!(f, " ({})", p.file),
            (false, line) => write!(f, " ({}:{line})", p.file),
        }
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
