//! The reader of manifests takes any text: no panic, and every span lies in the text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use model::yaml::{self, Kind, Node};

fuzz_target!(|text: &str| {
    let Ok(documents) = yaml::read("t.yaml", text) else {
        return;
    };
    for document in &documents {
        spans(text, &document.root);
        document.to_json();
    }
    model::resource::read("t.yaml", text);
});

fn spans(text: &str, node: &Node) {
    assert!(text.get(node.span.range()).is_some(), "{:?}", node.span);
    match &node.kind {
        Kind::Sequence { items, .. } => items.iter().for_each(|item| spans(text, item)),
        Kind::Mapping { entries, .. } => {
            for entry in entries {
                spans(text, &entry.key);
                spans(text, &entry.value);
            }
        }
        Kind::Scalar { .. } | Kind::Alias(_) => {}
    }
}
