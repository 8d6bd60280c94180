//! `meshctl route shift`.

use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use engine::rollout::{Decision, Guard, Plan, Rollout};
use engine::snapshot::ObjectName;

use crate::cluster::Flags;
use crate::error::{Answer, Error};
use crate::ui::Ui;

mod drive;
mod in_cluster;
mod in_files;
mod managed;
mod metrics;
pub(crate) mod note;
mod place;
mod plan;
mod prometheus;
mod series;
mod target;

use drive::Drive;
use in_cluster::InCluster;
use in_files::InFiles;
use metrics::Metrics;
use note::Note;
use place::{Place, Refused};
use series::{Dialect, Series};
use target::Target;

/// Move traffic to another version step by step, and back by itself when that version does badly
///
/// Works on a cluster, or on files that proxies read as they change (-f, --in-place). The weights
/// are those of the HTTPRoute or GRPCRoute that governs the Service; metrics come from Prometheus
/// or from proxies. Guards look at the new version alone, over the requests since the last step;
/// without enough requests or without metrics no step is taken, and after a while the traffic
/// returns. The state is an annotation of the route, so that a shift can be resumed by anybody;
/// `meshctl check` and `meshctl route list` show those that were abandoned.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  meshctl route shift reviews --to v2 --prometheus http://localhost:9090
  meshctl route shift reviews --to v2 --step 10 --every 1m --until 100 \\
      --abort-on 'success<99%' --abort-on 'p99>300ms' --prometheus svc/monitoring/prometheus:9090
  meshctl route shift reviews --to v2 -f mesh/ --in-place --proxy 127.0.0.1:14000
  meshctl route shift reviews --to v2 --plan          say what would happen
  meshctl route shift reviews --resume                go on with one that was interrupted
  meshctl route shift reviews --return                give the traffic back

Ctrl-C asks whether to return the traffic; without a terminal it returns.

Exit status: 0 the last step was passed; 1 the traffic was returned; 2 it could not be done.")]
pub(crate) struct Args {
    /// The Service whose traffic is shifted: NAME, NAMESPACE/NAME or svc/NAME
    service: String,
    /// The version that gets the traffic: a backend of the route, `reviews-v2` or `v2` for it
    #[arg(long, value_name = "VERSION", required_unless_present_any = ["resume", "back"])]
    to: Option<String>,
    /// What it gets more in each step, in percent
    #[arg(long, value_name = "PERCENT", default_value_t = 10)]
    step: u32,
    /// How long a step lasts at least
    #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = duration)]
    every: Duration,
    /// Where the last step ends, in percent
    #[arg(long, value_name = "PERCENT", default_value_t = 100)]
    until: u32,
    /// Return the traffic when the version does this: success<99%, p99>300ms (can be repeated)
    #[arg(long, value_name = "GUARD", default_value = "success<99%")]
    abort_on: Vec<Guard>,
    /// Requests to the version without which a step is not judged
    #[arg(long, value_name = "N", default_value_t = 100)]
    min_samples: u64,
    /// How long a step that should end waits for metrics; without it as long as two steps
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    patience: Option<Duration>,
    /// How long everything may take; without it as long as all steps with their patience
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    deadline: Option<Duration>,
    /// The metrics of a Prometheus: a URL, or svc/NAMESPACE/NAME:PORT through the API server
    /// [env: MESHCTL_PROMETHEUS, unless there is --proxy]
    #[arg(long, value_name = "WHERE")]
    prometheus: Option<prometheus::Place>,
    /// Whose metrics Prometheus has; without it those that there are
    #[arg(long, value_name = "MESH")]
    metrics: Option<Dialect>,
    /// The metrics of a proxy, by its admin address, HOST:PORT (can be repeated: they are added up)
    #[arg(long = "proxy", value_name = "ADDR", conflicts_with_all = ["prometheus", "metrics"])]
    proxies: Vec<String>,
    /// The route, when several govern the Service
    #[arg(long, value_name = "NAME")]
    route: Option<String>,
    /// Print the steps and change nothing
    #[arg(long, conflicts_with_all = ["resume", "back"])]
    plan: bool,
    /// Go on with the shift that the route's annotation tells of
    #[arg(long, conflicts_with_all = ["to", "back"])]
    resume: bool,
    /// Give the traffic back and end the shift that the route's annotation tells of
    #[arg(long = "return", conflicts_with = "to")]
    back: bool,
    /// Also shift what another controller looks after
    #[arg(long)]
    force: bool,
    /// Manifests that proxies read, instead of a cluster: files or directories
    #[arg(short = 'f', long = "filename", value_name = "MANIFESTS")]
    files: Vec<PathBuf>,
    /// Look for manifests in subdirectories as well
    #[arg(short = 'R', long)]
    recursive: bool,
    /// Write each step into the files
    #[arg(long)]
    in_place: bool,
    /// The namespace of the Service; without it there may be only one of this name
    #[arg(long, short, value_name = "NAME")]
    namespace: Option<String>,
    #[command(flatten)]
    cluster: Flags,
}

/// The variable of the environment that names a Prometheus.
const PROMETHEUS: &str = "MESHCTL_PROMETHEUS";

fn duration(text: &str) -> Result<Duration, String> {
    let span = text.parse::<sim::scenario::Span>();
    span.map(|span| span.0).map_err(|e| e.to_string())
}

pub(super) fn run(ui: &mut Ui, args: &Args) -> Result<Answer, Error> {
    let place = args.place()?;
    let place = place.as_ref();
    let (namespace, named) = (args.namespace.as_deref(), args.route.as_deref());
    let (service, routes) = target::governing(place, &args.service, namespace, named)?;
    if args.resume || args.back {
        let (target, note) = target::under_way(routes, &service)?;
        if args.back {
            return give_back(ui, place, &target, &note);
        }
        let rollout = note.rollout()?;
        return args.drive(ui, place, target, note, rollout)?.resume();
    }
    let to = args.to.as_deref().unwrap_or_default();
    let target = target::find(routes, &service, to)?;
    if !args.force {
        target.refuse_managed()?;
    }
    let rollout = Rollout::begin(args.make_plan(target.percent)?, note::now());
    if args.plan {
        let text = plan::describe(&target, rollout.plan());
        ui.out().write_all(text.as_bytes())?;
        return Ok(Answer::Yes);
    }
    if let Some(note) = target.note()? {
        return Err(note.under_way(&target, &again(&service, place)));
    }
    let note = Note::new(&target, &rollout);
    args.drive(ui, place, target, note, rollout)?.begin()
}

/// The command that comes back to a shift.
fn again(service: &ObjectName, place: &dyn Place) -> String {
    format!("meshctl route shift {service}{}", place.flags())
}

/// Returns the traffic without looking at anything.
fn give_back(
    ui: &mut Ui,
    place: &dyn Place,
    target: &Target,
    note: &Note,
) -> Result<Answer, Error> {
    let give = |object: &serde_json::Value| Ok(Some(target::without_note(&note.restored(object))));
    match place.change(&target.route, true, &give) {
        // It asks for nothing that could have changed.
        Ok(_) | Err(Refused::Changed) => {}
        Err(Refused::Failed(trouble)) => return Err(trouble.why),
    }
    let shown = target.route.shown();
    let text = format!("{shown} has the weights again that it had before\n");
    ui.out().write_all(text.as_bytes())?;
    Ok(Answer::Yes)
}

// === impl Args ===

impl Args {
    /// Files, or the cluster that the flags name.
    fn place(&self) -> Result<Box<dyn Place>, Error> {
        if self.files.is_empty() {
            if self.in_place {
                return Err(
                    Error::new("--in-place writes files, and a cluster has none")
                        .hint("name the files, -f DIRECTORY, or leave out --in-place"),
                );
            }
            return Ok(Box::new(InCluster::connect(&self.cluster)?));
        }
        if self.cluster.is_given() {
            return Err(
                Error::new("the shift is for files or for a cluster, not for both")
                    .hint("leave out -f, or the flags that name the cluster"),
            );
        }
        if !self.in_place && !self.plan {
            return Err(Error::new("a shift writes each step into the files")
                .hint("say so with --in-place, or look at it first with --plan"));
        }
        Ok(Box::new(InFiles::new(&self.files, self.recursive)?))
    }

    fn make_plan(&self, from: u32) -> Result<Plan, Error> {
        let bad = |e: engine::rollout::PlanError| {
            Error::new("this shift cannot be carried out").caused_by(e)
        };
        let steps = Plan::steps_of(from, self.step, self.until).map_err(bad)?;
        let patience = self.patience.unwrap_or(self.every.saturating_mul(2));
        let count = u32::try_from(steps.len()).unwrap_or(u32::MAX);
        let longest = (self.every.saturating_add(patience)).saturating_mul(count);
        Plan::new(
            (from, steps),
            self.every,
            self.abort_on.clone(),
            self.min_samples,
            patience,
            self.deadline.unwrap_or(longest),
        )
        .map_err(bad)
    }

    fn drive<'a>(
        &self,
        ui: &'a mut Ui,
        place: &'a dyn Place,
        target: Target,
        note: Note,
        rollout: Rollout,
    ) -> Result<Drive<'a>, Error> {
        let metrics = self.metrics(place, rollout.plan().every)?;
        let force = self.force;
        Ok(Drive::new(ui, place, target, note, rollout, metrics, force))
    }

    /// Where the metrics come from, for steps that last as long as `every`.
    fn metrics<'a>(&self, place: &'a dyn Place, every: Duration) -> Result<Metrics<'a>, Error> {
        if !self.proxies.is_empty() {
            return Metrics::of_proxies(&self.proxies, drive::look_of(every));
        }
        let from = self
            .prometheus
            .clone()
            .map_or_else(of_environment, |place| Ok(Some(place)));
        let from = from?.ok_or_else(|| {
            let error = Error::new("there are no metrics to watch the new version by")
                .hint("say where a proxy is administered: --proxy 127.0.0.1:14000")
                .hint("or where Prometheus is: --prometheus http://HOST:9090");
            match place.cluster() {
                Some(_) => {
                    error.hint("or a Service of the cluster: --prometheus svc/NAMESPACE/NAME:9090")
                }
                None => error,
            }
        })?;
        let prometheus = prometheus::Prometheus::new(&from, place.cluster(), every)?;
        Ok(Metrics::Series(Series::new(prometheus, self.metrics)))
    }
}

/// Where Prometheus is when no flag says where metrics are: a variable of the environment that is
/// always there must not stand in the way of --proxy.
fn of_environment() -> Result<Option<prometheus::Place>, Error> {
    let Ok(text) = std::env::var(PROMETHEUS) else {
        return Ok(None);
    };
    let place = text.parse().map_err(|e: String| {
        Error::new(format!(
            "{PROMETHEUS} does not say where Prometheus is: `{text}`"
        ))
        .caused_by(e)
    });
    place.map(Some)
}

/// What a decision is called in a line of progress.
fn told(decision: &Decision) -> String {
    match decision {
        Decision::Hold(wait) => wait.to_string(),
        Decision::Set(weight) => format!("next step: {weight}%"),
        Decision::Return(reason) => format!("returning: {reason}"),
        Decision::Done => "the last step is passed".into(),
    }
}
