//! The plots as inline SVG: panels above one another on one axis of time.
//!
//! ```text
//!   requests/s  │▁▂▂▃▂░░░░▂▂▂      ░ faults lie behind all panels
//!   latency     │▁▁▁▁▅░░░░▁▁▁      (logarithmic)
//!   retries/s   │     ░▂▂░
//!   shop/web-0  │      ████        ejected, breaker open, half-open
//!               └──────────────▶ t
//! ```

use core::fmt::Write as _;

use super::Report;
use super::clean::markup;
use super::series::{Line, Panel, Series};
use crate::record::HappeningKind;

/// Coordinates of the drawing; the page scales it.
pub(super) const WIDTH: f64 = 1000.0;
pub(super) const LEFT: f64 = 64.0;
pub(super) const RIGHT: f64 = 20.0;
const PANEL: f64 = 130.0;
const GAP: f64 = 34.0;
const ROW: f64 = 18.0;
const TOP: f64 = 44.0;
/// Faults and changes begin here, above the first panel; their labels stand over it.
const EVENTS_TOP: f64 = 18.0;

/// Labels of events that would overlap are left out; the list has them all.
const LABEL_CHARS_MAX: usize = 40;

/// Longest name in a legend; the readout has it in full.
const NAME_CHARS_MAX: usize = 24;

/// A little more than the font's average character.
const CHAR: f64 = 6.2;

/// The same for short names, where single wide letters count.
const NAME_CHAR: f64 = 7.5;

struct Plot<'a> {
    out: String,
    series: &'a Series,
    begin: f64,
    end: f64,
    y: f64,
}

/// The drawing; empty when there is nothing to draw.
pub(super) fn render(report: &Report, series: &Series) -> String {
    let (Some(begin), Some(end)) = (series.bounds.first(), series.bounds.last()) else {
        return String::new();
    };
    if end <= begin {
        return String::new();
    }
    let mut plot = Plot {
        out: String::new(),
        series,
        begin: *begin,
        end: *end,
        y: TOP,
    };
    plot.panel("requests per second", Panel::Rate);
    plot.panel("latency (ms, logarithmic)", Panel::Latency);
    if series.lines.iter().any(|l| l.panel == Panel::Retries) {
        plot.panel("retries per second", Panel::Retries);
    }
    plot.endpoints();
    let bottom = plot.y;
    let events = plot.events(report, bottom);
    let axis = plot.axis(bottom);
    let height = bottom + 26.0;
    format!(
        "<svg viewBox=\"0 0 {WIDTH} {height:.0}\" role=\"img\" \
         aria-label=\"Rate, latency, retries and endpoint states over time\">\n\
         {events}{axis}{}<line class=\"cursor hidden\" x1=\"0\" x2=\"0\" y1=\"{TOP}\" \
         y2=\"{bottom:.1}\"/>\n</svg>",
        plot.out
    )
}

// === impl Plot ===

impl Plot<'_> {
    fn x(&self, seconds: f64) -> f64 {
        let share = (seconds - self.begin) / (self.end - self.begin);
        LEFT + share.clamp(0.0, 1.0) * (WIDTH - LEFT - RIGHT)
    }

    fn panel(&mut self, title: &str, panel: Panel) {
        let lines: Vec<_> = self
            .series
            .lines
            .iter()
            .filter(|l| l.panel == panel)
            .collect();
        let values = || {
            lines
                .iter()
                .flat_map(|l| l.values.iter().flatten().copied())
        };
        let top = self.y;
        let bottom = top + PANEL;
        let scale = Scale::new(panel, values(), top, bottom);
        let _ = writeln!(
            self.out,
            "<text class=\"title\" x=\"{LEFT}\" y=\"{:.1}\">{}</text>\n\
             <rect class=\"frame\" fill-opacity=\"0\" \
             x=\"{LEFT}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{PANEL}\"/>",
            top - 6.0,
            markup(title),
            WIDTH - LEFT - RIGHT
        );
        for tick in scale.ticks() {
            let y = scale.y(tick);
            let _ = writeln!(
                self.out,
                "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
                 <text class=\"weak\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                WIDTH - RIGHT,
                LEFT - 6.0,
                y + 4.0,
                crate::expect::rounded(tick)
            );
        }
        self.names(&lines, top - 6.0);
        for line in lines {
            let path = self.path(line, &scale);
            if line.class == "err" {
                let area = self.area(line, &scale);
                let _ = writeln!(self.out, "<path class=\"area\" d=\"{area}\"/>");
            }
            let _ = writeln!(
                self.out,
                "<path class=\"series {}\" d=\"{path}\"><title>{}</title></path>",
                line.class,
                markup(&line.name)
            );
        }
        self.y = bottom + GAP;
    }

    /// The names of a panel's lines, from the right; those that do not fit are in the readout.
    fn names(&mut self, lines: &[&Line], y: f64) {
        let mut x = WIDTH - RIGHT;
        for line in lines.iter().rev() {
            let mut name: String = line.name.chars().take(NAME_CHARS_MAX).collect();
            if name.len() < line.name.len() {
                name.push('…');
            }
            let from = x - name.chars().count() as f64 * NAME_CHAR;
            if from < LEFT + 200.0 {
                break;
            }
            let _ = writeln!(
                self.out,
                "<path class=\"series {}\" d=\"M{:.1} {:.1}h14\"/>\
                 <text x=\"{from:.1}\" y=\"{y:.1}\">{}</text>",
                line.class,
                from - 19.0,
                y - 4.0,
                markup(&name)
            );
            x = from - 31.0;
        }
    }

    /// From the line down to nothing, so that a few failures among many requests are seen.
    fn area(&self, line: &Line, scale: &Scale) -> String {
        let mut d = String::new();
        for (value, pair) in line.values.iter().zip(self.series.bounds.windows(2)) {
            if let Some(value) = value.filter(|v| *v > 0.0) {
                let (from, to) = (self.x(pair[0]), self.x(pair[1]));
                let (y, zero) = (scale.y(value), scale.y(0.0));
                let _ = write!(d, "M{from:.1} {zero:.1}V{y:.1}H{to:.1}V{zero:.1}Z");
            }
        }
        d
    }

    /// Steps, since each value is that of a whole column; a gap where nothing was measured.
    fn path(&self, line: &Line, scale: &Scale) -> String {
        let mut d = String::new();
        let mut drawing = false;
        for (value, pair) in line.values.iter().zip(self.series.bounds.windows(2)) {
            let Some(value) = value else {
                drawing = false;
                continue;
            };
            let (from, to, y) = (self.x(pair[0]), self.x(pair[1]), scale.y(*value));
            let step = if drawing { "V" } else { "M" };
            match drawing {
                true => {
                    let _ = write!(d, "{step}{y:.1}H{to:.1}");
                }
                false => {
                    let _ = write!(d, "{step}{from:.1} {y:.1}H{to:.1}");
                }
            }
            drawing = true;
        }
        d
    }

    fn endpoints(&mut self) {
        if self.series.endpoints.is_empty() {
            self.y -= GAP - 8.0;
            return;
        }
        let _ = writeln!(
            self.out,
            "<text class=\"title\" x=\"{LEFT}\" y=\"{:.1}\">endpoints without traffic</text>",
            self.y - 6.0
        );
        for endpoint in &self.series.endpoints {
            let name = markup(&endpoint.name);
            let _ = writeln!(
                self.out,
                "<rect class=\"frame\" x=\"{LEFT}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{ROW}\"/>",
                self.y,
                WIDTH - LEFT - RIGHT
            );
            for band in &endpoint.bands {
                let (from, to) = (self.x(band.from), self.x(band.to));
                let _ = writeln!(
                    self.out,
                    "<rect class=\"{}\" x=\"{from:.1}\" y=\"{:.1}\" width=\"{:.1}\" \
                     height=\"{:.1}\"><title>{name} of {}: {} {}</title></rect>",
                    band.status,
                    self.y + 1.0,
                    (to - from).max(1.0),
                    ROW - 2.0,
                    markup(&endpoint.backend),
                    band.status,
                    markup(&band.reason)
                );
            }
            let _ = writeln!(
                self.out,
                "<text class=\"over\" x=\"{:.1}\" y=\"{:.1}\">{name}</text>",
                LEFT + 6.0,
                self.y + 13.0
            );
            self.y += ROW;
        }
        if self.series.endpoints_more > 0 {
            let _ = writeln!(
                self.out,
                "<text class=\"weak\" x=\"{LEFT}\" y=\"{:.1}\">and {} more</text>",
                self.y + 14.0,
                self.series.endpoints_more
            );
            self.y += ROW;
        }
    }

    /// Faults as bands and changes as lines behind everything, with labels that do not overlap.
    fn events(&self, report: &Report, bottom: f64) -> String {
        let mut out = String::new();
        let mut free_from = 0.0;
        for event in &report.events {
            let at = self.x(event.at_ns as f64 / 1e9);
            let title = markup(&event.title);
            let height = bottom - EVENTS_TOP;
            match (event.kind, event.until_ns) {
                (HappeningKind::Fault, until) => {
                    let to = until.map_or(self.end, |ns| ns as f64 / 1e9);
                    let _ = writeln!(
                        out,
                        "<rect class=\"fault\" x=\"{at:.1}\" y=\"{EVENTS_TOP}\" width=\"{:.1}\" \
                         height=\"{height:.1}\"><title>{title}</title></rect>",
                        (self.x(to) - at).max(1.0)
                    );
                }
                (HappeningKind::Change, _) => {
                    let _ = writeln!(
                        out,
                        "<line class=\"change\" x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{EVENTS_TOP}\" \
                         y2=\"{bottom:.1}\"><title>{title}</title></line>"
                    );
                }
            }
            let label: String = event.title.chars().take(LABEL_CHARS_MAX).collect();
            let width = label.chars().count() as f64 * CHAR;
            // At the right edge the label moves to the left.
            let from = at.min(WIDTH - width);
            if from >= free_from {
                let _ = writeln!(
                    out,
                    "<text x=\"{from:.1}\" y=\"{:.1}\">{}</text>",
                    EVENTS_TOP - 5.0,
                    markup(&label)
                );
                free_from = from + width + 8.0;
            }
        }
        out
    }

    fn axis(&self, bottom: f64) -> String {
        let mut out = String::new();
        let step = nice((self.end - self.begin) / 10.0);
        let mut t = (self.begin / step).ceil() * step;
        while t <= self.end + 1e-9 {
            let x = self.x(t);
            let _ = writeln!(
                out,
                "<line class=\"hair\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" \
                 y2=\"{:.1}\"/><text class=\"weak\" x=\"{x:.1}\" y=\"{:.1}\" \
                 text-anchor=\"middle\">{} s</text>",
                bottom + 5.0,
                bottom + 19.0,
                crate::expect::rounded(t)
            );
            t += step;
        }
        out
    }
}

/// From values to heights.
struct Scale {
    low: f64,
    high: f64,
    logarithmic: bool,
    top: f64,
    bottom: f64,
}

// === impl Scale ===

impl Scale {
    fn new(panel: Panel, values: impl Iterator<Item = f64> + Clone, top: f64, bottom: f64) -> Self {
        let high = values.clone().fold(0.0, f64::max);
        let logarithmic = panel == Panel::Latency;
        let (low, high) = if logarithmic {
            let low = values.filter(|v| *v > 0.0).fold(f64::INFINITY, f64::min);
            let low = if low.is_finite() { low } else { 1.0 };
            let low = 10_f64.powi(decade(low));
            (low, 10_f64.powi(decade(high.max(low * 1.001)) + 1))
        } else {
            let step = nice(high.max(1e-3) / 4.0);
            (0.0, (high.max(step) / step).ceil() * step)
        };
        Self {
            low,
            high,
            logarithmic,
            top,
            bottom,
        }
    }

    fn y(&self, value: f64) -> f64 {
        let share = if self.logarithmic {
            (value.max(self.low) / self.low).log10() / (self.high / self.low).log10()
        } else {
            value / self.high
        };
        self.bottom - share.clamp(0.0, 1.0) * (self.bottom - self.top)
    }

    fn ticks(&self) -> Vec<f64> {
        if self.logarithmic {
            let decades = decade(self.low)..=decade(self.high);
            return decades.map(|d| 10_f64.powi(d)).collect();
        }
        let step = nice(self.high / 4.0);
        let count = (self.high / step + 1e-9) as u32;
        (0..=count).map(|i| f64::from(i) * step).collect()
    }
}

/// The power of ten at or below a positive value.
fn decade(value: f64) -> i32 {
    (value.log10() + 1e-9).floor() as i32
}

/// The nearest of 1, 2, 5 × 10ⁿ at or above a positive value.
fn nice(value: f64) -> f64 {
    let base = 10_f64.powi(decade(value));
    let steps = [1.0, 2.0, 5.0, 10.0];
    let step = steps.into_iter().find(|s| s * base >= value * (1.0 - 1e-9));
    step.unwrap_or(10.0) * base
}
