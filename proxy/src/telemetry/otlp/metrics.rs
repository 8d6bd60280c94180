//! `ExportMetricsServiceRequest`: a frame, cumulative since the proxy began.

use engine::report::Histogram;
use engine::time::Wall;

use super::{attribute, request};
use crate::proto::Writer;
use crate::telemetry::collect::View;
use crate::telemetry::config::Resource;
use crate::telemetry::metric::{Desc, Kind, Unit, Value, Visit};
use crate::telemetry::prometheus::{BUCKETS_MICROS, bucket_counts};

/// Where it goes with gRPC.
pub(in crate::telemetry) const GRPC: &str =
    "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";

/// Where it goes with HTTP.
pub(in crate::telemetry) const HTTP: &str = "/v1/metrics";

/// `AggregationTemporality`.
const CUMULATIVE: u64 = 2;

/// Field numbers of `Metric.data`.
const GAUGE: u32 = 5;
const SUM: u32 = 7;
const HISTOGRAM: u32 = 9;

/// A frame on its way: metrics that are complete, and the one under way.
struct Encoder {
    metrics: Vec<Writer>,
    current: Option<(Desc, Writer)>,
    points: usize,
    began: Wall,
    now: Wall,
}

/// The message, and how many points are in it.
pub(in crate::telemetry) fn encode(
    resource: &Resource,
    view: &View<'_>,
    now: Wall,
) -> (Vec<u8>, usize) {
    let mut encoder = Encoder {
        metrics: Vec::new(),
        current: None,
        points: 0,
        began: view.process.started,
        now,
    };
    view.visit(&mut encoder);
    encoder.finish();
    let message = request(resource, |scope| {
        for metric in encoder.metrics {
            scope.bytes(2, &metric.into_bytes());
        }
    });
    (message, encoder.points)
}

/// The code of the Unified Code for Units of Measure.
fn unit(unit: Option<Unit>) -> &'static str {
    match unit {
        Some(Unit::Seconds) => "s",
        Some(Unit::Bytes) => "By",
        None => "1",
    }
}

// === impl Encoder ===

impl Visit for Encoder {
    fn sample(&mut self, desc: &Desc, labels: &[&str], value: Value<'_>) {
        if self
            .current
            .as_ref()
            .is_none_or(|(of, _)| of.name != desc.name)
        {
            self.finish();
        }
        let (began, now) = (self.began, self.now);
        let (_, data) = self
            .current
            .get_or_insert_with(|| (desc.clone(), Writer::default()));
        self.points += 1;
        data.message(1, |point| match value {
            Value::Latency(histogram) => {
                labelled(point, 9, desc, labels);
                latency(point, histogram, began, now);
            }
            Value::Count(n) => {
                number(point, desc, labels, began, now);
                point.fixed64(6, n);
            }
            Value::Float(n) => {
                number(point, desc, labels, began, now);
                point.double(4, n);
            }
        });
    }
}

impl Encoder {
    /// The metric under way is complete.
    fn finish(&mut self) {
        let Some((desc, mut data)) = self.current.take() else {
            return;
        };
        let field = match desc.kind {
            Kind::Gauge => GAUGE,
            Kind::Counter => SUM,
            Kind::Histogram => HISTOGRAM,
        };
        if desc.kind != Kind::Gauge {
            data.number(2, CUMULATIVE);
        }
        if desc.kind == Kind::Counter {
            // Monotonic.
            data.number(3, 1);
        }
        let mut metric = Writer::default();
        metric.text(1, &desc.name);
        metric.text(2, desc.help);
        metric.text(3, unit(desc.unit));
        metric.bytes(field, &data.into_bytes());
        self.metrics.push(metric);
    }
}

/// The head of a `NumberDataPoint`.
fn number(to: &mut Writer, desc: &Desc, labels: &[&str], began: Wall, now: Wall) {
    labelled(to, 7, desc, labels);
    if desc.kind == Kind::Counter {
        to.fixed64(2, began.0);
    }
    to.fixed64(3, now.0);
}

fn labelled(to: &mut Writer, field: u32, desc: &Desc, labels: &[&str]) {
    for (key, value) in desc.labels.iter().zip(labels) {
        attribute(to, field, key, value);
    }
}

/// The rest of a `HistogramDataPoint`; its buckets are not cumulative.
fn latency(to: &mut Writer, histogram: &Histogram, began: Wall, now: Wall) {
    to.fixed64(2, began.0);
    to.fixed64(3, now.0);
    to.fixed64(4, histogram.count());
    to.double(5, histogram.sum_micros() as f64 / 1e6);
    to.packed_fixed64(6, bucket_counts(histogram).into_iter());
    let bounds = BUCKETS_MICROS.iter().map(|end| *end as f64 / 1e6);
    to.packed_fixed64(7, bounds.map(f64::to_bits));
}
