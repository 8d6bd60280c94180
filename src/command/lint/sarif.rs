//! Findings as SARIF 2.1.0 (OASIS), which code hosts and editors read.

use model::check::{self, Code, Entry, Report};
use model::diagnostic::{Diagnostic, Level};
use serde_json::{Value, json};

use crate::error::Error;
use crate::input::STDIN;

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

pub(super) fn render(report: &Report) -> Result<String, Error> {
    let rules: Vec<Entry> = check::catalogue();
    let results = report.findings.iter().map(|found| result(found, &rules));
    let results: Vec<Value> = results.collect();
    let rules: Vec<Value> = rules.iter().map(rule).collect();
    let document = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {
                "driver": {
                    "name": "meshctl",
                    "semanticVersion": env!("CARGO_PKG_VERSION"),
                    "rules": rules,
                },
            },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    let text = serde_json::to_string_pretty(&document)
        .map_err(|e| Error::new("cannot print the findings").caused_by(e))?;
    Ok(text + "\n")
}

fn rule(entry: &Entry) -> Value {
    json!({
        "id": entry.code.id(),
        "name": entry.code.name(),
        "shortDescription": {"text": entry.summary},
        "fullDescription": {"text": entry.why},
        "help": {"text": entry.remedy, "markdown": entry.markdown("#")},
        "defaultConfiguration": {"level": level(entry.code.level())},
    })
}

fn result(found: &Diagnostic, rules: &[Entry]) -> Value {
    let text = match &found.help {
        Some(help) => format!("{}\n{help}", found.message),
        None => found.message.clone(),
    };
    let mut result = json!({
        "level": level(found.level),
        "message": {"text": text},
    });
    if let Some(code) = found.code {
        result["ruleId"] = code.id().into();
        if let Some(index) = rules.iter().position(|entry| entry.code == code) {
            result["ruleIndex"] = index.into();
        }
        result["partialFingerprints"] = fingerprint(found, code);
    }
    if found.source.is_some() {
        let (end_line, end_column) = found.end();
        result["locations"] = json!([{
            "physicalLocation": {
                "artifactLocation": {"uri": uri(found.file())},
                "region": {
                    "startLine": found.line(),
                    "startColumn": found.column(),
                    "endLine": end_line,
                    "endColumn": end_column,
                },
            },
        }]);
    }
    result
}

/// What stays the same when lines move: a code host then knows the finding again.
fn fingerprint(found: &Diagnostic, code: Code) -> Value {
    let subject = found.subject.as_ref().map(ToString::to_string);
    let place = subject.unwrap_or_else(|| found.file().to_owned());
    json!({"meshctl/v1": format!("{code} {place}: {}", found.message)})
}

fn level(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Note => "note",
    }
}

/// A relative reference (RFC 3986): bytes that a path segment cannot have are escaped.
fn uri(file: &str) -> String {
    if file == STDIN {
        return "stdin".to_owned();
    }
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=@/".contains(&b);
    let path = file.strip_prefix("./").unwrap_or(file);
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        if plain(byte) {
            uri.push(char::from(byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri
}
