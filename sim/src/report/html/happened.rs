//! What happened: in few lines, and every event in a list to unfold.

use core::fmt::Write as _;

use super::super::clean::markup;
use super::super::{Report, happened};

/// Events listed; a proxy that flaps for an hour would fill the page.
const EVENTS_MAX: usize = 500;

/// Lines of the summary; the list and the data have more.
const LINES_MAX: usize = 40;

pub(super) fn render(report: &Report) -> String {
    let lines = happened::lines(report);
    let all = every(report);
    if lines.is_empty() && all.is_empty() {
        return String::new();
    }
    let mut out = String::from("<section id=\"happened\"><h2>What happened</h2>\n");
    if !lines.is_empty() {
        out.push_str("<div class=\"scroll\"><table class=\"plain\">\n");
        for line in lines.iter().take(LINES_MAX) {
            let text = markup(&line.text);
            let text = match line.by_mesh {
                true => text,
                false => format!("<strong>{text}</strong>"),
            };
            let at = happened::clock(line.at_ns);
            let _ = writeln!(out, "<tr><td class=\"num\">{at}</td><td>{text}</td></tr>");
        }
        out.push_str("</table></div>\n");
        if let Some(more) = lines.len().checked_sub(LINES_MAX).filter(|n| *n > 0) {
            let _ = writeln!(out, "<p class=\"weak\">and {more} more</p>");
        }
    }
    if !all.is_empty() {
        unfold(&mut out, &all);
    }
    out.push_str("</section>");
    out
}

fn unfold(out: &mut String, all: &[(u64, String)]) {
    let _ = writeln!(
        out,
        "<details><summary>All {} events in order</summary><div class=\"scroll\"><table>\n\
         <tr><th class=\"num\">at</th><th>by</th><th>what</th></tr>",
        all.len()
    );
    for (at, row) in all.iter().take(EVENTS_MAX) {
        let _ = writeln!(
            out,
            "<tr><td class=\"num\">{:.3} s</td>{row}</tr>",
            *at as f64 / 1e9
        );
    }
    out.push_str("</table></div>");
    if let Some(more) = all.len().checked_sub(EVENTS_MAX).filter(|n| *n > 0) {
        let _ = write!(out, "<p class=\"weak\">and {more} more, in the data</p>");
    }
    out.push_str("</details>");
}

/// What the scenario did and what proxies reported, in order.
fn every(report: &Report) -> Vec<(u64, String)> {
    let mut rows: Vec<(u64, String)> = Vec::new();
    for event in &report.events {
        let until = event.until_ns.map_or(String::new(), |ns| {
            format!(", until {}", happened::clock(ns))
        });
        let text = format!("<strong>{}</strong>{until}", markup(&event.title));
        rows.push((event.at_ns, format!("<td>scenario</td><td>{text}</td>")));
    }
    for event in report.frames.iter().flat_map(|f| &f.events) {
        let mut text = format!("{} {}", event.kind, event.subject);
        for part in [&event.detail, &event.origin] {
            if !part.is_empty() {
                let _ = write!(text, " ({part})");
            }
        }
        let row = format!(
            "<td>{}</td><td>{}</td>",
            markup(&event.source),
            markup(&text)
        );
        rows.push((event.at.as_nanos(), row));
    }
    rows.sort();
    rows
}
