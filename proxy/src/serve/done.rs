//! How a request ended, for statistics and observers.

use engine::classify::{Outcome, classify};
use engine::failure::{Failure, Flag};
use engine::report::Ended;
use engine::verdict::LocalResponse;
use http::{HeaderMap, StatusCode};

use crate::tcp::Copied;

/// The end of one request.
#[derive(Clone, Debug)]
pub struct Done {
    pub ended: Ended,
    /// What the client saw; none when it left before.
    pub status: Option<StatusCode>,
    pub grpc: Option<u32>,
    pub flag: Option<Flag>,
    pub cause: Option<String>,
    /// Bytes of the request's body that were passed on.
    pub bytes_in: u64,
    /// Bytes of the response's body that were passed on.
    pub bytes_out: u64,
    /// Headers of the application's answer, when somebody wants to see them.
    pub headers: Option<Box<HeaderMap>>,
}

// === impl Done ===

impl Done {
    /// The application answered.
    pub fn answered(status: StatusCode, grpc: Option<u32>, moved: (u64, u64)) -> Self {
        let outcome = match grpc {
            Some(code) => Outcome::Grpc(code),
            None => Outcome::Http(status),
        };
        Self {
            ended: classify(outcome).kind.into(),
            status: Some(status),
            grpc,
            flag: None,
            cause: None,
            bytes_in: moved.0,
            bytes_out: moved.1,
            headers: None,
        }
    }

    /// The proxy answered in the application's place.
    pub fn failed(status: StatusCode, failure: &Failure) -> Self {
        Self {
            ended: Ended::LocalFailure,
            status: Some(status),
            grpc: None,
            flag: Some(failure.flag),
            cause: Some(failure.to_string()),
            bytes_in: 0,
            bytes_out: 0,
            headers: None,
        }
    }

    /// The engine answered.
    pub fn local(response: &LocalResponse) -> Self {
        let mut done = Self::answered(response.status, response.grpc_status, (0, 0));
        if response.flag.is_some() {
            done.ended = Ended::LocalFailure;
        }
        done.flag = response.flag;
        done.cause = response.origin.as_ref().map(ToString::to_string);
        done
    }

    /// Bytes were forwarded, or a connection for them was made.
    pub fn bytes(ended: Ended) -> Self {
        Self {
            ended,
            status: None,
            grpc: None,
            flag: None,
            cause: None,
            bytes_in: 0,
            bytes_out: 0,
            headers: None,
        }
    }

    /// A stream of bytes ended.
    pub fn copied(copied: Copied) -> Self {
        let mut done = Self::bytes(Ended::Success);
        done.bytes_in = copied.sent;
        done.bytes_out = copied.received;
        if let Some(kind) = copied.broken {
            done.ended = Ended::LocalFailure;
            done.flag = Some(Flag::UpstreamReset);
            done.cause = Some(kind.to_string());
        }
        done
    }

    /// An attempt broke.
    pub fn broke(flag: Flag, cause: &str) -> Self {
        Self {
            ended: Ended::LocalFailure,
            status: None,
            grpc: None,
            flag: Some(flag),
            cause: Some(cause.to_owned()),
            bytes_in: 0,
            bytes_out: 0,
            headers: None,
        }
    }

    /// The client left before there was an answer.
    pub fn gone(moved: (u64, u64)) -> Self {
        Self {
            ended: Ended::Ignored,
            status: None,
            grpc: None,
            flag: Some(Flag::DownstreamGone),
            cause: None,
            bytes_in: moved.0,
            bytes_out: moved.1,
            headers: None,
        }
    }

    /// The peer's proxy refused the request, if it did: that is no answer of the application.
    pub fn refused_by_peer(mut self, flag: Option<Flag>) -> Self {
        if flag.is_some() && self.ended != Ended::Ignored {
            self.ended = Ended::LocalFailure;
            self.flag = flag;
        }
        self
    }

    /// The answer broke in the middle.
    pub fn broken(mut self, flag: Flag) -> Self {
        self.ended = Ended::LocalFailure;
        self.flag = Some(flag);
        self
    }

    /// The client left in the middle of the answer.
    pub fn left(mut self) -> Self {
        self.ended = Ended::Ignored;
        self.flag = Some(Flag::DownstreamGone);
        self
    }
}
