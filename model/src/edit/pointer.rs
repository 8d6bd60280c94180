//! The way from a document's root to a value.

use core::fmt;

/// Where a value stands, or is to stand, in a document.
///
/// ```text
/// Pointer::root().key("spec").key("containers").named("app").key("image")
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pointer {
    segments: Vec<Segment>,
}

/// One step of a [`Pointer`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    /// The value of a key.
    Key(String),
    /// The item of a list, from 0.
    Index(usize),
    /// The first item of a list whose key `name` has this value, as Kubernetes merges containers,
    /// ports and variables.
    Named(String),
}

// === impl Pointer ===

impl Pointer {
    /// The document itself.
    #[must_use]
    pub fn root() -> Self {
        Self::default()
    }

    /// Further into the value of `key`.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.segments.push(Segment::Key(key.into()));
        self
    }

    /// Further into the values of `keys`, one inside the other.
    #[must_use]
    pub fn keys<'a>(self, keys: impl IntoIterator<Item = &'a str>) -> Self {
        keys.into_iter().fold(self, Self::key)
    }

    /// Further into the item at `index`.
    #[must_use]
    pub fn index(mut self, index: usize) -> Self {
        self.segments.push(Segment::Index(index));
        self
    }

    /// Further into the item whose `name` is this.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.segments.push(Segment::Named(name.into()));
        self
    }

    /// Further by one step.
    #[must_use]
    pub fn step(mut self, segment: Segment) -> Self {
        self.segments.push(segment);
        self
    }

    /// Further along another pointer.
    #[must_use]
    pub fn join(mut self, other: &Self) -> Self {
        self.segments.extend_from_slice(&other.segments);
        self
    }

    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }
}

impl fmt::Display for Pointer {
    /// `spec.containers[0].env[name=MODE]`; a dot alone for the root.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.segments.is_empty() {
            return f.write_str(".");
        }
        for (at, segment) in self.segments.iter().enumerate() {
            match segment {
                Segment::Key(key) if key.contains(['.', '[', ' ']) || key.is_empty() => {
                    write!(f, "[{key:?}]")?;
                }
                Segment::Key(key) if at == 0 => f.write_str(key)?,
                Segment::Key(key) => write!(f, ".{key}")?,
                Segment::Index(index) => write!(f, "[{index}]")?,
                Segment::Named(name) => write!(f, "[name={name}]")?,
            }
        }
        Ok(())
    }
}
