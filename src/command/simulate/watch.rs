//! A run on the live screen: it goes as fast as the one who watches wants.

use std::thread;

use sim::expect::judge;
use sim::run::{Inputs, Options};

use super::RunArgs;
use super::execute::Outcome;
use super::load::Prepared;
use crate::command::top;
use crate::error::Error;
use crate::top::Session;
use crate::ui::Ui;

/// Runs one seed until it ends or nobody watches any more.
pub(super) fn run(
    ui: &Ui,
    args: &RunArgs,
    prepared: &Prepared,
    options: &Options,
) -> Result<Outcome, Error> {
    top::require_terminal()?;
    let theme = top::theme(ui, top::ThemeChoice::Auto);
    let mut session = Session::new(top::WINDOW, theme);
    let name = prepared.scenario.metadata.name.clone();
    let mut watcher = session.simulation(name, args.speed);
    let inputs = Inputs {
        spec: &prepared.scenario.spec,
        resources: &prepared.resources,
        applied: prepared.applied.clone(),
        seed: prepared.seeds.start,
        options: options.clone(),
    };
    let (ran, shown) = thread::scope(|scope| {
        let running = scope.spawn(|| {
            let ran = sim::run::watched(&inputs, &mut watcher);
            watcher.end(ran.as_ref().err().map(ToString::to_string));
            ran
        });
        let shown = session.show();
        (running.join(), shown)
    });
    let ran = ran.map_err(|_| Error::new("the simulation panicked; the message is above"))?;
    shown?;
    let mut seen =
        ran.map_err(|e| Error::new(format!("cannot run {}", prepared.title())).caused_by(e))?;
    seen.not_modelled
        .extend(prepared.not_modelled.iter().cloned());
    Ok(Outcome {
        results: vec![judge(&prepared.scenario, &seen)],
        detail: seen,
    })
}
