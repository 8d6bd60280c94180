//! `simulate --swarm`: faults drawn by each seed, their end, and whether everything came back.

use std::io::Write as _;

use sim::bundle::bundle;
use sim::expect::judge;
use sim::run::{Inputs, Options};
use sim::shrink::Failure;
use sim::swarm::{Drawn, RECOVER, Swarm, Times, calm};

use super::execute::{alone, over};
use super::load::{self, Prepared};
use super::progress::Board;
use super::{Format, RunArgs, batch, shrink};
use crate::error::{Answer, Error, print_diagnostics};
use crate::ui::Ui;
use crate::write::atomically;

mod report;

use report::{Report, Run};

/// Seeds that are drawn when nothing is said.
const SEEDS: u64 = 20;

/// What one seed gave.
pub(super) struct Try {
    pub(super) seed: u64,
    pub(super) drawn: Drawn,
    /// Everything that failed, the first first; none when all came back.
    pub(super) failures: Vec<Failure>,
    /// The failures with what was expected and seen.
    said: Vec<String>,
    /// Cut short: nothing is known.
    partial: bool,
}

pub(super) fn run(ui: &mut Ui, args: &RunArgs) -> Result<Answer, Error> {
    if args.output == Format::Markdown {
        return Err(Error::new("--swarm reports as text or json").hint("leave out -o markdown"));
    }
    if args.shrink && args.save.is_none() {
        return Err(
            Error::new("with --swarm, --shrink needs a file for the smallest scenario")
                .hint("name it: --save FILE"),
        );
    }
    let loaded = load::prepare(args, load::Given::of(args)?)?;
    print_diagnostics(ui, &loaded.warnings)?;
    let prepared = batch::one_of(&loaded, "--swarm")?;
    let options = batch::options(args);
    let seeds = args.seed
        ..args
            .seed
            .saturating_add(args.seeds.map_or(SEEDS, u64::from));
    let count = seeds.end - seeds.start;
    let times = Times::new(
        prepared.scenario.spec.duration.0,
        args.recover.unwrap_or(RECOVER),
    );
    let millis = times.end.as_millis() as u64 * (count + 1);
    let shown = ui.shows_progress();
    let board = Board::of(millis, count as u32 + 1, shown, args.max_wall);
    let board = batch::watched(board)?;
    let swarm = prepare(prepared, times, args.seed, &options, &board)?;
    let tries = over(batch::threads(args), count as usize, |i| {
        one(&swarm, prepared, seeds.start + i as u64, &options, &board)
    });
    board.clear();
    let report = summary(args, prepared, &swarm, &tries);
    show(ui, args, &report)?;
    let failed = tries.iter().find(|t| !t.failures.is_empty());
    if let (Some(failed), Some(path)) = (failed, &args.save) {
        let scenario = bundled(failed, prepared);
        match args.shrink {
            true => shrink::smallest(
                ui,
                args,
                &board,
                &scenario,
                failed.seed,
                &failed.failures[0],
            )?,
            false => {
                let text = shrink::document(args, &scenario, failed.seed)?;
                atomically(path, text.as_bytes())?;
                ui.note(&format!("wrote {}", path.display()))?;
            }
        }
    }
    answer(&tries, &board)
}

/// Runs the scenario without faults, and takes what it gave for what is demanded.
fn prepare(
    prepared: &Prepared,
    times: Times,
    seed: u64,
    options: &Options,
    board: &Board,
) -> Result<Swarm, Error> {
    let calm = calm(&prepared.scenario, times);
    let inputs = Inputs {
        spec: &calm.spec,
        resources: &prepared.resources,
        applied: Default::default(),
        seed,
        options: options.clone(),
    };
    let failed = |why: &dyn std::fmt::Display| {
        Error::new(format!("{} fails without any faults", prepared.title())).caused_by(why)
    };
    let seen = alone(&inputs, board).map_err(|e| failed(&e))?;
    board.seed_done();
    if let Some(why) = &seen.partial {
        return Err(Error::new(format!(
            "cut short before the first seed: {why}"
        )));
    }
    if let Some(breach) = seen.breaches.first() {
        return Err(failed(&format!("{}: {}", breach.invariant, breach.seen)));
    }
    let swarm = Swarm::new(calm, times, &prepared.resources, &seen, options.level);
    if !swarm
        .demands()
        .any(|name| name.ends_with("is served again"))
    {
        return Err(
            Error::new("nothing can be demanded: without faults, no load is served")
                .hint("a load needs at least 20 requests in ten seconds, and some successes"),
        );
    }
    Ok(swarm)
}

fn one(swarm: &Swarm, prepared: &Prepared, seed: u64, options: &Options, board: &Board) -> Try {
    let drawn = swarm.draw(seed);
    let mut tried = Try {
        seed,
        drawn,
        failures: Vec::new(),
        said: Vec::new(),
        partial: board.stopped().is_some(),
    };
    if tried.partial {
        return tried;
    }
    let spec = &tried.drawn.scenario.spec;
    let inputs = Inputs {
        spec,
        resources: &prepared.resources,
        applied: sim::swarm::applied(spec),
        seed,
        options: options.clone(),
    };
    match alone(&inputs, board) {
        Err(why) => {
            tried.failures.push(Failure::Broken);
            tried.said.push(why);
        }
        Ok(seen) if seen.partial.is_some() => tried.partial = true,
        Ok(seen) => {
            let result = judge(&tried.drawn.scenario, &seen);
            tried.failures = Failure::all(&result);
            let breaches = result.breaches.iter();
            let breaches = breaches.map(|b| format!("{}: {}", b.invariant, b.seen));
            let judged = result.judged.iter().filter(|j| !j.pass);
            let judged =
                judged.map(|j| format!("{}: expected {}, seen {}", j.name, j.expected, j.seen));
            tried.said = breaches.chain(judged).collect();
        }
    }
    board.seed_done();
    tried
}

/// The scenario that was drawn, with its manifests in it.
fn bundled(tried: &Try, prepared: &Prepared) -> sim::scenario::Scenario {
    let mut scenario = tried.drawn.scenario.clone();
    let applied = sim::swarm::applied(&scenario.spec);
    scenario.spec = bundle(&scenario.spec, &prepared.resources, &applied);
    scenario
}

fn summary(args: &RunArgs, prepared: &Prepared, swarm: &Swarm, tries: &[Try]) -> Report {
    let replay = load::replay(args, prepared);
    let runs = tries.iter().map(|tried| Run {
        seed: tried.seed,
        faults: tried
            .drawn
            .scenario
            .spec
            .events
            .iter()
            .map(sim::swarm::shown)
            .collect(),
        kinds: tried.drawn.kinds.iter().map(ToString::to_string).collect(),
        failed: tried.said.clone(),
        partial: tried.partial,
        replay: (!tried.failures.is_empty())
            .then(|| format!("{replay} --seed {} --seeds 1", tried.seed)),
    });
    Report {
        scenario: prepared.scenario.metadata.name.clone(),
        demanded: swarm.demands().map(str::to_owned).collect(),
        healed_by: sim::scenario::Span(swarm.times().healed),
        judged_from: sim::scenario::Span(swarm.times().judged),
        runs: runs.collect(),
    }
}

fn show(ui: &mut Ui, args: &RunArgs, report: &Report) -> Result<(), Error> {
    let text = match args.output {
        Format::Json => {
            let text = serde_json::to_string_pretty(report);
            text.map_err(|e| Error::new("cannot render the report").caused_by(e))? + "\n"
        }
        _ => report.text(args.verbose),
    };
    ui.out().write_all(text.as_bytes())?;
    Ok(())
}

fn answer(tries: &[Try], board: &Board) -> Result<Answer, Error> {
    if tries.iter().any(|t| !t.failures.is_empty()) {
        return Ok(Answer::No);
    }
    if let Some(why) = board.stopped().filter(|_| tries.iter().any(|t| t.partial)) {
        let whole = tries.iter().filter(|t| !t.partial).count();
        return Err(Error::new(format!("cut short: {why}")).hint(format!(
            "{whole} of {} seeds were run to their end",
            tries.len()
        )));
    }
    Ok(Answer::Yes)
}
