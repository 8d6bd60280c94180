//! Texts that nobody would write.

use proptest::prelude::*;

use super::*;

pub(crate) const MANIFEST: &str = include_str!("manifest.yaml");

/// All nodes below `node`, itself included, aliases not followed.
fn walk<'a>(node: &'a Node, into: &mut Vec<&'a Node>) {
    into.push(node);
    match &node.kind {
        Kind::Sequence { items, .. } => items.iter().for_each(|item| walk(item, into)),
        Kind::Mapping { entries, .. } => {
            for entry in entries {
                walk(&entry.key, into);
                walk(&entry.value, into);
            }
        }
        Kind::Scalar { .. } | Kind::Alias(_) => {}
    }
}

/// Spans lie in the text and in their parents, and a scalar's bytes read alone give its value.
fn check_spans(text: &str) -> Result<(), TestCaseError> {
    let Ok(documents) = read("t.yaml", text) else {
        return Ok(());
    };
    for document in &documents {
        let mut nodes = Vec::new();
        walk(&document.root, &mut nodes);
        for node in nodes {
            let slice = text.get(node.span.range());
            prop_assert!(slice.is_some(), "{:?} in {text:?}", node.span);
            let slice = slice.unwrap_or_default();
            document.source.position(node.span.start);
            let Kind::Scalar {
                style, text: value, ..
            } = &node.kind
            else {
                continue;
            };
            let indicator = matches!(style, Style::Literal | Style::Folded)
                && slice
                    .lines()
                    .next()
                    .unwrap_or("")
                    .contains(|c: char| c.is_ascii_digit());
            // Such a scalar only means itself where it stands.
            let plain_in_place = *style == Style::Plain
                && (slice.contains(['\n', '\r']) || slice.ends_with([':', '-', '?']));
            let infinite = matches!(node.scalar(), Some((Scalar::Float(x), _)) if !x.is_finite());
            if infinite
                || node.tag().is_some()
                || indicator
                || plain_in_place
                || slice.contains('\u{FEFF}')
            {
                continue;
            }
            let alone = match style {
                Style::Literal | Style::Folded => slice.to_owned(),
                Style::Plain => format!("- {slice}"),
                _ => format!("[{slice}]"),
            };
            let again = read("alone", &format!("---\n{alone}"));
            let again = again
                .map_err(|error| TestCaseError::fail(format!("{error}: {slice:?} of {text:?}")))?;
            let found = again.first().map(|document| match style {
                Style::Literal | Style::Folded => document.root.to_json(),
                _ => document.to_json()[0].clone(),
            });
            if style != &Style::Plain || !slice.is_empty() {
                prop_assert_eq!(
                    found.unwrap_or_default(),
                    node.to_json(),
                    "{:?} {:?}",
                    slice,
                    value
                );
            }
        }
    }
    Ok(())
}

/// `base` with up to `edits` places of up to `cut` bytes replaced by something that YAML minds.
pub(crate) fn mutated(
    base: &'static str,
    edits: usize,
    cut: usize,
) -> impl Strategy<Value = String> {
    #[rustfmt::skip]
    let pieces = prop::sample::select(vec![
"\n", " ", "  ", "\t", ":", ": ", "- ", "-", "? ", "|", ">-", "|+2", "'", "\"", "[", "]",
        "{", "}", ",", "#", " # x", "&a ", "*a", "!!int ", "!x", "<<: ", "---\n", "...\n", "\r\n",
        "\r", "~", "on", "0644", ".inf", "%", "é", "\u{FEFF}", "\u{0}", "@", "`", "\\", "\u{85}",
        "\u{2028}", "{\"a\": [1,2]}", "\n\n\n", "?", ": |\n  x", "?q", ":,", "1e3", "\n\t",
        "\t\n",
    ]);
    let edit = (any::<prop::sample::Index>(), 0..=cut, pieces);
    prop::collection::vec(edit, 1..=edits).prop_map(move |edits| {
        let mut text = base.to_owned();
        for (at, length, piece) in edits {
            let start = floor(&text, at.index(text.len() + 1));
            let end = floor(&text, (start + length).min(text.len())).max(start);
            text.replace_range(start..end, piece);
        }
        text
    })
}

fn floor(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// Failures are kept as cases of the tables, not as files of seeds.
fn config() -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(300)
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn arbitrary_text_never_panics(text in "(?s).{0,200}") {
        check_spans(&text)?;
    }

    #[test]
    fn arbitrary_punctuation_never_panics(
        text in "[\\-:\\[\\]{},#&*!|>'\"%@`?~<a0 \n\t\r.]{0,80}"
    ) {
        check_spans(&text)?;
    }

    #[test]
    fn mutated_manifests_never_panic(text in mutated(MANIFEST, 5, 40)) {
        check_spans(&text)?;
    }

    #[test]
    fn json_and_yaml_agree_on_json(value in json_value()) {
        let text = serde_json::to_string_pretty(&json!({ "a": value })).unwrap();
        let as_json = values(&text).unwrap();
        prop_assert_eq!(&as_json[0]["a"], &value);
    }
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        "\\PC{0,20}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 64, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map("\\PC{0,8}", inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

#[test]
fn the_manifest_itself_holds() {
    assert_eq!(read("t.yaml", MANIFEST).unwrap().len(), 3);
    check_spans(MANIFEST).unwrap();
}
