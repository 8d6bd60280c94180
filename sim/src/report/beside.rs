//! Two runs of one scenario side by side: what a change of the manifests does.

use std::collections::BTreeMap;

use super::summary::Line;
use super::text::table::{Column, Table};
use super::{Report, clean};
use crate::expect::{latency, rounded};

const COLUMNS: [Column<'_>; 3] = [
    Column::text("", 0),
    Column::text("", 0),
    Column::text("", 0),
];

/// Shares of backends below this, in both runs, are left out: probes and warm-ups.
const SHARE_MIN: f64 = 0.0005;

/// Expectations, loads and the split of each rule, in columns headed `left` and `right`; ends with
/// a newline. Lines that are equal on both sides are left out, except expectations and loads.
pub fn render(before: &Report, after: &Report, heads: (&str, &str), width: usize) -> String {
    let columns = [
        COLUMNS[0],
        Column::text(heads.0, 0),
        Column::text(heads.1, 0),
    ];
    let mut table = Table::new(&columns);
    table.head(&clean::visible(&after.scenario.name));
    for judged in &after.expectations {
        let then = before.expectations.iter().find(|j| j.name == judged.name);
        let cell = |pass: bool, seen: &str| {
            let mark = if pass { '✓' } else { '✗' };
            clean::visible(&format!("{mark} {seen}"))
        };
        table.row(vec![
            clean::visible(&judged.name),
            then.map_or_else(String::new, |j| cell(j.pass, &j.seen)),
            cell(judged.pass, &judged.seen),
        ]);
    }
    for line in &after.totals.loads {
        let then = before.totals.loads.iter().find(|l| l.name == line.name);
        for (metric, cell) in METRICS {
            let then = then.map(cell).unwrap_or_default();
            let name = format!("load {} {metric}", line.name);
            table.row(vec![clean::visible(&name), then, cell(line)]);
        }
    }
    let (then, now) = (splits(before), splits(after));
    let mut names: Vec<&String> = then.keys().chain(now.keys()).collect();
    names.sort();
    names.dedup();
    for name in names {
        let share = |of: &BTreeMap<String, f64>| of.get(name).copied().unwrap_or_default();
        let (a, b) = (share(&then), share(&now));
        if a.max(b) >= SHARE_MIN && a != b {
            table.row(vec![clean::visible(name), percent(a), percent(b)]);
        }
    }
    let lines = table.render(width).into_iter();
    lines.map(|(_, line)| line + "\n").collect()
}

/// A number of a row of sums, in words.
type Cell = fn(&Line) -> String;

const METRICS: [(&str, Cell); 3] = [
    ("success", |line| {
        line.success_rate.map(percent).unwrap_or_default()
    }),
    ("p50", |line| time(line.p50_us)),
    ("p99", |line| time(line.p99_us)),
];

fn time(us: Option<u64>) -> String {
    us.map(|us| latency(us as f64)).unwrap_or_default()
}

fn percent(share: f64) -> String {
    format!("{}%", rounded(share * 100.0))
}

/// `RULE → BACKEND`, and which share of the rule's requests it got.
fn splits(report: &Report) -> BTreeMap<String, f64> {
    let mut requests: BTreeMap<(String, String), u64> = BTreeMap::new();
    for frame in &report.frames {
        for (key, row) in frame.backends.iter() {
            let rule = match &*key.route {
                "default" => key.service.to_string(),
                rule => rule.to_owned(),
            };
            *requests.entry((rule, key.backend.to_string())).or_default() += row.counters.requests;
        }
    }
    let mut sums: BTreeMap<String, u64> = BTreeMap::new();
    for ((rule, _), n) in &requests {
        *sums.entry(rule.clone()).or_default() += n;
    }
    let share = |((rule, backend), n): ((String, String), u64)| {
        let sum = sums.get(&rule).copied().filter(|sum| *sum > 0)?;
        Some((format!("{rule} → {backend}"), n as f64 / sum as f64))
    };
    requests.into_iter().filter_map(share).collect()
}
