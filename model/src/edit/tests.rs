//! What each edit makes of each style of text, and that its inverse gives the text back.

mod additions;
mod changes;
mod dice;
mod inverse;
mod json;
mod random;
mod refusals;

use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::document::Document;
use crate::yaml::{self, Kind, Node, Source};

/// Edits the only document of `text`.
pub(super) fn edited(text: &str, edits: &[Edit]) -> Result<String, String> {
    let source = Arc::new(Source::new("t.yaml", text));
    let edits: Vec<(usize, Vec<Edit>)> = vec![(0, edits.to_vec())];
    edit(&source, &edits).map_err(|refusals| refusals[0].to_string())
}

#[track_caller]
pub(super) fn check(text: &str, edits: &[Edit], expected: &str) {
    let found = edited(text, edits).unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert_eq!(found, expected, "of:\n{text}");
}

/// `spec.containers[0]` and `annotations[name=x]`.
pub(super) fn at(path: &str) -> Pointer {
    let mut pointer = Pointer::root();
    for part in path.split('.').filter(|part| !part.is_empty()) {
        let (key, index) = part.split_once('[').unwrap_or((part, ""));
        if !key.is_empty() {
            pointer = pointer.key(key);
        }
        for index in index
            .trim_end_matches(']')
            .split("][")
            .filter(|i| !i.is_empty())
        {
            pointer = match index.strip_prefix("name=") {
                Some(name) => pointer.named(name),
                None => pointer.index(index.parse().unwrap()),
            };
        }
    }
    pointer
}

pub(super) fn set(path: &str, value: Value) -> Edit {
    Edit::set(at(path), value)
}

pub(super) fn append(path: &str, value: Value) -> Edit {
    Edit::insert(at(path), value, Place::Last)
}

pub(super) fn prepend(path: &str, value: Value) -> Edit {
    Edit::insert(at(path), value, Place::First)
}

#[test]
fn pointers_print_as_people_write_them() {
    let pointer = at("spec.containers[0].env[name=MODE]").key("a.b/c");
    assert_eq!(
        pointer.to_string(),
        "spec.containers[0].env[name=MODE][\"a.b/c\"]"
    );
    assert_eq!(Pointer::root().to_string(), ".");
}

#[test]
fn documents_are_edited_by_their_index_and_the_others_stay() {
    let text = "# head\na: 1\n---\n# empty\n---\nb: 2 # two\n...\n---\nc: 3";
    let source = Arc::new(Source::new("t.yaml", text));
    let edits = [(2, vec![set("d", json!(4))]), (1, vec![set("x", json!(0))])];
    assert_eq!(
        edit(&source, &edits).unwrap(),
        "# head\na: 1\n---\n# empty\n---\nb: 2 # two\nx: 0\n...\n---\nc: 3\nd: 4"
    );
}

#[test]
fn one_refusal_leaves_the_whole_text_alone() {
    let source = Arc::new(Source::new("t.yaml", "a: 1\n---\nb: 2\n"));
    let edits = [
        (0, vec![set("c", json!(3))]),
        (1, vec![set("b.c", json!(3))]),
    ];
    let refusals = edit(&source, &edits).unwrap_err();
    assert_eq!(refusals.len(), 1);
    assert_eq!(
        refusals[0].to_string(),
        "t.yaml:3:4: cannot edit `b.c`: the number 2 has no members"
    );
}

#[test]
fn an_edit_of_a_document_that_is_not_there_is_refused() {
    let source = Arc::new(Source::new("t.yaml", "a: 1\n"));
    let refusals = edit(&source, &[(1, vec![set("a", json!(2))])]).unwrap_err();
    assert_eq!(
        refusals[0].to_string(),
        "t.yaml:1:1: there is no document 1 to edit"
    );
}

#[test]
fn a_patch_goes_forward_only() {
    let source = Arc::new(Source::new("t.yaml", "a: 1\n---\nb: 2\n"));
    let documents: Vec<_> = yaml::documents(&source)
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let mut patch = Patch::new(&source);
    assert!(patch.is_empty());
    assert!(!patch.edit(&documents[1], &[set("b", json!(2))]).unwrap());
    assert!(patch.edit(&documents[1], &[set("b", json!(3))]).unwrap());
    assert!(patch.edit(&documents[1], &[set("b", json!(4))]).is_err());
    assert!(patch.edit(&documents[0], &[set("a", json!(4))]).is_err());
    assert_eq!(patch.text(), "a: 1\n---\nb: 3\n");
}
