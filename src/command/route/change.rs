//! What all commands that change routes have in common.
//!
//! ```text
//!  manifests ──▶ Mesh ──▶ plan (pure) ──▶ draft (texts before and after) ──▶ judged again
//!                                                                              │
//!                       print · --diff · --in-place   ◀── --simulate, --require ┘
//! ```
//!
//! A command is a pure function from the mesh and a wish to a [`Plan`]; where the objects are and
//! how they are written is the store's affair. Nothing is printed or written when the result is
//! not valid.

use std::path::PathBuf;

use engine::snapshot::RouteKind;
use model::diagnostic::{Diagnostic, Level};
use model::document::Object;
use model::edit::Edit;
use model::index::{self, Route};
use serde_json::Value;
use sim::expect::Verdict;

use super::mesh::{Mesh, SourceArgs};
use super::words;
use crate::error::{Answer, Error};
use crate::input::{self, Input};
use crate::output::{self, Rewritten};
use crate::ui::Ui;

pub(super) mod backends;
pub(super) mod conditions;
mod draft;
mod in_cluster;
pub(super) mod managed;
pub(super) mod route;
pub(super) mod select;
pub(super) mod weight;

pub(super) use conditions::Conditions;
use in_cluster::{DryRun, InCluster};
use select::{Governed, RuleAt};

/// Flags of every command that changes routes.
#[derive(Debug, clap::Args)]
pub(super) struct ChangeArgs {
    #[command(flatten)]
    pub(super) source: SourceArgs,
    /// The port of the Service, by name or number; needed when it has several
    #[arg(long, value_name = "PORT")]
    pub(super) port: Option<String>,
    /// Whose routes: those of the clients in this namespace (consumer routes), or `all`
    #[arg(long, value_name = "NAMESPACE")]
    clients: Option<String>,
    /// Only requests with this: header:N=V, query:N=V, path:/P, path=/P, method:M or grpc:S/M; with
    /// ~ instead of = a regular expression; repeated, all of them have to hold
    #[arg(long = "match", value_name = "CONDITION")]
    pub(super) conditions: Vec<String>,
    /// The rule with this name, or `rules[N]`
    #[arg(long, value_name = "NAME", conflicts_with = "conditions")]
    pub(super) rule: Option<String>,
    /// Also change what another controller looks after
    #[arg(long)]
    pub(super) force: bool,
    /// Show what would change instead of the result
    #[arg(long)]
    diff: bool,
    /// Write the files; all of them or none
    #[arg(long, conflicts_with = "diff")]
    in_place: bool,
    /// Where new objects go; else into the file of their Service
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// On a cluster: stop before the change is made
    #[arg(long, value_name = "HOW", conflicts_with = "in_place")]
    dry_run: Option<DryRun>,
    /// Run this scenario without and with the change, and show both side by side
    #[arg(long, value_name = "SCENARIO")]
    simulate: Option<PathBuf>,
    /// Change nothing unless the scenario's expectations hold with the change
    #[arg(long, requires = "simulate")]
    require: bool,
}

/// What a wish comes to.
#[derive(Debug, Default)]
pub(super) struct Plan<'a> {
    pub(super) changes: Vec<Change<'a>>,
    /// What the user should know: what was made, which name stood for what.
    pub(super) notes: Vec<String>,
}

/// One object's change.
#[derive(Debug)]
pub(super) enum Change<'a> {
    /// Edits relative to the object.
    Edit {
        object: &'a Object,
        edits: Vec<Edit>,
    },
    /// A new object, near one that is there.
    Create {
        object: Value,
        beside: &'a Object,
    },
    Delete {
        object: &'a Object,
    },
}

/// Where the objects are, and how changes get there.
pub(super) trait Store {
    /// Reads everything that `about`, the Service in question, may depend on.
    ///
    /// # Errors
    /// What cannot be read.
    fn texts(&self, ui: &mut Ui, about: &str) -> Result<Vec<Input>, Error>;

    /// Writes, or shows, what a change comes to.
    ///
    /// # Errors
    /// What cannot be written: then nothing was.
    fn commit(&self, ui: &mut Ui, texts: &[Rewritten]) -> Result<Committed, Error>;
}

/// What became of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Committed {
    Done,
    /// Somebody else was faster: it has to be decided anew.
    Again,
}

/// How often a change is decided anew.
const RACES_MAX: u32 = 5;

/// Manifests in files.
struct Files<'a>(&'a ChangeArgs);

/// Reads the mesh, makes the plan for a Service, and carries it out as the flags say.
pub(super) fn run(
    ui: &mut Ui,
    args: &ChangeArgs,
    service: &str,
    plan: impl for<'m> Fn(&'m Mesh) -> Result<Plan<'m>, Error>,
) -> Result<Answer, Error> {
    for _ in 0..RACES_MAX {
        if let Some(answer) = attempt(ui, args, service, &plan)? {
            return Ok(answer);
        }
    }
    Err(Error::new("the objects are changed by somebody else all the time").hint("try again later"))
}

/// None when the objects changed in between.
fn attempt(
    ui: &mut Ui,
    args: &ChangeArgs,
    service: &str,
    plan: impl for<'m> Fn(&'m Mesh) -> Result<Plan<'m>, Error>,
) -> Result<Option<Answer>, Error> {
    let store = args.store()?;
    let texts = store.texts(ui, service)?;
    // What other meshes make of these routes does not matter to an edit.
    let mesh = Mesh::of(&texts, true)?;
    let plan = plan(&mesh)?;
    if !args.force {
        managed::refuse(&mesh, &plan)?;
    }
    let drafted = draft::draft(&texts, &plan, args.out.as_deref())?;
    judge(&mesh, &drafted)?;
    for note in plan.notes.iter().cloned().chain(shared(&mesh, &plan)) {
        ui.note(&note)?;
    }
    if !drafted.iter().any(Rewritten::is_changed) {
        ui.note("nothing to change: it is so already")?;
    }
    if let Some(scenario) = &args.simulate {
        let verdict = crate::command::simulate::beside(ui, scenario, &drafted)?;
        let refusal = match verdict {
            Verdict::Passed => None,
            Verdict::Failed => Some("the expectations do not hold with the change"),
            Verdict::NotTested => Some("the scenario expects nothing"),
        };
        if let (true, Some(why)) = (args.require, refusal) {
            ui.note(&format!("nothing was changed: {why}"))?;
            return Ok(Some(Answer::No));
        }
    }
    Ok(match store.commit(ui, &drafted)? {
        Committed::Done => Some(Answer::Yes),
        Committed::Again => None,
    })
}

/// Routes of the plan that govern several ports: the change holds for all of them.
fn shared(mesh: &Mesh, plan: &Plan<'_>) -> Vec<String> {
    let mut notes = Vec::new();
    for change in &plan.changes {
        let Change::Edit { object, .. } = change else {
            continue;
        };
        let is_it = |route: &&Route| {
            route.object.kind == object.kind
                && *route.name.namespace == *object.namespace()
                && *route.name.name == *object.name()
        };
        let Some(route) = mesh.index.routes().find(is_it) else {
            continue;
        };
        let ports = mesh.index.services().flat_map(|service| {
            let attached = service.ports.iter().filter(|port| {
                let mut parents = route.spec.parents().iter();
                parents.any(|parent| index::is_parent(route, parent, &service.name, port))
            });
            attached.map(|port| format!("{}:{}", service.name, port.port))
        });
        let ports: Vec<String> = ports.collect();
        let note = format!(
            "{} {} governs {}: the change holds for all of them",
            object.kind,
            route.name,
            ports.join(", ")
        );
        if ports.len() > 1 && !notes.contains(&note) {
            notes.push(note);
        }
        notes.extend(
            others(mesh, route)
                .filter(|note| !notes.contains(note))
                .collect::<Vec<_>>(),
        );
    }
    notes
}

/// Clients for whom a change of a producer's route does not hold.
fn others(mesh: &Mesh, route: &Route) -> impl Iterator<Item = String> {
    let parents = route.spec.parents().iter();
    let services = parents.map(|parent| index::parent_name(route, parent));
    let own = services.filter(|service| service.namespace == route.name.namespace);
    own.flat_map(|service| {
        let consumers = mesh.index.route_consumers(&service).into_iter();
        consumers.map(move |namespace| {
            format!(
                "clients in {namespace} have routes of their own for {service}, which stay as they \
                 are (--clients {namespace})"
            )
        })
    })
}

/// Reads the result again. It has to be as valid as what was there before: no errors, no new
/// references to nothing.
fn judge(before: &Mesh, drafted: &[Rewritten]) -> Result<(), Error> {
    let texts = drafted.iter().filter_map(|text| {
        Some(Input {
            name: text.name.clone(),
            text: text.after.clone()?,
        })
    });
    let texts: Vec<Input> = texts.collect();
    let after = Mesh::of(&texts, true)?;
    let known = before.index.findings(true);
    let is_known = |found: &Diagnostic| known.iter().any(|old| old.message == found.message);
    let mut found = after.index.findings(true);
    found.retain(|found| found.level == Level::Error && !is_known(found));
    match found.is_empty() {
        true => Ok(()),
        false => Err(Error::Input(found)),
    }
}

/// Changes one field of the rules that the flags choose; a rule for conditions that has none yet is
/// added with `new`, unless the field is to go.
pub(super) fn properties<'a>(
    mesh: &'a Mesh,
    args: &ChangeArgs,
    service: &str,
    (field, new): (&str, Option<Value>),
    edits: impl Fn(&RuleAt<'_>) -> Vec<Edit>,
) -> Result<Plan<'a>, Error> {
    let to = args.governed(mesh, service)?;
    let conditions = args.conditions()?;
    let kind = to.kind();
    let knows = match field {
        "filters" => matches!(kind, RouteKind::Http | RouteKind::Grpc),
        _ => kind == RouteKind::Http,
    };
    if !knows {
        let kind = words::kind(kind);
        return Err(Error::new(format!(
            "a {kind} has no {field}, and one governs port {} of {}",
            to.port.port, to.service.name
        ))
        .hint("write a TrafficPolicy for the route, see docs/policies.md"));
    }
    let mut plan = Plan::default();
    let rules = to.properties(args.rule.as_deref(), &conditions)?;
    if rules.is_empty()
        && let Some(new) = new
    {
        route::put_with(mesh, &to, &conditions, (field, new), &mut plan)?;
    }
    for rule in rules {
        let edits = edits(&rule);
        if !edits.is_empty() {
            let object = &rule.route.object;
            plan.changes.push(Change::Edit { object, edits });
        }
    }
    Ok(plan)
}

// === impl ChangeArgs ===

impl ChangeArgs {
    /// The port that a command is about, with what governs it.
    pub(super) fn governed<'a>(
        &self,
        mesh: &'a Mesh,
        service: &str,
    ) -> Result<Governed<'a>, Error> {
        let namespace = self.source.namespace.as_deref();
        let (port, clients) = (self.port.as_deref(), self.clients.as_deref());
        Governed::find(mesh, service, namespace, port, clients)
    }

    /// Files, or the cluster that the flags name.
    fn store(&self) -> Result<Box<dyn Store + '_>, Error> {
        if !self.source.cluster.is_given() {
            return Ok(Box::new(Files(self)));
        }
        if !self.source.files.is_empty() {
            return Err(
                Error::new("the change is for files or for a cluster, not for both")
                    .hint("leave out -f, or the flags that name the cluster"),
            );
        }
        if self.in_place || self.out.is_some() {
            return Err(
                Error::new("--in-place and --out write files, and a cluster has none")
                    .hint("leave them out: the change is made in the cluster"),
            );
        }
        Ok(Box::new(InCluster::new(self)?))
    }

    pub(super) fn conditions(&self) -> Result<Conditions, Error> {
        Conditions::parse(&self.conditions)
    }
}

// === impl Files ===

impl Store for Files<'_> {
    fn texts(&self, _: &mut Ui, _: &str) -> Result<Vec<Input>, Error> {
        let source = &self.0.source;
        if self.0.dry_run.is_some() {
            return Err(Error::new(
                "--dry-run is for a cluster; files are only written --in-place",
            )
            .hint("use --diff to see what would change"));
        }
        if source.files.is_empty() {
            return Err(Error::new("there is nothing to change")
                .hint("name manifests: -f FILE, -f DIRECTORY, or -f - for standard input")
                .hint("or a cluster: --context NAME"));
        }
        input::read_all(&source.files, source.recursive)
    }

    fn commit(&self, ui: &mut Ui, texts: &[Rewritten]) -> Result<Committed, Error> {
        use std::io::Write as _;
        if self.0.in_place {
            for path in output::in_place(texts)? {
                ui.note(&format!("wrote {}", path.display()))?;
            }
            return Ok(Committed::Done);
        }
        if self.0.diff {
            let text = output::diff(texts);
            ui.out().write_all(text.as_bytes())?;
            return Ok(Committed::Done);
        }
        output::print(ui, texts)?;
        Ok(Committed::Done)
    }
}
