//! Loads: who sends requests when, and what became of them as the sender saw it.
//!
//! ```text
//!   driver (a task of the world) ──at its due time──▶ flight: a task on the sender's node
//!      open:   rate over time, constant or Poisson       │ client ─▶ … ─▶ answer
//!      closed: users, each one request at a time         ▼
//!                                                     Tally: counters of the present slice
//! ```
//!
//! Latency counts from the time a request was due. An open load never waits for answers, so a
//! system that stalls is charged for every request that met the stall (no coordinated omission).

use core::time::Duration;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engine::entropy::Entropy;
use engine::report::Counters;
use engine::time::Instant;
use http::uri::{Authority, PathAndQuery};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use proxy::net::Rt as _;

use crate::app::{BadCall, destination};
use crate::client::{Client, Dest};
use crate::net::SimRt;
use crate::scenario::{self, Arrival, Schedule, Span};
use crate::story::Stories;
use crate::witness::Witness;

mod flight;

/// Requests of one load under way at once. Beyond it the sender itself is what breaks: the request
/// is counted as a failure of the sender. Linux gives one address 28,232 ports.
pub const FLIGHTS_MAX: u64 = 28_232;

/// How often a user that is not needed looks whether it is.
const USER_NAP: Duration = Duration::from_millis(100);

/// What a load sends, and when.
#[derive(Clone, Debug)]
pub struct LoadSpec {
    pub name: Arc<str>,
    pub dest: Dest,
    pub authority: Authority,
    pub path: PathAndQuery,
    pub method: Method,
    pub headers: HeaderMap,
    pub body_bytes: u64,
    pub timeout: Duration,
    pub schedule: Schedule,
    pub pacing: Pacing,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pacing {
    /// Requests come whether or not answers do.
    Open(Arrival),
    /// At most so many users, each of which waits for its answer and then thinks.
    Closed { users: u32, think: Duration },
}

/// A load cannot be sent as it is written.
#[derive(Clone, Debug, thiserror::Error)]
pub enum BadLoad {
    #[error(transparent)]
    Address(#[from] BadCall),
    #[error("load `{load}`: header `{name}` cannot be sent: {cause}")]
    Header {
        load: String,
        name: String,
        cause: String,
    },
}

/// A running load. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Sender {
    spec: Arc<LoadSpec>,
    /// Who can send: one client, or the pods of a workload that run.
    origins: Arc<Mutex<Vec<Origin>>>,
    tally: Arc<Mutex<Tally>>,
    witness: Witness,
    stories: Stories,
}

/// A place requests are sent from.
#[derive(Clone, Debug)]
pub struct Origin {
    pub rt: SimRt,
    pub client: Client,
}

#[derive(Debug, Default)]
struct Tally {
    slice: Counters,
    in_flight: u64,
    sent: u64,
}

// === impl LoadSpec ===

impl LoadSpec {
    /// The load of a scenario in a run of length `run`.
    ///
    /// # Errors
    /// When its address or a header cannot be sent.
    pub fn new(load: &scenario::Load, run: Span) -> Result<Self, BadLoad> {
        let (dest, authority, path) = destination(&load.to, Some(load.protocol().into()))?;
        let mut headers = HeaderMap::new();
        for (name, value) in &load.headers {
            let failed = |cause: String| BadLoad::Header {
                load: load.name.clone(),
                name: name.clone(),
                cause,
            };
            let key: HeaderName = name.parse().map_err(|e| failed(format!("{e}")))?;
            let value = HeaderValue::from_str(value).map_err(|e| failed(e.to_string()))?;
            headers.append(key, value);
        }
        let schedule = load.schedule(run);
        let pacing = match load.users {
            None => Pacing::Open(load.arrival),
            Some(users) => Pacing::Closed {
                users: most_users(&schedule, users),
                think: load.think_time.map_or(Duration::ZERO, |t| t.0),
            },
        };
        Ok(Self {
            name: load.name.as_str().into(),
            dest,
            authority,
            path,
            method: load.method.0.clone(),
            headers,
            body_bytes: load.body_size.map_or(0, |b| b.0),
            timeout: load.timeout().0,
            schedule,
            pacing,
        })
    }
}

/// The schedule is linear between its bends, so its maximum lies at one of them.
fn most_users(schedule: &Schedule, base: u32) -> u32 {
    let nano = Duration::from_nanos(1);
    let around = |t: Duration| [t.saturating_sub(nano), t];
    let most = schedule
        .bends()
        .flat_map(around)
        .map(|t| schedule.value_at(t));
    most.fold(f64::from(base), f64::max).ceil() as u32
}

// === impl Sender ===

impl Sender {
    pub fn new(spec: LoadSpec, witness: Witness, stories: Stories) -> Self {
        Self {
            spec: Arc::new(spec),
            origins: Arc::default(),
            tally: Arc::default(),
            witness,
            stories,
        }
    }

    pub fn name(&self) -> &str {
        &self.spec.name
    }

    /// Replaces the places it is sent from.
    pub fn set_origins(&self, origins: Vec<Origin>) {
        *self.origins.lock().unwrap_or_else(PoisonError::into_inner) = origins;
    }

    /// Starts sending. `driver` is a runtime that no fault touches; `rng` decides arrivals.
    pub fn start(&self, driver: SimRt, mut rng: Entropy) {
        match self.spec.pacing {
            Pacing::Open(arrival) => {
                let sender = self.clone();
                driver.spawn(async move { sender.open(driver, arrival, rng).await });
            }
            Pacing::Closed { users, think } => {
                for user in 0..users {
                    let sender = self.clone();
                    let rng = Entropy::from_seed(rng.u64());
                    driver.spawn(async move { sender.user(driver, user, think, rng).await });
                }
            }
        }
    }

    /// What was counted since the last call; gauges stay.
    pub fn cut(&self) -> Counters {
        let mut tally = self.tally();
        let mut slice = core::mem::take(&mut tally.slice);
        slice.in_flight = tally.in_flight;
        slice
    }

    pub fn in_flight(&self) -> u64 {
        self.tally().in_flight
    }

    async fn open(&self, driver: SimRt, arrival: Arrival, mut rng: Entropy) {
        // Arrivals are spaced in units of expected arrivals, and mapped to time by the schedule.
        let mut reached = match arrival {
            Arrival::Constant => 0.0,
            Arrival::Poisson => -libm::log(1.0 - rng.unit()),
        };
        while let Some(at) = self.spec.schedule.instant_of(reached) {
            let due = Instant::ZERO + at;
            driver.sleep_until(due).await;
            if let Some(flight) = self.launch(due) {
                flight.rt().spawn(flight.run());
            }
            reached += match arrival {
                Arrival::Constant => 1.0,
                Arrival::Poisson => -libm::log(1.0 - rng.unit()),
            };
        }
    }

    async fn user(&self, driver: SimRt, user: u32, think: Duration, mut rng: Entropy) {
        // Users do not all press the button at once.
        let spread = engine::time::nanos(think).max(1_000_000);
        let first = Duration::from_nanos(rng.below(spread));
        driver.sleep_until(driver.now() + first).await;
        loop {
            let now = Duration::from_nanos(driver.now().as_nanos());
            if self.spec.schedule.value_at(now) <= f64::from(user) {
                if self.spec.schedule.bends().all(|bend| bend <= now) {
                    return;
                }
                driver.sleep_until(driver.now() + USER_NAP).await;
                continue;
            }
            match self.launch(driver.now()) {
                Some(flight) => {
                    let landed = flight.landed();
                    flight.rt().spawn(flight.run());
                    landed.notified().await;
                }
                None => driver.sleep_until(driver.now() + USER_NAP).await,
            }
            driver.sleep_until(driver.now() + think).await;
        }
    }

    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
