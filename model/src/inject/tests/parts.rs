//! A long text is done by several threads, and nobody can tell.

use std::sync::Arc;

use super::*;
use crate::inject::kinds::Kinds;
use crate::inject::text::{self, Namespaces, Rules};
use crate::yaml::{Source, documents};

/// Pods with long comments: cheap to read.
fn long(pods: &[&str]) -> String {
    let comment = format!("# {}\n", "x".repeat(1000)).repeat(100);
    let pod = |pod: &&str| format!("---\n{comment}{pod}\n");
    pods.iter().map(pod).collect()
}

fn source(text: &str) -> Arc<Source> {
    Arc::new(Source::new("m.yaml", text))
}

fn rules() -> Rules {
    Rules {
        kinds: Kinds::default(),
        namespaces: Namespaces::new(),
        namespace: String::new(),
    }
}

#[test]
fn the_parts_of_a_long_text_make_a_whole() {
    let names: Vec<String> = (0..9).map(|index| format!("pod-{index}")).collect();
    let pods: Vec<String> = names
        .iter()
        .map(|name| {
            format!(
                "{{apiVersion: v1, kind: Pod, metadata: {{name: {name}}}, \
                 spec: {{containers: [{{name: a}}]}}}}"
            )
        })
        .collect();
    let pods: Vec<&str> = pods.iter().map(String::as_str).collect();
    let text = long(&pods);
    let outcome = text::inject(&source(&text), &rules(), &config()).unwrap();
    let seen = outcome.entries.iter().map(|entry| &entry.name.name);
    assert!(seen.eq(&names));
    let alone = pods.iter().map(|pod| {
        let text = long(&[pod]);
        let outcome = text::inject(&source(&text), &rules(), &config()).unwrap();
        outcome.text()
    });
    let after = outcome.text();
    assert!(
        after == alone.collect::<String>(),
        "not what each alone becomes"
    );
    let back = text::uninject(&source(&after), &rules()).unwrap();
    assert!(back.text() == text, "not the inverse");
}

#[test]
fn what_is_wrong_is_told_in_the_order_of_the_text() {
    let bad = "{apiVersion: v1, kind: Pod, metadata: {annotations: {meshctl.dev/ports: x}}, \
               spec: {containers: [{name: a}]}}";
    let text = long(&["a: [", "b: c", bad, "b: c", "b: c", "d: ]", bad]);
    let errors = text::inject(&source(&text), &rules(), &config()).unwrap_err();
    let lines: Vec<u32> = errors
        .iter()
        .map(crate::diagnostic::Diagnostic::line)
        .collect();
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert!(lines.is_sorted(), "{lines:?}");
}

#[test]
fn documents_are_cut_into_runs_without_loss() {
    let texts = [
        "",
        "a: 1",
        "a: 1\n---\nb: 2\n---\n---\nc: 3\n",
        "---\n# c\n---\n",
    ];
    for text in texts {
        let spans = |documents: yaml::Documents| -> Vec<_> {
            documents.map(|d| d.unwrap().span()).collect()
        };
        let whole = spans(documents(&source(text)).unwrap());
        for parts in 1..5 {
            let runs = documents(&source(text)).unwrap().split(parts);
            assert!(runs.len() <= parts, "{text:?} in {parts}");
            let seen: Vec<_> = runs.into_iter().flat_map(spans).collect();
            assert_eq!(seen, whole, "{text:?} in {parts}");
        }
    }
}
