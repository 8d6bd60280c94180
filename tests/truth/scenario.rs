//! A scenario of `tests/data/truth`, as the simulator reads it.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use model::resource::{self, Resource};
use sim::app::{AppSpec, Behaviour, Errors, Slowness};
use sim::bundle;
use sim::scenario::read;
use sim::scenario::{Action, App, Event, Load, Scenario};

use crate::common::repository;

/// The scenario and everything that it names.
pub(super) struct Truth {
    pub(super) scenario: Scenario,
    pub(super) resources: Vec<Resource>,
}

// === impl Truth ===

impl Truth {
    pub(super) fn read(name: &str) -> Self {
        let folder = repository("tests/data/truth");
        let text = |file: &str| fs::read_to_string(folder.join(file)).unwrap();
        let file = format!("{name}.yaml");
        let loaded = read::read(&file, &text(&file)).unwrap();
        let mut resources = Vec::new();
        for manifests in &loaded.spec().manifests {
            let reading = resource::read(manifests, &text(manifests));
            assert!(!reading.has_errors(), "{:#?}", reading.diagnostics);
            resources.extend(reading.resources);
        }
        let inline = bundle::unbundle(loaded.spec(), &str::to_owned).unwrap();
        resources.extend(inline.resources);
        Self {
            scenario: loaded.scenario,
            resources,
        }
    }

    pub(super) fn loads(&self) -> &[Load] {
        &self.scenario.spec.load
    }

    pub(super) fn duration(&self) -> Duration {
        self.scenario.spec.duration.0
    }

    /// The applications, by the names of their Deployments: those that the scenario describes.
    pub(super) fn apps(&self) -> BTreeMap<String, AppSpec> {
        let apps = self.scenario.spec.apps.iter();
        apps.map(|app: &App| (app.workload.name.clone(), AppSpec::new(app).unwrap()))
            .collect()
    }

    /// How many pods a Deployment has.
    pub(super) fn replicas(&self, deployment: &str) -> usize {
        let mut all = self.resources.iter();
        let found = all.find(|r| r.object.name() == deployment && r.workload().is_some());
        found.unwrap().workload().unwrap().replicas as usize
    }

    /// What the events do to a pod at a time of the run.
    pub(super) fn behaviour(&self, deployment: &str, pod: usize, at: Duration) -> Behaviour {
        let mut behaviour = Behaviour::default();
        for (index, event) in self.scenario.spec.events.iter().enumerate() {
            let (Some(action), true) = (event.action(), goes_on(event, at)) else {
                continue;
            };
            let hit = action.target().is_some_and(|(target, choice)| {
                let all = self.replicas(deployment) as u32;
                let chosen = choice.is_none_or(|c| c.indexes(all).contains(&(pod as u32)));
                target.name == deployment && chosen
            });
            match action {
                Action::Slow(slow) if hit => {
                    let slow = Slowness {
                        factor: slow.factor.unwrap_or(1.0),
                        add: slow.add.map(Into::into),
                    };
                    behaviour.slow.insert(index, slow);
                }
                Action::Error(error) if hit => {
                    let errors = Errors {
                        rate: error.rate.0,
                        status: http::StatusCode::from_u16(error.status).unwrap(),
                        service_time: error.service_time.map(Into::into),
                    };
                    behaviour.errors.insert(index, errors);
                }
                Action::Slow(_) | Action::Error(_) => {}
                other => panic!("{} is not for real applications", other.field()),
            }
        }
        behaviour
    }
}

fn goes_on(event: &Event, at: Duration) -> bool {
    let end = event
        .lasts
        .map_or(Duration::MAX, |lasts| event.at.0 + lasts.0);
    (event.at.0..end).contains(&at)
}
