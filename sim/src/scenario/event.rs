//! What happens during a run: faults, and what operators do.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::distribution::Distribution;
use super::network::is_false;
use super::quantity::{Bandwidth, Share, Span};
use super::reference::{ObjectRef, Place, WorkloadRef};

mod pods;
mod shift;

pub use pods::PodChoice;
pub use shift::{Guard, Percent, Shift};

/// Something that happens at a time. Exactly one of the actions is set.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Event {
    /// When, from the beginning of the run.
    #[schemars(example = "10s")]
    pub at: Span,
    /// How long. Without it a fault stays to the end of the run.
    #[serde(rename = "for", default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = "20s")]
    pub lasts: Option<Span>,
    /// Name, for the report; without it the event describes itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = "one replica dies")]
    pub name: Option<String>,
    /// Pods die at once: their connections are reset. With `for` they come back after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crash: Option<Crash>,
    /// Pods die and start again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restart: Option<Restart>,
    /// Pods stand still (a stop-the-world stall): nothing is answered, nothing is lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause: Option<Pods>,
    /// Applications become slower.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slow: Option<Slow>,
    /// Applications answer with errors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Errors>,
    /// Connections to the applications are refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refuse: Option<Pods>,
    /// Packets to and from the pods vanish: connects time out, open connections go silent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blackhole: Option<Pods>,
    /// Open connections of the pods are reset, once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reset: Option<Pods>,
    /// Two places cannot reach each other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<Between>,
    /// Segments between two places are lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss: Option<Loss>,
    /// Latency is added between two places.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<AddedLatency>,
    /// The bandwidth between two places becomes small.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bandwidth: Option<Narrow>,
    /// Manifests are applied, as by `kubectl apply`; proxies learn of it after the propagation
    /// delay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub apply: Option<Apply>,
    /// The number of replicas changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale: Option<Scale>,
    /// Traffic is shifted to another version step by step, and goes back by itself when that
    /// version does badly: `meshctl route shift`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shift: Option<Shift>,
    /// All pods of a workload are replaced, a few at a time, as by `kubectl rollout restart`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<Rollout>,
    /// The workload certificates are not renewed and expire now. With `for` they are renewed
    /// after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expire_certificates: Option<Pods>,
    /// The pods' wall clocks go wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skew: Option<Skew>,
    /// The proxies lose the control plane: they keep what they know and learn nothing new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disconnect: Option<Pods>,
}

/// Which pods.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Pods {
    /// The workload.
    #[schemars(example = "shop/Deployment/web")]
    pub target: WorkloadRef,
    /// Which of its pods; without it all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pods: Option<PodChoice>,
}

/// See [`Event::crash`].
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Crash {
    /// The workload.
    #[schemars(example = "shop/Deployment/web")]
    pub target: WorkloadRef,
    /// Which of its pods; without it all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pods: Option<PodChoice>,
    /// The machine is gone: peers see silence instead of resets.
    #[serde(default, skip_serializing_if = "is_false")]
    #[schemars(example = true)]
    pub silent: bool,
}

/// See [`Event::restart`].
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Restart {
    /// The workload.
    #[schemars(example = "shop/Deployment/web")]
    pub target: WorkloadRef,
    /// Which of its pods; without it all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pods: Option<PodChoice>,
    /// How long a pod takes until it is ready again.
    #[serde(default = "startup_time")]
    #[schemars(example = "2s")]
    pub startup_time: Span,
}

/// See [`Event::slow`]. At least one of `factor` and `add`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Slow {
    /// The workload.
    #[schemars(example = "shop/Deployment/reviews")]
    pub target: WorkloadRef,
    /// Which of its pods; without it all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pods: Option<PodChoice>,
    /// Service times are multiplied by this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = 10.0, range(min = 0.0, max = 1e6))]
    pub factor: Option<f64>,
    /// Added to each service time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = "500ms")]
    pub add: Option<Distribution>,
}

/// See [`Event::error`].
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Errors {
    /// The workload.
    #[schemars(example = "shop/Deployment/reviews-v2")]
    pub target: WorkloadRef,
    /// Which of its pods; without it all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pods: Option<PodChoice>,
    /// Share of the requests that fail.
    #[serde(default = "all")]
    #[schemars(example = "20%")]
    pub rate: Share,
    /// Status of the errors.
    #[serde(default = "error_status")]
    #[schemars(example = 503, range(min = 400, max = 599))]
    pub status: u16,
    /// Time an error takes; without it as long as a success. A short one is a pod that fails fast.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = "1ms")]
    pub service_time: Option<Distribution>,
}

/// See [`Event::partition`].
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Between {
    /// One side.
    #[schemars(example = "zone/eu-1a")]
    pub from: Place,
    /// The other side.
    #[schemars(example = "zone/eu-1b")]
    pub to: Place,
    /// Only what travels from `from` to `to` is affected.
    #[serde(default, skip_serializing_if = "is_false")]
    #[schemars(example = true)]
    pub one_way: bool,
}

/// See [`Event::loss`].
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Loss {
    /// One side.
    #[schemars(example = "zone/eu-1a")]
    pub from: Place,
    /// The other side.
    #[schemars(example = "zone/eu-1b")]
    pub to: Place,
    /// Only what travels from `from` to `to` is affected.
    #[serde(default, skip_serializing_if = "is_false")]
    #[schemars(example = true)]
    pub one_way: bool,
    /// Share of the segments that are lost.
    #[schemars(example = "5%")]
    pub rate: Share,
}

/// See [`Event::latency`].
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AddedLatency {
    /// One side.
    #[schemars(example = "zone/eu-1a")]
    pub from: Place,
    /// The other side.
    #[schemars(example = "zone/eu-1b")]
    pub to: Place,
    /// Only what travels from `from` to `to` is affected.
    #[serde(default, skip_serializing_if = "is_false")]
    #[schemars(example = true)]
    pub one_way: bool,
    /// Added to the latency in each direction.
    #[schemars(example = "50ms")]
    pub add: Distribution,
}

/// See [`Event::bandwidth`].
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Narrow {
    /// One side.
    #[schemars(example = "zone/eu-1a")]
    pub from: Place,
    /// The other side.
    #[schemars(example = "zone/eu-1b")]
    pub to: Place,
    /// Only what travels from `from` to `to` is affected.
    #[serde(default, skip_serializing_if = "is_false")]
    #[schemars(example = true)]
    pub one_way: bool,
    /// Bits per second of one connection.
    #[schemars(example = "1Mbps")]
    pub limit: Bandwidth,
}

/// See [`Event::apply`].
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Apply {
    /// Files or directories, relative to the scenario.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("examples" = [["shop/canary-50.yaml"]]))]
    pub manifests: Vec<String>,
    /// Objects written here: complete Kubernetes objects.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub objects: Vec<serde_json::Map<String, serde_json::Value>>,
    /// Objects that are deleted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("examples" = [["HTTPRoute/shop/web"]]))]
    pub delete: Vec<ObjectRef>,
}

/// See [`Event::scale`].
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Scale {
    /// The workload.
    #[schemars(example = "shop/Deployment/web")]
    pub target: WorkloadRef,
    /// The new number of replicas.
    #[schemars(example = 5, range(max = 10_000))]
    pub replicas: u32,
    /// How long a new pod takes until it is ready.
    #[serde(default = "startup_time")]
    #[schemars(example = "2s")]
    pub startup_time: Span,
}

/// See [`Event::rollout`].
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rollout {
    /// The workload.
    #[schemars(example = "shop/Deployment/web")]
    pub target: WorkloadRef,
    /// Pods above the number of replicas; without it what the Deployment says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = 1)]
    pub max_surge: Option<u32>,
    /// Pods missing from the number of replicas; without it what the Deployment says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = 0)]
    pub max_unavailable: Option<u32>,
    /// How long a new pod takes until it is ready.
    #[serde(default = "startup_time")]
    #[schemars(example = "2s")]
    pub startup_time: Span,
    /// How long an old pod goes on serving after it was told to stop (a preStop hook, or the drain
    /// of the sidecar); without it as the pod's `terminationGracePeriodSeconds` allows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = "5s")]
    pub drain: Option<Span>,
    /// Share of the requests that the new version answers with an error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = "5%")]
    pub error_rate: Option<Share>,
    /// Service time of the new version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = "20ms")]
    pub service_time: Option<Distribution>,
}

/// See [`Event::skew`]. Exactly one of `ahead` and `behind`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Skew {
    /// The workload.
    #[schemars(example = "shop/Deployment/web")]
    pub target: WorkloadRef,
    /// Which of its pods; without it all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pods: Option<PodChoice>,
    /// The clocks show a later time than it is, by this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = "10m")]
    pub ahead: Option<Span>,
    /// The clocks show an earlier time than it is, by this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = "10m")]
    pub behind: Option<Span>,
}

/// The one thing an [`Event`] does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Action<'a> {
    Crash(&'a Crash),
    Restart(&'a Restart),
    Pause(&'a Pods),
    Slow(&'a Slow),
    Error(&'a Errors),
    Refuse(&'a Pods),
    Blackhole(&'a Pods),
    Reset(&'a Pods),
    Partition(&'a Between),
    Loss(&'a Loss),
    Latency(&'a AddedLatency),
    Bandwidth(&'a Narrow),
    Apply(&'a Apply),
    Scale(&'a Scale),
    Rollout(&'a Rollout),
    Shift(&'a Shift),
    ExpireCertificates(&'a Pods),
    Skew(&'a Skew),
    Disconnect(&'a Pods),
}

/// A pod is ready this long after its start when nothing is said.
pub const STARTUP_TIME: Span = Span::from_secs(2);

// === impl Event ===

impl Event {
    /// The actions that are set, in the order of the fields; a valid event has one.
    pub fn actions(&self) -> Vec<Action<'_>> {
        let all = [
            self.crash.as_ref().map(Action::Crash),
            self.restart.as_ref().map(Action::Restart),
            self.pause.as_ref().map(Action::Pause),
            self.slow.as_ref().map(Action::Slow),
            self.error.as_ref().map(Action::Error),
            self.refuse.as_ref().map(Action::Refuse),
            self.blackhole.as_ref().map(Action::Blackhole),
            self.reset.as_ref().map(Action::Reset),
            self.partition.as_ref().map(Action::Partition),
            self.loss.as_ref().map(Action::Loss),
            self.latency.as_ref().map(Action::Latency),
            self.bandwidth.as_ref().map(Action::Bandwidth),
            self.apply.as_ref().map(Action::Apply),
            self.scale.as_ref().map(Action::Scale),
            self.rollout.as_ref().map(Action::Rollout),
            self.shift.as_ref().map(Action::Shift),
            self.expire_certificates
                .as_ref()
                .map(Action::ExpireCertificates),
            self.skew.as_ref().map(Action::Skew),
            self.disconnect.as_ref().map(Action::Disconnect),
        ];
        all.into_iter().flatten().collect()
    }

    /// What happens; none only in an event that validation would refuse.
    pub fn action(&self) -> Option<Action<'_>> {
        self.actions().first().copied()
    }

    /// For people: the name, or what it does.
    pub fn title(&self) -> String {
        match (&self.name, self.action()) {
            (Some(name), _) => name.clone(),
            (None, Some(action)) => action.title(),
            (None, None) => "nothing".into(),
        }
    }
}

// === impl Action ===

impl<'a> Action<'a> {
    /// The field that holds it.
    pub const fn field(&self) -> &'static str {
        match self {
            Self::Crash(_) => "crash",
            Self::Restart(_) => "restart",
            Self::Pause(_) => "pause",
            Self::Slow(_) => "slow",
            Self::Error(_) => "error",
            Self::Refuse(_) => "refuse",
            Self::Blackhole(_) => "blackhole",
            Self::Reset(_) => "reset",
            Self::Partition(_) => "partition",
            Self::Loss(_) => "loss",
            Self::Latency(_) => "latency",
            Self::Bandwidth(_) => "bandwidth",
            Self::Apply(_) => "apply",
            Self::Scale(_) => "scale",
            Self::Rollout(_) => "rollout",
            Self::Shift(_) => "shift",
            Self::ExpireCertificates(_) => "expireCertificates",
            Self::Skew(_) => "skew",
            Self::Disconnect(_) => "disconnect",
        }
    }

    /// The workload it is about and the choice among its pods.
    pub fn target(&self) -> Option<(&'a WorkloadRef, Option<&'a PodChoice>)> {
        match *self {
            Self::Crash(x) => Some((&x.target, x.pods.as_ref())),
            Self::Restart(x) => Some((&x.target, x.pods.as_ref())),
            Self::Pause(x)
            | Self::Refuse(x)
            | Self::Blackhole(x)
            | Self::Reset(x)
            | Self::ExpireCertificates(x)
            | Self::Disconnect(x) => Some((&x.target, x.pods.as_ref())),
            Self::Slow(x) => Some((&x.target, x.pods.as_ref())),
            Self::Error(x) => Some((&x.target, x.pods.as_ref())),
            Self::Skew(x) => Some((&x.target, x.pods.as_ref())),
            Self::Scale(x) => Some((&x.target, None)),
            Self::Rollout(x) => Some((&x.target, None)),
            Self::Partition(_)
            | Self::Loss(_)
            | Self::Latency(_)
            | Self::Bandwidth(_)
            | Self::Apply(_)
            | Self::Shift(_) => None,
        }
    }

    /// The two places it is about, and whether only one direction is affected.
    pub const fn between(&self) -> Option<(&'a Place, &'a Place, bool)> {
        match *self {
            Self::Partition(x) => Some((&x.from, &x.to, x.one_way)),
            Self::Loss(x) => Some((&x.from, &x.to, x.one_way)),
            Self::Latency(x) => Some((&x.from, &x.to, x.one_way)),
            Self::Bandwidth(x) => Some((&x.from, &x.to, x.one_way)),
            _ => None,
        }
    }

    /// True for what goes on for a time and then ends, false for what happens once.
    pub const fn lasts(&self) -> bool {
        !matches!(
            self,
            Self::Restart(_)
                | Self::Reset(_)
                | Self::Apply(_)
                | Self::Scale(_)
                | Self::Rollout(_)
                | Self::Shift(_)
        )
    }

    fn title(&self) -> String {
        if let Some((target, pods)) = self.target() {
            return match pods {
                Some(PodChoice::Count(n)) => format!("{} {n} of {target}", self.field()),
                Some(PodChoice::Share(s)) => format!("{} {}% of {target}", self.field(), s.0 * 1e2),
                Some(PodChoice::Indexes(i)) => format!("{} {target} {i:?}", self.field()),
                None => format!("{} {target}", self.field()),
            };
        }
        if let Some((from, to, one_way)) = self.between() {
            let arrow = if one_way { "→" } else { "↔" };
            return format!("{} {from} {arrow} {to}", self.field());
        }
        match self {
            Self::Apply(apply) => {
                let deleted = apply.delete.iter().map(|d| format!("delete {d}"));
                let objects = apply.objects.iter().map(object_title);
                let files = apply.manifests.iter().cloned();
                let parts: Vec<_> = files.chain(objects).chain(deleted).collect();
                format!("apply {}", parts.join(", "))
            }
            Self::Shift(shift) => format!("shift {} to {}", shift.route, shift.to),
            _ => self.field().into(),
        }
    }
}

/// `HTTPRoute shop/web` of an object that may be anything.
fn object_title(object: &serde_json::Map<String, serde_json::Value>) -> String {
    let text = |value: Option<&serde_json::Value>| {
        value.and_then(|v| v.as_str()).unwrap_or("?").to_owned()
    };
    let meta = object.get("metadata");
    let name = text(meta.and_then(|m| m.get("name")));
    match meta
        .and_then(|m| m.get("namespace"))
        .and_then(|v| v.as_str())
    {
        Some(namespace) => format!("{} {namespace}/{name}", text(object.get("kind"))),
        None => format!("{} {name}", text(object.get("kind"))),
    }
}

const fn startup_time() -> Span {
    STARTUP_TIME
}

const fn all() -> Share {
    Share::ONE
}

const fn error_status() -> u16 {
    super::app::ERROR_STATUS
}

#[cfg(test)]
mod tests;
