//! A scenario from manifests alone: who calls whom, and a gentle load on what nobody calls.
//!
//! ```text
//!  env, args, command,    texts     addresses of       graph    calls without     loads on
//!  config maps, secrets ──────────▶ known Services ───────────▶ cycles         ─▶ entry points
//! ```
//!
//! Nothing here is known to be true. Every call says at which line its address was found,
//! everything else says that it is a guess, and what cannot be simulated is listed.

use std::collections::{BTreeMap, BTreeSet};

use model::diagnostic::Diagnostic;
use model::resource::Resource;

use crate::record::NotModelled;
use crate::scenario::known::{Id, Known, KnownService};
use crate::scenario::{
    App, Call, InputNote, Load, OnError, Scenario, Sender, Share, Source, Span, Spec, Url,
    UrlScheme,
};

mod address;
mod graph;
mod pace;
mod routes;
mod texts;
mod write;

pub use write::write;

use graph::Edge;
use routes::Routes;

/// What the manifests led to.
#[derive(Clone, Debug)]
pub struct Derived {
    /// With a note for each guess in `spec.inputs`.
    pub scenario: Scenario,
    /// What is in the manifests and not simulated.
    pub not_modelled: Vec<NotModelled>,
}

/// What is known when calls and loads are written down.
struct World<'a> {
    known: &'a Known,
    routes: &'a Routes,
    edges: &'a [Edge],
    /// Workloads behind some Service.
    served: BTreeSet<&'a Id>,
}

/// A Service's namespace and name.
type ServiceName = (String, String);

/// Requests per second on each entry point: enough for percentiles within a run, too few to
/// overload anything. Large meshes get less: see [`pace`].
const RATE: f64 = 10.0;

const DESCRIPTION: &str = "Derived: who calls whom, how fast and how often are guesses.";

const DURATION: Span = Span::from_secs(30);
const WARMUP: Span = Span::from_secs(5);

/// Derives a scenario. `manifests` are the paths to note in it.
///
/// # Errors
/// The manifests hold nothing that runs.
pub fn derive(resources: &[Resource], manifests: &[String]) -> Result<Derived, Diagnostic> {
    let known = Known::of(resources);
    if known.workloads().next().is_none() {
        return Err(Diagnostic::error("the manifests hold no workload that serves requests").help(
            "give a Deployment, StatefulSet, DaemonSet, ReplicaSet or Pod; jobs are not simulated",
        ));
    }
    let mut not_modelled = left_out(resources);
    let found = texts::edges(resources, &known, &mut not_modelled);
    let routes = Routes::of(resources);
    let (edges, dropped) = graph::without_cycles(found, &known, &routes);
    let world = World {
        known: &known,
        routes: &routes,
        edges: &edges,
        served: served(&known),
    };
    let mut spec = Spec {
        description: Some(DESCRIPTION.into()),
        manifests: manifests.to_vec(),
        duration: DURATION,
        warmup: WARMUP,
        ..Spec::default()
    };
    let mut notes = Vec::new();
    apps(&mut spec, &mut notes, &world);
    loads(&mut spec, &mut notes, &world, &mut not_modelled);
    pace::settle(&mut spec, &mut notes, &known, &routes);
    for edge in dropped {
        notes.push(InputNote {
            path: app_path(&spec, &edge.from),
            source: Source::Assumed,
            why: format!(
                "the call to Service {}/{} ({}) would close a cycle of calls and is left out",
                edge.to.0, edge.to.1, edge.found
            ),
        });
    }
    spec.inputs = notes;
    not_modelled.sort();
    not_modelled.dedup();
    Ok(Derived {
        scenario: Scenario::new("derived", spec),
        not_modelled,
    })
}

/// Jobs: they run to their end, and nothing says when or what they ask.
fn left_out(resources: &[Resource]) -> Vec<NotModelled> {
    let jobs = resources
        .iter()
        .filter(|r| r.workload().is_some_and(|w| !w.kind.is_long_running()));
    jobs.map(|job| NotModelled {
        what: job.object.origin().to_string(),
        means: "jobs are not run; their load on other services is missing".into(),
    })
    .collect()
}

/// One app for each workload, with the calls it makes when it is asked.
fn apps(spec: &mut Spec, notes: &mut Vec<InputNote>, world: &World<'_>) {
    for (id, _) in world.known.workloads() {
        let i = spec.apps.len();
        let mut app = App::assumed(id.reference());
        app.service_time = Some(crate::scenario::app::SERVICE_TIME);
        notes.push(InputNote {
            path: format!("apps[{i}].serviceTime"),
            source: Source::Assumed,
            why: "no measurement; a usual value".into(),
        });
        if world.served.contains(id) {
            for edge in world.edges.iter().filter(|e| e.from == *id) {
                notes.push(InputNote {
                    path: format!("apps[{i}].calls[{}]", app.calls.len()),
                    source: Source::Assumed,
                    why: format!("once per request, since {}", edge.found),
                });
                app.calls.push(call(edge, id, world));
            }
        }
        spec.apps.push(app);
    }
}

fn call(edge: &Edge, from: &Id, world: &World<'_>) -> Call {
    Call {
        to: world.url(&edge.to, edge.port, edge.grpc, &from.namespace),
        path: None,
        method: Default::default(),
        probability: Share::ONE,
        parallel: false,
        body_size: None,
        timeout: None,
        retries: 0,
        on_error: OnError::Fail,
    }
}

/// The workloads that some Service leads to, so that they can be asked at all.
fn served(known: &Known) -> BTreeSet<&Id> {
    let services = known.services();
    services
        .flat_map(|((namespace, _), service)| known.behind(namespace, service))
        .collect()
}

/// Load on what nobody calls, and from what nobody can call.
fn loads(
    spec: &mut Spec,
    notes: &mut Vec<InputNote>,
    world: &World<'_>,
    not_modelled: &mut Vec<NotModelled>,
) {
    let World {
        known,
        routes,
        edges,
        ..
    } = *world;
    let mut names = BTreeSet::new();
    for edge in edges.iter().filter(|e| !world.served.contains(&e.from)) {
        let name = unique(
            &mut names,
            format!("{}-{}", edge.from.name, edge.to.1),
            &edge.to.0,
        );
        let to = world.url(&edge.to, edge.port, edge.grpc, &edge.from.namespace);
        let from = Sender::Workload(edge.from.reference());
        let why = format!(
            "nobody calls {}, so it is taken to ask on its own",
            edge.from
        );
        push(
            spec,
            notes,
            load(name, from, to),
            &format!("{why}; {}", edge.found),
        );
    }
    let called: BTreeSet<_> = edges.iter().map(|e| &e.to).collect();
    let behind_called: BTreeSet<_> = called
        .iter()
        .flat_map(|service| routes.behind(service, known))
        .collect();
    let mut opened: BTreeSet<&Id> = BTreeSet::new();
    for (key, service) in known.services() {
        let behind = routes.behind(key, known);
        let entry = !behind.is_empty()
            && !called.contains(key)
            && !routes.is_backend(key)
            && !behind
                .iter()
                .any(|id| behind_called.contains(id) || opened.contains(id));
        if !entry {
            continue;
        }
        let Some((port, grpc)) = speaking_port(service) else {
            not_modelled.push(NotModelled {
                what: format!("Service {}/{}", key.0, key.1),
                means: "it speaks neither HTTP nor gRPC and nobody is seen to call it: no load"
                    .into(),
            });
            continue;
        };
        let to = world.url(key, port, grpc, "");
        let name = unique(&mut names, key.1.clone(), &key.0);
        push(
            spec,
            notes,
            load(name, Sender::Outside, to),
            "nobody is seen to call it, so users are taken to; the rate is a guess",
        );
        opened.extend(behind);
    }
}

/// The port to ask on: port 80 if there is one, else the lowest that speaks HTTP or gRPC.
fn speaking_port(service: &KnownService) -> Option<(u16, bool)> {
    let mut ports = service.ports.iter().filter(|p| !service.opaque.contains(p));
    let first = ports.clone().next()?;
    let port = ports.find(|p| **p == 80).unwrap_or(first);
    Some((*port, service.grpc.contains(port)))
}

fn push(spec: &mut Spec, notes: &mut Vec<InputNote>, load: Load, why: &str) {
    notes.push(InputNote {
        path: format!("load[{}].rate", spec.load.len()),
        source: Source::Assumed,
        why: why.into(),
    });
    spec.load.push(load);
}

fn load(name: String, from: Sender, to: Url) -> Load {
    Load {
        name,
        from,
        to,
        rate: Some(RATE),
        users: None,
        think_time: None,
        arrival: Default::default(),
        shape: None,
        start_time: Span::ZERO,
        duration: None,
        method: Default::default(),
        headers: BTreeMap::new(),
        body_size: None,
        timeout: None,
        protocol: None,
    }
}

/// A name that no other load has: with its namespace, then with a number.
fn unique(names: &mut BTreeSet<String>, name: String, namespace: &str) -> String {
    let with_namespace = format!("{name}-{namespace}");
    let numbered = (2..).map(|n| format!("{with_namespace}-{n}"));
    let mut candidates = [name, with_namespace.clone()].into_iter().chain(numbered);
    let free = candidates.find(|candidate| !names.contains(candidate));
    let free = free.unwrap_or(with_namespace);
    names.insert(free.clone());
    free
}

// === impl World ===

impl World<'_> {
    /// The address as a client in `namespace` would write it.
    fn url(&self, service: &ServiceName, port: u16, grpc: bool, namespace: &str) -> Url {
        let path = self.routes.path(service, grpc);
        let scheme = if grpc {
            UrlScheme::Grpc
        } else {
            UrlScheme::Http
        };
        let (own, name) = service;
        match own == namespace {
            true => Url::new(scheme, name, port, &path),
            false => Url::new(scheme, &format!("{name}.{own}"), port, &path),
        }
    }
}

fn app_path(spec: &Spec, id: &Id) -> String {
    let at = spec
        .apps
        .iter()
        .position(|app| app.workload == id.reference());
    format!("apps[{}]", at.unwrap_or_default())
}

#[cfg(test)]
mod tests;
