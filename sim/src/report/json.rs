//! The report as JSON: the value itself, fields in a fixed order, indented for diffs. What is deep
//! inside (a row of a frame with its histogram) stands on one line, or most of the file would be
//! indentation.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};

use super::{Report, SCHEMA};

/// Objects and lists inside of so many others stand on one line.
const DEPTH_MAX: usize = 4;

/// Pretty down to a depth, compact below.
struct Shallow {
    pretty: PrettyFormatter<'static>,
    depth: usize,
    depth_max: usize,
}

/// Why a file is not a report.
#[derive(Debug, thiserror::Error)]
pub enum NotAReport {
    #[error("line {line}: {cause}")]
    Syntax { line: usize, cause: String },
    #[error("this is a report of format `{0}`; this version of meshctl reads `{SCHEMA}`")]
    Schema(String),
}

/// The report, ending with a newline.
///
/// # Errors
/// Never for a report that [`Report::new`] made; the type is serde_json's.
pub fn render(report: &Report) -> Result<String, serde_json::Error> {
    indented(report, DEPTH_MAX)
}

/// Several reports as one JSON array, in the order given.
///
/// # Errors
/// As [`render`].
pub fn render_all(reports: &[Report]) -> Result<String, serde_json::Error> {
    indented(reports, DEPTH_MAX + 1)
}

fn indented<T: Serialize + ?Sized>(
    value: &T,
    depth_max: usize,
) -> Result<String, serde_json::Error> {
    let mut out = Vec::new();
    let formatter = Shallow {
        pretty: PrettyFormatter::new(),
        depth: 0,
        depth_max,
    };
    value.serialize(&mut Serializer::with_formatter(&mut out, formatter))?;
    out.push(b'\n');
    String::from_utf8(out).map_err(serde::ser::Error::custom)
}

/// Reads what [`render`] or [`render_all`] wrote.
///
/// # Errors
/// The text is no JSON, or not this version's report.
pub fn read(text: &str) -> Result<Vec<Report>, NotAReport> {
    let syntax = |e: serde_json::Error| NotAReport::Syntax {
        line: e.line(),
        cause: e.to_string(),
    };
    // The version is looked at first: another version may lack fields or have others.
    let value: serde_json::Value = serde_json::from_str(text).map_err(syntax)?;
    let all = match value {
        serde_json::Value::Array(all) => all,
        one => vec![one],
    };
    for report in &all {
        let schema = report
            .get("schema")
            .and_then(|s| s.as_str())
            .unwrap_or("unknown");
        if schema != SCHEMA {
            return Err(NotAReport::Schema(schema.into()));
        }
    }
    match text.trim_start().starts_with('[') {
        true => serde_json::from_str(text).map_err(syntax),
        false => serde_json::from_str(text)
            .map(|one| vec![one])
            .map_err(syntax),
    }
}

// === impl Shallow ===

impl Shallow {
    const fn is_deep(&self) -> bool {
        self.depth > self.depth_max
    }
}

impl Formatter for Shallow {
    fn begin_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.depth += 1;
        if self.is_deep() {
            return out.write_all(b"[");
        }
        self.pretty.begin_array(out)
    }

    fn end_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        let is_deep = self.is_deep();
        self.depth -= 1;
        if is_deep {
            return out.write_all(b"]");
        }
        self.pretty.end_array(out)
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        match (self.is_deep(), first) {
            (true, true) => Ok(()),
            (true, false) => out.write_all(b","),
            (false, _) => self.pretty.begin_array_value(out, first),
        }
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        if self.is_deep() {
            return Ok(());
        }
        self.pretty.end_array_value(out)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.depth += 1;
        if self.is_deep() {
            return out.write_all(b"{");
        }
        self.pretty.begin_object(out)
    }

    fn end_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        let is_deep = self.is_deep();
        self.depth -= 1;
        if is_deep {
            return out.write_all(b"}");
        }
        self.pretty.end_object(out)
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        match (self.is_deep(), first) {
            (true, true) => Ok(()),
            (true, false) => out.write_all(b","),
            (false, _) => self.pretty.begin_object_key(out, first),
        }
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        if self.is_deep() {
            return out.write_all(b":");
        }
        self.pretty.begin_object_value(out)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        if self.is_deep() {
            return Ok(());
        }
        self.pretty.end_object_value(out)
    }
}
