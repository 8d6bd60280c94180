//! The tables of the virtual network.

use core::net::{IpAddr, SocketAddr};
use core::task::Waker;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use proxy::net::ConnInfo;

use super::block::Block;
use super::dial::Dial;
use super::dns::Dns;
use super::link::{Link, LinkRule, Place};
use super::pipe::Pipe;
use crate::world::{Node, NodeId};

/// Connections that wait to be accepted at one listener; more SYNs are dropped. Linux's default
/// `net.core.somaxconn`.
pub(crate) const BACKLOG: usize = 4096;

#[derive(Default)]
pub(crate) struct Net {
    pub(crate) by_ip: BTreeMap<IpAddr, NodeId>,
    pub(crate) listeners: BTreeMap<(NodeId, u16), Listener>,
    pub(crate) conns: Table<Conn>,
    pub(crate) dials: Table<Dial>,
    pub(crate) dns: Dns,
    /// ClusterIP and port → endpoints.
    pub(crate) services: BTreeMap<SocketAddr, Vec<SocketAddr>>,
    rules: Vec<LinkRule>,
    /// Links by the rules that hold for them: pairs of nodes share theirs.
    links: BTreeMap<Vec<u16>, Rc<Link>>,
    pub(crate) blocks: Vec<Block>,
    pub(crate) refusals: Vec<(u64, Place)>,
    pub(crate) next_rule: u64,
    /// Connections ever opened between two nodes: keys the random stream of the next one.
    pub(crate) opened: BTreeMap<(NodeId, NodeId), u64>,
    pub(crate) counts: NetStats,
}

/// What the network has carried. `bytes_written` = `bytes_read` + `bytes_lost` + `bytes_under_way`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NetStats {
    pub bytes_written: u64,
    pub bytes_read: u64,
    /// Thrown away by resets, crashes and closes.
    pub bytes_lost: u64,
    pub bytes_under_way: u64,
    pub connections_opened: u64,
    pub connections_open: u64,
    /// Connects to addresses where nobody is.
    pub connects_to_nowhere: u64,
}

pub(crate) struct Listener {
    pub(crate) generation: u64,
    pub(crate) at: SocketAddr,
    pub(crate) backlog: VecDeque<(ConnKey, ConnInfo)>,
    pub(crate) waker: Option<Waker>,
}

pub(crate) struct Conn {
    pub(crate) ends: [ConnEnd; 2],
    /// `pipes[e]` carries what end `e` writes.
    pub(crate) pipes: [Pipe; 2],
}

#[derive(Clone, Copy)]
pub(crate) struct ConnEnd {
    pub(crate) node: NodeId,
    pub(crate) state: EndState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EndState {
    Open,
    /// Closed: what arrives is answered with a reset.
    Closed,
    /// The machine is gone: what arrives is not answered.
    Gone,
}

pub(crate) type ConnKey = Key;

/// Index and generation in a [`Table`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    index: u32,
    generation: u32,
}

/// A slab whose keys do not outlive their entries.
pub(crate) struct Table<T> {
    slots: Vec<(u32, Option<T>)>,
    free: Vec<u32>,
}

// === impl Table ===

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
        }
    }
}

impl<T> Table<T> {
    pub(crate) fn insert(&mut self, value: T) -> Key {
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push((0, None));
            (self.slots.len() - 1) as u32
        });
        let slot = &mut self.slots[index as usize];
        slot.1 = Some(value);
        Key {
            index,
            generation: slot.0,
        }
    }

    pub(crate) fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        let slot = self.slots.get_mut(key.index as usize)?;
        slot.1.as_mut().filter(|_| slot.0 == key.generation)
    }

    pub(crate) fn remove(&mut self, key: Key) -> Option<T> {
        let slot = self.slots.get_mut(key.index as usize)?;
        if slot.0 != key.generation {
            return None;
        }
        let value = slot.1.take()?;
        slot.0 = slot.0.wrapping_add(1);
        self.free.push(key.index);
        Some(value)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Key, &T)> {
        self.slots.iter().enumerate().filter_map(|(index, slot)| {
            let key = Key {
                index: index as u32,
                generation: slot.0,
            };
            Some((key, slot.1.as_ref()?))
        })
    }
}

// === impl Net ===

impl Net {
    /// The link from one node to another, patched by every rule that holds; none inside a node.
    pub(crate) fn link(&mut self, nodes: &[Node], from: NodeId, to: NodeId) -> Option<Rc<Link>> {
        if from == to {
            return None;
        }
        let a = (from, &nodes[from.0 as usize]);
        let b = (to, &nodes[to.0 as usize]);
        let indexed = (0u16..).zip(&self.rules);
        let held: Vec<u16> = indexed
            .filter(|(_, r)| r.holds(a, b))
            .map(|(i, _)| i)
            .collect();
        if let Some(link) = self.links.get(&held) {
            return Some(Rc::clone(link));
        }
        let mut link = Link::default();
        for index in &held {
            link.patch(&self.rules[usize::from(*index)].patch);
        }
        let link = Rc::new(link);
        self.links.insert(held, Rc::clone(&link));
        Some(link)
    }

    pub(crate) fn set_rules(&mut self, rules: Vec<LinkRule>) {
        self.rules = rules;
        self.links.clear();
    }

    /// True when packets from one node to another are dropped.
    pub(crate) fn is_blocked(&self, nodes: &[Node], from: NodeId, to: NodeId) -> bool {
        let a = (from, &nodes[from.0 as usize]);
        let b = (to, &nodes[to.0 as usize]);
        from != to && self.blocks.iter().any(|block| block.holds(a, b))
    }

    pub(crate) fn is_refused(&self, nodes: &[Node], to: NodeId) -> bool {
        let node = &nodes[to.0 as usize];
        self.refusals.iter().any(|(_, place)| place.holds(to, node))
    }

    pub(crate) fn refuse(&mut self, to: Place) -> u64 {
        let id = self.rule_id();
        self.refusals.push((id, to));
        id
    }

    pub(crate) fn unrefuse(&mut self, id: u64) {
        self.refusals.retain(|(rule, _)| *rule != id);
    }

    pub(crate) fn rule_id(&mut self) -> u64 {
        self.next_rule += 1;
        self.next_rule
    }

    pub(crate) fn stats(&self) -> NetStats {
        let mut stats = self.counts;
        for (_, conn) in self.conns.iter() {
            stats.connections_open += 1;
            stats.bytes_under_way += conn.pipes.iter().map(|p| p.buffered() as u64).sum::<u64>();
        }
        stats
    }
}
