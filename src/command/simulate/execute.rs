//! Runs prepared simulations over all cores: one world per thread, one run per seed.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use sim::expect::{SeedResult, judge};
use sim::record::Observations;
use sim::run::{Inputs, Options, Progress};

use super::load::Prepared;
use super::progress::Board;
use crate::error::Error;

/// What all seeds of one simulation gave.
pub(super) struct Outcome {
    /// In the order of the seeds.
    pub(super) results: Vec<SeedResult>,
    /// Of the first seed that failed, else of the first.
    pub(super) detail: Observations,
}

/// What is kept while seeds are still running: the observations of at most two of them.
#[derive(Default)]
struct Collected {
    results: BTreeMap<u64, SeedResult>,
    first: Option<Observations>,
    failed: Option<Observations>,
    error: Option<(u64, String)>,
}

/// Runs every seed of every simulation, at most `threads` at once.
///
/// # Errors
/// When one of them could not be run.
pub(super) fn execute(
    prepared: &[Prepared],
    options: &Options,
    threads: usize,
    board: &Board,
) -> Result<Vec<Outcome>, Error> {
    let tasks: Vec<(usize, u64)> = prepared
        .iter()
        .enumerate()
        .flat_map(|(i, p)| p.seeds.clone().map(move |seed| (i, seed)))
        .collect();
    let collected: Vec<Mutex<Collected>> = prepared.iter().map(|_| Mutex::default()).collect();
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..threads.clamp(1, tasks.len().max(1)) {
            scope.spawn(|| {
                while let Some((job, seed)) = tasks.get(next.fetch_add(1, Ordering::Relaxed)) {
                    // Seeds that have not begun when the run is cut short are left out; those under
                    // way end by themselves.
                    if board.stopped().is_some() && *seed != prepared[*job].seeds.start {
                        continue;
                    }
                    one(&prepared[*job], *seed, options, board, &collected[*job]);
                }
            });
        }
    });
    prepared
        .iter()
        .zip(collected)
        .map(|(p, c)| finish(p, c))
        .collect()
}

/// Does `count` things, at most `threads` at once; what each gave, in order.
pub(super) fn over<T: Send>(
    threads: usize,
    count: usize,
    work: impl Fn(usize) -> T + Sync,
) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let done: Vec<Mutex<Option<T>>> = (0..count).map(|_| Mutex::new(None)).collect();
    thread::scope(|scope| {
        for _ in 0..threads.clamp(1, count.max(1)) {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(slot) = done.get(index) else { return };
                    let gave = work(index);
                    *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(gave);
                }
            });
        }
    });
    let all = done.into_iter();
    all.filter_map(|slot| slot.into_inner().unwrap_or_else(PoisonError::into_inner))
        .collect()
}

/// Runs a scenario on a thread of its own, so that a panic is what this run gave and no more.
///
/// # Errors
/// Why it came to no end.
pub(super) fn alone(inputs: &Inputs<'_>, board: &Board) -> Result<Observations, String> {
    let mut before = board.origin();
    let mut go_on = |progress: Progress| {
        board.advance(
            progress.at.saturating_sub(before.at),
            progress.requests - before.requests,
        );
        before = progress;
        board.stopped().map_or(Ok(()), Err)
    };
    let ran = thread::scope(|scope| scope.spawn(|| sim::run::run(inputs, &mut go_on)).join());
    match ran {
        Ok(Ok(seen)) => Ok(seen),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("the simulation panicked; the message is above".to_owned()),
    }
}

fn one(
    prepared: &Prepared,
    seed: u64,
    options: &Options,
    board: &Board,
    collected: &Mutex<Collected>,
) {
    let inputs = Inputs {
        spec: &prepared.scenario.spec,
        resources: &prepared.resources,
        applied: prepared.applied.clone(),
        seed,
        options: options.clone(),
    };
    let mut before = Progress {
        at: core::time::Duration::ZERO,
        ..board.origin()
    };
    let mut go_on = |progress: Progress| {
        board.advance(
            progress.at.saturating_sub(before.at),
            progress.requests - before.requests,
        );
        before = progress;
        board.stopped().map_or(Ok(()), Err)
    };
    let ran = sim::run::run(&inputs, &mut go_on);
    let mut collected = collected.lock().unwrap_or_else(PoisonError::into_inner);
    match ran {
        Ok(mut seen) => {
            seen.not_modelled
                .extend(prepared.not_modelled.iter().cloned());
            let result = judge(&prepared.scenario, &seen);
            board.seed_done();
            collected.take(prepared, result, seen);
        }
        Err(e) => {
            let earlier = collected.error.as_ref().is_some_and(|(s, _)| *s < seed);
            if !earlier {
                collected.error = Some((seed, e.to_string()));
            }
        }
    }
}

fn finish(prepared: &Prepared, collected: Mutex<Collected>) -> Result<Outcome, Error> {
    let collected = collected
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    if let Some((seed, why)) = collected.error {
        let what = format!("cannot run {} with seed {seed}", prepared.title());
        return Err(Error::new(what).caused_by(why));
    }
    let detail = collected.failed.or(collected.first);
    let detail = detail
        .ok_or_else(|| Error::new(format!("{} was stopped before it began", prepared.title())))?;
    Ok(Outcome {
        results: collected.results.into_values().collect(),
        detail,
    })
}

// === impl Collected ===

impl Collected {
    fn take(&mut self, prepared: &Prepared, result: SeedResult, seen: Observations) {
        let is_earlier =
            |kept: &Option<Observations>| kept.as_ref().is_none_or(|kept| seen.seed < kept.seed);
        if !result.passed() && is_earlier(&self.failed) {
            self.failed = Some(seen);
        } else if result.passed() && seen.seed == prepared.seeds.start {
            self.first = Some(seen);
        }
        self.results.insert(result.seed, result);
    }
}
