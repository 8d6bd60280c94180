//! Hands what was gathered to the collectors: each signal at its own pace, so that one server that
//! hangs delays no other.
//!
//! A batch that is not taken is dropped and counted. Collectors are near and restart in seconds;
//! what is kept for longer has to be kept by them.

use std::sync::Arc;

use engine::report::Frame;
use engine::time::{Duration, Instant};
use http::HeaderValue;
use http::uri::PathAndQuery;
use tokio::sync::watch;

use super::client::{Batch, NotTaken, call, post};
use super::collect::View;
use super::config::{Otlp, OtlpProtocol, Push, Url};
use super::outputs::Outputs;
use super::process::Process;
use super::queue::Queue;
pub use super::queue::RECORDS_MAX;
use super::totals::Totals;
use super::{influx, otlp, statsd, zipkin};
use crate::net::Rt;
use crate::observe::RequestRecord;

/// The longest a record waits for its batch to fill; OpenTelemetry's default.
const BATCH_DELAY: Duration = Duration::from_secs(5);

/// The fastest pace of metrics.
const EVERY_MIN: Duration = Duration::from_secs(1);

const PROTOBUF: HeaderValue = HeaderValue::from_static("application/x-protobuf");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// What a process has to say at one moment; of all its workers.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// Cumulative, as [`Proxy::metrics`](crate::Proxy::metrics) has it.
    pub frame: Frame,
    pub totals: Totals,
    pub process: Process,
}

/// Which signal is exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Signal {
    Spans,
    Logs,
    Metrics,
}

/// Exports until [`Outputs::close`], and what waits then. `observe` is asked for metrics when they
/// are due. One of these runs in a process, whatever the number of its workers.
pub async fn run<R, F>(outputs: Arc<Outputs>, rt: R, observe: F)
where
    R: Rt,
    F: Fn() -> Observed + Send + Sync,
{
    let (outputs, rt, observe) = (&*outputs, &rt, &observe);
    let config = &outputs.config;
    let otlp = config.otlp.as_ref();
    tokio::join!(
        async {
            if let Some(queue) = &outputs.spans {
                records(outputs, rt, queue, Signal::Spans).await;
            }
        },
        async {
            if let Some(queue) = &outputs.logs {
                records(outputs, rt, queue, Signal::Logs).await;
            }
        },
        async {
            if let Some((otlp, every)) = otlp.and_then(|o| Some((o, o.metrics?))) {
                metrics(outputs, rt, otlp, every, observe).await;
            }
        },
        async {
            if let Some(to) = config.statsd {
                push(outputs, rt, to, observe, statsd::Encoder::default()).await;
            }
        },
        async {
            if let Some(to) = config.influx {
                push(outputs, rt, to, observe, influx::Encoder).await;
            }
        },
    );
}

/// Makes datagrams of what was observed.
pub(super) trait Datagrams {
    fn encode(
        &mut self,
        outputs: &Outputs,
        observed: &Observed,
        now: engine::time::Wall,
    ) -> Encoded;
}

/// What is sent at once, and how many points are in it.
#[derive(Debug, Default)]
pub(super) struct Encoded {
    pub(super) datagrams: Vec<bytes::Bytes>,
    pub(super) points: usize,
}

async fn records<R: Rt>(
    outputs: &Outputs,
    rt: &R,
    queue: &Queue<Arc<RequestRecord>>,
    signal: Signal,
) {
    let mut closed = outputs.closed();
    loop {
        tokio::select! {
            biased;
            () = queue.full() => {}
            () = is_closed(&mut closed) => {}
            () = rt.sleep_until(rt.now() + BATCH_DELAY) => {}
        }
        let last = *closed.borrow();
        loop {
            let batch = queue.take();
            if batch.is_empty() {
                break;
            }
            match send(outputs, rt, signal, &batch).await {
                Ok(()) => queue.exported(batch.len()),
                Err(_) => queue.dropped(batch.len()),
            }
        }
        if last {
            return;
        }
    }
}

/// Completes when the outputs are closed.
async fn is_closed(closed: &mut watch::Receiver<bool>) {
    // The sender lives as long as the outputs.
    let _ = closed.wait_for(|closed| *closed).await;
}

/// To all who want it; an error when one of them did not take it.
async fn send<R: Rt>(
    outputs: &Outputs,
    rt: &R,
    signal: Signal,
    batch: &[Arc<RequestRecord>],
) -> Result<(), NotTaken> {
    let config = &outputs.config;
    let resource = &config.resource;
    let mut result = Ok(());
    if let Some(otlp) = &config.otlp {
        let body = match signal {
            Signal::Spans if otlp.traces => Some(otlp::spans::encode(resource, batch)),
            Signal::Logs => Some(otlp::logs::encode(resource, batch)),
            Signal::Spans | Signal::Metrics => None,
        };
        if let Some(body) = body {
            result = to_otlp(rt, otlp, signal, body).await;
        }
    }
    if let (Signal::Spans, Some(url)) = (signal, &config.zipkin) {
        let batch = Batch {
            to: url,
            path: url.path_or(zipkin::PATH),
            content_type: JSON,
            headers: &[],
            body: zipkin::encode(resource, batch),
        };
        result = post(rt, batch).await.and(result);
    }
    result
}

async fn to_otlp<R: Rt>(
    rt: &R,
    otlp: &Otlp,
    signal: Signal,
    body: Vec<u8>,
) -> Result<(), NotTaken> {
    let (http, grpc) = match signal {
        Signal::Spans => (otlp::spans::HTTP, otlp::spans::GRPC),
        Signal::Logs => (otlp::logs::HTTP, otlp::logs::GRPC),
        Signal::Metrics => (otlp::metrics::HTTP, otlp::metrics::GRPC),
    };
    let batch = |path| Batch {
        to: &otlp.to,
        path,
        content_type: PROTOBUF,
        headers: &otlp.headers,
        body,
    };
    match otlp.protocol {
        OtlpProtocol::Http => post(rt, batch(below(&otlp.to, http))).await,
        OtlpProtocol::Grpc => call(rt, batch(PathAndQuery::from_static(grpc))).await,
    }
}

/// The signal's own path below that of the collector, as `OTEL_EXPORTER_OTLP_ENDPOINT` has it.
fn below(to: &Url, path: &'static str) -> PathAndQuery {
    let base = to.path.path().trim_end_matches('/');
    match format!("{base}{path}").parse() {
        Ok(path) => path,
        // Two paths make a path.
        Err(_) => PathAndQuery::from_static(path),
    }
}

async fn metrics<R: Rt>(
    outputs: &Outputs,
    rt: &R,
    otlp: &Otlp,
    every: Duration,
    observe: &(impl Fn() -> Observed + Sync),
) {
    let mut pace = Pace::new(outputs, rt, every);
    while let Some(last) = pace.next(rt).await {
        let observed = observe();
        let view = View::of(&observed);
        let resource = &outputs.config.resource;
        let (body, points) = otlp::metrics::encode(resource, &view, rt.wall());
        match to_otlp(rt, otlp, Signal::Metrics, body).await {
            Ok(()) => outputs.points.exported(points),
            Err(_) => outputs.points.dropped(points),
        }
        if last {
            return;
        }
    }
}

async fn push<R: Rt>(
    outputs: &Outputs,
    rt: &R,
    to: Push,
    observe: &(impl Fn() -> Observed + Sync),
    mut encoder: impl Datagrams,
) {
    let mut pace = Pace::new(outputs, rt, to.every);
    while let Some(last) = pace.next(rt).await {
        let Encoded { datagrams, points } = encoder.encode(outputs, &observe(), rt.wall());
        match rt.send_datagrams(to.to, datagrams).await {
            Ok(()) => outputs.points.exported(points),
            Err(_) => outputs.points.dropped(points),
        }
        if last {
            return;
        }
    }
}

/// Ticks, the last of them when the outputs are closed.
struct Pace {
    closed: watch::Receiver<bool>,
    every: Duration,
    due: Instant,
}

// === impl Observed ===

impl Observed {
    /// What was counted since `earlier`; gauges are those of now.
    pub(super) fn since(&self, earlier: &Self) -> Self {
        Self {
            frame: self.frame.since(&earlier.frame),
            totals: self.totals.since(&earlier.totals),
            process: self.process.since(&earlier.process),
        }
    }
}

// === impl Pace ===

impl Pace {
    fn new<R: Rt>(outputs: &Outputs, rt: &R, every: Duration) -> Self {
        // A pace of zero would leave time for nothing else.
        let every = every.max(EVERY_MIN);
        Self {
            closed: outputs.closed(),
            every,
            due: rt.now() + every,
        }
    }

    /// Whether it is the last tick; none when that has been.
    async fn next<R: Rt>(&mut self, rt: &R) -> Option<bool> {
        tokio::select! {
            biased;
            () = is_closed(&mut self.closed) => Some(true),
            () = rt.sleep_until(self.due) => {
                self.due = rt.now() + self.every;
                Some(false)
            }
        }
    }
}
