//! The text that Prometheus scrapes, in both of its formats:
//! [0.0.4](https://prometheus.io/docs/instrumenting/exposition_formats/) and
//! [OpenMetrics 1.0](https://github.com/prometheus/OpenMetrics/blob/v1.0.0/specification/OpenMetrics.md).

use core::fmt::Write as _;

use engine::report::Histogram;

use super::collect::View;
use super::metric::{Desc, Kind, Value, Visit};

/// Upper ends of the buckets of a latency histogram in microseconds; Envoy's, up to a minute.
///
/// They are filled from the log-linear histogram, whose own buckets are at most 1/128 wide: a value
/// less than 0.8 % under an end may count as above it.
pub const BUCKETS_MICROS: [u64; 15] = [
    500, 1_000, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
    5_000_000, 10_000_000, 30_000_000, 60_000_000,
];

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// What every version of Prometheus reads.
    #[default]
    Text,
    OpenMetrics,
}

/// The counts of the buckets that end at [`BUCKETS_MICROS`], and of the one above them; one pass
/// over both ascending lists.
pub(super) fn bucket_counts(histogram: &Histogram) -> [u64; BUCKETS_MICROS.len() + 1] {
    let mut counts = [0; BUCKETS_MICROS.len() + 1];
    let mut at = 0;
    for (index, n) in histogram.buckets() {
        let end = Histogram::bounds(index).1;
        while BUCKETS_MICROS.get(at).is_some_and(|bound| *bound < end) {
            at += 1;
        }
        counts[at] += n;
    }
    counts
}

struct Writer {
    format: Format,
    out: String,
    /// The metric whose header was written last.
    current: String,
}

/// The page for one scrape.
pub fn render(view: &View<'_>, format: Format) -> String {
    let mut writer = Writer {
        format,
        out: String::new(),
        current: String::new(),
    };
    view.visit(&mut writer);
    if format == Format::OpenMetrics {
        writer.out.push_str("# EOF\n");
    }
    writer.out
}

// === impl Format ===

impl Format {
    /// What a client with that `Accept` prefers; text for one that says nothing.
    pub fn negotiate(accept: Option<&str>) -> Self {
        let (mut open, mut text) = (0, 0);
        for range in accept.unwrap_or_default().split(',') {
            let mut parts = range.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default();
            let (mut quality, mut known) = (1000, true);
            for part in parts {
                match part.split_once('=') {
                    Some(("q", q)) => quality = thousandths(q),
                    Some(("version", v)) => known = matches!(v, "1.0.0" | "0.0.1"),
                    _ => {}
                }
            }
            if name.eq_ignore_ascii_case("application/openmetrics-text") && known {
                open = open.max(quality);
            } else if name.eq_ignore_ascii_case("text/plain") {
                text = text.max(quality);
            }
        }
        if open > 0 && open >= text {
            Self::OpenMetrics
        } else {
            Self::Text
        }
    }

    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// A weight of RFC 9110 §12.4.2; 0 when it is none.
fn thousandths(q: &str) -> u32 {
    let q: f32 = q.parse().unwrap_or(0.0);
    (q.clamp(0.0, 1.0) * 1000.0) as u32
}

// === impl Writer ===

impl Visit for Writer {
    fn sample(&mut self, desc: &Desc, labels: &[&str], value: Value<'_>) {
        if self.current != desc.name {
            self.current.clone_from(&desc.name);
            self.header(desc);
        }
        match value {
            Value::Count(n) => self.line(desc, "", labels, None, Number::Count(n)),
            Value::Float(n) => self.line(desc, "", labels, None, Number::Float(n)),
            Value::Latency(histogram) => self.histogram(desc, labels, histogram),
        }
    }
}

enum Number {
    Count(u64),
    Float(f64),
}

impl Writer {
    fn header(&mut self, desc: &Desc) {
        let name = match self.format {
            Format::Text => desc.full_name(),
            // OpenMetrics names the family, not its samples.
            Format::OpenMetrics => desc.name.clone(),
        };
        let help = desc.help.replace('\\', "\\\\").replace('\n', "\\n");
        self.push(format_args!("# HELP {name} {help}\n"));
        self.push(format_args!("# TYPE {name} {}\n", desc.kind.as_str()));
        if let (Format::OpenMetrics, Some(unit)) = (self.format, desc.unit)
            && name.ends_with(unit.as_str())
        {
            self.push(format_args!("# UNIT {name} {}\n", unit.as_str()));
        }
    }

    /// Here the buckets are cumulative.
    fn histogram(&mut self, desc: &Desc, labels: &[&str], histogram: &Histogram) {
        let mut below = 0;
        for (end, n) in BUCKETS_MICROS.iter().zip(bucket_counts(histogram)) {
            below += n;
            let le = format!("{:?}", *end as f64 / 1e6);
            let n = Number::Count(below);
            self.line(desc, "_bucket", labels, Some(&le), n);
        }
        let all = histogram.count();
        self.line(desc, "_bucket", labels, Some("+Inf"), Number::Count(all));
        let sum = histogram.sum_micros() as f64 / 1e6;
        self.line(desc, "_sum", labels, None, Number::Float(sum));
        self.line(desc, "_count", labels, None, Number::Count(all));
    }

    fn line(
        &mut self,
        desc: &Desc,
        suffix: &str,
        labels: &[&str],
        le: Option<&str>,
        value: Number,
    ) {
        self.out.push_str(&desc.name);
        self.out.push_str(match desc.kind {
            Kind::Counter => "_total",
            Kind::Gauge | Kind::Histogram => suffix,
        });
        let named = desc.labels.iter().zip(labels).map(|(n, v)| (*n, *v));
        let mut before = '{';
        for (name, value) in named.chain(le.map(|le| ("le", le))) {
            self.out.push(before);
            self.push(format_args!("{name}=\""));
            escape(value, &mut self.out);
            self.out.push('"');
            before = ',';
        }
        self.out.push_str(if before == '{' { " " } else { "} " });
        match value {
            Number::Count(n) => self.out.push_str(itoa::Buffer::new().format(n)),
            Number::Float(n) => self.push(format_args!("{n:?}")),
        }
        self.out.push('\n');
    }

    fn push(&mut self, text: core::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = self.out.write_fmt(text);
    }
}

/// The value of a label.
fn escape(value: &str, out: &mut String) {
    for c in value.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests;
