//! One pod's application: its listeners, its workers and what it has to itself.

use core::net::{Ipv4Addr, SocketAddr};
use core::sync::atomic::AtomicU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use engine::entropy::Entropy;
use engine::snapshot::PortProtocol;
use proxy::net::{Accept as _, Rt as _};
use proxy::rls;
use tokio::sync::Semaphore;

use super::limits::Counts;
use super::work::Reply;
use super::{AppSpec, Behaviour, serve};
use crate::client::Client;
use crate::net::SimRt;
use crate::witness::Witness;

/// A running application. A crash of its node drops its tasks; starting again needs a new one.
#[derive(Debug)]
pub struct AppPod {
    /// `shop/web-0`
    pub name: Arc<str>,
    pub(super) rt: SimRt,
    pub(super) spec: Arc<AppSpec>,
    behaviour: Arc<Mutex<Behaviour>>,
    pub(super) workers: Semaphore,
    pub(super) waiting: AtomicU32,
    rng: Mutex<Entropy>,
    pub(super) client: Client,
    pub(super) witness: Witness,
    /// Of an application that counts for rate limits.
    pub(super) counts: Counts,
}

// === impl AppPod ===

impl AppPod {
    pub fn new(
        name: &str,
        rt: SimRt,
        spec: Arc<AppSpec>,
        behaviour: Arc<Mutex<Behaviour>>,
        witness: Witness,
    ) -> Arc<Self> {
        Self::with_client(name, Client::new(rt), spec, behaviour, witness)
    }

    /// An application whose calls go out by `client`.
    pub(crate) fn with_client(
        name: &str,
        client: Client,
        spec: Arc<AppSpec>,
        behaviour: Arc<Mutex<Behaviour>>,
        witness: Witness,
    ) -> Arc<Self> {
        let rt = client.rt();
        Arc::new(Self {
            name: name.into(),
            rt,
            workers: Semaphore::new(spec.workers as usize),
            waiting: AtomicU32::new(0),
            // The node's own stream: another pod's requests draw from another one.
            rng: Mutex::new(Entropy::from_seed(rt.rand())),
            client,
            spec,
            behaviour,
            witness,
            counts: Counts::default(),
        })
    }

    /// Serves the ports of the pod's containers.
    pub fn start(self: &Arc<Self>, ports: &[(u16, PortProtocol)]) {
        for (port, protocol) in ports.iter().copied() {
            let pod = Arc::clone(self);
            self.rt.spawn(async move {
                let any = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port);
                let Ok(mut listener) = pod.rt.listen(any).await else {
                    return;
                };
                loop {
                    if let Ok((io, _)) = listener.accept().await {
                        pod.rt
                            .spawn(serve::connection(Arc::clone(&pod), io, protocol));
                    }
                }
            });
        }
    }

    pub fn client(&self) -> &Client {
        &self.client
    }

    /// What is served at a path, if the request went well.
    pub(super) fn content(&self, path: &str, reply: &Reply) -> Option<Bytes> {
        let content = self.spec.contents.get(path)?;
        reply.status.is_success().then(|| content.clone())
    }

    /// The answer to a question about rate limits in gRPC's frame, if it is one and this
    /// application counts.
    pub(crate) fn limits_of(&self, path: &str, question: &[u8]) -> Option<Bytes> {
        let counts = path == rls::PATH && self.spec.counts_rate_limits;
        let said = counts.then(|| self.counts.answer(question, self.rt.now()))?;
        said.map(Bytes::from)
    }

    pub(super) fn rng(&self) -> MutexGuard<'_, Entropy> {
        self.rng.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn behaviour(&self) -> MutexGuard<'_, Behaviour> {
        self.behaviour
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
