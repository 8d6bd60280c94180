//! Connections without bytes: what it takes to have one, and which limits count it.
//!
//! Pods of the mesh are reached over one multiplexed connection each, others over as many as there
//! are requests at once, of which the idle ones are kept: as the proxy's pool does.

use core::net::SocketAddr;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engine::classify::Broken;
use engine::failure::Failure;
use engine::live::ConnectionPermit;
use engine::session::{Attempt, Connect, Session};
use engine::snapshot::ClusterProtocol;
use engine::trace::Trail;
use proxy::net::Rt as _;
use proxy::telemetry::EndpointRowId;
use tokio::sync::Notify;

use super::{Agent, Site};
use crate::net::hop::There;

/// The connections of one agent, by address.
#[derive(Default)]
pub(super) struct Lanes(Mutex<BTreeMap<SocketAddr, Lane>>);

/// The right to send one request.
pub(super) enum Lease {
    /// On the multiplexed connection.
    Shared,
    /// On a connection of its own, to a pod in this life.
    Own(u32, ConnectionPermit),
}

/// Why an attempt has no connection.
pub(super) enum NoLease {
    Broken(Broken),
    Fail(Failure),
}

/// The connections to one address.
struct Lane {
    /// Of the pod: another life has none of them.
    life: u32,
    /// The multiplexed one, while it is open.
    shared: Option<ConnectionPermit>,
    /// Somebody opens the multiplexed one.
    opening: Option<Arc<Notify>>,
    idle: Vec<ConnectionPermit>,
}

/// What an attempt finds.
enum Found {
    Lease(Lease),
    /// Somebody else opens one that can be shared.
    Opening(Arc<Notify>),
    /// Open one.
    Nothing,
}

/// The multiplexed connection that is being opened: those who wait are told, however it ends.
struct Opening<'a> {
    lanes: &'a Lanes,
    to: SocketAddr,
}

// === impl Agent ===

impl Agent {
    /// A connection for an attempt: one that is there, or a new one if the engine allows it.
    pub(super) async fn lease(
        &self,
        session: &mut Session,
        attempt: &Attempt,
        row: EndpointRowId,
        grpc: bool,
    ) -> Result<Lease, NoLease> {
        let to = attempt.endpoint.address;
        let meshed = attempt.endpoint.identity.is_some();
        let multiplexed = meshed || grpc || attempt.cluster.protocol == ClusterProtocol::Http2;
        let Some(site) = self.sites.find(to.ip()) else {
            return Err(self.silence(attempt).await);
        };
        loop {
            match self.lanes.enter(to, site.life, multiplexed) {
                Found::Lease(lease) => return Ok(lease),
                Found::Opening(opened) => opened.notified().await,
                Found::Nothing => break,
            }
        }
        let permit = loop {
            match session.connection(self.rt.now(), &mut Trail::off()) {
                Connect::Open(permit) => break permit,
                Connect::Wait(wait) => self.wait(wait).await,
                Connect::Fail(failure) => return Err(NoLease::Fail(failure)),
            }
        };
        let opening = multiplexed.then(|| self.lanes.opening(to));
        let made = self.connect(attempt, &site).await;
        self.telemetry.connected(row, made.is_ok());
        made?;
        if opening.is_none() {
            return Ok(Lease::Own(site.life, permit));
        }
        self.lanes.opened(to, permit);
        Ok(Lease::Shared)
    }

    /// The round trips of TCP, and of TLS to a pod of the mesh.
    async fn connect(&self, attempt: &Attempt, site: &Site) -> Result<(), NoLease> {
        let there = self.rt.there(site.node);
        if there == There::Silent {
            return Err(self.silence(attempt).await);
        }
        let here = self.rt.node();
        let round = || self.rt.hop(here, site.node, 0) + self.rt.hop(site.node, here, 0);
        let mut takes = round();
        if there == There::Up && attempt.endpoint.identity.is_some() {
            takes += round();
        }
        self.rt.sleep_until(self.rt.now() + takes).await;
        let address = attempt.endpoint.address.ip();
        match self.sites.find(address).and_then(|s| s.app) {
            Some(_) => Ok(()),
            None => Err(NoLease::Broken(Broken::Connect)),
        }
    }

    /// Nobody answers a connect.
    async fn silence(&self, attempt: &Attempt) -> NoLease {
        let until = self.rt.now() + attempt.cluster.connect_timeout;
        self.rt.sleep_until(until).await;
        NoLease::Broken(Broken::ConnectTimeout)
    }
}

// === impl Lanes ===

impl Lanes {
    /// Looks for a connection to `to`, whose pod is in its `life`.
    fn enter(&self, to: SocketAddr, life: u32, multiplexed: bool) -> Found {
        let mut lanes = self.lanes();
        let lane = lanes.entry(to).or_insert_with(|| Lane::new(life));
        if lane.life != life {
            *lane = Lane::new(life);
        }
        if !multiplexed {
            let idle = lane.idle.pop();
            return idle.map_or(Found::Nothing, |p| Found::Lease(Lease::Own(life, p)));
        }
        match (&lane.shared, &lane.opening) {
            (Some(_), _) => Found::Lease(Lease::Shared),
            (None, Some(opening)) => Found::Opening(Arc::clone(opening)),
            (None, None) => Found::Nothing,
        }
    }

    /// The caller opens the multiplexed connection; others wait for it.
    fn opening(&self, to: SocketAddr) -> Opening<'_> {
        if let Some(lane) = self.lanes().get_mut(&to) {
            lane.opening = Some(Arc::default());
        }
        Opening { lanes: self, to }
    }

    /// The multiplexed connection is open.
    fn opened(&self, to: SocketAddr, permit: ConnectionPermit) {
        if let Some(lane) = self.lanes().get_mut(&to) {
            lane.shared = Some(permit);
        }
    }

    /// Takes a connection back after its exchange.
    pub(super) fn keep(&self, to: SocketAddr, lease: Lease) {
        let Lease::Own(life, permit) = lease else {
            return;
        };
        if let Some(lane) = self.lanes().get_mut(&to).filter(|l| l.life == life) {
            lane.idle.push(permit);
        }
    }

    fn lanes(&self) -> MutexGuard<'_, BTreeMap<SocketAddr, Lane>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Lane ===

impl Lane {
    fn new(life: u32) -> Self {
        Self {
            life,
            shared: None,
            opening: None,
            idle: Vec::new(),
        }
    }
}

// === impl Opening ===

impl Drop for Opening<'_> {
    fn drop(&mut self) {
        let mut lanes = self.lanes.lanes();
        let opening = lanes.get_mut(&self.to).and_then(|l| l.opening.take());
        if let Some(opening) = opening {
            opening.notify_waiters();
        }
    }
}
