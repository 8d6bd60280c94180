//! MC0214, MC0215: weights that do not share anything.

use super::facts::Facts;
use super::{Code, Findings};
use crate::gateway::{BackendTargetRef, Weight};
use crate::index::{self, Route, RouteSpec};
use crate::yaml::Step::{Index, Key};

/// A weight of 100 on the only backend says "all of it", and 1 is the default: both are right. Zero
/// is a finding of its own.
const RIGHT_ALONE: [i64; 3] = [0, 1, 100];

/// A backend of a rule: where to, how much, and whether it changes requests on their way.
type Share<'a> = (BackendTargetRef<'a>, Option<Weight>, bool);

pub(super) fn analyze(facts: &Facts<'_>, findings: &mut Findings) {
    for route in facts.index.routes() {
        for (rule, shares) in rules(&route.spec).into_iter().enumerate() {
            alone(findings, route, rule, &shares);
            twice(findings, route, rule, &shares);
        }
    }
}

fn alone(findings: &mut Findings, route: &Route, rule: usize, shares: &[Share<'_>]) {
    let [(target, Some(weight), _)] = shares else {
        return;
    };
    if RIGHT_ALONE.contains(&weight.get()) {
        return;
    }
    let message = format!(
        "the weight {weight} has no effect: {} is the only backend and gets everything",
        target.name
    );
    let help = "weights are shares of their sum: name the other backends of the rule as well";
    let path = backend_path(rule, 0, "weight");
    findings.add(Code::WeightIgnored, &route.object, &path, message, help);
}

fn twice(findings: &mut Findings, route: &Route, rule: usize, shares: &[Share<'_>]) {
    for (later, (target, _, filtered)) in shares.iter().enumerate() {
        let name = index::target_name(route, *target);
        let same = shares[..later].iter().any(|(first, _, first_filtered)| {
            let same_place = index::target_name(route, *first) == name
                && (first.group, first.kind, first.port)
                    == (target.group, target.kind, target.port);
            same_place && !filtered && !first_filtered
        });
        if same {
            let message = format!("the backend {name} is named twice: its weights add up");
            let help = "was another Service meant? else give one entry the sum of the weights";
            let path = backend_path(rule, later, "name");
            findings.add(Code::BackendTwice, &route.object, &path, message, help);
        }
    }
}

fn backend_path(rule: usize, backend: usize, key: &str) -> [crate::yaml::Step<'_>; 6] {
    [
        Key("spec"),
        Key("rules"),
        Index(rule),
        Key("backendRefs"),
        Index(backend),
        Key(key),
    ]
}

/// The backends of each rule.
fn rules(spec: &RouteSpec) -> Vec<Vec<Share<'_>>> {
    match spec {
        RouteSpec::Http(spec) => {
            let rules = spec.rules.iter().flatten();
            let shares = rules.map(|rule| {
                let refs = rule.backend_refs.iter();
                refs.map(|b| (b.target(), b.weight, !b.filters.is_empty()))
                    .collect()
            });
            shares.collect()
        }
        RouteSpec::Grpc(spec) => {
            let shares = spec.rules.iter().map(|rule| {
                let refs = rule.backend_refs.iter();
                refs.map(|b| (b.target(), b.weight, !b.filters.is_empty()))
                    .collect()
            });
            shares.collect()
        }
        RouteSpec::Tls(spec) => {
            let rules = spec.rules.iter().map(|rule| &rule.backend_refs);
            rules.map(|refs| unfiltered(refs)).collect()
        }
        RouteSpec::Tcp(spec) => {
            let rules = spec.rules.iter().map(|rule| &rule.backend_refs);
            rules.map(|refs| unfiltered(refs)).collect()
        }
    }
}

fn unfiltered(refs: &[crate::gateway::BackendRef]) -> Vec<Share<'_>> {
    refs.iter().map(|b| (b.target(), b.weight, false)).collect()
}
