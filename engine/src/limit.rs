//! Resource limits of one proxy towards one backend ("circuit breakers" in Envoy): admit, or say
//! which limit is full.
//!
//! Envoy `circuit_breaker.proto`. Counters here are exact: they are touched only inside the
//! cluster's critical section, where Envoy's may overshoot by the number of workers.

use crate::failure::Flag;
use crate::snapshot::Limits;

/// What is under way towards one backend.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InUse {
    pub requests: u32,
    /// Requests that wait for an endpoint or a connection.
    pub pending: u32,
    /// Retries decided on and not yet answered, those in back-off included.
    pub retries: u32,
    pub connections: u32,
}

/// A limit that was full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum Full {
    #[error("the limit of requests under way")]
    Requests,
    #[error("the limit of waiting requests")]
    Pending,
    #[error("the limit of retries under way")]
    Retries,
    #[error("the limit of connections")]
    Connections,
    #[error("the adaptive limit of requests under way")]
    Concurrency,
    #[error("the share of retries that the budget allows")]
    Budget,
    #[error("the success rate below which admission control sheds")]
    Shed,
}

// === impl Full ===

impl Full {
    pub(crate) const COUNT: usize = 7;

    /// What a request that is refused for it is marked with.
    pub const fn flag(self) -> Flag {
        match self {
            Self::Shed => Flag::Dropped,
            _ => Flag::Overflow,
        }
    }
}

// === impl InUse ===

impl InUse {
    pub fn admit_request(&mut self, limits: &Limits) -> Result<(), Full> {
        take(&mut self.requests, limits.requests, Full::Requests)
    }

    pub fn admit_pending(&mut self, limits: &Limits) -> Result<(), Full> {
        take(&mut self.pending, limits.pending_requests, Full::Pending)
    }

    pub fn admit_retry(&mut self, limits: &Limits) -> Result<(), Full> {
        take(&mut self.retries, limits.retries, Full::Retries)
    }

    /// Admits a new connection to an endpoint that has `to_endpoint` of them. The first connection
    /// to an endpoint is always admitted: otherwise a full limit could starve an endpoint for good.
    pub fn admit_connection(&mut self, to_endpoint: u32, limits: &Limits) -> Result<(), Full> {
        let per_endpoint = limits.connections_per_endpoint.unwrap_or(u32::MAX);
        let room = self.connections < limits.connections && to_endpoint < per_endpoint;
        if !room && to_endpoint > 0 {
            return Err(Full::Connections);
        }
        self.connections += 1;
        Ok(())
    }
}

fn take(used: &mut u32, limit: u32, full: Full) -> Result<(), Full> {
    if *used >= limit {
        return Err(full);
    }
    *used += 1;
    Ok(())
}

#[cfg(test)]
mod tests;
