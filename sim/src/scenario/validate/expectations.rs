//! Expectations: metrics that their subject has, values in the metric's unit, windows in the run.

use super::Check;
use crate::expect::flag_named;
use crate::scenario::expect::{Expectation, Metric, Op, Subject, Unit};

// === impl Check ===

impl Check<'_> {
    pub(super) fn expectations(&mut self) {
        let all = self.spec.expect.iter().enumerate();
        let path = |i: usize| format!("expect[{i}].name");
        self.unique(
            "expectation",
            all.clone().map(|(i, e)| (path(i), e.name.as_str())),
        );
        for (i, expectation) in all {
            let at = format!("expect[{i}]");
            if expectation.name.is_empty() {
                self.problem(format!("{at}.name"), "an expectation needs a name");
            }
            self.window(&at, expectation);
            self.value(&at, expectation);
            self.combination(&at, expectation);
            self.subject(format!("{at}.of"), &expectation.of);
            if let Some(within) = &expectation.within {
                self.subject(format!("{at}.in"), within);
            }
        }
    }

    fn window(&mut self, at: &str, expectation: &Expectation) {
        let (from, to) = self.spec.window(expectation);
        if to > self.spec.duration.0 {
            let message = format!("the run ends at {}", self.spec.duration);
            self.problem(format!("{at}.window.to"), message);
        } else if from >= to {
            self.problem(
                format!("{at}.window"),
                "the window has to begin before it ends",
            );
        }
    }

    fn value(&mut self, at: &str, expectation: &Expectation) {
        let unit = expectation.metric.unit();
        let wanted = match unit {
            Unit::Latency => "a duration such as 250ms",
            Unit::Share => "a share such as 99% or 0.99",
            Unit::Count | Unit::PerSecond | Unit::Ratio => "a number",
        };
        let metric = expectation.metric;
        if expectation.value.in_unit(unit).is_none() {
            let message = format!("`{metric}` is {wanted}, not {}", expectation.value);
            self.problem(format!("{at}.value"), message);
        }
        let Some(tolerance) = expectation.tolerance else {
            return;
        };
        if !matches!(expectation.op, Op::Equal | Op::NotEqual) {
            self.problem(format!("{at}.tolerance"), "only == and != have a tolerance");
        } else if tolerance.in_unit(unit).is_none_or(|t| t < 0.0) {
            self.problem(
                format!("{at}.tolerance"),
                format!("a tolerance is {wanted} as well"),
            );
        }
    }

    fn combination(&mut self, at: &str, expectation: &Expectation) {
        let metric = expectation.metric;
        if !is_defined(metric, &expectation.of) {
            let message = format!("`{metric}` is not measured of {}", expectation.of);
            self.helped(format!("{at}.of"), message, measured_of(metric));
        }
        match (metric, &expectation.within) {
            (Metric::Share, None) => {
                let help = "in: route/NS/NAME or service/NS/NAME";
                self.helped(at, "a share needs its whole: set `in`", help);
            }
            (_, Some(within)) if !is_whole(&expectation.of, within) => {
                let message = format!("{} is no part of {within}", expectation.of);
                self.problem(format!("{at}.in"), message);
            }
            _ => {}
        }
        if let Some(flag) = &expectation.flag {
            if metric != Metric::Failures {
                self.problem(format!("{at}.flag"), "only `failures` have a flag");
            } else if flag_named(flag).is_none() {
                let all: Vec<_> = engine::failure::Flag::ALL
                    .iter()
                    .map(|f| f.as_str())
                    .collect();
                let help = format!("one of {}", all.join(", "));
                self.helped(format!("{at}.flag"), format!("no flag `{flag}`"), &help);
            }
        }
        if expectation.pick.is_some() && !metric.is_gauge() {
            let message = format!("`{metric}` has one value in a window: `pick` chooses nothing");
            self.problem(format!("{at}.pick"), message);
        }
    }

    fn subject(&mut self, path: String, subject: &Subject) {
        if let Subject::Load(name) = subject {
            if !self.spec.load.iter().any(|l| l.name == *name) {
                self.problem(path, format!("no load is called `{name}`"));
            }
            return;
        }
        let Some(known) = self.known else {
            return;
        };
        // Objects that the scenario applies itself are not among the manifests.
        if self.spec.events.iter().any(|e| e.apply.is_some()) && !matches!(subject, Subject::Mesh) {
            return;
        }
        let service =
            |named: &crate::scenario::Named| known.service(&named.namespace, &named.name).is_some();
        let missing = match subject {
            Subject::Service(named) | Subject::Edge { service: named, .. } if !service(named) => {
                Some(format!("no Service {named} in the manifests"))
            }
            Subject::Backend {
                service: named,
                port,
            } => match known.service(&named.namespace, &named.name) {
                None => Some(format!("no Service {named} in the manifests")),
                Some(found) => port
                    .filter(|port| !found.ports.contains(port))
                    .map(|port| format!("Service {named} has no port {port}")),
            },
            Subject::Route { route, .. } => {
                let kinds = ["HTTPRoute", "GRPCRoute", "TCPRoute", "TLSRoute"];
                let there = known.has_named(&kinds, &route.namespace, &route.name);
                (!there).then(|| format!("no route {route} in the manifests"))
            }
            _ => None,
        };
        if let Some(message) = missing {
            self.problem(path, message);
        }
    }
}

/// Whether a metric means something of a subject.
fn is_defined(metric: Metric, of: &Subject) -> bool {
    match metric {
        Metric::Share => matches!(
            of,
            Subject::Backend { .. }
                | Subject::Endpoint(_)
                | Subject::Route { .. }
                | Subject::Edge { .. }
        ),
        Metric::Ejected | Metric::BreakerOpen | Metric::HealthyEndpoints | Metric::Connections => {
            matches!(
                of,
                Subject::Mesh
                    | Subject::Service(_)
                    | Subject::Backend { .. }
                    | Subject::Endpoint(_)
            )
        }
        Metric::InFlight => matches!(of, Subject::Mesh | Subject::Service(_)),
        metric if metric.is_verdict() => !matches!(of, Subject::Load(_)),
        Metric::RetriesPerRequest => !matches!(of, Subject::Load(_)),
        _ => true,
    }
}

const fn measured_of(metric: Metric) -> &'static str {
    match metric {
        Metric::Share => "of backend/…, endpoint/…, route/… or edge/…",
        Metric::Ejected | Metric::BreakerOpen | Metric::HealthyEndpoints | Metric::Connections => {
            "of mesh, service/…, backend/… or endpoint/…"
        }
        Metric::InFlight => "of mesh or service/…",
        _ => "of anything but a load: only proxies see it",
    }
}

/// Whether `within` can be the whole of which `of` is a part.
const fn is_whole(of: &Subject, within: &Subject) -> bool {
    matches!(
        (of, within),
        (
            Subject::Backend { .. },
            Subject::Service(_) | Subject::Route { .. }
        ) | (
            Subject::Endpoint(_),
            Subject::Service(_) | Subject::Backend { .. }
        ) | (
            Subject::Route { .. } | Subject::Edge { .. },
            Subject::Service(_)
        )
    )
}
