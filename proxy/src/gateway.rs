//! The ports of a gateway: bound when the configuration asks for them, given up when it does not
//! any more. Connections that were accepted are finished.

use core::net::{IpAddr, SocketAddr};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::config::Doors;
use crate::listen::drain::Watch;
use crate::net::{Accept as _, Rt};
use crate::serve::Shared;
use crate::serve::outbound::ingress;
use crate::telemetry::totals::Door;
use crate::{accepting, listen_at};

/// Where each port of the gateway is bound.
#[derive(Debug, Default)]
pub(crate) struct Bound(Mutex<BTreeMap<Place, SocketAddr>>);

/// The port as the Gateway declares it, and the address that was asked for.
type Place = (u16, SocketAddr);

/// The listeners of a gateway's proxy.
pub(crate) struct Gate<R: Rt> {
    shared: Arc<Shared<R>>,
    doors: Doors,
    watch: Watch,
    bound: Arc<Bound>,
    /// Dropped: the port is given up.
    open: BTreeMap<Place, oneshot::Sender<()>>,
}

// === impl Gate ===

impl<R: Rt> Gate<R> {
    /// Binds what the configuration at hand asks for.
    ///
    /// # Errors
    /// When a port cannot be bound: a proxy that cannot do its work does none of it.
    pub(crate) async fn open(
        shared: Arc<Shared<R>>,
        doors: Doors,
        watch: Watch,
        bound: Arc<Bound>,
    ) -> io::Result<Self> {
        let mut gate = Self {
            shared,
            doors,
            watch,
            bound,
            open: BTreeMap::new(),
        };
        match gate.settle().await.into_iter().next() {
            Some(error) => Err(error),
            None => Ok(gate),
        }
    }

    /// Goes with the configuration until the proxy drains.
    pub(crate) async fn follow(mut self) {
        let mut snapshots = self.shared.snapshots.clone();
        loop {
            tokio::select! {
                biased;
                () = self.watch.draining() => return,
                changed = snapshots.changed() => if changed.is_err() {
                    // The source is gone; the last configuration stays.
                    self.watch.draining().await;
                    return;
                },
            }
            snapshots.borrow_and_update();
            for error in self.settle().await {
                (self.doors.tell)(&error.to_string());
            }
        }
    }

    /// Binds what is missing and gives up what is not wanted; what could not be bound is tried
    /// again with the next configuration.
    async fn settle(&mut self) -> Vec<io::Error> {
        let gateway = self.shared.snapshot().gateway.clone();
        self.shared.certificates.retain(&gateway);
        let ports = gateway.ports.keys();
        let wanted: BTreeSet<Place> = ports
            .flat_map(|port| self.doors.of(*port).into_iter().map(|at| (*port, at)))
            .collect();
        self.open.retain(|place, _| wanted.contains(place));
        self.bound.lock().retain(|place, _| wanted.contains(place));
        let mut errors = Vec::new();
        for (port, at) in wanted {
            if self.open.contains_key(&(port, at)) {
                continue;
            }
            match listen_at(&self.shared.rt, at).await {
                Ok(listener) => self.serve((port, at), listener),
                Err(error) => errors.push(error),
            }
        }
        errors
    }

    fn serve(&mut self, place: Place, listener: R::Listener) {
        let (stop, stopped) = oneshot::channel::<()>();
        self.bound.lock().insert(place, listener.local_addr());
        self.open.insert(place, stop);
        let port = place.0;
        let serve =
            move |shared, io, info, watch| ingress::connection(shared, io, info, watch, port);
        let accepting = accepting(
            &self.shared,
            listener,
            Door::Gateway,
            self.watch.clone(),
            serve,
        );
        self.shared.rt.spawn(async move {
            tokio::select! {
                biased;
                () = accepting => {}
                _ = stopped => {}
            }
        });
    }
}

// === impl Doors ===

impl Doors {
    /// Where a port of the gateway is bound.
    fn of(&self, port: u16) -> Vec<SocketAddr> {
        match self.places.get(&port) {
            Some(places) => places.clone(),
            None => {
                let all = self.addresses.iter();
                all.map(|address: &IpAddr| SocketAddr::new(*address, port))
                    .collect()
            }
        }
    }
}

// === impl Bound ===

impl Bound {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Place, SocketAddr>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ports as the Gateway declares them, with where they are bound.
    pub(crate) fn all(&self) -> Vec<(u16, SocketAddr)> {
        let bound = self.lock();
        bound.iter().map(|((port, _), at)| (*port, *at)).collect()
    }
}
