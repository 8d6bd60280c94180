//! One record per request, for those who watch: traces of the simulator, access logs, invariants.
//!
//! Costs nothing when nobody watches: records are only made when an observer is there.

use core::net::SocketAddr;
use std::sync::Arc;

use engine::failure::Flag;
use engine::identity::Identity;
use engine::snapshot::ObjectName;
use engine::time::Instant;

/// Told of every request when it has ended. Called on the request's own task: has to be quick.
pub trait Observer: Send + Sync + 'static {
    fn on_request(&self, record: RequestRecord);
}

/// Which side of a proxy served the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    Outbound,
    Inbound,
}

/// What became of one request.
#[derive(Clone, Debug)]
pub struct RequestRecord {
    /// `x-request-id`: equal on all hops of one request.
    pub id: String,
    pub role: Role,
    /// The workload whose proxy this is.
    pub workload: ObjectName,
    pub method: String,
    pub authority: String,
    pub path: String,
    /// Inbound: who called, when that is proven.
    pub peer: Option<Identity>,
    /// Outbound: the service that was called.
    pub service: Option<ObjectName>,
    /// Name of the rule that matched.
    pub rule: Option<Arc<str>>,
    /// Why things went the way they did, one sentence per decision, with its origin.
    pub trail: Vec<String>,
    pub attempts: Vec<AttemptRecord>,
    /// What the client saw; none when it left before.
    pub status: Option<u16>,
    pub flag: Option<Flag>,
    /// The cause of a failure.
    pub cause: Option<String>,
    pub started: Instant,
    pub ended: Instant,
    pub bytes_received: u64,
    pub bytes_sent: u64,
}

/// One try of a request.
#[derive(Clone, Debug)]
pub struct AttemptRecord {
    pub endpoint: SocketAddr,
    pub name: ObjectName,
    pub started: Instant,
    pub ended: Instant,
    /// `200`, or the failure in words.
    pub outcome: String,
}
