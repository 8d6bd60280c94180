//! What a run rests on, and what it leaves out: for the report's honesty.

use crate::cluster::Cluster;
use crate::policy::Level;
use crate::record::{Input, NotModelled};
use crate::scenario::{Action, App, InputNote, Load, Source, Span, Spec};

/// What is different in reality.
const NOT_MODELLED: [(&str, &str); 6] = [
    (
        "CPU contention",
        "sidecars and applications never slow each other down on a node",
    ),
    (
        "congestion control of TCP",
        "large bodies arrive sooner than on a long or crowded link",
    ),
    (
        "readiness and liveness probes",
        "pods are ready after their startup time, unless an event says so",
    ),
    ("autoscaling and eviction", "replicas change only by events"),
    (
        "work of the control plane",
        "changes reach proxies after a drawn delay, however many there are",
    ),
    (
        "external services",
        "connects to addresses outside the manifests get no answer",
    ),
];

const ASSUMED: &str = "a usual value; the scenario does not say";

/// Inputs with their paths below `spec`.
struct Inputs<'a> {
    notes: &'a [InputNote],
    all: Vec<Input>,
}

/// What the policy level leaves out besides.
const WITHOUT_BYTES: (&str, &str) = (
    "bytes, TLS and framing (policy level)",
    "a message takes the time of its link, and nothing is lost or held back on the way; a pod that \
     is told to stop serves until it is killed",
);

pub(super) fn not_modelled(level: Level) -> Vec<NotModelled> {
    let without = (level == Level::Policy).then_some(&WITHOUT_BYTES);
    let all = NOT_MODELLED
        .iter()
        .chain(without)
        .map(|(what, means)| NotModelled {
            what: (*what).into(),
            means: (*means).into(),
        });
    all.collect()
}

/// The values of a scenario, and where each comes from.
pub(super) fn inputs(spec: &Spec, cluster: &Cluster) -> Vec<Input> {
    let mut inputs = Inputs {
        notes: &spec.inputs,
        all: Vec::new(),
    };
    let network = &spec.network;
    let mut of_network = inputs.of("network", "network");
    of_network.add("latency", network.latency(), network.latency.is_some());
    of_network.add(
        "resolution",
        network.resolution(),
        network.resolution.is_some(),
    );
    let control = &spec.control;
    let mut of_control = inputs.of("control", "control");
    of_control.add(
        "propagation",
        control.propagation(),
        control.propagation.is_some(),
    );
    of_control.add(
        "detection",
        control.detection(),
        control.detection.is_some(),
    );
    for workload in cluster.workloads.values() {
        let names = |app: &App| {
            app.workload
                .names(&workload.namespace, &workload.kind, &workload.name)
        };
        let index = spec.apps.iter().position(names);
        let assumed = workload.id.parse().ok().map(App::assumed);
        let Some(app) = index.map(|i| spec.apps[i].clone()).or(assumed) else {
            continue;
        };
        let path = index.map_or_else(String::new, |i| format!("apps[{i}]"));
        let mut of_app = inputs.of(&format!("app {}", workload.id), &path);
        of_app.app(&app, index.is_some());
        of_app.inputs.all.push(Input {
            subject: of_app.subject.clone(),
            field: "replicas".into(),
            value: workload.replicas.to_string(),
            source: Source::Given,
            why: workload.template.origin.to_string(),
        });
    }
    for (index, load) in spec.load.iter().enumerate() {
        let subject = format!("load {}", load.name);
        inputs.of(&subject, &format!("load[{index}]")).load(load);
    }
    inputs.all.extend(stops(spec, cluster));
    inputs.all.sort();
    inputs.all
}

/// How pods that events replace or take away come to their end: it decides whether requests are
/// lost, and manifests seldom say it.
fn stops<'a>(spec: &'a Spec, cluster: &'a Cluster) -> impl Iterator<Item = Input> + 'a {
    spec.events.iter().filter_map(|event| {
        let (target, drain) = match event.action()? {
            Action::Rollout(rollout) => (&rollout.target, rollout.drain),
            Action::Scale(scale) => (&scale.target, None),
            _ => return None,
        };
        let workload = cluster.workloads.get(&cluster.find(target)?)?;
        let (source, why) = match (drain, workload.hooked) {
            (Some(_), _) => (Source::Given, "the scenario".to_owned()),
            (None, true) => (
                Source::Given,
                format!("its preStop hook, {}", workload.template.origin),
            ),
            (None, false) => (
                Source::Assumed,
                "no preStop hook says so; a pod that stops at once loses requests".to_owned(),
            ),
        };
        Some(Input {
            subject: format!("app {}", workload.id),
            field: "time it serves on after being told to stop".into(),
            value: drain.unwrap_or(Span(workload.lingers)).to_string(),
            source,
            why,
        })
    })
}

/// The inputs about one thing.
struct Of<'a, 'b> {
    inputs: &'b mut Inputs<'a>,
    subject: String,
    /// Where it stands in the scenario; empty when it does not.
    path: String,
}

// === impl Inputs ===

impl<'a> Inputs<'a> {
    fn of(&mut self, subject: &str, path: &str) -> Of<'a, '_> {
        Of {
            inputs: self,
            subject: subject.into(),
            path: path.into(),
        }
    }
}

// === impl Of ===

impl Of<'_, '_> {
    fn add(&mut self, field: &str, value: impl ToString, given: bool) {
        let path = format!("{}.{field}", self.path);
        let (mut source, mut why) = match given {
            true => (Source::Given, "the scenario"),
            false => (Source::Assumed, ASSUMED),
        };
        // The scenario itself may say that a value is a guess or a measurement; the note that is
        // nearest to it holds, and of several the last.
        let covers = |note: &&InputNote| is_at_or_below(&path, &note.path);
        let notes = self.inputs.notes.iter().filter(covers);
        if let Some(note) = notes.max_by_key(|note| note.path.len())
            && given
        {
            (source, why) = (note.source, &note.why);
        }
        self.inputs.all.push(Input {
            subject: self.subject.clone(),
            field: field.into(),
            value: value.to_string(),
            source,
            why: why.into(),
        });
    }

    fn app(&mut self, app: &App, written: bool) {
        self.add(
            "serviceTime",
            app.service_time(),
            app.service_time.is_some(),
        );
        self.add("workers", app.workers(), app.workers.is_some());
        self.add("queue", app.queue(), app.queue.is_some());
        let rate = format!("{}%", app.error_rate().0 * 100.0);
        self.add("errorRate", rate, app.error_rate.is_some());
        self.add(
            "errorStatus",
            app.error_status(),
            app.error_status.is_some(),
        );
        self.add(
            "responseSize",
            app.response_size(),
            app.response_size.is_some(),
        );
        // A note on the whole app says why it makes no calls, or no more.
        let noted = self.inputs.notes.iter().any(|n| n.path == self.path);
        match app.calls.is_empty() {
            true => self.add("calls", "none", written),
            false if noted => self.add("calls", "no others", written),
            false => {}
        }
        // One by one: of a derived scenario each has a reason of its own.
        for (i, call) in app.calls.iter().enumerate() {
            let share = call.probability.0 * 100.0;
            let value = match share < 100.0 {
                true => format!("{} in {share:.1}% of the requests", call.url()),
                false => call.url().to_string(),
            };
            self.add(&format!("calls[{i}]"), value, written);
        }
    }

    fn load(&mut self, load: &Load) {
        match (load.rate, load.users) {
            (Some(rate), _) => self.add("rate", format!("{rate}/s"), true),
            (None, users) => self.add("users", users.unwrap_or(0), true),
        }
        self.add("timeout", load.timeout(), load.timeout.is_some());
        if let Some(think) = load.think_time {
            self.add("thinkTime", think, true);
        }
    }
}

/// Whether `path` is `above` or a part of it.
fn is_at_or_below(path: &str, above: &str) -> bool {
    let rest = path.strip_prefix(above);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}
