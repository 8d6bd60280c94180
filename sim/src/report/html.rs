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
use crate::expect::{Judged, latency, rounded};
use crate::record::HappeningKind;
use crate::scenario::Span;

mod basis;
mod happened;
mod plot;
mod series;
mod template;

use series::Series;

const PAGE: &str = include_str!("../../../templates/report.html");
const STYLE: &str = include_str!("../../../templates/report.css");
const SCRIPT: &str = include_str!("../../../templates/report.js");

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
            ("legend", &legend(report, &series)),
            ("plot", &plot::render(report, &series)),
            ("tables", &tables(report)),
            ("happened", &happened::render(report)),
            ("honesty", &basis::render(report)),
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
    if report.expectations.is_empty() {
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
        "<tr class=\"{word}-row\"><td class=\"{class}\" title=\"{word}\">{mark}</td><td>\
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
    if judged.assumed_inputs > 0 {
        let _ = write!(
            out,
            "<details class=\"weak\"><summary>rests on {} assumed input{}</summary>{}</details>",
            judged.assumed_inputs,
            if judged.assumed_inputs == 1 { "" } else { "s" },
            markup(&judged.rests_on_assumed.join("; "))
        );
    }
    if let Some(replay) = &judged.replay {
        let _ = write!(out, "<pre><code>{}</code></pre>", markup(replay));
    }
    let _ = writeln!(
        out,
        "</td><td class=\"num\" data-head=\"expected\">{}</td>\
         <td class=\"num {class}\" data-head=\"seen\">{}</td>\
         <td class=\"num\" data-head=\"margin\">{}</td></tr>",
        markup(&judged.expected),
        markup(&judged.seen),
        markup(&margin)
    );
}

/// The bands; lines are named beside their panels.
fn legend(report: &Report, series: &Series) -> String {
    let mut out = String::from("<ul class=\"legend\">\n");
    let mut key = |shape: &str, name: &str| {
        let _ = writeln!(
            out,
            "<li><svg viewBox=\"0 0 12 8\" aria-hidden=\"true\">{shape}</svg>{name}</li>"
        );
    };
    for (kind, shape, name) in [
        (
            HappeningKind::Fault,
            "<rect class=\"fault\" width=\"12\" height=\"8\"/>",
            "fault",
        ),
        (
            HappeningKind::Change,
            "<path class=\"change\" d=\"M6 0V8\"/>",
            "change",
        ),
    ] {
        if report.events.iter().any(|e| e.kind == kind) {
            key(shape, name);
        }
    }
    for (class, name) in [
        ("ejected", "ejected"),
        ("open", "breaker open"),
        ("half-open", "breaker half-open"),
        ("other", "not ready"),
    ] {
        let mut bands = series.endpoints.iter().flat_map(|e| &e.bands);
        if bands.any(|b| b.status == class) {
            let shape = format!("<rect class=\"{class}\" width=\"12\" height=\"8\"/>");
            key(&shape, name);
        }
    }
    out.push_str("</ul>");
    out
}

fn tables(report: &Report) -> String {
    // One table, so that the numbers of loads and services stand below one another.
    let mut rows = String::new();
    for (title, lines) in [
        ("Load", &report.totals.loads),
        ("Service", &report.totals.services),
    ] {
        if lines.is_empty() {
            continue;
        }
        let _ = write!(rows, "<tr><th>{title}</th>");
        for head in [
            "success", "requests", "req/s", "p50", "p95", "p99", "max", "failed", "retries",
        ] {
            let _ = write!(rows, "<th class=\"num\">{head}</th>");
        }
        rows.push_str("<th>flags</th></tr>\n");
        for line in lines {
            row(&mut rows, line);
        }
    }
    if rows.is_empty() {
        return rows;
    }
    format!(
        "<section id=\"totals\"><h2>Loads and services</h2><div class=\"scroll\"><table>\n\
         {rows}</table></div></section>\n"
    )
}

fn row(out: &mut String, line: &Line) {
    let micros = |us: Option<u64>| us.map_or("–".into(), |us| latency(us as f64));
    let success = line.success_rate.map_or("–".into(), text::percent);
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
        micros(line.p95_us),
        micros(line.p99_us),
        micros(line.max_us),
        line.failed.to_string(),
        line.retries.to_string(),
    ] {
        let _ = write!(out, "<td class=\"num\">{}</td>", markup(&cell));
    }
    let _ = writeln!(out, "<td>{}</td></tr>", markup(&flags.join(", ")));
}
