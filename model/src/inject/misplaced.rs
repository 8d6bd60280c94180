//! Annotations and labels of ours that mean nothing where they stand: a misspelt key, or one that
//! is read on another object. Whoever wrote it believes that it holds.

use std::sync::Arc;

use super::annotations::{INJECT, PREFIX, Place, TABLE, find};
use crate::check::Code;
use crate::decode::nearest;
use crate::diagnostic::Diagnostic;
use crate::yaml::{Node, Source, Step};

/// A key with our prefix that means nothing where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Misplaced<'a> {
    /// No such annotation; perhaps another one was meant.
    Unknown {
        key: &'a str,
        near: Option<&'static str>,
    },
    /// It is read elsewhere.
    Elsewhere { key: &'a str, on: &'static [Place] },
    /// A label, where an annotation is read.
    Label { key: &'a str },
}

/// Keys of annotations that mean nothing on an object of this place.
pub fn annotations<'a>(
    place: Option<Place>,
    keys: impl IntoIterator<Item = &'a str>,
) -> Vec<Misplaced<'a>> {
    let keys = keys.into_iter();
    keys.filter_map(|key| judge(place, key, false)).collect()
}

/// The same of labels: only `meshctl.dev/inject` is read as one.
pub fn labels<'a>(
    place: Option<Place>,
    keys: impl IntoIterator<Item = &'a str>,
) -> Vec<Misplaced<'a>> {
    let keys = keys.into_iter();
    keys.filter_map(|key| judge(place, key, true)).collect()
}

fn judge(place: Option<Place>, key: &str, is_label: bool) -> Option<Misplaced<'_>> {
    if !key.starts_with(PREFIX) {
        return None;
    }
    let Some(row) = find(key) else {
        let near = nearest(key, TABLE.iter().map(|row| row.key));
        return Some(Misplaced::Unknown { key, near });
    };
    if is_label && key != INJECT {
        return Some(Misplaced::Label { key });
    }
    let here =
        row.on.contains(&Place::Anywhere) || place.is_some_and(|place| row.on.contains(&place));
    (!here).then_some(Misplaced::Elsewhere { key, on: row.on })
}

/// What means nothing in the metadata of `node`, which stands in `source`.
pub fn on(source: &Arc<Source>, node: &Node, place: Option<Place>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (name, is_label) in [("annotations", false), ("labels", true)] {
        let Some(map) = node.at(&["metadata", name].map(Step::Key)) else {
            continue;
        };
        for (key, entry) in map.decided() {
            if let Some(problem) = judge(place, &key, is_label) {
                found.push(problem.warning().at(source, entry.key.span));
            }
        }
    }
    found
}

// === impl Misplaced ===

impl Misplaced<'_> {
    pub fn warning(&self) -> Diagnostic {
        match self {
            Self::Unknown { key, near } => {
                let message = format!("`{key}` is no annotation of meshctl");
                let warning = Code::UnknownAnnotation.diagnostic(message);
                match near {
                    Some(near) => warning.help(format!("did you mean `{near}`?")),
                    None => warning,
                }
            }
            Self::Elsewhere { key, on } => {
                let on: Vec<&str> = on.iter().map(|place| place.name()).collect();
                let help = if on.contains(&Place::Pod.name()) {
                    "put it into the metadata of the pod template".to_owned()
                } else {
                    format!("it is read on: {}", on.join(", "))
                };
                let message = format!("the annotation `{key}` has no effect here");
                Code::MisplacedAnnotation.diagnostic(message).help(help)
            }
            Self::Label { key } => {
                let message = format!("`{key}` has no effect as a label");
                let help = "put it among the annotations";
                Code::MisplacedAnnotation.diagnostic(message).help(help)
            }
        }
    }
}
