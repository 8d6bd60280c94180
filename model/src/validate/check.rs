//! Collects findings about one object, each with the path of the field it is about.

use crate::check::Code;
use crate::diagnostic::Level;

/// A step from an object to one of its fields, owned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Segment {
    Key(Box<str>),
    Index(usize),
}

/// Something wrong with a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) level: Level,
    /// None for the rules that the API's own validation has.
    pub(crate) code: Option<Code>,
    pub(crate) path: Vec<Segment>,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

/// A place in an object, and the findings so far.
#[derive(Debug, Default)]
pub(crate) struct Check {
    path: Vec<Segment>,
    code: Option<Code>,
    findings: Vec<Finding>,
}

// === impl Check ===

impl Check {
    pub(crate) fn into_findings(self) -> Vec<Finding> {
        self.findings
    }

    /// What `f` finds has this code.
    pub(crate) fn coded<R>(&mut self, code: Code, f: impl FnOnce(&mut Self) -> R) -> R {
        let before = self.code.replace(code);
        let result = f(self);
        self.code = before;
        result
    }

    /// Runs `f` inside the field `key`.
    pub(crate) fn field<R>(&mut self, key: &str, f: impl FnOnce(&mut Self) -> R) -> R {
        self.path.push(Segment::Key(key.into()));
        let result = f(self);
        self.path.pop();
        result
    }

    fn code_field(&mut self, code: Code, key: &str, f: impl FnOnce(&mut Self)) {
        self.coded(code, |check| check.field(key, f));
    }

    /// Runs `f` inside item `index` of the list `key`.
    pub(crate) fn item<R>(&mut self, key: &str, index: usize, f: impl FnOnce(&mut Self) -> R) -> R {
        self.path.push(Segment::Key(key.into()));
        self.path.push(Segment::Index(index));
        let result = f(self);
        self.path.truncate(self.path.len().saturating_sub(2));
        result
    }

    /// Runs `f` for each item of the list `key`.
    pub(crate) fn each<T>(&mut self, key: &str, items: &[T], mut f: impl FnMut(&mut Self, &T)) {
        for (index, item) in items.iter().enumerate() {
            self.item(key, index, |check| f(check, item));
        }
    }

    /// The field here is wrong.
    pub(crate) fn error(&mut self, message: impl Into<String>, help: impl Into<String>) {
        self.push(Level::Error, message.into(), help.into());
    }

    /// The field here will not do what its author may think.
    pub(crate) fn warning(&mut self, message: impl Into<String>, help: impl Into<String>) {
        self.push(Level::Warning, message.into(), help.into());
    }

    /// A field that the standard defines and this version does not act on.
    pub(crate) fn not_modelled<T>(&mut self, key: &str, value: &Option<T>) {
        if value.is_some() {
            self.code_field(Code::NotModelled, key, |check| {
                check.warning(
                    format!("`{key}` is not modelled: it has no effect here"),
                    "results do not include what this field would do in a cluster",
                );
            });
        }
    }

    /// A field of our own kinds that a later version will act on.
    pub(crate) fn not_supported<T>(&mut self, key: &str, value: &Option<T>) {
        if value.is_some() {
            self.code_field(Code::NotSupported, key, |check| {
                check.error(
                    format!("`{key}` is not supported by this version"),
                    "remove the field: it would have no effect",
                );
            });
        }
    }

    /// The list `key` has at most `max` items.
    pub(crate) fn at_most<T>(&mut self, key: &str, items: &[T], max: usize) {
        if items.len() > max {
            self.field(key, |check| {
                check.error(
                    format!("`{key}` has {} entries", items.len()),
                    format!("at most {max} are allowed"),
                );
            });
        }
    }

    /// Of fields that a type chooses from, runs `f` inside each that is there and not chosen.
    pub(crate) fn beside<T: PartialEq>(
        &mut self,
        chosen: &T,
        fields: &[(&str, T, bool)],
        f: impl Fn(&mut Self, &str, &T),
    ) {
        for (key, of, present) in fields {
            if *present && of != chosen {
                self.field(key, |check| f(check, key, of));
            }
        }
    }

    fn push(&mut self, level: Level, message: String, help: String) {
        self.findings.push(Finding {
            level,
            code: self.code,
            path: self.path.clone(),
            message,
            help: (!help.is_empty()).then_some(help),
        });
    }
}
