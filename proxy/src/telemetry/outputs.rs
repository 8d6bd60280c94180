//! What watches the requests of a process, of all its workers: access log, spans, logs for a
//! collector.
//!
//! ```text
//!  request begins ── begin ──▶ its span's context, told to the next hop
//!  request ends ──── wants ──▶ nothing, mostly │ a record ─┬▶ Lines ──▶ a thread ──▶ file
//!                                                          ├▶ spans ─┐
//!                                                          └▶ logs ──┴▶ export ──▶ collectors
//! ```
//!
//! A proxy without one pays one comparison per request.

use std::sync::Arc;

use http::{HeaderMap, StatusCode};
use tokio::sync::watch;

use super::config::Config;
use super::context::{self, Context};
use super::lines::Lines;
use super::queue::Queue;
use super::totals::Totals;
use super::{Done, access_log};
use crate::net::Rt;
use crate::observe::RequestRecord;

/// Everything that leaves the process about its requests.
#[derive(Debug)]
pub struct Outputs {
    pub(super) config: Config,
    lines: Option<Lines>,
    pub(super) spans: Option<Queue<Arc<RequestRecord>>>,
    pub(super) logs: Option<Queue<Arc<RequestRecord>>>,
    /// Points of metrics.
    pub(super) points: Queue<()>,
    closed: watch::Sender<bool>,
}

/// Who wants to hear of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    line: bool,
    span: bool,
}

/// What is known of a request's place in its trace.
#[derive(Clone, Debug)]
pub(crate) struct Placed {
    pub(crate) context: Context,
    /// `tracestate`, as it came.
    pub(crate) state: Option<String>,
}

// === impl Outputs ===

impl Outputs {
    pub fn new(config: Config) -> Arc<Self> {
        let otlp = config.otlp.as_ref();
        let spans = config.zipkin.is_some() || otlp.is_some_and(|otlp| otlp.traces);
        let spans = spans && config.tracing.is_some();
        let logs = config.access_log.is_some() && otlp.is_some_and(|otlp| otlp.logs);
        Arc::new(Self {
            lines: config.access_log.is_some().then(Lines::default),
            spans: spans.then(Queue::new),
            logs: logs.then(Queue::new),
            points: Queue::new(),
            closed: watch::Sender::new(false),
            config,
        })
    }

    /// The access log on its way to a file, if there is one.
    pub fn lines(&self) -> Option<&Lines> {
        self.lines.as_ref()
    }

    /// No request comes any more: what waits is exported, then [`run`](super::export::run) and
    /// [`Lines::write_to`] end.
    pub fn close(&self) {
        self.closed.send_replace(true);
        if let Some(lines) = &self.lines {
            lines.close();
        }
    }

    pub(super) fn closed(&self) -> watch::Receiver<bool> {
        self.closed.subscribe()
    }

    /// What was handed on and what was lost, by signal.
    pub fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        let mut put = |signal: &'static str, (exported, dropped): (u64, u64)| {
            totals.exported.insert(signal, exported);
            totals.dropped.insert(signal, dropped);
        };
        if let Some(lines) = &self.lines {
            put("access_log", (lines.written(), lines.dropped()));
        }
        for (signal, queue) in [("spans", &self.spans), ("logs", &self.logs)] {
            if let Some(queue) = queue {
                put(signal, queue.counts());
            }
        }
        match self.points.counts() {
            (0, 0) => {}
            counts => put("metrics", counts),
        }
        totals
    }

    /// A request begins: its place in its trace, which the next hop is told. None without tracing.
    pub(crate) fn begin<R: Rt>(&self, rt: &R, headers: &mut HeaderMap) -> Option<Placed> {
        let tracing = self.config.tracing.as_ref()?;
        let formats = &tracing.propagation;
        let parent = context::read(headers, formats);
        let random = [rt.rand(), rt.rand(), rt.rand()];
        let (rate, parent_based) = (tracing.sample, tracing.parent_based);
        let context = Context::child(parent, random, rate, parent_based);
        if context.parent.is_none() {
            context::forget_state(headers);
        }
        // Nobody will see a span that is not sampled: the next hop stays the child of the one that
        // is known.
        if context.sampled || context.parent.is_none() || parent.sampled != Some(false) {
            context::write(&context, formats, headers);
        }
        let state = context.sampled.then(|| context::state(headers)).flatten();
        Some(Placed { context, state })
    }

    /// Who wants to hear of a request that ended. `random` are 64 random bits.
    pub(crate) fn wants(&self, placed: Option<&Placed>, done: &Done, random: u64) -> Wanted {
        let line = self.config.access_log.is_some_and(|log| {
            let failed = done
                .status
                .is_some_and(|s| s >= StatusCode::INTERNAL_SERVER_ERROR);
            // The upper 53 bits: exact in a float.
            let drawn = (random >> 11) as f64 / (1u64 << 53) as f64;
            failed || done.flag.is_some() || drawn < log.sample
        });
        let span = self.spans.is_some() && placed.is_some_and(|p| p.context.sampled);
        Wanted { line, span }
    }

    /// Takes the record of a request that somebody wants to hear of.
    pub(crate) fn take(&self, wanted: Wanted, record: RequestRecord) {
        if let (true, Some(log), Some(lines)) = (wanted.line, self.config.access_log, &self.lines) {
            lines.push(&access_log::line(&record, log.format));
        }
        let spans = self.spans.as_ref().filter(|_| wanted.span);
        let logs = self.logs.as_ref().filter(|_| wanted.line);
        match (spans, logs) {
            (None, None) => {}
            (spans, logs) => {
                let record = Arc::new(record);
                let queues = spans.into_iter().chain(logs);
                queues.for_each(|queue| queue.push(record.clone()));
            }
        }
    }
}

// === impl Wanted ===

impl Wanted {
    pub(crate) fn any(self) -> bool {
        self != Self::default()
    }
}
