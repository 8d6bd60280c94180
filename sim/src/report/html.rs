//! The report as one HTML page that needs no network.
//!
//! The page's policy forbids everything but its own style and script, which a nonce derived from
//! the content names.
//!
//! Every name is escaped; the data blocks escape `<`, so that no name can end them.

use core::fmt::Write as _;

use xxhash_rust::xxh3::xxh3_128;

use super::clean::{self, markup};
use super::summary::Line;
use super::{Report, text};
use crate::expect::{Judged, Verdict, latency, rounded};
use crate::scenario::Span;

mod plot;
mod series;
mod template;

use series::Series;

const PAGE: &str = include_str!("../../../templates/report.html");
const STYLE: &str = include_str!("../../../templates/report.css");
const SCRIPT: &str = include_str!("../../../templates/report.js");

/// Events listed; a proxy that flaps for an hour would fill the page.
const EVENTS_MAX: usize = 500;

/// The page.
///
/// # Errors
/// Never for a report that [`Report::new`] made; the type is serde_json's.
pub fn render(report: &Report) -> Result<String, serde_json::Error> {
    let series = Series::new(report);
    let report_json = block(&serde_json::to_value(report)?);
    let series_json = block(&serde_json::json!({
        "left": plot::LEFT,
        "right": plot::RIGHT,
        "width": plot::WIDTH,
        "bounds": series.bounds,
        "series": serde_json::to_value(&series.lines)?,
    }));
    let nonce = format!("{:032x}", xxh3_128(report_json.as_bytes()));
    let name = markup(&report.scenario.name);
    Ok(template::fill(
        PAGE,
        &[
            ("nonce", &nonce),
            ("title", &format!("{name}: {}", report.verdict)),
            ("css", STYLE),
            ("verdict_class", report.verdict.as_str()),
            ("verdict", &report.verdict.to_string()),
            ("name", &name),
            ("lead", &lead(report)),
            ("expectations", &expectations(report)),
            ("legend", &legend(&series)),
            ("plot", &plot::render(report, &series)),
            ("tables", &tables(report)),
            ("events", &events(report)),
            ("honesty", &honesty(report)),
            ("version", &markup(&report.version)),
            ("seed", &report.seed.to_string()),
            ("trace", &markup(&report.trace_hash)),
            ("command", &markup(&report.command)),
            ("report_json", &report_json),
            ("series_json", &series_json),
            ("js", SCRIPT),
        ],
    ))
}

/// JSON for a `<script type="application/json">`: without `<`, `>` and `&`, nothing in it can end
/// the element or begin another, whatever the parser's state; without invisible characters, whoever
/// reads the source sees what is there.
fn block(value: &serde_json::Value) -> String {
    let text = value.to_string();
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '<' | '>' | '&') || clean::is_hidden(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

// === sections ===

fn lead(report: &Report) -> String {
    let mut out = String::new();
    if let Some(why) = &report.partial {
        let _ = writeln!(
            out,
            "<p class=\"bad\"><strong>Partial:</strong> {}</p>",
            markup(why)
        );
    }
    if !report.incomplete.is_empty() {
        let _ = writeln!(
            out,
            "<p class=\"bad\"><strong>Incomplete:</strong> ignored {}</p>",
            markup(&report.incomplete.join("; "))
        );
    }
    if let Some(description) = &report.scenario.description {
        let _ = writeln!(out, "<p>{}</p>", markup(description));
    }
    let time = Span(core::time::Duration::from_nanos(
        report.scenario.simulated_ns,
    ));
    let pods: usize = report.workloads.iter().map(|w| w.pods.len()).sum();
    let seeds = match report.seeds.run {
        0 | 1 => String::new(),
        run => format!(", {} of {run} seeds passed", report.seeds.passed),
    };
    let _ = writeln!(
        out,
        "<p class=\"weak\">{time} simulated, {} requests, {pods} pods, seed {}{seeds}</p>",
        report.totals.all.requests, report.seed
    );
    out
}

fn expectations(report: &Report) -> String {
    if report.verdict == Verdict::NotTested {
        return "<section><h2>Expectations</h2><p>The scenario expects nothing, so nothing was \
                tested.</p></section>"
            .into();
    }
    let mut out = String::from(
        "<section id=\"expectations\"><h2>Expectations</h2><div class=\"scroll\"><table>\n\
         <tr><th></th><th>Expectation</th><th class=\"num\">expected</th>\
         <th class=\"num\">seen</th><th class=\"num\">margin</th></tr>\n",
    );
    let (good, bad): (Vec<_>, Vec<_>) = report.expectations.iter().partition(|j| j.pass);
    for judged in bad.into_iter().chain(good) {
        expectation(&mut out, report, judged);
    }
    out.push_str("</table></div>\n");
    for breach in &report.breaches {
        let _ = writeln!(
            out,
            "<p class=\"bad\"><strong>Broken invariant:</strong> {}: {}</p>",
            markup(&breach.invariant),
            markup(&breach.seen)
        );
    }
    out.push_str("</section>");
    out
}

fn expectation(out: &mut String, report: &Report, judged: &Judged) {
    let (class, mark, word) = match judged.pass {
        true => ("good", "✓", "held"),
        false => ("bad", "✗", "failed"),
    };
    let margin = judged
        .margin
        .map_or("–".into(), |m| text::in_unit(m, judged.unit));
    let _ = write!(
        out,
        "<tr class=\"{class}\"><td class=\"{class}\" title=\"{word}\">{mark}</td><td>\
         <strong>{}</strong><br><span class=\"weak\">{}</span>",
        markup(&judged.name),
        markup(&judged.about)
    );
    if let Some(why) = &judged.why {
        let _ = write!(out, "<br>{}", markup(why));
    }
    if let Some(spread) = report.seeds.spread.iter().find(|s| s.name == judged.name)
        && spread.seeds > 1
    {
        let shown = |v: Option<f64>| v.map_or("–".into(), |v| text::in_unit(v, judged.unit));
        let _ = write!(
            out,
            "<br><span class=\"weak\">held in {} of {} seeds, {} to {}, worst in seed {}</span>",
            spread.passed,
            spread.seeds,
            shown(spread.min),
            shown(spread.max),
            spread.worst_seed
        );
    }
    if !judged.rests_on_assumed.is_empty() {
        let _ = write!(
            out,
            "<br><span class=\"weak\">rests on assumptions: {}</span>",
            markup(&judged.rests_on_assumed.join("; "))
        );
    }
    if let Some(replay) = &judged.replay {
        let _ = write!(out, "<pre><code>{}</code></pre>", markup(replay));
    }
    let _ = writeln!(
        out,
        "</td><td class=\"num\">{}</td><td class=\"num\">{}</td><td class=\"num\">{}</td></tr>",
        markup(&judged.expected),
        markup(&judged.seen),
        markup(&margin)
    );
}

fn legend(series: &Series) -> String {
    let mut out = String::from("<ul class=\"legend\">\n");
    let key = |shape: &str, name: &str| {
        format!("<li><svg viewBox=\"0 0 12 8\" aria-hidden=\"true\">{shape}</svg>{name}</li>\n")
    };
    for line in &series.lines {
        let shape = format!("<path class=\"series {}\" d=\"M0 4H12\"/>", line.class);
        out.push_str(&key(&shape, &markup(&line.name)));
    }
    out.push_str(&key(
        "<rect class=\"fault\" width=\"12\" height=\"8\"/>",
        "fault",
    ));
    out.push_str(&key("<path class=\"change\" d=\"M6 0V8\"/>", "change"));
    if !series.endpoints.is_empty() {
        for (class, name) in [
            ("ejected", "ejected"),
            ("open", "breaker open"),
            ("half-open", "breaker half-open"),
            ("other", "not ready"),
        ] {
            let shape = format!("<rect class=\"{class}\" width=\"12\" height=\"8\"/>");
            out.push_str(&key(&shape, name));
        }
    }
    out.push_str("</ul>");
    out
}

fn tables(report: &Report) -> String {
    let mut out = String::new();
    for (title, lines) in [
        ("Load", &report.totals.loads),
        ("Services", &report.totals.services),
    ] {
        if lines.is_empty() {
            continue;
        }
        let _ = writeln!(
            out,
            "<section><h2>{title}</h2><div class=\"scroll\"><table>\n<tr><th>Name</th>\
             <th class=\"num\">success</th><th class=\"num\">requests</th>\
             <th class=\"num\">req/s</th><th class=\"num\">p50</th><th class=\"num\">p90</th>\
             <th class=\"num\">p99</th><th class=\"num\">max</th><th class=\"num\">retries</th>\
             <th class=\"num\">failed</th><th>flags</th></tr>"
        );
        for line in lines {
            row(&mut out, line);
        }
        out.push_str("</table></div></section>\n");
    }
    out
}

fn row(out: &mut String, line: &Line) {
    let micros = |us: Option<u64>| us.map_or("–".into(), |us| latency(us as f64));
    let success = line.success_rate.map_or("–".into(), |s| {
        format!("{}%", rounded((s * 1e4).floor() / 1e2))
    });
    let flags: Vec<_> = line
        .flags
        .iter()
        .map(|(flag, n)| format!("{flag} {n}"))
        .collect();
    let _ = write!(out, "<tr><td>{}</td>", markup(&line.name));
    for cell in [
        success,
        line.requests.to_string(),
        rounded(line.per_second),
        micros(line.p50_us),
        micros(line.p90_us),
        micros(line.p99_us),
        micros(line.max_us),
        line.retries.to_string(),
        line.failed.to_string(),
    ] {
        let _ = write!(out, "<td class=\"num\">{}</td>", markup(&cell));
    }
    let _ = writeln!(out, "<td>{}</td></tr>", markup(&flags.join(", ")));
}

/// What the scenario did and what proxies reported, in order.
fn events(report: &Report) -> String {
    let mut rows: Vec<(u64, String)> = Vec::new();
    for event in &report.events {
        let until = event.until_ns.map_or(String::new(), |ns| {
            format!(", until {}", Span(core::time::Duration::from_nanos(ns)))
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
    if rows.is_empty() {
        return String::new();
    }
    rows.sort();
    let mut out = String::from(
        "<section><h2>Events</h2><details><summary>All events in order</summary>\
         <div class=\"scroll\"><table>\n<tr><th class=\"num\">at</th><th>by</th><th>what</th>\
         </tr>\n",
    );
    for (at, row) in rows.iter().take(EVENTS_MAX) {
        let _ = writeln!(
            out,
            "<tr><td class=\"num\">{:.3} s</td>{row}</tr>",
            *at as f64 / 1e9
        );
    }
    out.push_str("</table></div>");
    if let Some(more) = rows.len().checked_sub(EVENTS_MAX).filter(|n| *n > 0) {
        let _ = write!(out, "<p class=\"weak\">and {more} more, in the data</p>");
    }
    out.push_str("</details></section>");
    out
}

fn honesty(report: &Report) -> String {
    let mut out = String::new();
    for (title, inputs, open) in [
        ("Assumed", &report.inputs.assumed, true),
        ("Measured", &report.inputs.measured, false),
        ("Given", &report.inputs.given, false),
    ] {
        if inputs.is_empty() {
            continue;
        }
        let _ = writeln!(
            out,
            "<section><h2>{title}</h2><details{}><summary>{} inputs</summary>\
             <div class=\"scroll\"><table>\n<tr><th>of</th><th>input</th><th>value</th>\
             <th>why</th></tr>",
            if open { " open" } else { "" },
            inputs.len()
        );
        for input in inputs {
            let _ = writeln!(
                out,
                "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
                markup(&input.subject),
                markup(&input.field),
                markup(&input.value),
                markup(&input.why)
            );
        }
        out.push_str("</table></div></details></section>\n");
    }
    if !report.not_modelled.is_empty() {
        out.push_str("<section><h2>Not modelled</h2><ul>\n");
        for item in &report.not_modelled {
            let _ = writeln!(
                out,
                "<li><strong>{}</strong>: {}</li>",
                markup(&item.what),
                markup(&item.means)
            );
        }
        out.push_str("</ul></section>");
    }
    out
}
