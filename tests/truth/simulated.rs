//! A scenario in the simulator, at the wire level.

use std::collections::BTreeMap;

use proxy::observe::Role;
use sim::record::Observations;
use sim::run::{self, Inputs, Options};
use sim::story::Tell;

use super::log::{Log, Pod, Request};
use super::scenario::Truth;

pub(super) fn run(truth: &Truth, seed: u64) -> Log {
    let inputs = Inputs {
        spec: &truth.scenario.spec,
        resources: &truth.resources,
        applied: BTreeMap::new(),
        seed,
        options: Options {
            tell: Tell::First(sim::story::STORIES_MAX),
            ..Options::default()
        },
    };
    let seen = run::run(&inputs, &mut |_| Ok(())).unwrap();
    assert_eq!(seen.breaches, [], "invariants");
    log(&seen)
}

fn log(seen: &Observations) -> Log {
    let mut pods: BTreeMap<&str, Pod> = BTreeMap::new();
    for workload in &seen.workloads {
        let name = workload.workload.rsplit('/').next().unwrap();
        let all = workload.pods.iter().enumerate();
        pods.extend(all.map(|(i, pod)| (pod.as_str(), (name.to_owned(), i))));
    }
    let requests = seen.stories.iter().map(|story| {
        let tries = story.hops.iter().filter(|hop| hop.role == Role::Outbound);
        let tries = tries.flat_map(|hop| &hop.attempts);
        let tries = tries.map(|attempt| {
            let pod = pods[&*attempt.name.to_string()].clone();
            (pod, attempt.started.since(engine::time::Instant::ZERO))
        });
        Request {
            load: story.load.clone(),
            due: story.started,
            took: story.ended - story.started,
            own_cost: std::time::Duration::ZERO,
            status: story.outcome.status,
            tries: tries.collect(),
        }
    });
    let routes = seen.frames.iter().flat_map(|frame| frame.routes.iter());
    Log {
        requests: requests.collect(),
        copies: routes.map(|(_, row)| row.counters.mirrored as usize).sum(),
    }
}
