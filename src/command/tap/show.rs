//! Requests as lines of a table that has no end, or as documents.

use std::fmt::Write as _;
use std::io::Write as _;

use ::proxy::tap::Request;
use anstyle::{AnsiColor, Style};

use super::Format;
use crate::error::Error;
use crate::top::format::who;
use crate::ui::Ui;

/// Blanks between columns.
const GAP: usize = 2;

/// A column grows with what comes, up to this: longer texts push the rest of their own line.
const WIDTH_MAX: usize = 40;

const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();
const QUIET: Style = Style::new().dimmed();

/// What prints requests.
pub(super) struct Show {
    format: Format,
    widths: Vec<usize>,
    shown: u64,
}

struct Column {
    head: &'static str,
    wide: bool,
    right: bool,
    /// Wide enough for most of what comes.
    width: usize,
    cell: fn(&Request) -> String,
}

const fn column(head: &'static str, width: usize, cell: fn(&Request) -> String) -> Column {
    Column {
        head,
        wide: false,
        right: false,
        width,
        cell,
    }
}

impl Column {
    const fn right(self) -> Self {
        Self {
            right: true,
            ..self
        }
    }

    const fn wide(self) -> Self {
        Self { wide: true, ..self }
    }
}

/// The status is coloured, so its place is known.
const STATUS: usize = 5;

static COLUMNS: [Column; 15] = [
    column("TIME", 12, time),
    column("SIDE", 4, |r| r.side.trim_end_matches("bound").to_owned()),
    column("SOURCE", 20, |r| who(&r.source)),
    column("TO", 20, to),
    column("REQUEST", 20, request),
    column("STATUS", 6, status),
    column("MS", 6, |r| millis(r.duration_us)).right(),
    column("TRIES", 5, |r| r.attempts.len().to_string()).right(),
    column("UPSTREAM", 18, |r| maybe(r.upstream.as_deref())).wide(),
    column("MTLS", 4, |r| if r.mtls { "yes" } else { "no" }.into()).wide(),
    column("PROTOCOL", 8, |r| r.protocol.clone()).wide(),
    column("IN", 5, |r| r.bytes_received.to_string())
        .wide()
        .right(),
    column("OUT", 5, |r| r.bytes_sent.to_string())
        .wide()
        .right(),
    column("ROUTE", 20, |r| maybe(r.route.as_deref())).wide(),
    column("WHY", 3, |r| maybe(r.cause.as_deref())).wide(),
];

// === impl Show ===

impl Show {
    pub(super) fn new(format: Format) -> Self {
        let width = |column: &Column| column.width.max(column.head.len());
        Self {
            format,
            widths: COLUMNS.iter().map(width).collect(),
            shown: 0,
        }
    }

    /// How many requests were printed.
    pub(super) fn shown(&self) -> u64 {
        self.shown
    }

    /// The heads of a table.
    pub(super) fn begin(&mut self, ui: &mut Ui) -> Result<(), Error> {
        if let Format::Table | Format::Wide = self.format {
            let heads = COLUMNS.each_ref().map(|column| column.head.to_owned());
            writeln!(ui.out(), "{}", self.line(&heads, None))?;
            ui.out().flush()?;
        }
        Ok(())
    }

    pub(super) fn requests(&mut self, ui: &mut Ui, requests: &[Request]) -> Result<(), Error> {
        self.shown += requests.len() as u64;
        let failed = |e: &dyn std::fmt::Display| Error::new("cannot render it").caused_by(e);
        match self.format {
            Format::Json => {
                for request in requests {
                    let text = serde_json::to_string(request).map_err(|e| failed(&e))?;
                    writeln!(ui.out(), "{text}")?;
                }
            }
            Format::Yaml => {
                for request in requests {
                    let text = serde_yaml::to_string(request).map_err(|e| failed(&e))?;
                    write!(ui.out(), "---\n{text}")?;
                }
            }
            Format::Table | Format::Wide => self.rows(ui, requests)?,
        }
        Ok(())
    }

    fn rows(&mut self, ui: &mut Ui, requests: &[Request]) -> Result<(), Error> {
        let cells = |request| {
            COLUMNS
                .each_ref()
                .map(|column| clean(&(column.cell)(request)))
        };
        let rows: Vec<_> = requests.iter().map(cells).collect();
        rows.iter().for_each(|row| self.grow(row));
        for (row, request) in rows.iter().zip(requests) {
            let style = match &*request.outcome {
                "success" => GOOD,
                "ignored" => QUIET,
                _ => BAD,
            };
            writeln!(ui.out(), "{}", self.line(row, Some(style)))?;
        }
        Ok(())
    }

    fn grow(&mut self, cells: &[String]) {
        for (width, cell) in self.widths.iter_mut().zip(cells) {
            *width = cell.chars().count().min(WIDTH_MAX).max(*width);
        }
    }

    fn line(&self, cells: &[String; COLUMNS.len()], status: Option<Style>) -> String {
        let mut line = String::new();
        let columns = COLUMNS.iter().zip(cells).zip(&self.widths).enumerate();
        let wide = self.format == Format::Wide;
        let mut ends = 0;
        for (i, ((_, cell), width)) in columns.filter(|(_, ((c, _), _))| wide || !c.wide) {
            let blank = width.saturating_sub(cell.chars().count());
            let right = if COLUMNS[i].right { blank } else { 0 };
            // Writing to a string cannot fail.
            let _ = match status.filter(|_| i == STATUS) {
                Some(style) => write!(line, "{:right$}{style}{cell}{style:#}", ""),
                None => write!(line, "{:right$}{cell}", ""),
            };
            ends = line.len();
            let _ = write!(line, "{:1$}", "", blank - right + GAP);
        }
        line.truncate(ends);
        line
    }
}

// === cells ===

/// Of `2026-01-01T00:00:00.250Z` the time: who watches knows the day.
fn time(request: &Request) -> String {
    let at = request.at.split_once('T').map_or("", |(_, time)| time);
    at.trim_end_matches('Z').to_owned()
}

/// The service that was called; inbound the pod.
fn to(request: &Request) -> String {
    let upstream = || request.upstream.clone().unwrap_or_default();
    match &*request.side {
        "inbound" => request.proxy.clone(),
        _ => request.service.clone().unwrap_or_else(upstream),
    }
}

fn request(request: &Request) -> String {
    match &*request.method {
        "" => "bytes".to_owned(),
        method => format!("{method} {}", request.path),
    }
}

fn status(request: &Request) -> String {
    let mut text = request
        .status
        .map_or_else(|| "-".to_owned(), |s| s.to_string());
    if let Some(code) = request.grpc_status {
        text.push_str(&format!(" grpc {code}"));
    }
    if let Some(flag) = &request.flag {
        text.push_str(&format!(" {flag}"));
    }
    text
}

fn millis(us: u64) -> String {
    format!("{:.1}", us as f64 / 1e3)
}

fn maybe(text: Option<&str>) -> String {
    text.unwrap_or("-").to_owned()
}

/// What clients chose cannot move the cursor or begin a line.
fn clean(text: &str) -> String {
    match text.chars().any(char::is_control) {
        true => text.escape_debug().to_string(),
        false => text.to_owned(),
    }
}

#[cfg(test)]
mod tests;
