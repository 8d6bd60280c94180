//! The network of a scenario: how far things are from one another.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::distribution::Distribution;
use super::quantity::{Bandwidth, Share, Span};
use super::reference::{Place, WorkloadRef};

/// How far apart things are. What is not given is assumed, and the report says so.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Network {
    /// One-way latency between any two pods that no link describes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = "250us")]
    pub latency: Option<Distribution>,
    /// Zones that pods are spread over, in the order given, when nothing else places them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub zones: Vec<Zone>,
    /// Links with values of their own. For each field the last link that matches and sets it wins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<Link>,
    /// How long a DNS answer takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = "1ms")]
    pub resolution: Option<Distribution>,
}

/// An availability zone.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Zone {
    /// Name, as in the label `topology.kubernetes.io/zone`.
    #[schemars(example = "eu-1a")]
    pub name: String,
    /// Region, as in the label `topology.kubernetes.io/region`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = "eu-1")]
    pub region: Option<String>,
    /// Workloads all of whose pods run here. Pods of workloads that no zone names are spread over
    /// all zones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("examples" = [["shop/Deployment/web"]]))]
    pub workloads: Vec<WorkloadRef>,
}

/// The network between two places, in both directions unless `oneWay`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Link {
    /// One end.
    #[schemars(example = "zone/eu-1a")]
    pub from: Place,
    /// The other end.
    #[schemars(example = "zone/eu-1b")]
    pub to: Place,
    /// Holds only for what travels from `from` to `to`.
    #[serde(default, skip_serializing_if = "is_false")]
    #[schemars(example = true)]
    pub one_way: bool,
    /// One-way latency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = "1ms")]
    pub latency: Option<Distribution>,
    /// Added to each latency: uniform between zero and this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = "200us")]
    pub jitter: Option<Span>,
    /// Share of the segments that are lost, seen as the delay of their retransmission.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = "1%")]
    pub loss: Option<Share>,
    /// Bits per second of one connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = "100Mbps")]
    pub bandwidth: Option<Bandwidth>,
}

/// The control plane of a scenario: how long it takes until a change is known.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Control {
    /// From a change (an applied manifest, a pod that became ready or went away) until a proxy acts
    /// on it. Each proxy draws its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = "200ms")]
    pub propagation: Option<Distribution>,
    /// From the crash of a pod until the cluster takes note of it: the kubelet's detection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = "1s")]
    pub detection: Option<Span>,
}

/// One-way latency when nothing is said: two pods in one zone of a cloud.
pub const LATENCY: Distribution =
    Distribution::Constant(Span(core::time::Duration::from_micros(250)));

/// DNS answers when nothing is said.
pub const RESOLUTION: Distribution = Distribution::Constant(Span::from_millis(1));

/// Propagation of configuration when nothing is said.
pub const PROPAGATION: Distribution = Distribution::Uniform {
    min: Span::from_millis(50),
    max: Span::from_millis(500),
};

/// Until a crash is noticed when nothing is said.
pub const DETECTION: Span = Span::from_secs(1);

// === impl Network ===

impl Network {
    pub fn latency(&self) -> Distribution {
        self.latency.unwrap_or(LATENCY)
    }

    pub fn resolution(&self) -> Distribution {
        self.resolution.unwrap_or(RESOLUTION)
    }
}

// === impl Control ===

impl Control {
    pub fn propagation(&self) -> Distribution {
        self.propagation.unwrap_or(PROPAGATION)
    }

    pub fn detection(&self) -> Span {
        self.detection.unwrap_or(DETECTION)
    }
}

pub(super) const fn is_false(b: &bool) -> bool {
    !*b
}
