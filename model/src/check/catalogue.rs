//! What each code means: why it matters, what to do, and an example of both.
//!
//! The texts stand in `catalogue/*.md`, one file for each hundred, in the form that is read here: a
//! heading with the code, a summary, the reason, a paragraph that begins with `Remedy:`, and two
//! manifests. `meshctl lint --explain` and `docs/lint.md` are printed from them, and a test judges
//! every example.

use core::fmt::Write;

use super::Code;
use crate::diagnostic::Level;

/// What a code means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub code: Code,
    /// One sentence.
    pub summary: String,
    /// Why it matters; Markdown.
    pub why: String,
    pub remedy: String,
    /// A manifest with exactly this finding.
    pub bad: Example,
    /// The same, mended: nothing is found in it.
    pub good: Example,
}

/// A manifest of the catalogue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Example {
    pub text: String,
    /// It is judged as all there is (`--complete`).
    pub complete: bool,
}

const TEXTS: [&str; 8] = [
    include_str!("catalogue/01_reading.md"),
    include_str!("catalogue/02_routes.md"),
    include_str!("catalogue/03_workloads.md"),
    include_str!("catalogue/04_mesh.md"),
    include_str!("catalogue/05_retries.md"),
    include_str!("catalogue/06_ejection.md"),
    include_str!("catalogue/07_policies.md"),
    include_str!("catalogue/08_authorization.md"),
];

/// Titles of the hundreds, in their order.
const AREAS: [&str; 8] = [
    "Reading",
    "Routes",
    "Services and workloads",
    "The mesh",
    "Retries, timeouts and faults",
    "Endpoints that are taken out",
    "Policies in general",
    "Authorization",
];

/// All entries, in the order of their codes.
pub fn catalogue() -> Vec<Entry> {
    let sections = TEXTS.iter().flat_map(|text| text.split("\n## ").skip(1));
    let mut entries: Vec<Entry> = sections.filter_map(read).collect();
    entries.sort_by_key(|entry| entry.code);
    entries
}

/// What `code` means.
pub fn entry(code: Code) -> Option<Entry> {
    catalogue().into_iter().find(|entry| entry.code == code)
}

/// The whole catalogue as a page of the documentation.
pub fn page() -> String {
    let entries = catalogue();
    let mut page = String::from(
        "# Findings of `meshctl lint`\n\n\
         <!-- Generated from model/src/check/catalogue: MESHCTL_BLESS=1 cargo test lint -->\n\n\
         A code never changes its meaning. `meshctl lint --explain CODE` prints its part of this \
         page.\n\nFindings marked *complete* say that something is missing. They are made only \
         with `--complete`, which says that nothing exists beside the input.\n",
    );
    for (at, area) in AREAS.iter().enumerate() {
        let prefix = format!("MC{:02}", at + 1);
        let mut of_area = entries
            .iter()
            .filter(|entry| entry.code.id().starts_with(&prefix))
            .peekable();
        if of_area.peek().is_none() {
            continue;
        }
        // Writing to a string cannot fail.
        let _ = write!(page, "\n## {area}\n\n| code | level | |\n|---|---|---|\n");
        let of_area: Vec<&Entry> = of_area.collect();
        for entry in &of_area {
            let link = format!("[{0}](#{1})", entry.code, entry.anchor());
            let _ = writeln!(page, "| {link} | {} | {} |", entry.levels(), entry.summary);
        }
        for entry in of_area {
            page.push('\n');
            page.push_str(&entry.markdown("###"));
        }
    }
    page
}

// === impl Entry ===

impl Entry {
    /// The entry as Markdown, under a heading of this depth.
    pub fn markdown(&self, heading: &str) -> String {
        let Self {
            code,
            summary,
            why,
            remedy,
            bad,
            good,
        } = self;
        let flag = if bad.complete {
            ", with `--complete`"
        } else {
            ""
        };
        let mut text = format!(
            "{heading} {code} {}\n\n{}: {summary}\n\n{why}\n\n**Remedy.** {remedy}\n\n",
            code.name(),
            self.levels(),
        );
        let _ = write!(
            text,
            "Found{flag}:\n\n```yaml\n{}```\n\nCorrect:\n\n```yaml\n{}```\n",
            bad.text, good.text
        );
        text
    }

    /// The level, and whether the code needs to see everything.
    fn levels(&self) -> String {
        let level = match self.code.level() {
            Level::Note => "info",
            Level::Warning => "warning",
            Level::Error => "error",
        };
        if self.code.needs_everything() {
            format!("{level} (complete)")
        } else {
            level.to_owned()
        }
    }

    /// How the heading is linked to.
    fn anchor(&self) -> String {
        format!("{}-{}", self.code, self.code.name()).to_ascii_lowercase()
    }
}

/// One section of a file: `MC0101 Name`, then the paragraphs.
fn read(section: &str) -> Option<Entry> {
    let (heading, rest) = section.split_once('\n')?;
    let (id, name) = heading.split_once(' ')?;
    let code: Code = id.parse().ok()?;
    let (prose, examples) = rest.split_at(rest.find("\n```")?);
    let (before, remedy) = prose.split_once("\nRemedy: ")?;
    let (summary, why) = before.trim().split_once("\n\n")?;
    (name == code.name()).then_some(Entry {
        code,
        summary: one_line(summary),
        why: why.trim().to_owned(),
        remedy: one_line(remedy),
        bad: example(examples, "bad")?,
        good: example(examples, "good")?,
    })
}

/// The fenced block whose opening line says `kind`.
fn example(text: &str, kind: &str) -> Option<Example> {
    let start = text.find(&format!("\n```yaml {kind}"))?;
    let (opening, body) = text[start + 1..].split_once('\n')?;
    let (body, _) = body.split_once("\n```")?;
    Some(Example {
        text: format!("{body}\n"),
        complete: opening.ends_with("complete"),
    })
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
