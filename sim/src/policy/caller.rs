//! What an application's client does at this level: it hands its request to the pod's agent, or to
//! the network when there is none.

use core::future::Future;
use core::net::{IpAddr, SocketAddr};
use core::pin::Pin;
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use proxy::exchange::StreamError;
use proxy::net::Rt as _;

use super::serve::{Died, From, deliver};
use super::{Agent, Sites};
use crate::client::{Answer, Ask, NoAnswer};
use crate::net::SimRt;
use crate::net::hop::There;

/// A request under way.
pub(crate) type Call<'a> = Pin<Box<dyn Future<Output = Result<Answer, NoAnswer>> + Send + 'a>>;

/// A client without connections. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    rt: SimRt,
    address: IpAddr,
    agent: Option<Arc<Agent>>,
    sites: Sites,
    /// Connections that were opened and are idle, by the address that was asked for.
    idle: Arc<Mutex<BTreeMap<SocketAddr, Vec<Opened>>>>,
}

/// A connection of a client without an agent: the pod that was drawn for it, in one of its lives.
#[derive(Clone, Copy, Debug)]
struct Opened {
    to: SocketAddr,
    life: u32,
}

// === impl Caller ===

impl Caller {
    pub(crate) fn new(rt: SimRt, address: IpAddr, agent: Option<Arc<Agent>>, sites: Sites) -> Self {
        Self {
            rt,
            address,
            agent,
            sites,
            idle: Arc::default(),
        }
    }

    /// Sends a request to an address.
    ///
    /// # Errors
    /// When there is no answer.
    ///
    /// Boxed, since an application's answer may wait for the calls it makes: the type would contain
    /// itself.
    pub(crate) fn call<'a>(&'a self, ask: &'a Ask, to: SocketAddr) -> Call<'a> {
        Box::pin(self.send(ask, to))
    }

    async fn send(&self, ask: &Ask, to: SocketAddr) -> Result<Answer, NoAnswer> {
        if let Some(agent) = &self.agent {
            return agent.call(ask, to).await;
        }
        let opened = match self.pooled(to) {
            Some(opened) => opened,
            None => self.open(to).await?,
        };
        let from = From {
            rt: self.rt,
            address: self.address,
            identity: None,
        };
        match deliver(&self.sites, from, opened.to, ask, &ask.headers).await {
            Ok(reply) => {
                self.idle().entry(to).or_default().push(opened);
                Ok(reply.answer(ask))
            }
            Err(Died) => Err(StreamError::Reset.into()),
        }
    }

    /// An idle connection to a pod that still lives.
    fn pooled(&self, asked: SocketAddr) -> Option<Opened> {
        let mut idle = self.idle();
        let idle = idle.get_mut(&asked)?;
        while let Some(opened) = idle.pop() {
            let site = self.sites.find(opened.to.ip());
            if site.is_some_and(|s| s.life == opened.life && s.app.is_some()) {
                return Some(opened);
            }
        }
        None
    }

    /// Opens a connection: one round trip, to the pod that the node's load balancer draws.
    async fn open(&self, asked: SocketAddr) -> Result<Opened, NoAnswer> {
        let refused = || NoAnswer::Connect(io::ErrorKind::ConnectionRefused);
        let to = self.rt.balanced(asked).ok_or_else(refused)?;
        let Some(site) = self.sites.find(to.ip()) else {
            return core::future::pending().await;
        };
        match self.rt.there(site.node) {
            There::Silent => return core::future::pending().await,
            There::Refused => return Err(refused()),
            There::Up => {}
        }
        let here = self.rt.node();
        let round = self.rt.hop(here, site.node, 0) + self.rt.hop(site.node, here, 0);
        self.rt.sleep_until(self.rt.now() + round).await;
        let life = site.life;
        Ok(Opened { to, life })
    }

    fn idle(&self) -> MutexGuard<'_, BTreeMap<SocketAddr, Vec<Opened>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
