//! Metrics for statsd, with the tags of DogStatsD
//! (<https://docs.datadoghq.com/developers/dogstatsd/datagram_shell/>), which Telegraf, Vector and
//! Prometheus' statsd exporter read as well.
//!
//! ```text
//!  meshctl_service_requests:17|c|#service_namespace:shop,service:web,service_port:80
//! ```
//!
//! Counters are sent as what was counted since the push before, gauges as they are. A histogram
//! becomes the gauges `.p50`, `.p90` and `.p99` in seconds of that time, and the counter `.count`:
//! single values are not kept.

use core::fmt::Write as _;

use engine::report::Histogram;
use engine::time::Wall;

use super::collect::View;
use super::datagram::Packer;
use super::export::{Datagrams, Encoded, Observed};
use super::metric::{Desc, Kind, Value, Visit};
use super::outputs::Outputs;

/// Quantiles of a histogram, and what they are called.
pub(super) const QUANTILES: [(f64, &str); 3] = [(0.5, "p50"), (0.9, "p90"), (0.99, "p99")];

/// Remembers what was sent before.
#[derive(Default)]
pub(super) struct Encoder {
    before: Option<Observed>,
}

struct Writer {
    packer: Packer,
    points: usize,
}

// === impl Encoder ===

impl Datagrams for Encoder {
    fn encode(&mut self, _: &Outputs, observed: &Observed, _: Wall) -> Encoded {
        let window = match &self.before {
            Some(before) => observed.since(before),
            None => observed.clone(),
        };
        let mut writer = Writer {
            packer: Packer::default(),
            points: 0,
        };
        View::of(&window).visit(&mut writer);
        self.before = Some(observed.clone());
        Encoded {
            datagrams: writer.packer.finish(),
            points: writer.points,
        }
    }
}

// === impl Writer ===

impl Visit for Writer {
    fn sample(&mut self, desc: &Desc, labels: &[&str], value: Value<'_>) {
        let letter = match desc.kind {
            Kind::Counter => 'c',
            Kind::Gauge | Kind::Histogram => 'g',
        };
        match value {
            // Nothing was added.
            Value::Count(0) if desc.kind == Kind::Counter => {}
            Value::Count(n) => self.line(desc, "", &n, letter, labels),
            Value::Float(n) => self.line(desc, "", &n, letter, labels),
            Value::Latency(histogram) => self.latency(desc, labels, histogram),
        }
    }
}

impl Writer {
    fn latency(&mut self, desc: &Desc, labels: &[&str], histogram: &Histogram) {
        if histogram.is_empty() {
            return;
        }
        self.line(desc, ".count", &histogram.count(), 'c', labels);
        for (q, name) in QUANTILES {
            if let Some(micros) = histogram.quantile(q) {
                let seconds = micros as f64 / 1e6;
                self.line(desc, &format!(".{name}"), &seconds, 'g', labels);
            }
        }
    }

    fn line(
        &mut self,
        desc: &Desc,
        suffix: &str,
        value: &dyn core::fmt::Display,
        letter: char,
        labels: &[&str],
    ) {
        let mut line = format!("{}{suffix}:{value}|{letter}", desc.name);
        let mut before = "|#";
        for (name, value) in desc.labels.iter().zip(labels) {
            // Writing to a string cannot fail.
            let _ = write!(line, "{before}{name}:{}", Tag(value));
            before = ",";
        }
        self.points += 1;
        self.packer.line(&line);
    }
}

/// A tag's value: what would end it is replaced, since the format has no escapes.
struct Tag<'a>(&'a str);

// === impl Tag ===

impl core::fmt::Display for Tag<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        for c in self.0.chars() {
            f.write_char(match c {
                '|' | ',' | '#' | '\n' | '\r' => '_',
                c => c,
            })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::config::Config;
    use crate::telemetry::specimen::Specimen;

    fn lines(encoded: &Encoded) -> Vec<String> {
        let text = encoded.datagrams.iter().map(|d| str::from_utf8(d).unwrap());
        text.flat_map(str::lines).map(str::to_owned).collect()
    }

    #[test]
    fn counters_are_sent_as_steps_and_gauges_as_they_are() {
        let outputs = Outputs::new(Config::default());
        let mut encoder = Encoder::default();
        let specimen = Specimen::new();
        let mut observed = Observed::from(&specimen);
        let first = encoder.encode(&outputs, &observed, Wall(0));
        let web = "|#service_namespace:shop,service:web,service_port:80";
        let has = |encoded: &Encoded, line: &str| lines(encoded).contains(&line.to_owned());
        assert!(has(&first, &format!("meshctl_service_requests:4|c{web}")));
        assert!(has(
            &first,
            &format!("meshctl_service_requests_in_flight:1|g{web}")
        ));
        let name = "meshctl_service_request_duration_seconds";
        assert!(has(&first, &format!("{name}.count:3|c{web}")));
        assert!(
            has(&first, &format!("{name}.p50:0.020095|g{web}")),
            "{first:?}"
        );
        for row in observed.frame.services.0.values_mut() {
            row.requests += 3;
        }
        let second = encoder.encode(&outputs, &observed, Wall(0));
        assert!(has(&second, &format!("meshctl_service_requests:3|c{web}")));
        assert!(has(
            &second,
            &format!("meshctl_service_requests_in_flight:1|g{web}")
        ));
        // What did not happen is not sent.
        assert!(
            !lines(&second)
                .iter()
                .any(|l| l.starts_with("meshctl_route_requests:"))
        );
        assert!(
            !lines(&second)
                .iter()
                .any(|l| l.starts_with("meshctl_events:"))
        );
        assert_eq!(lines(&second).len(), second.points);
    }

    #[test]
    fn a_tag_cannot_begin_another() {
        assert_eq!(Tag("a,b|c#d\ne:f").to_string(), "a_b_c_d_e:f");
    }
}
