//! What stands below the table: the newest events, or the latencies of the row under the cursor.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use engine::report::Histogram;

use super::{Pen, cut};
use crate::top::app::{App, Pane};
use crate::top::format::{count, millis};
use crate::top::record::events::{is_notable, tone};
use crate::top::theme::Tone;
use crate::top::view::{self, span};

/// Eighths of a character, for bars.
const EIGHTHS: [char; 9] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'];

/// Shades of a heatmap, readable without colour.
const SHADES: [char; 5] = [' ', '·', '░', '▒', '█'];

/// Columns of a slice in the heatmap.
const SLICE: u16 = 5;

pub(super) fn draw(buf: &mut Buffer, area: Rect, app: &App) {
    if area.height < 2 {
        return;
    }
    let (title, rest) = cut(area, 1);
    let name = match app.pane {
        Pane::Events => "events".to_owned(),
        Pane::Latency => format!("latency of {}", subject(app)),
        Pane::Heat => format!("latency of {} over time", subject(app)),
        Pane::None => return,
    };
    let quiet = app.theme.style(Tone::Quiet);
    let line = "─".repeat(usize::from(area.width));
    Pen::new(buf, title, 0)
        .put("── ", quiet)
        .put(&name, app.theme.style(Tone::Head))
        .put(" ", quiet)
        .put(&line, quiet);
    match app.pane {
        Pane::Events => events(buf, rest, app),
        Pane::Latency => latency(buf, rest, app),
        Pane::Heat => heat(buf, rest, app),
        Pane::None => {}
    }
}

fn events(buf: &mut Buffer, area: Rect, app: &App) {
    let newest = view::events(&app.store, app.now).rev();
    let notable = newest.filter(|e| is_notable(e.event.kind));
    let mut shown = 0;
    for (line, event) in (0..area.height).zip(notable) {
        let e = &event.event;
        let mut pen = Pen::new(buf, area, line);
        let quiet = app.theme.style(Tone::Quiet);
        pen.put(&format!("{:>6} ", span(event.ago_s)), quiet)
            .put(
                &format!("{:<20}", e.kind.as_str()),
                app.theme.style(tone(e.kind)),
            )
            .put(" ", quiet)
            .put(&e.subject, app.theme.style(Tone::Plain));
        if !e.detail.is_empty() {
            pen.put("  ", quiet).put(&e.detail, quiet);
        }
        if !e.source.is_empty() && e.source != "scenario" {
            pen.put("  by ", quiet).put(&e.source, quiet);
        }
        shown += 1;
    }
    if shown == 0 {
        Pen::new(buf, area, 0).word("nothing happened yet", app.theme.style(Tone::Quiet));
    }
}

/// What the row under the cursor is called.
fn subject(app: &App) -> String {
    let row = app.selected();
    row.map_or_else(|| "nothing".into(), |row| app.rows.list().cell(row, 0).text)
}

/// Bounds of `n` bands in microseconds between the least and the greatest value, equally far apart
/// by ratio.
fn bands(latency: &Histogram, n: usize) -> Vec<(u64, u64)> {
    let mut buckets = latency.buckets();
    let Some((first, _)) = buckets.next() else {
        return Vec::new();
    };
    let last = buckets.last().map_or(first, |(last, _)| last);
    let low = Histogram::bounds(first).0.max(1) as f64;
    let high = Histogram::bounds(last).1 as f64 + 1.0;
    let bound = |i: usize| low * (high / low).powf(i as f64 / n as f64);
    let bands = (0..n).map(|i| (bound(i) as u64, bound(i + 1).ceil() as u64));
    bands.collect()
}

/// How many values each band has: a bucket counts where its upper end is, as quantiles do.
fn counts(latency: &Histogram, bands: &[(u64, u64)]) -> Vec<u64> {
    let mut out = vec![0; bands.len()];
    for (index, n) in latency.buckets() {
        let upper = Histogram::bounds(index).1;
        let band = bands.iter().position(|(_, high)| upper < *high);
        if let Some(last) = bands.len().checked_sub(1) {
            out[band.unwrap_or(last)] += n;
        }
    }
    out
}

fn latency(buf: &mut Buffer, area: Rect, app: &App) {
    let theme = app.theme;
    let Some(latency) = app.selected().and_then(|row| app.rows.latency(row)) else {
        Pen::new(buf, area, 0).word("no latencies in the window", theme.style(Tone::Quiet));
        return;
    };
    let quantiles = [0.5, 0.95, 0.99, 1.0].map(|q| latency.quantile(q));
    let [p50, p95, p99, max] = quantiles.map(millis);
    let text = format!(
        "p50 {p50}  p95 {p95}  p99 {p99}  max {max} ms  of {}",
        latency.count()
    );
    Pen::new(buf, area, 0).put(&text, theme.style(Tone::Plain));
    let (_, area) = cut(area, 1);
    let bands = bands(latency, usize::from(area.height).max(1));
    let counts = counts(latency, &bands);
    let most = counts.iter().copied().max().unwrap_or(1).max(1);
    let room = f64::from(area.width.saturating_sub(30));
    for (line, ((low, high), n)) in (0..area.height).zip(bands.iter().zip(&counts)) {
        let eighths = (*n as f64 / most as f64 * room * 8.0).ceil() as usize;
        let mut bar = "█".repeat(eighths / 8);
        bar.push(EIGHTHS[eighths % 8]);
        let of = *n as f64 / latency.count() as f64 * 100.0;
        let share = if *n > 0 {
            format!(" {of:.1}%")
        } else {
            String::new()
        };
        let label = format!("{:>6} … {:>6} ms ", millis(Some(*low)), millis(Some(*high)));
        Pen::new(buf, area, line)
            .put(&label, theme.style(Tone::Quiet))
            .put(bar.trim_end(), theme.style(Tone::Good))
            .put(&share, theme.style(Tone::Quiet));
    }
}

/// Slice by slice of the window: the newest on the right, the slow at the top.
fn heat(buf: &mut Buffer, area: Rect, app: &App) {
    let theme = app.theme;
    let columns = heat_slices(app);
    let mut all = Histogram::new();
    columns.iter().for_each(|latency| all.merge(latency));
    if all.is_empty() || area.height < 2 {
        let why = "no latencies over time; services, routes, backends and endpoints have them";
        Pen::new(buf, area, 0).word(why, theme.style(Tone::Quiet));
        return;
    }
    let (area, axis) = cut(area, area.height - 1);
    let bands = bands(&all, usize::from(area.height));
    let fit = usize::from(area.width.saturating_sub(12) / SLICE).max(1);
    let columns = &columns[columns.len().saturating_sub(fit)..];
    let counted: Vec<_> = columns.iter().map(|l| counts(l, &bands)).collect();
    for (line, band) in (0..area.height).zip((0..bands.len()).rev()) {
        let mut pen = Pen::new(buf, area, line);
        let label = format!("{:>7} ms ", millis(Some(bands[band].1)));
        pen.put(&label, theme.style(Tone::Quiet));
        for counts in &counted {
            let whole: u64 = counts.iter().sum();
            let share = counts[band] as f64 / whole.max(1) as f64;
            let shade = match counts[band] {
                0 => 0,
                _ => 1 + ((share * 4.0) as usize).min(3),
            };
            let text = SHADES[shade].to_string().repeat(usize::from(SLICE) - 1);
            pen.put(&text, theme.heat(share))
                .put(" ", theme.style(Tone::Quiet));
        }
    }
    let mut pen = Pen::new(buf, axis, 0);
    pen.put(&format!("{:>10} ", "requests"), theme.style(Tone::Quiet));
    for counts in &counted {
        let text = format!("{:<5}", count(counts.iter().sum()));
        pen.put(&text, theme.style(Tone::Quiet));
    }
}

/// The latencies of the row under the cursor slice by slice, the newest last. Sources cut their
/// time on their own: the newest slices of each are taken to be of the same time.
fn heat_slices(app: &App) -> Vec<Histogram> {
    let Some(row) = app.selected() else {
        return Vec::new();
    };
    let mut newest_first: Vec<Histogram> = Vec::new();
    for (_, source) in app.store.sources() {
        let slices = app.rows.slices(row, source).into_iter().rev();
        for (i, slice) in slices.enumerate() {
            match newest_first.get_mut(i) {
                Some(all) => all.merge(&slice),
                None => newest_first.push(slice),
            }
        }
    }
    newest_first.reverse();
    newest_first
}
