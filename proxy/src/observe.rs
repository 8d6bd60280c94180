//! One record per request, for those who watch: traces of the simulator, access logs, invariants.
//!
//! Costs nothing when nobody watches: records are only made when an observer is there.

use core::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use engine::failure::Flag;
use engine::head::Protocol;
use engine::identity::Identity;
use engine::report::Ended;
use engine::snapshot::{ClusterKey, ObjectName};
use engine::time::{Instant, Wall};

use crate::telemetry::context::Context;

/// The most bytes of one field that a client chose; the rest is cut.
pub const FIELD_BYTES_MAX: usize = 2048;

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

// === impl Role ===

impl Role {
    /// The listener.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Outbound => "outbound",
            Self::Inbound => "inbound",
        }
    }
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
    /// What the client spoke; none when bytes were forwarded.
    pub protocol: Option<Protocol>,
    /// Where the connection came from.
    pub client: Option<IpAddr>,
    /// `x-forwarded-for`, as it came.
    pub forwarded_for: Option<String>,
    pub user_agent: Option<String>,
    /// Inbound: who called, when that is proven.
    pub peer: Option<Identity>,
    /// Outbound: the service that was called.
    pub service: Option<ObjectName>,
    /// Name of the rule that matched.
    pub rule: Option<Arc<str>>,
    /// Outbound: where the rule sent it.
    pub backend: Option<ClusterKey>,
    /// Where the last attempt went.
    pub upstream: Option<SocketAddr>,
    /// Outbound: who answers there, which mutual TLS proves; none in the clear.
    pub server: Option<Identity>,
    /// Why things went the way they did, one sentence per decision, with its origin.
    pub trail: Vec<String>,
    pub attempts: Vec<AttemptRecord>,
    /// What the client saw; none when it left before.
    pub status: Option<u16>,
    pub grpc: Option<u32>,
    /// As the one classification has it.
    pub how: Ended,
    pub flag: Option<Flag>,
    /// The cause of a failure.
    pub cause: Option<String>,
    pub started: Instant,
    pub ended: Instant,
    /// When it began.
    pub wall: Wall,
    pub bytes_received: u64,
    pub bytes_sent: u64,
    /// Its span, when tracing is on.
    pub span: Option<Context>,
    /// The `tracestate` of its trace.
    pub trace_state: Option<String>,
}

/// One try of a request.
#[derive(Clone, Debug)]
pub struct AttemptRecord {
    pub endpoint: SocketAddr,
    pub name: ObjectName,
    /// Who mutual TLS proves it to be; none in the clear.
    pub identity: Option<Identity>,
    pub started: Instant,
    pub ended: Instant,
    /// `200`, or the failure in words.
    pub outcome: String,
}

/// What a client chose, in no more than [`FIELD_BYTES_MAX`].
pub(crate) fn cut(text: &str) -> String {
    text[..text.floor_char_boundary(FIELD_BYTES_MAX)].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_cut_between_characters() {
        assert_eq!(cut("short"), "short");
        let long = cut(&format!("/{}", "ä".repeat(FIELD_BYTES_MAX)));
        assert_eq!(long.len(), FIELD_BYTES_MAX - 1);
    }
}
