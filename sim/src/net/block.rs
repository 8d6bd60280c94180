//! Faults of the network that touch open connections: partitions, changed links, crashed ends.

use super::link::{LinkRule, Place};
use super::state::EndState;
use crate::world::{Crash, Node, NodeId, Shared};

/// Packets that are dropped.
pub(crate) struct Block {
    id: u64,
    from: Place,
    to: Place,
    both: bool,
}

// === impl Block ===

impl Block {
    pub(crate) fn holds(&self, from: (NodeId, &Node), to: (NodeId, &Node)) -> bool {
        let forth = self.from.holds(from.0, from.1) && self.to.holds(to.0, to.1);
        let back = self.both && self.from.holds(to.0, to.1) && self.to.holds(from.0, from.1);
        forth || back
    }
}

// === impl Shared: faults ===

impl Shared {
    pub(crate) fn set_links(&self, rules: Vec<LinkRule>) {
        self.net.borrow_mut().set_rules(rules);
        self.refresh();
    }

    pub(crate) fn partition(&self, from: Place, to: Place, both: bool) -> u64 {
        let mut net = self.net.borrow_mut();
        let id = net.rule_id();
        net.blocks.push(Block { id, from, to, both });
        drop(net);
        self.refresh();
        id
    }

    pub(crate) fn heal(&self, id: u64) {
        self.net.borrow_mut().blocks.retain(|b| b.id != id);
        self.refresh();
    }

    /// Makes open connections follow the rules; what a partition swallowed is sent again when it is
    /// over.
    fn refresh(&self) {
        let now = self.exec.now();
        let nodes = self.nodes.borrow();
        let mut net = self.net.borrow_mut();
        let net = &mut *net;
        let keys: Vec<_> = net.conns.iter().map(|(key, _)| key).collect();
        for key in keys {
            for from in [0, 1] {
                let Some(conn) = net.conns.get_mut(key) else {
                    continue;
                };
                let (a, b) = (conn.ends[from].node, conn.ends[1 - from].node);
                let link = net.link(&nodes, a, b);
                let blocked = net.is_blocked(&nodes, a, b);
                let Some(conn) = net.conns.get_mut(key) else {
                    continue;
                };
                let pipe = &mut conn.pipes[from];
                pipe.link = link;
                let healed = pipe.blocked && !blocked;
                pipe.blocked = blocked;
                if healed {
                    pipe.heal(now);
                    self.notify(conn, key, from);
                }
            }
        }
    }

    /// The connections and listeners of a node that crashes.
    pub(crate) fn sever(&self, node: NodeId, how: Crash) {
        let now = self.exec.now();
        let mut net = self.net.borrow_mut();
        net.listeners.retain(|(n, _), _| *n != node);
        for (key, end) in net.ends_on(node) {
            let Some(conn) = net.open_end(key, end) else {
                continue;
            };
            let mut lost = 0;
            match how {
                Crash::Reset => {
                    conn.ends[end].state = EndState::Closed;
                    lost += conn.pipes[1 - end].discard();
                    lost += conn.pipes[end].discard();
                    conn.pipes[end].finish(true, now);
                    self.notify(conn, key, end);
                }
                Crash::Silent => conn.ends[end].state = EndState::Gone,
            }
            net.counts.bytes_lost += lost as u64;
            self.reap(&mut net, key);
        }
    }

    /// A machine is back and knows nothing of its old connections: what peers have outstanding is
    /// answered with a reset, and so is what they send from now on.
    pub(crate) fn reset_stale(&self, node: NodeId) {
        let now = self.exec.now();
        let mut net = self.net.borrow_mut();
        for (key, end) in net.ends_on(node) {
            let Some(conn) = net.conns.get_mut(key) else {
                continue;
            };
            if conn.ends[end].state != EndState::Gone {
                continue;
            }
            conn.ends[end].state = EndState::Closed;
            let lost = conn.pipes[1 - end].discard();
            if lost > 0 {
                conn.pipes[end].finish(true, now);
                self.notify(conn, key, end);
            }
            net.counts.bytes_lost += lost as u64;
            self.reap(&mut net, key);
        }
    }

    pub(crate) fn reset_connections(&self, of: &Place) {
        let now = self.exec.now();
        let nodes = self.nodes.borrow();
        let mut net = self.net.borrow_mut();
        let net = &mut *net;
        let hit = |id: NodeId| of.holds(id, &nodes[id.0 as usize]);
        let keys: Vec<_> = net
            .conns
            .iter()
            .filter(|(_, c)| c.ends[0].node != c.ends[1].node)
            .filter(|(_, c)| c.ends.iter().any(|e| hit(e.node)))
            .map(|(key, _)| key)
            .collect();
        for key in keys {
            for from in [0, 1] {
                if let Some(conn) = net.conns.get_mut(key) {
                    net.counts.bytes_lost += conn.pipes[from].cut(now) as u64;
                    self.notify(conn, key, from);
                }
            }
        }
    }
}
