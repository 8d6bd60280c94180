//! A scenario from manifests alone: who calls whom, and a gentle load on what nobody calls.
//!
//! ```text
//!  env, args, command,    texts     addresses of       graph    calls without     loads on
//!  config maps, secrets ──────────▶ known Services ───────────▶ cycles         ─▶ entry points
//! ```
//!
//! Nothing here is known to be true. Every call says at which line its address was found,
//! everything else says that it is a guess, and what cannot be simulated is listed.

use std::collections::BTreeMap;

use engine::snapshot::ObjectName;
use model::check::Call as Named;
use model::diagnostic::Diagnostic;
use model::resource::{Resource, Spec as Manifest};
use model::yaml::Step;

use crate::record::NotModelled;
use crate::scenario::known::{Id, Known, owned};
use crate::scenario::{
    App, Call, InputNote, OnError, Scenario, Share, Source, Span, Spec, Url, UrlScheme,
};

mod address;
mod graph;
mod loads;
mod pace;
mod replicas;
mod routes;
mod settings;
mod texts;
mod write;

pub use replicas::ReplicaLimit;
pub use write::{document, write};

use graph::Edge;
use routes::Routes;

/// What the manifests led to.
#[derive(Clone, Debug)]
pub struct Derived {
    /// With a note for each guess in `spec.inputs`.
    pub scenario: Scenario,
    /// What is in the manifests and not simulated.
    pub not_modelled: Vec<NotModelled>,
    /// Workloads with more pods than are simulated.
    pub replicas: Vec<ReplicaLimit>,
}

/// What is known when calls and loads are written down.
struct World<'a> {
    known: &'a Known,
    routes: &'a Routes,
    /// Calls, without cycles.
    edges: &'a [Edge],
    /// Where each Service stands: ` (shop.yaml:12)`.
    places: BTreeMap<ServiceName, String>,
}

/// A Service's namespace and name.
type ServiceName = (String, String);

/// Requests per second on each entry point: enough for percentiles within a run, too few to
/// overload anything. Large meshes get less: see [`pace`].
const RATE: f64 = 10.0;

const DESCRIPTION: &str = "Derived: who calls whom, how fast and how often are guesses.";

const SILENT: &str = "Derived, and nothing is sent: no Service of the manifests leads HTTP or gRPC \
                      to pods of theirs.";

const DURATION: Span = Span::from_secs(30);
const WARMUP: Span = Span::from_secs(5);

/// The calls that manifests name, each with the place of its address: for whoever judges them.
pub fn calls(resources: &[Resource]) -> Vec<Named> {
    let known = Known::of(resources);
    let routes = Routes::of(resources);
    let found = texts::find(resources, &known, &routes);
    let calls = found.edges.into_iter().map(|edge| Named {
        from: (
            edge.from.kind,
            ObjectName::new(edge.from.namespace, edge.from.name),
        ),
        to: ObjectName::new(edge.to.0, edge.to.1),
        port: edge.port,
        found: edge.found,
    });
    calls.collect()
}

/// Derives a scenario. `manifests` are the paths to note in it.
///
/// # Errors
/// The manifests hold nothing that runs.
pub fn derive(resources: &[Resource], manifests: &[String]) -> Result<Derived, Diagnostic> {
    let known = Known::of(resources);
    some_workload(&known, resources)?;
    let mut not_modelled = left_out(resources);
    let routes = Routes::of(resources);
    let found = texts::find(resources, &known, &routes);
    let senders = loads::senders(&known, &found.edges);
    let (sent, called): (Vec<Edge>, Vec<Edge>) = found
        .edges
        .into_iter()
        .partition(|e| senders.contains_key(&e.from));
    let (edges, dropped) = graph::without_cycles(called, &known, &routes);
    let world = World {
        known: &known,
        routes: &routes,
        edges: &edges,
        places: places(resources),
    };
    let mut spec = Spec {
        description: Some(DESCRIPTION.into()),
        manifests: manifests.to_vec(),
        duration: DURATION,
        warmup: WARMUP,
        ..Spec::default()
    };
    let replicas = replicas::limits(&known);
    let mut notes = Vec::new();
    apps(&mut spec, &mut notes, &world, |id| {
        about(id, &senders, &dropped, &replicas)
    });
    let mut book = loads::Book {
        spec: &mut spec,
        notes: &mut notes,
        not_modelled: &mut not_modelled,
    };
    book.loads(&world, &sent, &senders, &found.unasked);
    if spec.load.is_empty() {
        spec.description = Some(SILENT.into());
    }
    pace::settle(&mut spec, &mut notes, &known, &routes);
    not_modelled.extend(replicas.iter().map(ReplicaLimit::not_modelled));
    spec.inputs = notes;
    not_modelled.extend(found.unasked.iter().map(not_asked));
    not_modelled.sort();
    not_modelled.dedup();
    Ok(Derived {
        scenario: Scenario::new("derived", spec),
        not_modelled,
        replicas,
    })
}

fn some_workload(known: &Known, resources: &[Resource]) -> Result<(), Diagnostic> {
    let mut workloads = known.workloads().peekable();
    if workloads.peek().is_none() {
        let message = match resources.len() {
            0 => "the manifests hold no object, so no workload that serves requests".into(),
            1 => "the one object of the manifests is no workload that serves requests".into(),
            n => format!("the manifests hold no workload that serves requests ({n} objects)"),
        };
        let renders = resources.iter().any(|r| r.object.kind == "Kustomization");
        return Err(Diagnostic::error(message).help(match renders {
            true => "render them first: kubectl kustomize DIRECTORY | meshctl simulate -f -",
            false => {
                "give a Deployment, StatefulSet, DaemonSet, ReplicaSet or Pod; jobs are not \
                 simulated"
            }
        }));
    }
    if workloads.all(|(_, w)| w.replicas == Some(0)) {
        let message = "the manifests hold only workloads with 0 replicas";
        return Err(Diagnostic::error(message).help(
            "give one of them pods, as with --set Deployment/NAMESPACE/NAME:spec.replicas=1",
        ));
    }
    Ok(())
}

/// Whether a workload has pods.
fn runs(known: &Known, id: &Id) -> bool {
    known.get(id).is_some_and(|w| w.replicas != Some(0))
}

fn places(resources: &[Resource]) -> BTreeMap<ServiceName, String> {
    let services = resources
        .iter()
        .filter(|r| matches!(r.spec, Manifest::Service(_)));
    let place = |r: &Resource| {
        let object = &r.object;
        let name = (object.namespace().to_owned(), object.name().to_owned());
        (
            name,
            format!(" ({}:{})", object.source().name(), object.line()),
        )
    };
    services.map(place).collect()
}

/// Jobs run to their end, and nothing says when or what they ask; and what other objects make is
/// none of its own.
fn left_out(resources: &[Resource]) -> Vec<NotModelled> {
    let jobs = resources
        .iter()
        .filter(|r| r.workload().is_some_and(|w| !w.kind.is_long_running()));
    let jobs = jobs.map(|job| NotModelled {
        what: job.object.origin().to_string(),
        means: "jobs are not run; their load on other services is missing".into(),
    });
    // There may be thousands of them.
    let owned = owned(resources);
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for id in owned.iter().filter(|id| !id.kind.ends_with("Job")) {
        *kinds.entry(&id.kind).or_default() += 1;
    }
    let owned = kinds.into_iter().map(|(kind, n)| NotModelled {
        what: format!("{n} of kind {kind}"),
        means: "made by other objects of the manifests or hooks of Helm, so they are not run on \
                their own"
            .into(),
    });
    // Such as Argo's Rollout or Knative's Service.
    let template = ["spec", "template", "spec", "containers"].map(Step::Key);
    let others = resources
        .iter()
        .filter(|r| matches!(r.spec, Manifest::Other) && r.object.at(&template).is_some());
    let others = others.map(|other| NotModelled {
        what: other.object.origin().to_string(),
        means: "pods of this kind are not run; give a Deployment with the same template".into(),
    });
    jobs.chain(owned).chain(others).collect()
}

fn not_asked(dependency: &texts::Dependency) -> NotModelled {
    let texts::Dependency {
        from,
        to,
        port,
        why,
        place,
    } = dependency;
    NotModelled {
        what: format!("calls of {from} to Service {}/{} port {port}", to.0, to.1),
        means: format!("{}; {place}", why.why()),
    }
}

fn note(path: String, why: String) -> InputNote {
    InputNote {
        path,
        source: Source::Assumed,
        why,
    }
}

/// What is to be said of a workload beside the calls it makes.
fn about(
    id: &Id,
    senders: &BTreeMap<Id, String>,
    dropped: &[Edge],
    replicas: &[ReplicaLimit],
) -> Vec<String> {
    let dropped = dropped.iter().filter(|edge| edge.from == *id);
    let dropped = dropped.map(|edge| {
        format!(
            "the call to Service {}/{} ({}) would close a cycle of calls and is left out",
            edge.to.0, edge.to.1, edge.found
        )
    });
    let sends = senders.get(id).cloned().into_iter();
    let limits = replicas.iter().filter(|limit| limit.workload == *id);
    sends
        .chain(dropped)
        .chain(limits.map(ReplicaLimit::note))
        .collect()
}

/// One app for each workload, with the calls it makes when it is asked.
fn apps(
    spec: &mut Spec,
    notes: &mut Vec<InputNote>,
    world: &World<'_>,
    about: impl Fn(&Id) -> Vec<String>,
) {
    for (id, _) in world.known.workloads() {
        let i = spec.apps.len();
        let mut app = App::assumed(id.reference());
        app.service_time = Some(crate::scenario::app::SERVICE_TIME);
        let path = format!("apps[{i}].serviceTime");
        notes.push(note(path, "no measurement; a usual value".into()));
        for edge in world.edges.iter().filter(|e| e.from == *id) {
            let path = format!("apps[{i}].calls[{}]", app.calls.len());
            notes.push(note(
                path,
                format!("once per request, since {}", edge.found),
            ));
            app.calls.push(call(edge, world));
        }
        let mut about = about(id);
        if about.is_empty() && app.calls.is_empty() {
            about.push("its configuration names no Service to ask over HTTP or gRPC".into());
        }
        if !about.is_empty() {
            notes.push(note(format!("apps[{i}]"), about.join("; ")));
        }
        spec.apps.push(app);
    }
}

fn call(edge: &Edge, world: &World<'_>) -> Call {
    Call {
        to: world.call_url(edge),
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

// === impl World ===

impl World<'_> {
    fn call_url(&self, edge: &Edge) -> Url {
        let path = edge.path.as_deref();
        self.url(&edge.to, edge.port, edge.scheme, path, &edge.from.namespace)
    }

    /// The address as a client in `namespace` would write it.
    fn url(
        &self,
        service: &ServiceName,
        port: u16,
        scheme: UrlScheme,
        path: Option<&str>,
        namespace: &str,
    ) -> Url {
        let (own, name) = service;
        let host = match own == namespace {
            true => name.clone(),
            false => format!("{name}.{own}"),
        };
        let usual = self.routes.path(service, scheme == UrlScheme::Grpc);
        let url = Url::new(scheme, &host, port, path.unwrap_or(&usual));
        // A path that no scenario could hold is not taken over.
        match url.to_string().parse() == Ok(url.clone()) {
            true => url,
            false => Url::new(scheme, &host, port, &usual),
        }
    }

    /// Where a Service stands.
    fn at(&self, service: &ServiceName) -> &str {
        self.places.get(service).map_or("", |place| place)
    }
}

#[cfg(test)]
mod tests;
