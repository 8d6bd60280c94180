//! What an application's client does at this level: it hands its request to the pod's agent, or to
//! the network when there is none.

use core::future::Future;
use core::net::{IpAddr, SocketAddr};
use core::pin::Pin;
use std::io;
use std::sync::Arc;

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
}

// === impl Caller ===

impl Caller {
    pub(crate) fn new(rt: SimRt, address: IpAddr, agent: Option<Arc<Agent>>, sites: Sites) -> Self {
        Self {
            rt,
            address,
            agent,
            sites,
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
        let refused = || NoAnswer::Connect(io::ErrorKind::ConnectionRefused);
        let to = self.rt.balanced(to).ok_or_else(refused)?;
        let Some(site) = self.sites.find(to.ip()) else {
            return core::future::pending().await;
        };
        let here = self.rt.node();
        match self.rt.there(site.node) {
            There::Silent => return core::future::pending().await,
            There::Refused => return Err(refused()),
            There::Up => {}
        }
        // A connection of its own: one round trip.
        let round = self.rt.hop(here, site.node, 0) + self.rt.hop(site.node, here, 0);
        self.rt.sleep_until(self.rt.now() + round).await;
        let from = From {
            rt: self.rt,
            address: self.address,
            identity: None,
        };
        match deliver(&self.sites, from, to, ask, &ask.headers).await {
            Ok(reply) => Ok(reply.answer(ask)),
            Err(Died) => Err(StreamError::Reset.into()),
        }
    }
}
