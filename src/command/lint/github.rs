//! Findings as workflow commands: GitHub shows them beside the lines of a pull request.

use std::fmt::Write;

use model::check::Report;
use model::diagnostic::Level;

pub(super) fn render(report: &Report) -> String {
    let mut text = String::new();
    for found in &report.findings {
        let command = match found.level {
            Level::Error => "error",
            Level::Warning => "warning",
            Level::Note => "notice",
        };
        let title = found
            .code
            .map(|code| format!("{code} {}", code.name()))
            .unwrap_or_default();
        let mut message = found.message.clone();
        if let Some(help) = &found.help {
            message.push('\n');
            message.push_str(help);
        }
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "::{command} file={},line={},col={},title={}::{}",
            property(found.file()),
            found.line(),
            found.column(),
            property(&title),
            data(&message)
        );
    }
    text
}

/// Escapes as `@actions/core` does (`packages/core/src/command.ts`).
fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
