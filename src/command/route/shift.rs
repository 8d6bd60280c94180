//! `meshctl route shift`.

use std::io::Write as _;
use std::time::Duration;

use engine::rollout::{Decision, Guard, Plan, Rollout};

use crate::cluster::failure::Failure;
use crate::cluster::{Cluster, Flags};
use crate::error::{Answer, Error};
use crate::ui::Ui;

mod drive;
mod managed;
mod metrics;
pub(crate) mod note;
mod plan;
mod prometheus;
mod target;

use drive::Drive;
use metrics::Dialect;
use note::Note;
use target::Target;

/// Move traffic to another version step by step, and back by itself when that version does badly
///
/// Works on a cluster. The weights are those of the HTTPRoute or GRPCRoute that governs the
/// Service; metrics come from Prometheus. Guards look at the new version alone, over the requests
/// since the last step; without enough requests or without metrics no step is taken, and after a
/// while the traffic returns. The state is an annotation of the route, so that a shift can be
/// resumed by anybody and `meshctl check` finds those that were abandoned.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  meshctl route shift reviews --to v2 --prometheus http://localhost:9090
  meshctl route shift reviews --to v2 --step 10 --every 1m --until 100 \\
      --abort-on 'success<99%' --abort-on 'p99>300ms' --prometheus svc/monitoring/prometheus:9090
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
    /// Where the metrics are: a URL, or svc/NAMESPACE/NAME:PORT through the API server
    #[arg(long, value_name = "WHERE", env = "MESHCTL_PROMETHEUS")]
    prometheus: Option<prometheus::Place>,
    /// Whose metrics they are; without it those that there are
    #[arg(long, value_name = "MESH")]
    metrics: Option<Dialect>,
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
    /// The namespace of the Service; without it that of the context
    #[arg(long, short, value_name = "NAME", help_heading = "Cluster")]
    namespace: Option<String>,
    #[command(flatten)]
    cluster: Flags,
}

fn duration(text: &str) -> Result<Duration, String> {
    let span = text.parse::<sim::scenario::Span>();
    span.map(|span| span.0).map_err(|e| e.to_string())
}

pub(super) fn run(ui: &mut Ui, args: &Args) -> Result<Answer, Error> {
    let cluster = Cluster::connect(&args.cluster)?;
    let (namespace, service) = args.named(&cluster)?;
    let served = cluster.discover()?;
    let routes = target::routes(
        &cluster,
        &served,
        &namespace,
        &service,
        args.route.as_deref(),
    )?;
    if args.resume || args.back {
        let (target, note) = target::under_way(routes, &service)?;
        if args.back {
            return give_back(ui, &cluster, &target, &note);
        }
        let rollout = note.rollout()?;
        let mut drive = args.drive(ui, &cluster, target, note, rollout)?;
        return drive.resume();
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
        return Err(note.under_way(&target));
    }
    let note = Note::new(&target, &rollout);
    args.drive(ui, &cluster, target, note, rollout)?.begin()
}

/// Returns the traffic without looking at anything.
fn give_back(
    ui: &mut Ui,
    cluster: &Cluster,
    target: &Target,
    note: &Note,
) -> Result<Answer, Error> {
    let give = |object: &serde_json::Value| -> Result<_, Failure> {
        Ok(Some(target::without_note(&note.restored(object))))
    };
    cluster.change(&target.resource, target.name(), target.how(true), give)?;
    let text = format!(
        "{} has the weights again that it had before\n",
        target.shown()
    );
    ui.out().write_all(text.as_bytes())?;
    Ok(Answer::Yes)
}

// === impl Args ===

impl Args {
    /// Namespace and name of the Service.
    fn named(&self, cluster: &Cluster) -> Result<(String, String), Error> {
        let text = self.service.as_str();
        let text = ["svc/", "service/"]
            .iter()
            .find_map(|p| text.strip_prefix(p))
            .unwrap_or(text);
        let here = || {
            self.namespace
                .clone()
                .unwrap_or_else(|| cluster.home().to_owned())
        };
        match text.split_once('/') {
            None => Ok((here(), text.to_owned())),
            Some((namespace, name)) if self.namespace.as_deref().is_none_or(|n| n == namespace) => {
                Ok((namespace.to_owned(), name.to_owned()))
            }
            Some((namespace, _)) => Err(Error::new(format!(
                "the Service is in {namespace}, and -n says another namespace"
            ))
            .hint("leave out one of them")),
        }
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
        cluster: &'a Cluster,
        target: Target,
        note: Note,
        rollout: Rollout,
    ) -> Result<Drive<'a>, Error> {
        let place = self.prometheus.as_ref().ok_or_else(|| {
            Error::new("there are no metrics to watch the new version by")
                .hint("say where Prometheus is: --prometheus http://HOST:9090")
                .hint("or a Service of the cluster: --prometheus svc/NAMESPACE/NAME:9090")
        })?;
        let every = rollout.plan().every;
        let prometheus = prometheus::Prometheus::new(place, cluster, every)?;
        let metrics = metrics::Metrics::new(prometheus, self.metrics);
        let force = self.force;
        Ok(Drive::new(
            ui, cluster, target, note, rollout, metrics, force,
        ))
    }
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
