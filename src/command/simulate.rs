//! `meshctl simulate`.

use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;

use crate::cluster;
use crate::command::top;
use crate::error::{Answer, Error};
use crate::ui::Ui;

mod against;
mod batch;
mod beside;
mod execute;
mod held;
mod init;
mod load;
mod progress;
mod shrink;
mod swarm;
mod watch;
mod write;

pub(crate) use beside::beside;

/// Run a mesh offline: real proxies, your manifests, virtual time
///
/// Reads Kubernetes manifests with Gateway API routes and meshctl policies, starts every pod with
/// the real sidecar proxy in one process, sends load, injects faults, and checks expectations.
/// Without a scenario one is derived from the manifests, and what it assumed is listed. With
/// --context, --kubeconfig, -n or -A the objects of a cluster are read as well; nothing is changed
/// there.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_precedence_over_arg = true,
    after_help = "Examples:
  meshctl simulate sim/scenarios/canary_bad.yaml
  meshctl simulate canary.yaml --seeds 100 --junit report.xml
  meshctl simulate -f manifests/                      a scenario is derived
  meshctl simulate init -f manifests/ > scenario.yaml write it out, to edit
  helm template . | meshctl simulate -f -
  meshctl simulate --context staging -n shop          what a cluster holds
  meshctl simulate --context prod -A -f changed.yaml  the same, with a change
  meshctl simulate canary.yaml --watch --speed 5      on the live screen
  meshctl simulate canary.yaml --record run.jsonl     then meshctl top --replay run.jsonl
  meshctl simulate canary.yaml --against origin/main -o markdown
  meshctl simulate -f manifests/ --swarm --seeds 100  random faults, then liveness
  meshctl simulate bad.yaml --shrink > small.yaml     the smallest that fails alike
  meshctl simulate ./init                             a scenario file called `init`

Exit status: 0 every expectation holds, or none is written (then the report says \"not tested\");
1 some do not hold; 2 the simulation could not be run, or was cut short."
)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<Sub>,
    #[command(flatten)]
    run: RunArgs,
}

#[derive(Debug, clap::Subcommand)]
enum Sub {
    Init(init::Args),
}

#[derive(Debug, clap::Args)]
pub(crate) struct RunArgs {
    /// Scenario files; they name their own manifests, relative to themselves
    #[arg(value_name = "SCENARIO")]
    scenarios: Vec<PathBuf>,
    /// Manifests: files, directories, or `-` for standard input; added to those of the scenario,
    /// and in place of the same objects of a cluster
    #[arg(short = 'f', long = "filename", value_name = "MANIFESTS")]
    files: Vec<PathBuf>,
    /// Look for manifests in subdirectories as well
    #[arg(short = 'R', long)]
    recursive: bool,
    /// Where the randomness comes from: same seed, same bytes
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Run N seeds, starting at --seed, over all cores, and report the spread
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    seeds: Option<u32>,
    /// How much virtual time to simulate, instead of what the scenario says
    #[arg(long, value_name = "DURATION", value_parser = load::duration)]
    duration: Option<Duration>,
    /// Change a value: PATH=VALUE in the scenario, or KIND/NAMESPACE/NAME:PATH=VALUE in a manifest
    #[arg(long, value_name = "CHANGE")]
    set: Vec<String>,
    /// Apply a counter-change of the scenario: the expectations that it names have to fail
    #[arg(long, value_name = "NAME", requires = "scenarios")]
    counter: Option<String>,
    /// Output format on standard output
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    output: Format,
    /// Also write a JUnit XML report
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Also write a self-contained HTML report
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Tell the story of requests across hops: the first that `failed`, or the first N
    #[arg(long, value_name = "failed|N", value_parser = load::trace)]
    trace: Option<sim::story::Tell>,
    /// Compare with an earlier report (-o json) and say what became worse
    #[arg(long, value_name = "OTHER.json")]
    compare: Option<PathBuf>,
    /// Run with the manifests of this directory or git commit as well, and say what differs
    #[arg(long, value_name = "DIR|GITREF",
          conflicts_with_all = ["compare", "junit", "html", "trace"])]
    against: Option<String>,
    /// Watch the run on the live screen: pause, step, on to the next event; the report comes after
    #[arg(long, conflicts_with_all = ["seeds", "against", "jobs", "max_wall"])]
    watch: bool,
    /// How fast --watch goes: virtual seconds in a second, or `inf`
    #[arg(long, value_name = "N", default_value_t = 1.0, value_parser = top::speed,
          requires = "watch")]
    speed: f64,
    /// Also write what all proxies saw, second by second, for `meshctl top --replay`
    #[arg(long, value_name = "FILE", conflicts_with = "against")]
    record: Option<PathBuf>,
    /// Draw faults by seed, end them all, and demand that everything comes back; --seeds draws
    #[arg(long, conflicts_with_all = ["against", "compare", "junit", "html", "trace", "watch",
          "record", "no_assumptions"])]
    swarm: bool,
    /// With --swarm: how long everything may take to come back [default: 1m]
    #[arg(long, value_name = "DURATION", value_parser = load::duration, requires = "swarm")]
    recover: Option<Duration>,
    /// Write the smallest scenario that still fails in the same way
    #[arg(long, conflicts_with_all = ["against", "compare", "junit", "html", "trace", "watch",
          "record", "no_assumptions"])]
    shrink: bool,
    /// How many smaller scenarios --shrink tries
    #[arg(long, value_name = "N", default_value_t = 1000, requires = "shrink")]
    tries: usize,
    /// Where --swarm writes the first scenario that failed, and --shrink the smallest
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// Stop after this much real time; the report is marked as partial
    #[arg(long, value_name = "DURATION", value_parser = load::duration)]
    max_wall: Option<Duration>,
    /// `real` uses real key exchange and signatures instead of the simulator's cheap ones
    #[arg(long, value_name = "WHICH", default_value = "simulated")]
    crypto: CryptoChoice,
    /// `policy` drives the engine alone, without bytes: many times faster, for sweeps
    #[arg(long, value_name = "WHICH", default_value = "wire")]
    level: LevelChoice,
    /// Refuse to judge by assumed inputs: exit 2 when an expectation rests on one
    #[arg(long)]
    no_assumptions: bool,
    /// Go on although policies of another mesh are not understood; the result is INCOMPLETE
    #[arg(long)]
    ignore_foreign: bool,
    /// List every assumption and everything that is not modelled
    #[arg(short, long)]
    verbose: bool,
    /// How many simulations run at once
    #[arg(short, long, value_name = "N")]
    jobs: Option<usize>,
    #[command(flatten)]
    cluster: cluster::Flags,
    #[command(flatten)]
    scope: cluster::Scope,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
    /// With --against: what differs significantly, for a comment on a change
    Markdown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CryptoChoice {
    Simulated,
    Real,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LevelChoice {
    /// Real proxies over a virtual network
    Wire,
    /// The engine alone
    Policy,
}

pub(crate) fn run(ui: &mut Ui, args: Args) -> Result<Answer, Error> {
    match args.command {
        Some(Sub::Init(args)) => init::run(ui, &args),
        None => batch::run(ui, &args.run),
    }
}
