//! What one proxy shares among its connections, and what it does with a connection it accepted.

use core::net::IpAddr;
use core::sync::atomic::AtomicUsize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engine::entropy::Entropy;
use engine::head::{RequestHead, ResponseHead};
use engine::live::Clusters;
use engine::snapshot::Snapshot;
use engine::time::{Instant, Wall};
use http::{HeaderMap, HeaderValue};
use tokio::sync::watch;

use crate::config::{Bounds, InPlace};
use crate::jwt::KeySets;
use crate::names::Names;
use crate::net::Rt;
use crate::observe::{Observer, RequestRecord, Role, cut};
use crate::pool::Pool;
use crate::tap::{Seen, Taps};
use crate::telemetry::Telemetry;
use crate::telemetry::outputs::{Outputs, Placed, Wanted};
use crate::tls::Store;
use crate::tls::gateway::Certificates;

mod admit;
mod direct;
mod done;
mod downstream;
mod exchange;
mod headers;
pub(crate) mod inbound;
mod local;
pub(crate) mod outbound;
mod pace;
mod shadow;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use done::Done;
pub(crate) use headers::set_date;
pub use shadow::Shadow;

/// Everything the connections of one proxy have in common.
pub(crate) struct Shared<R: Rt> {
    pub(crate) rt: R,
    pub(crate) name: String,
    /// The workload in reports: `shop/Deployment/web`.
    pub(crate) report_name: Arc<str>,
    pub(crate) snapshots: watch::Receiver<Arc<Snapshot>>,
    pub(crate) tls: Arc<Store>,
    pub(crate) bounds: Bounds,
    pub(crate) proxy_protocol: BTreeSet<u16>,
    pub(crate) observer: Option<Arc<dyn Observer>>,
    pub(crate) outputs: Option<Arc<Outputs>>,
    pub(crate) taps: Arc<Taps>,
    pub(crate) clusters: Clusters,
    pub(crate) pool: Arc<Pool<R>>,
    pub(crate) telemetry: Arc<Telemetry>,
    pub(crate) entropy: Mutex<Entropy>,
    /// Mirrored requests under way.
    pub(crate) mirrors: AtomicUsize,
    pub(crate) key_sets: KeySets,
    /// Addresses of hosts outside.
    pub(crate) names: Names,
    pub(crate) in_place: BTreeMap<u16, InPlace>,
    /// What a gateway shows to clients outside the mesh.
    pub(crate) certificates: Certificates,
    /// Proxies in front of a gateway that are believed.
    pub(crate) trusted_hops: usize,
}

/// What is known of a request when it comes in, for those who watch.
struct Entry {
    id: HeaderValue,
    placed: Option<Placed>,
    started: Instant,
}

// === impl Shared ===

impl<R: Rt> Shared<R> {
    /// The newest configuration.
    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshots.borrow().clone()
    }

    /// The stream of random numbers of this proxy's requests.
    fn entropy(&self) -> MutexGuard<'_, Entropy> {
        // A poisoned generator is still a generator.
        self.entropy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request comes in: it gets its id and its place in its trace, which the next hop is told.
    fn enter(&self, headers: &mut HeaderMap) -> Entry {
        let outputs = self.outputs.as_ref();
        Entry {
            started: self.rt.now(),
            id: headers::request_id(&self.rt, headers),
            placed: outputs.and_then(|outputs| outputs.begin(&self.rt, headers)),
        }
    }

    /// Whether attempts have to be noted, since somebody may want to hear of the request.
    fn notes_attempts(&self) -> bool {
        self.observer.is_some() || self.outputs.is_some() || self.taps.any()
    }

    /// The headers of an answer, for those who look at requests; none when nobody does.
    fn seen(&self, answer: &ResponseHead) -> Option<Box<HeaderMap>> {
        self.taps.any().then(|| Box::new(answer.headers.clone()))
    }

    /// Tells those who want to hear of a request that has ended; costs nothing when nobody does.
    fn observe(
        &self,
        role: Role,
        head: &RequestHead,
        entry: &Entry,
        done: &Done,
        more: impl FnOnce(&mut RequestRecord),
    ) {
        let wanted = match &self.outputs {
            Some(outputs) => outputs.wants(entry.placed.as_ref(), done, self.rt.rand()),
            None => Wanted::default(),
        };
        let tapped = self.taps.any();
        if self.observer.is_none() && !wanted.any() && !tapped {
            return;
        }
        let mut record = self.record(role, head, entry, done);
        more(&mut record);
        if let (None, Some(last)) = (record.upstream, record.attempts.last()) {
            record.upstream = Some(last.endpoint);
            record.server.clone_from(&last.identity);
        }
        if tapped {
            self.tap(&record, Some(&head.headers), done);
        }
        match (&self.outputs, &self.observer) {
            (Some(outputs), None) => outputs.take(wanted, record),
            (Some(outputs), Some(observer)) => {
                outputs.take(wanted, record.clone());
                observer.on_request(record);
            }
            (None, Some(observer)) => observer.on_request(record),
            (None, None) => {}
        }
    }

    /// Shows a request to those who look.
    fn tap(&self, record: &RequestRecord, headers: Option<&HeaderMap>, done: &Done) {
        let seen = Seen {
            record,
            workload: &self.report_name,
            headers,
            answer: done.headers.as_deref(),
        };
        self.taps.offer(seen, || self.rt.rand());
    }

    /// Tells the outputs of forwarded bytes that have ended; costs nothing when nobody listens.
    fn observe_bytes(
        &self,
        role: Role,
        client: IpAddr,
        started: Instant,
        done: &Done,
        more: impl FnOnce(&mut RequestRecord),
    ) {
        let outputs = self.outputs.as_ref();
        let wanted = outputs.map(|outputs| outputs.wants(None, done, self.rt.rand()));
        let wanted = wanted.unwrap_or_default();
        let tapped = self.taps.any();
        if !wanted.any() && !tapped {
            return;
        }
        let mut record = self.blank(role, started, done);
        record.client = Some(client);
        more(&mut record);
        if tapped {
            self.tap(&record, None, done);
        }
        if let Some(outputs) = outputs.filter(|_| wanted.any()) {
            outputs.take(wanted, record);
        }
    }

    fn record(&self, role: Role, head: &RequestHead, entry: &Entry, done: &Done) -> RequestRecord {
        let placed = entry.placed.as_ref();
        let field = |name| {
            let value: &HeaderValue = head.headers.get(name)?;
            Some(cut(&String::from_utf8_lossy(value.as_bytes())))
        };
        RequestRecord {
            id: String::from_utf8_lossy(entry.id.as_bytes()).into_owned(),
            method: cut(head.method.as_str()),
            authority: cut(head.authority.as_ref().map_or("", |a| a.as_str())),
            path: cut(head.path.as_str()),
            protocol: Some(head.protocol),
            client: head.source,
            forwarded_for: field(headers::FORWARDED_FOR),
            user_agent: field(http::header::USER_AGENT),
            span: placed.map(|placed| placed.context),
            trace_state: placed.and_then(|placed| placed.state.clone()),
            ..self.blank(role, entry.started, done)
        }
    }

    /// What is known without a request: how it ended, and when.
    fn blank(&self, role: Role, started: Instant, done: &Done) -> RequestRecord {
        let ended = self.rt.now();
        let took = engine::time::nanos(ended.since(started));
        RequestRecord {
            id: String::new(),
            role,
            workload: self.snapshot().workload.name.clone(),
            method: String::new(),
            authority: String::new(),
            path: String::new(),
            protocol: None,
            client: None,
            forwarded_for: None,
            user_agent: None,
            peer: None,
            service: None,
            rule: None,
            backend: None,
            upstream: None,
            server: None,
            trail: Vec::new(),
            attempts: Vec::new(),
            status: done.status.map(|s| s.as_u16()),
            grpc: done.grpc,
            how: done.ended,
            flag: done.flag,
            cause: done.cause.clone(),
            started,
            ended,
            wall: Wall(self.rt.wall().0.saturating_sub(took)),
            bytes_received: done.bytes_in,
            bytes_sent: done.bytes_out,
            span: None,
            trace_state: None,
        }
    }
}
