//! Simulated applications: what a workload's containers do with a request.
//!
//! ```text
//!  request ─▶ queue (bounded) ─▶ worker ─▶ service time ─▶ calls downstream ─▶ answer
//!               │ full                        × slow, cold     in sequence, in parallel
//!               ▼                             errors drawn
//!              503
//! ```
//!
//! A worker is held while its calls are under way, as a thread is. An application goes on with a
//! request whose client has left, since most do not notice.

use core::time::Duration;
use std::collections::BTreeMap;

use bytes::Bytes;
use engine::entropy::Entropy;
use engine::time::Instant;
use http::uri::{Authority, PathAndQuery};
use http::{Method, StatusCode};

use crate::client::{Dest, Protocol};
use crate::dist::Dist;
use crate::scenario::{self, ColdStart, OnError, Url, UrlScheme};

mod calls;
mod limits;
pub(crate) use calls::kind;
pub mod pod;
mod serve;
mod work;

pub use pod::AppPod;
pub(crate) use serve::grpc_status;
pub(crate) use work::Request;

/// What all pods of a workload do.
#[derive(Clone, Debug)]
pub struct AppSpec {
    pub service_time: Dist,
    pub workers: u32,
    pub queue: u32,
    /// Share of the requests that fail.
    pub error_rate: f64,
    pub error_status: StatusCode,
    pub response_size: u64,
    pub calls: Vec<CallSpec>,
    pub cold_start: Option<ColdStart>,
    pub counts_rate_limits: bool,
    /// By path.
    pub contents: BTreeMap<String, Bytes>,
}

/// A call that is made for each request.
#[derive(Clone, Debug)]
pub struct CallSpec {
    pub dest: Dest,
    pub authority: Authority,
    pub path: PathAndQuery,
    pub method: Method,
    pub probability: f64,
    /// Starts together with the call before it.
    pub parallel: bool,
    pub body_bytes: u64,
    pub timeout: Option<Duration>,
    pub retries: u32,
    pub on_error: OnError,
}

/// What events do to one pod.
#[derive(Debug, Default)]
pub struct Behaviour {
    /// When the application started.
    pub started: Instant,
    /// By event.
    pub slow: BTreeMap<usize, Slowness>,
    pub errors: BTreeMap<usize, Errors>,
}

#[derive(Clone, Debug)]
pub struct Slowness {
    pub factor: f64,
    pub add: Option<Dist>,
}

#[derive(Clone, Debug)]
pub struct Errors {
    pub rate: f64,
    pub status: StatusCode,
    /// How long an error takes, instead of the service time.
    pub service_time: Option<Dist>,
}

/// What is drawn for one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draw {
    pub takes: Duration,
    pub error: Option<StatusCode>,
}

/// An address of the scenario cannot be sent to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{url}` cannot be called: {cause}")]
pub struct BadCall {
    url: String,
    cause: String,
}

// === impl AppSpec ===

impl AppSpec {
    /// The application of a scenario.
    ///
    /// # Errors
    /// When an address is no valid authority or path.
    pub fn new(app: &scenario::App) -> Result<Self, BadCall> {
        let status = app.error_status();
        Ok(Self {
            service_time: app.service_time().into(),
            workers: app.workers(),
            queue: app.queue(),
            error_rate: app.error_rate().0,
            error_status: StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            response_size: app.response_size().0,
            calls: app
                .calls
                .iter()
                .map(CallSpec::new)
                .collect::<Result<_, _>>()?,
            cold_start: app.cold_start.clone(),
            counts_rate_limits: app.counts_rate_limits,
            contents: app
                .contents
                .iter()
                .map(|(path, text)| (path.clone(), Bytes::from(text.clone())))
                .collect(),
        })
    }

    /// Draws what becomes of one request. Every call takes the same number of draws from the
    /// stream whatever its outcome, as far as the distributions do.
    pub fn draw(&self, behaviour: &Behaviour, now: Instant, rng: &mut Entropy) -> Draw {
        let mut takes = self.service_time.sample(rng);
        let mut error = (rng.unit() < self.error_rate).then_some(self.error_status);
        for errors in behaviour.errors.values() {
            if rng.unit() < errors.rate {
                error = Some(errors.status);
                if let Some(time) = &errors.service_time {
                    takes = time.sample(rng);
                }
            }
        }
        let mut factor = match &self.cold_start {
            Some(cold) => cold.factor_at(now.since(behaviour.started)),
            None => 1.0,
        };
        for slow in behaviour.slow.values() {
            factor *= slow.factor;
        }
        if factor != 1.0 {
            takes = Duration::from_nanos((takes.as_nanos() as f64 * factor) as u64);
        }
        for add in behaviour.slow.values().filter_map(|s| s.add.as_ref()) {
            takes = takes.saturating_add(add.sample(rng));
        }
        Draw { takes, error }
    }
}

// === impl CallSpec ===

impl CallSpec {
    fn new(call: &scenario::Call) -> Result<Self, BadCall> {
        let (dest, authority, path) = destination(&call.url(), None)?;
        Ok(Self {
            dest,
            authority,
            path,
            method: call.method(),
            probability: call.probability.0,
            parallel: call.parallel,
            body_bytes: call.body_size.map_or(0, |b| b.0),
            timeout: call.timeout.map(|t| t.0),
            retries: call.retries,
            on_error: call.on_error,
        })
    }
}

/// A URL as a client uses it.
pub(crate) fn destination(
    url: &Url,
    protocol: Option<Protocol>,
) -> Result<(Dest, Authority, PathAndQuery), BadCall> {
    let failed = |cause: String| BadCall {
        url: url.to_string(),
        cause,
    };
    let grpc = url.scheme == UrlScheme::Grpc;
    let usual = match grpc {
        true => Protocol::Http2,
        false => Protocol::Http1,
    };
    let dest = Dest {
        host: url.host.as_str().into(),
        port: url.port,
        protocol: protocol.unwrap_or(usual),
        grpc,
    };
    let authority = url
        .authority()
        .parse()
        .map_err(|e| failed(format!("{e}")))?;
    let path = url.path.parse().map_err(|e| failed(format!("{e}")))?;
    Ok((dest, authority, path))
}

#[cfg(test)]
mod tests;
