//! What is wrong with a scenario, each finding with the path of its value.
//!
//! Types and unknown fields are refused while reading; here is what only shows when values are seen
//! together, or beside the manifests.

use std::collections::BTreeMap;

use core::time::Duration;

use super::known::{Known, Missing};
use super::path::Path;
use super::{Distribution, Load, Place, Sender, Source, Spec, WorkloadRef};

mod calls;
mod events;
mod expectations;

/// A finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Path below `spec`.
    pub path: String,
    pub message: String,
    pub help: Option<String>,
}

/// Collects findings.
struct Check<'a> {
    spec: &'a Spec,
    known: Option<&'a Known>,
    problems: Vec<Problem>,
}

/// The longest run: a week of virtual time, which already takes hours to simulate. It bounds the
/// slices that are kept.
const DURATION_MAX: Duration = Duration::from_secs(7 * 24 * 3600);

/// Requests per second of one load: above it one thread cannot keep up with virtual time.
const RATE_MAX: f64 = 1e6;

/// All findings; empty when the scenario can run. Without `known` its names are not looked up.
pub fn validate(spec: &Spec, known: Option<&Known>) -> Vec<Problem> {
    let mut check = Check {
        spec,
        known,
        problems: Vec::new(),
    };
    check.run();
    check.objects("objects", &spec.objects);
    check.network();
    check.apps();
    check.loads();
    check.events();
    check.expectations();
    check.counter_changes();
    check.inputs();
    check.problems
}

// === impl Check ===

impl<'a> Check<'a> {
    fn problem(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.problems.push(Problem {
            path: path.into(),
            message: message.into(),
            help: None,
        });
    }

    fn helped(&mut self, path: impl Into<String>, message: impl Into<String>, help: &str) {
        self.problems.push(Problem {
            path: path.into(),
            message: message.into(),
            help: Some(help.into()),
        });
    }

    fn missing(&mut self, path: impl Into<String>, missing: Missing) {
        self.helped(path, missing.message, &missing.help);
    }

    /// Names that have to be different.
    fn unique<'n>(&mut self, what: &str, names: impl Iterator<Item = (String, &'n str)>) {
        let mut seen: BTreeMap<&str, String> = BTreeMap::new();
        for (path, name) in names {
            if let Some(first) = seen.get(name) {
                self.problem(
                    path,
                    format!("{what} `{name}` is there twice, first at {first}"),
                );
            } else {
                seen.insert(name, path);
            }
        }
    }

    fn distribution(&mut self, path: String, distribution: Option<&Distribution>) {
        if let Some(problem) = distribution.and_then(Distribution::problem) {
            self.problem(path, problem);
        }
    }

    fn workload(&mut self, path: String, workload: &WorkloadRef) {
        if let Some(Err(missing)) = self.known.map(|known| known.workload(workload)) {
            self.missing(path, missing);
        }
    }

    fn place(&mut self, path: String, place: &Place) {
        match place {
            Place::Anywhere | Place::Outside => {}
            Place::Workload(workload) => self.workload(path, workload),
            Place::Zone(zone) => {
                if !self.spec.network.zones.iter().any(|z| z.name == *zone) {
                    let help = "zones are listed in spec.network.zones";
                    self.helped(path, format!("no zone `{zone}`"), help);
                }
            }
        }
    }

    fn run(&mut self) {
        let spec = self.spec;
        if spec.duration.0.is_zero() || spec.duration.0 > DURATION_MAX {
            self.problem(
                "duration",
                "a run lasts longer than nothing and at most a week",
            );
        }
        if spec.warmup >= spec.duration {
            let message = format!(
                "the warm-up ({}) has to end before the run does ({})",
                spec.warmup, spec.duration
            );
            self.problem("warmup", message);
        }
        if !(1..=100_000).contains(&spec.seeds) {
            self.problem("seeds", "at least one seed is run, and at most 100000");
        }
        if spec.pass.0 <= 0.0 {
            self.problem("pass", "if no seed has to pass, nothing is tested");
        }
    }

    fn network(&mut self) {
        let network = &self.spec.network;
        self.distribution("network.latency".into(), network.latency.as_ref());
        self.distribution("network.resolution".into(), network.resolution.as_ref());
        self.distribution(
            "control.propagation".into(),
            self.spec.control.propagation.as_ref(),
        );
        let zones = network.zones.iter().enumerate();
        let path = |i: usize| format!("network.zones[{i}].name");
        self.unique(
            "zone",
            zones.clone().map(|(i, z)| (path(i), z.name.as_str())),
        );
        for (i, zone) in zones {
            for (j, workload) in zone.workloads.iter().enumerate() {
                self.workload(format!("network.zones[{i}].workloads[{j}]"), workload);
            }
        }
        for (i, link) in network.links.iter().enumerate() {
            let at = format!("network.links[{i}]");
            self.place(format!("{at}.from"), &link.from);
            self.place(format!("{at}.to"), &link.to);
            self.distribution(format!("{at}.latency"), link.latency.as_ref());
            if link.loss.is_some_and(|loss| loss.0 >= 1.0) {
                let help = "use a partition event";
                self.helped(
                    format!("{at}.loss"),
                    "a link that loses everything is no link",
                    help,
                );
            }
        }
    }

    fn loads(&mut self) {
        let loads = self.spec.load.iter().enumerate();
        let names = loads
            .clone()
            .map(|(i, l)| (format!("load[{i}].name"), l.name.as_str()));
        self.unique("load", names);
        for (i, load) in loads {
            self.load(&format!("load[{i}]"), load);
        }
    }

    fn load(&mut self, at: &str, load: &Load) {
        if load.name.is_empty() {
            self.problem(format!("{at}.name"), "a load needs a name");
        }
        match (load.rate, load.users) {
            (None, None) | (Some(_), Some(_)) => {
                let help = "rate: requests per second whether or not answers come; users: each \
                            waits for its answer";
                self.helped(at, "a load has either `rate` or `users`", help);
            }
            (Some(rate), None) if !(0.0..=RATE_MAX).contains(&rate) => {
                self.problem(
                    format!("{at}.rate"),
                    format!("a rate is between 0 and {RATE_MAX}"),
                );
            }
            (Some(_), None) if load.think_time.is_some() => {
                self.problem(format!("{at}.thinkTime"), "only `users` think");
            }
            _ => {}
        }
        if let Some((field, problem)) = load.shape.as_ref().and_then(|s| s.problem()) {
            let dot = if field.is_empty() { "" } else { "." };
            self.problem(format!("{at}.shape{dot}{field}"), problem);
        }
        if load.start_time >= self.spec.duration {
            self.problem(
                format!("{at}.startTime"),
                "the load begins after the end of the run",
            );
        }
        for (name, value) in &load.headers {
            let good = name.parse::<http::HeaderName>().is_ok()
                && value.parse::<http::HeaderValue>().is_ok();
            if !good {
                let path = format!("{at}.headers[\"{name}\"]");
                self.problem(path, format!("`{name}: {value}` is no header"));
            }
        }
        if let Sender::Workload(workload) = &load.from {
            self.workload(format!("{at}.from"), workload);
        }
        let target = self
            .known
            .map(|known| known.target(&load.to, load.namespace()));
        if let Some(Err(missing)) = target {
            self.missing(format!("{at}.to"), missing);
        }
    }

    fn counter_changes(&mut self) {
        let changes = self.spec.counter_changes.iter().enumerate();
        let path = |i: usize| format!("counterChanges[{i}].name");
        self.unique(
            "counter-change",
            changes.clone().map(|(i, c)| (path(i), c.name.as_str())),
        );
        for (i, change) in changes {
            let at = format!("counterChanges[{i}]");
            if change.set.is_empty() && change.manifests.is_empty() {
                self.problem(
                    &at,
                    "a counter-change changes something: `set` or `manifests`",
                );
            }
            if change.fails.is_empty() {
                self.problem(
                    &at,
                    "a counter-change names the expectations that fail under it",
                );
            }
            for (j, name) in change.fails.iter().enumerate() {
                if !self.spec.expect.iter().any(|e| e.name == *name) {
                    let message = format!("no expectation is called `{name}`");
                    self.problem(format!("{at}.fails[{j}]"), message);
                }
            }
            for path in change.set.keys() {
                if let Err(error) = Path::parse(path) {
                    self.problem(format!("{at}.set"), error.to_string());
                }
            }
            self.manifest_change(&at, &change.manifests);
        }
    }

    fn manifest_change(&mut self, at: &str, change: &super::ManifestChange) {
        let removed = change.remove.iter().enumerate();
        let removed = removed.map(|(i, o)| (format!("{at}.manifests.remove[{i}]"), o));
        let set = change
            .set
            .keys()
            .map(|o| (format!("{at}.manifests.set[\"{o}\"]"), o));
        for (path, object) in removed.chain(set) {
            if self.known.is_some_and(|known| !known.has_object(object)) {
                self.problem(path, format!("no object `{object}` in the manifests"));
            }
        }
        for (object, values) in &change.set {
            for path in values.keys() {
                if let Err(error) = Path::parse(path) {
                    let at = format!("{at}.manifests.set[\"{object}\"]");
                    self.problem(at, error.to_string());
                }
            }
        }
    }

    fn inputs(&mut self) {
        let spec = serde_json::to_value(self.spec).unwrap_or_default();
        for (i, note) in self.spec.inputs.iter().enumerate() {
            if note.source == Source::Given {
                let help = "what stands in the file is given; note only guesses and measurements";
                self.helped(format!("inputs[{i}].source"), "`given` needs no note", help);
            }
            match Path::parse(&note.path) {
                Err(error) => self.problem(format!("inputs[{i}].path"), error.to_string()),
                Ok(path) if !path.is_in(&spec) => {
                    let message = format!("`{}` is no value of this scenario", note.path);
                    self.problem(format!("inputs[{i}].path"), message);
                }
                Ok(_) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests;
