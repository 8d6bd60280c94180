//! Every string comes back, and none looks like something else to another reader.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::yaml;

#[track_caller]
fn check(text: &str, block: &str) {
    assert_eq!(string(text, Context::Block, None), block);
    comes_back(text);
}

/// Reads `text` as written in each context, as value and as key.
#[track_caller]
fn comes_back(text: &str) {
    for context in [Context::Block, Context::Flow, Context::Json] {
        let written = string(text, context, None);
        let manifest = match context {
            Context::Block => format!("---\n{written}:\n- {written}\n"),
            _ => format!("---\n{{{written}: [{written}, {written}]}}\n"),
        };
        let read = yaml::read("t", &manifest).unwrap_or_else(|error| panic!("{manifest}: {error}"));
        let items = match context {
            Context::Block => json!([text]),
            _ => json!([text, text]),
        };
        assert_eq!(read[0].to_json(), json!({ text: items }), "{manifest}");
    }
}

#[test]
fn strings_that_all_readers_agree_on_are_plain() {
    for text in [
        "a",
        "meshctl-proxy",
        "registry.example/web:1.0",
        "100m",
        "10Gi",
        "--log-level=info",
        "-v",
        "a b",
        "/dev/null",
        "http://x/?q=1",
        "./run",
        "a#b",
        "it's",
        "é",
        "v1alpha1",
        "10.0.0.0/8",
        "0xyz",
    ] {
        check(text, text);
    }
}

#[test]
fn strings_that_some_reader_takes_for_something_else_are_quoted() {
    for text in [
        "",
        "y",
        "Y",
        "yes",
        "on",
        "OFF",
        "tRUE",
        "null",
        "~",
        "0644",
        "1e3",
        "1.0",
        "12:30:45",
        "2001-12-14",
        "0x1F",
        "+1",
        "-1",
        ".5",
        "1_000",
        "=",
        "<<",
        " a",
        "a ",
        "a: b",
        "a #b",
        "- a",
        "-",
        "---",
        "# a",
        "&a",
        "*a",
        "!a",
        "%a",
        "@a",
        "`a`",
        "a:",
        "[a",
        "{a",
        "?a",
        ":a",
        "1.2.3.4",
    ] {
        check(text, &format!("\"{text}\""));
    }
}

#[test]
fn quotes_and_backslashes_get_single_quotes() {
    check("{\"a\": 1}", "'{\"a\": 1}'");
    check("\"it's\"", "'\"it''s\"'");
    check("a\"b", "a\"b");
}

#[test]
fn what_cannot_be_seen_is_escaped() {
    check("a\nb", "\"a\\nb\"");
    check("\t", "\"\\t\"");
    check("a\u{0}\u{7f}\u{85}", "\"a\\u0000\\u007f\\u0085\"");
    check("\u{feff}\u{2028}\u{a0}", "\"\\ufeff\\u2028\\u00a0\"");
}

#[test]
fn the_style_of_quotes_is_kept() {
    assert_eq!(
        string("a", Context::Block, Some(Style::DoubleQuoted)),
        "\"a\""
    );
    assert_eq!(
        string("a", Context::Block, Some(Style::SingleQuoted)),
        "'a'"
    );
    assert_eq!(string("a", Context::Block, Some(Style::Literal)), "a");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

    #[test]
    fn any_string_comes_back(text in "(?s).{0,30}") {
        comes_back(&text);
    }

    #[test]
    fn any_punctuation_comes_back(text in "[\\-:\\[\\]{},#&*!|>'\"%@`?~<=.+a0eExX_ \n\t\r]{0,12}") {
        comes_back(&text);
    }
}
