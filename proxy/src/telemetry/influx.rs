//! Metrics in InfluxDB's line protocol
//! (<https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/>), over UDP.
//!
//! ```text
//!  meshctl_service_requests,instance=shop/web-0,service=web value=17i 1767225600000000000
//! ```
//!
//! Counters are cumulative, as the database's `derivative` and `difference` expect them. A
//! histogram has the fields `count`, `sum`, `p50`, `p90` and `p99` of all since the proxy began, in
//! seconds.

use core::fmt::Write as _;

use engine::report::Histogram;
use engine::time::Wall;

use super::collect::View;
use super::datagram::Packer;
use super::export::{Datagrams, Encoded, Observed};
use super::metric::{Desc, Value, Visit};
use super::outputs::Outputs;
use super::statsd::QUANTILES;

pub(super) struct Encoder;

struct Writer<'a> {
    instance: &'a str,
    now: Wall,
    packer: Packer,
    points: usize,
}

// === impl Encoder ===

impl Datagrams for Encoder {
    fn encode(&mut self, outputs: &Outputs, observed: &Observed, now: Wall) -> Encoded {
        let mut writer = Writer {
            instance: &outputs.config.resource.instance,
            now,
            packer: Packer::default(),
            points: 0,
        };
        View::of(observed).visit(&mut writer);
        Encoded {
            datagrams: writer.packer.finish(),
            points: writer.points,
        }
    }
}

// === impl Writer ===

impl Visit for Writer<'_> {
    fn sample(&mut self, desc: &Desc, labels: &[&str], value: Value<'_>) {
        let mut line = desc.name.clone();
        let instance = [("instance", self.instance)];
        let named = desc.labels.iter().zip(labels).map(|(n, v)| (*n, *v));
        // An empty value is no value to the format.
        for (name, value) in instance.into_iter().chain(named) {
            if !value.is_empty() {
                // Writing to a string cannot fail.
                let _ = write!(line, ",{name}={}", Tag(value));
            }
        }
        let _ = match value {
            Value::Count(n) => write!(line, " value={n}i"),
            Value::Float(n) => write!(line, " value={n}"),
            Value::Latency(histogram) => write!(line, " {}", Fields(histogram)),
        };
        let _ = write!(line, " {}", self.now.0);
        self.points += 1;
        self.packer.line(&line);
    }
}

/// A tag's value.
struct Tag<'a>(&'a str);

struct Fields<'a>(&'a Histogram);

// === impl Tag ===

impl core::fmt::Display for Tag<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        for c in self.0.chars() {
            match c {
                ',' | '=' | ' ' | '\\' => write!(f, "\\{c}")?,
                c if c.is_control() => f.write_char('_')?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

// === impl Fields ===

impl core::fmt::Display for Fields<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let sum = self.0.sum_micros() as f64 / 1e6;
        write!(f, "count={}i,sum={sum}", self.0.count())?;
        for (q, name) in QUANTILES {
            if let Some(micros) = self.0.quantile(q) {
                write!(f, ",{name}={}", micros as f64 / 1e6)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::config::{Config, Resource};
    use crate::telemetry::specimen::Specimen;

    #[test]
    fn a_line_has_its_tags_and_the_time() {
        let outputs = Outputs::new(Config {
            resource: Resource {
                instance: "shop/front 0".to_owned(),
                ..Resource::default()
            },
            ..Config::default()
        });
        let observed = Observed::from(&Specimen::new());
        let encoded = Encoder.encode(&outputs, &observed, Wall(7));
        let text: String = encoded
            .datagrams
            .iter()
            .map(|d| str::from_utf8(d).unwrap())
            .collect();
        let web = r"instance=shop/front\ 0,service_namespace=shop,service=web,service_port=80";
        let has = |line: &str| assert!(text.lines().any(|l| l == line), "{line}\n{text}");
        has(&format!("meshctl_service_requests,{web} value=4i 7"));
        has(&format!(
            "meshctl_service_request_duration_seconds,{web} \
             count=3i,sum=90.0208,p50=0.020095,p90=90.177535,p99=90.177535 7"
        ));
        has(r"process_cpu_seconds,instance=shop/front\ 0 value=1.25 7");
        // Proxies are told apart and no tag is empty.
        has(r"meshctl_events,instance=shop/front\ 0,kind=proxy-started value=1i 7");
        assert_eq!(text.lines().count(), encoded.points);
    }
}
