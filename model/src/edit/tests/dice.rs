//! Documents and edits chosen by bytes, and what has to hold of them. The fuzzer's target for the
//! editor uses this file as well, with bytes of its own.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Document, Edit, Form, Kind, Node, Op, Patch, Place, Pointer, Source, apply, yaml};

/// Bytes that decide.
pub(crate) struct Dice<'a> {
    bytes: &'a [u8],
}

/// Strings that some reader takes for something else, that need quotes, or that have lines.
const STRINGS: [&str; 22] = [
    "a",
    "on",
    "0644",
    "1e3",
    "~",
    "12:30:45",
    " x ",
    "a: b",
    "a #b",
    "x\ny\n",
    "x\n\n z",
    "x\n\n",
    "{\"a\": 1}",
    "it's",
    "\u{0}\u{85}\u{feff}",
    "- a",
    "---\nb",
    "é",
    "",
    "<<",
    "a,b",
    "\tt",
];

const KEYS: [&str; 8] = ["new", "a.b/c", "y", "name", "k e y", "<<", "0x1", "#"];

/// Most places an edit is chosen from.
const PLACES_MAX: usize = 256;

// === impl Dice ===

impl<'a> Dice<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// Below `sides`; 0 when no byte is left.
    pub(crate) fn roll(&mut self, sides: usize) -> usize {
        let Some((first, rest)) = self.bytes.split_first() else {
            return 0;
        };
        self.bytes = rest;
        usize::from(*first) % sides.max(1)
    }

    fn one_of<'t>(&mut self, texts: &[&'t str]) -> &'t str {
        texts[self.roll(texts.len())]
    }

    fn value(&mut self, depth: usize) -> Value {
        match self.roll(if depth > 2 { 6 } else { 9 }) {
            0 => json!("x"),
            1..=3 => json!(self.one_of(&STRINGS)),
            4 => {
                [json!(1), json!(-7), json!(2.5), json!(u64::MAX), json!(1.0)][self.roll(5)].clone()
            }
            5 => [json!(true), json!(null), json!({}), json!([])][self.roll(4)].clone(),
            6 => (0..=self.roll(3)).map(|_| self.value(depth + 1)).collect(),
            _ => {
                let entry = |dice: &mut Self| {
                    let key = dice.one_of(&KEYS).to_owned();
                    (key, dice.value(depth + 1))
                };
                Value::Object((0..=self.roll(3)).map(|_| entry(self)).collect())
            }
        }
    }

    fn place(&mut self, count: usize) -> Place {
        match self.roll(4) {
            0 | 1 => Place::Last,
            2 => Place::First,
            _ => Place::At(self.roll(count + 1)),
        }
    }

    /// A new key or item somewhere in `document`.
    fn addition(&mut self, document: &Document) -> Edit {
        let (mut at, node) = self.pick(document);
        let value = self.value(0);
        if let Some(items) = node.items() {
            let place = self.place(items.len());
            return Edit::insert(at, value, place);
        }
        if self.roll(8) == 0 {
            let place = self.place(0);
            return Edit::insert(at, value, place);
        }
        for level in 0..=self.roll(3) {
            at = at.key(format!("{}{level}", self.one_of(&KEYS)));
        }
        let count = node.entries().map_or(0, <[_]>::len);
        let place = match at.segments().len() {
            1 => self.place(count),
            _ => Place::Last,
        };
        Edit::set_at(at, value, place)
    }

    /// Any edit somewhere in `document`.
    fn edit(&mut self, document: &Document) -> Edit {
        let (at, _) = self.pick(document);
        match self.roll(4) {
            0 => self.addition(document),
            1 => Edit::remove(at),
            2 => Edit::restore(at, Form::Absent),
            _ => Edit::set(at, self.value(0)),
        }
    }

    fn pick<'n>(&mut self, document: &'n Document) -> (Pointer, &'n Node) {
        let mut places = Vec::new();
        walk(Pointer::root(), &document.root, &mut places);
        let at = self.roll(256) + 256 * self.roll(2);
        let count = places.len();
        places.swap_remove(at % count)
    }
}

fn walk<'n>(at: Pointer, node: &'n Node, into: &mut Vec<(Pointer, &'n Node)>) {
    if into.len() >= PLACES_MAX {
        return;
    }
    into.push((at.clone(), node));
    match &node.kind {
        Kind::Sequence { items, .. } => {
            for (index, item) in items.iter().enumerate() {
                walk(at.clone().index(index), item, into);
            }
        }
        Kind::Mapping { entries, .. } => {
            for entry in entries {
                if let Some(key) = entry.key.key_text() {
                    walk(at.clone().key(key), &entry.value, into);
                }
            }
        }
        Kind::Scalar { .. } | Kind::Alias(_) => {}
    }
}

/// The documents of `text`; none when it cannot be read.
fn read(text: &str) -> Option<(Arc<Source>, Vec<Document>)> {
    let source = Arc::new(Source::new("t.yaml", text));
    let documents = yaml::documents(&source).ok()?;
    let documents = documents.collect::<Result<Vec<_>, _>>().ok()?;
    Some((source, documents))
}

/// Edits `text` anyhow. What is not refused reads as intended, and nothing else changes.
pub(crate) fn any_edits(text: &str, dice: &mut Dice<'_>) {
    let Some((source, documents)) = read(text) else {
        return;
    };
    let mut patch = Patch::new(&source);
    let mut expected: Vec<Value> = Vec::new();
    for document in &documents {
        let edits: Vec<Edit> = (0..=dice.roll(4)).map(|_| dice.edit(document)).collect();
        let mut value = document.to_json();
        if patch.edit(document, &edits).is_ok() {
            apply(&mut value, &edits).expect("what the text allows, the value allows");
        }
        expected.push(value);
    }
    let new = patch.text();
    let (_, again) = read(&new).unwrap_or_else(|| panic!("not read again: {new:?} of {text:?}"));
    let again: Vec<Value> = again.iter().map(Document::to_json).collect();
    // A document that became null is none.
    expected.retain(|value| !value.is_null());
    let expected: Vec<Value> = expected.into_iter().map(whole).collect();
    assert_eq!(again, expected, "{new:?} of {text:?}");
}

/// `value` with whole floats as integers, as Go prints them.
fn whole(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(whole).collect(),
        Value::Object(map) => map
            .into_iter()
            .map(|(key, value)| (key, whole(value)))
            .collect(),
        Value::Number(number) if number.as_f64() == Some(1.0) => json!(1),
        other => other,
    }
}

/// Adds something to each document of `text`: old lines stay where only lines are added, and
/// taking it away gives the text back.
pub(crate) fn additions(text: &str, dice: &mut Dice<'_>) {
    let Some((source, documents)) = read(text) else {
        return;
    };
    let mut patch = Patch::new(&source);
    let mut inverses = Vec::new();
    for document in &documents {
        let edit = dice.addition(document);
        let inverse = inverse(document, &edit);
        let added = patch.edit(document, std::slice::from_ref(&edit)).is_ok();
        if let (true, Some(inverse)) = (added, inverse) {
            inverses.push((document.index, inverse));
        } else if added {
            return;
        }
        if added && only_lines(document, &edit) {
            let mut alone = Patch::new(&source);
            let again = alone.edit(document, std::slice::from_ref(&edit));
            again.expect("what was possible is possible");
            let new = alone.text();
            let mut lines = new.split(['\n', '\r']);
            let mut old = text.split(['\n', '\r']);
            let kept = old.all(|old| lines.any(|line| line == old));
            assert!(kept, "{edit:?} changes lines: {new:?} of {text:?}");
        }
    }
    let new = patch.text();
    let (source, documents) = read(&new).unwrap_or_else(|| panic!("{new:?} of {text:?}"));
    let mut patch = Patch::new(&source);
    for (index, inverse) in &inverses {
        let done = patch.edit(&documents[*index], inverse);
        done.unwrap_or_else(|error| panic!("{error}: {inverse:?} on {new:?} of {text:?}"));
    }
    assert_eq!(patch.text(), text, "by way of {new:?}");
}

/// What takes `edit` away again; none when it is no addition.
fn inverse(document: &Document, edit: &Edit) -> Option<Vec<Edit>> {
    let (added, filled) = match &edit.op {
        Op::Insert { place, .. } => {
            let found = document.root.at(&[]).and(find(document, &edit.at));
            let count = found.and_then(Node::items).map_or(0, <[_]>::len);
            let index = match place {
                Place::First => 0,
                Place::At(index) => *index,
                _ => count,
            };
            (edit.at.clone().index(index), edit.at.segments().len())
        }
        _ => {
            if find(document, &edit.at).is_some() {
                return None;
            }
            (edit.at.clone(), edit.at.segments().len() - 1)
        }
    };
    let mut inverse = vec![Edit::remove(added)];
    for length in (0..=filled).rev() {
        let mut at = Pointer::root();
        for segment in &edit.at.segments()[..length] {
            at = at.step(segment.clone());
        }
        let form = Form::of(document, &at);
        inverse.push(Edit::restore(at, form));
    }
    Some(inverse)
}

/// Whether `edit` adds to a filled collection without brackets, which does not begin behind a dash.
fn only_lines(document: &Document, edit: &Edit) -> bool {
    let parent = match &edit.op {
        Op::Insert { .. } => find(document, &edit.at),
        _ => {
            let segments = edit.at.segments();
            let parent = segments[..segments.len() - 1].iter().cloned();
            find(document, &parent.fold(Pointer::root(), Pointer::step))
        }
    };
    let block = parent.is_some_and(|node| {
        matches!(
            node.kind,
            Kind::Sequence { flow: false, .. } | Kind::Mapping { flow: false, .. }
        )
    });
    let (Op::Insert { place, .. } | Op::Set { place, .. }) = &edit.op else {
        return false;
    };
    block && *place == Place::Last
}

fn find<'n>(document: &'n Document, at: &Pointer) -> Option<&'n Node> {
    let mut node: &Node = &document.root;
    for segment in at.segments() {
        node = match segment {
            super::Segment::Key(key) => node.get(key)?,
            super::Segment::Index(index) => node.items()?.get(*index)?,
            super::Segment::Named(_) => return None,
        };
    }
    Some(node)
}

/// A text in a style that the dice choose: indentation, brackets, comments, blank lines, line ends.
pub(crate) fn text(dice: &mut Dice<'_>) -> String {
    let mut out = String::new();
    for index in 0..=dice.roll(3) {
        if index > 0 {
            out.push_str(dice.one_of(&["---\n", "---\n# c\n", "---\n\n", "...\n---\n"]));
        }
        block(dice, 0, 0, &mut out);
    }
    if dice.roll(3) == 0 {
        out = out.replace('\n', "\r\n");
    }
    if dice.roll(4) == 0 {
        out.truncate(out.trim_end().len());
    }
    if dice.roll(6) == 0 {
        out.insert(0, '\u{FEFF}');
    }
    out
}

/// Lines of an object or list in `column`.
fn block(dice: &mut Dice<'_>, column: usize, depth: usize, out: &mut String) {
    let object = depth == 0 || dice.roll(2) == 0;
    for index in 0..=dice.roll(4) {
        match dice.roll(6) {
            0 => out.push('\n'),
            1 => {
                pad(column + dice.roll(3), out);
                out.push_str("# c - x: y\n");
            }
            _ => {}
        }
        pad(column, out);
        if object {
            let quote = dice.one_of(&["", "", "'", "\""]);
            let key = dice.one_of(&["a", "b c", "d-e", "name"]);
            out.push_str(&format!("{quote}{key}{index}{quote}:"));
        } else {
            out.push('-');
        }
        let comment = dice.one_of(&["", "", "", " # note", "  "]);
        if depth > 3 || dice.roll(8) < 5 {
            leaf(dice, column, comment, out);
            continue;
        }
        // A list below a key may stand in the key's own column, an object may not.
        let inner = column + 2 + if object { dice.roll(2) * 2 } else { 0 };
        let mut nested = String::new();
        block(dice, inner, depth + 1, &mut nested);
        let head = nested.trim_start_matches(' ');
        if object {
            out.push_str(&format!("{comment}\n{nested}"));
        } else if head.starts_with(['#', '\n']) {
            // What begins with a blank line or comment cannot stand behind the dash.
            out.push_str(&format!("\n{nested}"));
        } else {
            out.push_str(&format!(" {head}"));
        }
    }
}

/// A scalar or something in brackets, behind a key or dash in `column`.
fn leaf(dice: &mut Dice<'_>, column: usize, comment: &str, out: &mut String) {
    let inner = " ".repeat(column + 2 + dice.roll(2) * 2);
    let text = match dice.roll(8) {
        0 => String::new(),
        1 => dice
            .one_of(&[" ~", " {}", " []", " [ ]", " null"])
            .to_owned(),
        2 => dice
            .one_of(&[" x", " 'v z'", " \"0\"", " 1", " on"])
            .to_owned(),
        3 => dice
            .one_of(&[" [a, b]", " {k: v, w: }", " [ {x: 1} ]"])
            .to_owned(),
        4 => {
            let header = dice.one_of(&["|", "|-", "|+", ">", ">-"]);
            let end = dice.one_of(&["", "", "\n", "\n\n"]);
            out.push_str(&format!(" {header}\n{inner}one\n\n{inner}  two\n{end}"));
            return;
        }
        5 => format!(" plain\n{inner}goes on"),
        6 => format!(" [ # c\n{inner}a, # d\n{inner}b\n{inner}]"),
        _ => format!(" {{\n{inner}\"k\": 1,\n{inner}\"l\": {{}}\n{inner}}}"),
    };
    out.push_str(&format!("{text}{comment}\n"));
}

fn pad(columns: usize, out: &mut String) {
    out.extend(std::iter::repeat_n(' ', columns));
}
