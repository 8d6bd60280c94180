//! Every value knows the bytes it was written with.

use super::*;

/// Reads one document and returns the text of the node at `path`.
#[track_caller]
fn check(text: &str, path: &[Step<'_>], expected: &str) {
    let document = &read("t.yaml", text).unwrap()[0];
    let node = document
        .at(path)
        .unwrap_or_else(|| panic!("{path:?} in {text}"));
    assert_eq!(
        document.source.slice(node.span),
        expected,
        "{path:?} in {text}"
    );
}

const A: &[Step<'_>] = &[Step::Key("a")];
const A0: &[Step<'_>] = &[Step::Key("a"), Step::Index(0)];
const A1: &[Step<'_>] = &[Step::Key("a"), Step::Index(1)];

#[test]
fn scalars_span_their_token() {
    check("a: b c # d\n", A, "b c");
    check("a: 'b'\n", A, "'b'");
    check("a: \"b\\n\"   \n", A, "\"b\\n\"");
    check("a: b\n  c\nd: e", A, "b\n  c");
    check("a:\nb: 1", A, "");
    check("a: ~\nb: 1", A, "~");
    check("é: ü\na: ö\n", A, "ö");
    check(
        "x: 1\n---\na: b\n".trim_start_matches("x: 1\n---\n"),
        A,
        "b",
    );
}

#[test]
fn block_scalars_span_header_to_last_line() {
    check("a: |\n  b\n  c\n\nd: e", A, "|\n  b\n  c\n");
    check("a: |- # | note\n  b\n# end\nd: e", A, "|- # | note\n  b\n");
    check("a: |+\n  b\n\nd: e", A, "|+\n  b\n\n");
    check("a: !!str &x >-\n  b\nd: e", A, ">-\n  b\n");
    check("a: # | not this\n  |\n  b\n", A, "|\n  b\n");
    check("a:\n- |\n  b\n- c", A0, "|\n  b\n");
    check("a:\n  - |\n    b\n  - c", A0, "|\n    b\n");
    check("a: |\n  b", A, "|\n  b");
    check("a: |\r\n  b\r\nc: d", A, "|\r\n  b\r\n");
    check("a: |\nb: 1", A, "|\n");
    check("a: |\n  b\n   \n  \n\nc: d", A, "|\n  b\n   \n");
    check("a: |\n  b\n  \t\nc: d", A, "|\n  b\n  \t\n");
}

#[test]
fn collections_span_their_content() {
    check("a: [b, {c: d}] # x\n", A, "[b, {c: d}]");
    check("a: [b, {c: d}] # x\n", A1, "{c: d}");
    check("a:\n  b: 1\n  c: 2 # x\n# y\nd: 3", A, "b: 1\n  c: 2");
    check("a:\n- b\n- c # x\nd: e", A, "- b\n- c");
    check(
        "a:\n  # - note\n  - b\n  - - c\n    - d\n",
        A1,
        "- c\n    - d",
    );
    check("a:\n- - b\n  - c\n- d", A0, "- b\n  - c");
    check("a: &x\n- b\n- c", A, "- b\n- c");
    check("a: [x: 1, y]", A0, "x: 1");
    check("? a\n: - b\n  - c\n", A, "- b\n  - c");
}

#[test]
fn keys_and_properties_have_spans() {
    let text = "\"a b\": &x !!str c\nd: *x\ne: [*x]\n";
    let document = &read("t.yaml", text).unwrap()[0];
    let entries = document.root.entries().unwrap();
    assert_eq!(document.source.slice(entries[0].key.span), "\"a b\"");
    let value = &entries[0].value;
    let anchor = value.anchor().unwrap();
    assert_eq!(document.source.slice(anchor.span), "&x");
    assert_eq!(anchor.uses, 2);
    assert_eq!(document.source.slice(value.tag().unwrap()), "!!str");
    assert_eq!(document.source.slice(entries[1].value.span), "*x");
    assert!(entries[1].value.is_alias());
}

#[test]
fn positions_count_over_the_whole_file() {
    let text = "\u{FEFF}a: 1\r\n---\r\n# é\r\nb: é x\r\n  \r\nc: d";
    let documents = read("t.yaml", text).unwrap();
    let c = documents[1].at(&[Step::Key("c")]).unwrap();
    assert_eq!(documents[1].source.slice(c.span), "d");
    let at = documents[1].source.position(c.span.start);
    assert_eq!(at, Position { line: 6, column: 4 });
    assert_eq!(documents[1].index, 1);
    let json = "{\"a\": 1}\n{\n  \"b\": [2, 3]\n}\n";
    let documents = read("t.json", json).unwrap();
    let three = documents[1].at(&[Step::Key("b"), Step::Index(1)]).unwrap();
    let at = documents[1].source.position(three.span.start);
    assert_eq!(
        at,
        Position {
            line: 3,
            column: 12
        }
    );
}
