//! Links: how long a segment takes from one node to another.

use core::time::Duration;
use std::sync::Arc;

use engine::entropy::Entropy;
use engine::time::Instant;

use crate::dist::Dist;
use crate::world::{Node, NodeId};

/// The largest segment of Ethernet with TCP timestamps: loss is drawn per packet of this size.
const MSS: usize = 1448;

/// Linux's `TCP_RTO_MIN`: what a lost segment costs before it is sent again. Fast retransmit is not
/// modelled: mesh traffic is short requests whose last packet has no successor to raise duplicate
/// acknowledgements.
const RTO_MIN: Duration = Duration::from_millis(200);

/// Consecutive losses of one segment that are drawn; at 6 the delay is 12.6 s and the connection is
/// as good as dead.
const LOSSES_MAX: u32 = 6;

/// One direction between two nodes.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    /// One way.
    pub latency: Dist,
    /// Comes on top, each drawn by itself.
    pub added: Vec<Dist>,
    /// Up to this much is added, uniformly. Order within a connection is kept.
    pub jitter: Duration,
    /// Probability that a packet is lost; it arrives after a retransmission.
    pub loss: f64,
    /// Bytes per second of one connection; none = unlimited.
    pub bandwidth: Option<u64>,
}

/// What a rule changes of a link.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LinkPatch {
    pub latency: Option<Dist>,
    /// Adds to the latency, whatever it is.
    pub add: Option<Dist>,
    pub jitter: Option<Duration>,
    pub loss: Option<f64>,
    pub bandwidth: Option<u64>,
}

/// Which nodes a rule is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    Any,
    Node(NodeId),
    Zone(Arc<str>),
    /// A node's group (its workload, a service).
    Group(Arc<str>),
}

/// What is different about the links of matching pairs of nodes.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkRule {
    pub from: Place,
    pub to: Place,
    /// Holds in the other direction as well.
    pub both: bool,
    pub patch: LinkPatch,
}

// === impl Link ===

impl Default for Link {
    /// Within one zone of a cloud region: a quarter of a millisecond one way.
    fn default() -> Self {
        Self {
            latency: Dist::Constant(Duration::from_micros(250)),
            added: Vec::new(),
            jitter: Duration::ZERO,
            loss: 0.0,
            bandwidth: None,
        }
    }
}

impl Link {
    /// How long a segment of `len` bytes is under way, without queueing for bandwidth.
    pub(crate) fn delay(&self, len: usize, rng: &mut Entropy) -> Duration {
        let mut delay = self.latency.sample(rng);
        for added in &self.added {
            delay += added.sample(rng);
        }
        if !self.jitter.is_zero() {
            let jitter = engine::time::nanos(self.jitter);
            delay += Duration::from_nanos(rng.below(jitter.saturating_add(1)));
        }
        if self.loss > 0.0 {
            delay += self.retransmissions(len, delay, rng);
        }
        delay
    }

    /// The delay by losses of a segment: it has arrived when its last packet has.
    fn retransmissions(&self, len: usize, delay: Duration, rng: &mut Entropy) -> Duration {
        let packets = len.div_ceil(MSS).max(1);
        let keep = libm::pow(1.0 - self.loss.clamp(0.0, 1.0), packets as f64);
        let mut lost = 0;
        while lost < LOSSES_MAX && rng.unit() >= keep {
            lost += 1;
        }
        let rto = RTO_MIN.max(delay * 4);
        // The timer doubles: 1 + 2 + 4 … = 2^lost - 1 periods.
        rto * ((1u32 << lost) - 1)
    }

    pub(crate) fn patch(&mut self, patch: &LinkPatch) {
        if let Some(latency) = &patch.latency {
            self.latency = latency.clone();
        }
        self.added.extend(patch.add.clone());
        self.jitter = patch.jitter.unwrap_or(self.jitter);
        self.loss = patch.loss.unwrap_or(self.loss);
        self.bandwidth = patch.bandwidth.or(self.bandwidth);
    }

    /// How long `len` bytes occupy the link.
    pub(crate) fn transmission(&self, len: usize) -> Duration {
        match self.bandwidth {
            Some(rate) => {
                let nanos = len as u128 * 1_000_000_000 / u128::from(rate.max(1));
                Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
            }
            None => Duration::ZERO,
        }
    }
}

/// When a segment that was first sent at `written`, and is lost until `healed`, is sent
/// successfully: the first retransmission after the heal. Its timer doubles each time, so a long
/// outage is followed by a long silence, as on Linux.
pub(crate) fn resent_after(written: Instant, healed: Instant) -> Instant {
    let mut at = written;
    let mut rto = RTO_MIN;
    // 120 s is Linux's TCP_RTO_MAX.
    while at < healed {
        at = at + rto;
        rto = (rto * 2).min(Duration::from_secs(120));
    }
    at
}

// === impl Place ===

impl Place {
    pub(crate) fn holds(&self, id: NodeId, node: &Node) -> bool {
        match self {
            Self::Any => true,
            Self::Node(n) => *n == id,
            Self::Zone(zone) => node.spec.zone == *zone,
            Self::Group(group) => node.spec.groups.contains(group),
        }
    }
}

// === impl LinkRule ===

impl LinkRule {
    /// A change of the links between all nodes.
    pub fn everywhere(patch: LinkPatch) -> Self {
        Self {
            from: Place::Any,
            to: Place::Any,
            both: true,
            patch,
        }
    }

    pub(crate) fn holds(&self, from: (NodeId, &Node), to: (NodeId, &Node)) -> bool {
        let forth = self.from.holds(from.0, from.1) && self.to.holds(to.0, to.1);
        let back = self.both && self.from.holds(to.0, to.1) && self.to.holds(from.0, from.1);
        forth || back
    }
}
