//! The network without bytes: how long a message takes, and whether anybody is there. The policy
//! level uses it; the wire level sends bytes over connections.

use core::net::SocketAddr;
use core::time::Duration;

use super::SimRt;
use crate::world::{self, Crash, NodeId, NodeState};

/// What a connect to a node meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum There {
    Up,
    /// The address answers that nobody listens.
    Refused,
    /// Nothing answers.
    Silent,
}

// === impl SimRt ===

impl SimRt {
    /// Draws how long a message of `bytes` is under way from `from` to `to`.
    pub(crate) fn hop(&self, from: NodeId, to: NodeId, bytes: u64) -> Duration {
        let len = usize::try_from(bytes).unwrap_or(usize::MAX);
        world::with(self.world, |w| {
            let mut nodes = w.nodes.borrow_mut();
            let link = w.net.borrow_mut().link(&nodes, from, to)?;
            let rng = &mut nodes[from.0 as usize].net;
            Some(link.transmission(len) + link.delay(len, rng))
        })
        .flatten()
        .unwrap_or_default()
    }

    /// What a connect to a node meets now.
    pub(crate) fn there(&self, node: NodeId) -> There {
        let state = world::with(self.world, |w| w.nodes.borrow()[node.0 as usize].state);
        match state {
            Some(NodeState::Up) => There::Up,
            Some(NodeState::Down(Crash::Silent)) => There::Silent,
            Some(NodeState::Down(Crash::Reset)) | None => There::Refused,
        }
    }

    /// Where the node-local load balancer sends a connection; the address itself when it is no
    /// Service's, none when the Service has no endpoints.
    pub(crate) fn balanced(&self, to: SocketAddr) -> Option<SocketAddr> {
        world::with(self.world, |w| {
            let net = w.net.borrow();
            match net.services.get(&to) {
                Some(endpoints) if endpoints.is_empty() => None,
                Some(endpoints) => {
                    let rng = &mut w.nodes.borrow_mut()[self.node.0 as usize].net;
                    Some(endpoints[rng.index(endpoints.len())])
                }
                None => Some(to),
            }
        })
        .flatten()
    }
}
