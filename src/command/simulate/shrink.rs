//! `simulate --shrink`: the smallest scenario that still fails in the same way.

use std::io::Write as _;
use std::sync::Arc;

use sim::bundle::bundle;
use sim::derive;
use sim::expect::judge;
use sim::run::{Inputs, Options};
use sim::scenario::Scenario;
use sim::shrink::{Candidate, Failure, Ready, Runner, idle, shrink};

use super::execute::{alone, execute, over};
use super::load;
use super::progress::Board;
use super::{RunArgs, batch};
use crate::error::{Answer, Error, print_diagnostics};
use crate::ui::Ui;
use crate::write::atomically;

/// What is asked of a candidate.
struct Trial {
    board: Arc<Board>,
    options: Options,
    seed: u64,
    failure: Failure,
    /// The scenario does not fail so without its events.
    needs_events: bool,
}

/// Asks candidates over all cores.
struct Trials<'a> {
    ui: &'a mut Ui,
    trial: Trial,
    threads: usize,
    tried: usize,
    most: usize,
}

pub(super) fn run(ui: &mut Ui, args: &RunArgs) -> Result<Answer, Error> {
    let loaded = load::prepare(args, load::Given::of(args)?)?;
    print_diagnostics(ui, &loaded.warnings)?;
    let prepared = batch::one_of(&loaded, "--shrink")?;
    let all = std::slice::from_ref(prepared);
    let board = batch::watched(Board::new(all, ui.shows_progress(), args.max_wall))?;
    let outcomes = execute(all, &batch::options(args), batch::threads(args), &board);
    board.clear();
    if let Some(why) = board.stopped() {
        return Err(Error::new(format!(
            "cut short before anything was shrunk: {why}"
        )));
    }
    let results = outcomes?.into_iter().flat_map(|o| o.results);
    let failed = results
        .into_iter()
        .find_map(|r| Some((r.seed, Failure::of(&r)?, Failure::all(&r))));
    let Some((seed, first, all)) = failed else {
        ui.note(&format!(
            "nothing to shrink: {} does not fail with these seeds",
            prepared.title()
        ))?;
        return Ok(Answer::Yes);
    };
    let mut scenario = prepared.scenario.clone();
    scenario.spec = bundle(&scenario.spec, &prepared.resources, &prepared.applied);
    let takes_load = |failure: &&Failure| {
        let trial = Trial::new(args, &board, seed, failure);
        !idle(&scenario.spec, failure).is_some_and(|idle| trial.fails_so(&idle))
    };
    let failure = all.iter().find(takes_load).unwrap_or(&first);
    smallest(ui, args, &board, &scenario, seed, failure)?;
    Ok(Answer::No)
}

/// Shrinks a scenario with all its manifests in it, and writes the result: to `--save`, or to
/// standard output.
pub(super) fn smallest(
    ui: &mut Ui,
    args: &RunArgs,
    board: &Arc<Board>,
    scenario: &Scenario,
    seed: u64,
    failure: &Failure,
) -> Result<(), Error> {
    ui.note(&format!("shrinking: {failure}, with seed {seed}"))?;
    let mut trial = Trial::new(args, board, seed, failure);
    let cannot = |why: &str| Error::new("cannot shrink this failure").caused_by(why);
    let start = Ready::new(&scenario.spec)
        .ok_or_else(|| cannot("with its manifests in it, the scenario is none that could run"))?;
    if !trial.fails(&start) {
        return Err(cannot(
            "with its manifests in it, the scenario does not fail so",
        ));
    }
    trial.needs_events = !start.spec.events.is_empty() && !trial.fails(&start.calm());
    let mut trials = Trials {
        ui,
        trial,
        threads: batch::threads(args),
        tried: 0,
        most: args.tries,
    };
    let shrunk = shrink(scenario, failure, &mut trials)
        .map_err(|e| Error::new("cannot read the scenario again").caused_by(e))?;
    let (ui, tried) = (trials.ui, trials.tried);
    for step in &shrunk.steps {
        ui.note(&format!("  {step}"))?;
    }
    let end = match (shrunk.minimal, board.stopped()) {
        (true, _) => "nothing more can be left out".to_owned(),
        (false, Some(why)) => format!("stopped: {why}"),
        (false, None) => format!("stopped after --tries {}", args.tries),
    };
    ui.note(&format!("{tried} scenarios tried; {end}"))?;
    let text = document(args, &shrunk.scenario, seed)?;
    match &args.save {
        Some(path) => {
            atomically(path, text.as_bytes())?;
            ui.note(&format!("wrote {}", path.display()))?;
        }
        None => ui.out().write_all(text.as_bytes())?,
    }
    Ok(())
}

/// A scenario that fails, with the command that shows it.
pub(super) fn document(args: &RunArgs, scenario: &Scenario, seed: u64) -> Result<String, Error> {
    let file = match &args.save {
        Some(path) => load::quote(&path.display().to_string()),
        None => "FILE".into(),
    };
    let switches: String = load::switches(args).map(|s| format!(" {s}")).collect();
    let head = format!("Fails with: meshctl simulate {file}{switches} --seed {seed}");
    derive::document(scenario, &head)
        .map_err(|e| Error::new("cannot write the scenario").caused_by(e))
}

// === impl Trial ===

impl Trial {
    fn new(args: &RunArgs, board: &Arc<Board>, seed: u64, failure: &Failure) -> Self {
        Self {
            board: Arc::clone(board),
            options: batch::options(args),
            seed,
            failure: failure.clone(),
            needs_events: false,
        }
    }

    /// Whether a scenario fails in the same way, and by its events if the first one did.
    fn fails(&self, ready: &Ready) -> bool {
        self.fails_so(ready) && !(self.needs_events && self.fails_so(&ready.calm()))
    }

    fn fails_so(&self, ready: &Ready) -> bool {
        let inputs = Inputs {
            spec: &ready.spec,
            resources: &ready.resources,
            applied: ready.applied.clone(),
            seed: self.seed,
            options: self.options.clone(),
        };
        match alone(&inputs, &self.board) {
            Err(_) => self.failure == Failure::Broken,
            Ok(seen) if seen.partial.is_some() => false,
            Ok(seen) => {
                let scenario = Scenario::new("candidate", ready.spec.clone());
                Failure::all(&judge(&scenario, &seen)).contains(&self.failure)
            }
        }
    }
}

// === impl Trials ===

impl Runner for Trials<'_> {
    fn first_failing(&mut self, candidates: &[Candidate]) -> Result<Option<usize>, String> {
        let mut from = 0;
        while from < candidates.len() {
            let size = self.threads.min(self.most - self.tried);
            if size == 0 {
                return Err("as many as allowed were tried".into());
            }
            let some = &candidates[from..candidates.len().min(from + size)];
            if self.ui.shows_progress() {
                let now = format!("{} scenarios tried: {}", self.tried, some[0].what);
                // Who does not see how far it is gets the result all the same.
                let _ = self.ui.passing(&now);
            }
            let trial = &self.trial;
            let failing = over(self.threads, some.len(), |i| trial.fails(&some[i].ready));
            if let Some(why) = self.trial.board.stopped() {
                return Err(why);
            }
            // As if they had been tried one after the other, however many cores there are.
            if let Some(first) = failing.iter().position(|fails| *fails) {
                self.tried += first + 1;
                return Ok(Some(from + first));
            }
            self.tried += some.len();
            from += some.len();
        }
        Ok(None)
    }
}
