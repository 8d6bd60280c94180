//! The policy level: the engine alone, as a discrete-event simulation without bytes.
//!
//! ```text
//!  wire:    app ─bytes─▶ sidecar ═TLS, HTTP/2═▶ sidecar ─bytes─▶ app
//!  policy:  app ───────▶ agent ──a message──▶ agent ──────────▶ app
//!                        │ engine::Session      │ engine::authz
//! ```
//!
//! Scenario, pods, configuration, applications, load, faults, statistics and reports are those of
//! the wire level; the same seed draws the same arrivals and service times. What is left out is
//! what bytes do: codecs, TLS, flow control, connections that break by themselves. A message takes
//! the time of its link, a new connection the round trips of TCP and TLS.
//!
//! What a scenario asks for and this level cannot show is an error and no silence
//! ([`cannot_show`]).

use core::net::IpAddr;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::app::AppPod;
use crate::net::SimRt;
use crate::scenario::{Action, Metric, Spec};
use crate::world::NodeId;

mod agent;
mod caller;
mod lanes;
mod outbound;
mod own;
mod serve;

pub(crate) use agent::Agent;
pub(crate) use caller::Caller;

/// How much of the mesh runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Level {
    /// Real proxies over a virtual network.
    #[default]
    Wire,
    /// The engine alone.
    Policy,
}

/// Who is at which address. Cheap to clone; a world is one thread.
#[derive(Clone, Default)]
pub(crate) struct Sites(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    sites: BTreeMap<IpAddr, Site>,
    /// What was met that this level cannot show.
    beyond: BTreeSet<String>,
}

/// A pod that runs, or ran.
#[derive(Clone)]
pub(crate) struct Site {
    pub(crate) node: NodeId,
    /// Grows when its processes start anew: connections of before are gone.
    pub(crate) life: u32,
    /// The runtime and the application; none while it is down.
    pub(crate) app: Option<(SimRt, Arc<AppPod>)>,
    pub(crate) agent: Option<Arc<Agent>>,
}

/// The events and expectations of a scenario that are about bytes or connections.
pub fn cannot_show(spec: &Spec) -> Vec<String> {
    let mut found = Vec::new();
    for (i, event) in spec.events.iter().enumerate() {
        let Some(action) = event.action() else {
            continue;
        };
        let about = match action {
            Action::Partition(_) | Action::Blackhole(_) => "partitions hold connections back",
            Action::Loss(_) => "lost packets hold back what is behind them",
            Action::Bandwidth(_) => "bandwidth is shared by streams of bytes",
            Action::Refuse(_) | Action::Reset(_) => "connections are refused and reset",
            Action::ExpireCertificates(_) | Action::Skew(_) => "certificates are checked by TLS",
            _ => continue,
        };
        found.push(format!("events[{i}] ({}): {about}", event.title()));
    }
    for (i, expectation) in spec.expect.iter().enumerate() {
        if expectation.metric == Metric::Connections {
            let name = &expectation.name;
            found.push(format!("expect[{i}] ({name}): nothing closes connections"));
        }
    }
    found
}

// === impl Sites ===

impl Sites {
    pub(crate) fn put(&self, address: IpAddr, site: Site) {
        self.state().sites.insert(address, site);
    }

    pub(crate) fn find(&self, address: IpAddr) -> Option<Site> {
        self.state().sites.get(&address).cloned()
    }

    /// The processes at an address are gone.
    pub(crate) fn down(&self, address: IpAddr) {
        if let Some(site) = self.state().sites.get_mut(&address) {
            site.app = None;
            site.agent = None;
        }
    }

    /// Notes something that this level cannot show.
    pub(crate) fn beyond(&self, what: impl Into<String>) {
        self.state().beyond.insert(what.into());
    }

    pub(crate) fn met_beyond(&self) -> Vec<String> {
        self.state().beyond.iter().cloned().collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl core::fmt::Debug for Sites {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Sites")
    }
}
