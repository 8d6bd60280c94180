//! One invocation: read everything, run everything, show everything.

use std::fs;
use std::io::Write;
use std::sync::Arc;

use sim::crypto::Crypto;
use sim::expect::Verdict;
use sim::policy::Level;
use sim::report::{Context, Report, compare, json, text, trace};
use sim::run::Options;

use super::execute::{Outcome, execute};
use super::load::{self, Loaded, Prepared};
use super::progress::Board;
use super::{CryptoChoice, Format, LevelChoice, RunArgs, against, shrink, swarm, watch, write};
use crate::error::{Answer, Error, print_diagnostics};
use crate::interrupt::on_ctrl_c;
use crate::ui::Ui;

pub(super) fn run(ui: &mut Ui, args: &RunArgs) -> Result<Answer, Error> {
    if args.trace.is_some() && args.output == Format::Json {
        return Err(
            Error::new("--trace tells stories in text, and -o json prints no text")
                .hint("leave out one of them"),
        );
    }
    if args.save.is_some() && !args.swarm && !args.shrink {
        return Err(Error::new("--save writes what --swarm or --shrink found")
            .hint("add one of them; a report is written with --html, --junit or -o json"));
    }
    if args.swarm {
        return swarm::run(ui, args);
    }
    if args.shrink {
        return shrink::run(ui, args);
    }
    if let Some(base) = &args.against {
        return against::run(ui, args, base);
    }
    if args.output == Format::Markdown {
        return Err(Error::new(
            "-o markdown says what differs, and there is nothing to compare with",
        )
        .hint("name the base: --against origin/main, or --against DIR"));
    }
    let before = args.compare.as_deref().map(earlier).transpose()?;
    let loaded = load::prepare(args, load::Given::of(args)?)?;
    if args.record.is_some() {
        one_of(&loaded, "--record")?;
    }
    print_diagnostics(ui, &loaded.warnings)?;
    let outcomes = match args.watch {
        true => vec![watch::run(
            ui,
            args,
            one_of(&loaded, "--watch")?,
            &options(args),
        )?],
        false => simulate(ui, args, &loaded.prepared)?,
    };
    let reports = render(args, &loaded, &outcomes);
    show(ui, args, &reports, &outcomes)?;
    if let Some(before) = before {
        show_comparison(ui, &before, &reports)?;
    }
    if let (Some(path), [outcome]) = (&args.record, &outcomes[..]) {
        write::recording(path, &outcome.detail)?;
        ui.note(&format!("wrote {}", path.display()))?;
    }
    if let Some(path) = &args.junit {
        write::junit(path, &reports)?;
    }
    if let Some(path) = &args.html {
        for path in write::html(path, &reports)? {
            ui.note(&format!("wrote {}", path.display()))?;
        }
    }
    answer(args, &reports)
}

/// Runs everything and shows nothing but progress.
pub(super) fn reports(ui: &Ui, args: &RunArgs, loaded: &Loaded) -> Result<Vec<Report>, Error> {
    let outcomes = simulate(ui, args, &loaded.prepared)?;
    Ok(render(args, loaded, &outcomes))
}

fn render(args: &RunArgs, loaded: &Loaded, outcomes: &[Outcome]) -> Vec<Report> {
    let runs = loaded.prepared.iter().zip(outcomes);
    runs.map(|(p, o)| Report::new(&context(args, p), &p.scenario, &o.results, &o.detail))
        .collect()
}

/// The only scenario of an invocation, for flags that are about one.
pub(super) fn one_of<'a>(loaded: &'a Loaded, flag: &str) -> Result<&'a Prepared, Error> {
    match &loaded.prepared[..] {
        [one] => Ok(one),
        several => Err(Error::new(format!(
            "{flag} is about one scenario, and there are {}",
            several.len()
        ))
        .hint("name one of them")),
    }
}

pub(super) fn options(args: &RunArgs) -> Options {
    Options {
        crypto: match args.crypto {
            CryptoChoice::Simulated => Crypto::default(),
            CryptoChoice::Real => Crypto::Real,
        },
        level: match args.level {
            LevelChoice::Wire => Level::Wire,
            LevelChoice::Policy => Level::Policy,
        },
        tell: args.trace.unwrap_or_default(),
        ..Options::default()
    }
}

fn simulate(ui: &Ui, args: &RunArgs, prepared: &[Prepared]) -> Result<Vec<Outcome>, Error> {
    let options = options(args);
    let board = watched(Board::new(prepared, ui.shows_progress(), args.max_wall))?;
    let outcomes = execute(prepared, &options, threads(args), &board);
    board.clear();
    outcomes
}

/// How many simulations run at once.
pub(super) fn threads(args: &RunArgs) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    args.jobs.unwrap_or(cores)
}

/// The board, which the first Ctrl-C asks to end.
pub(super) fn watched(board: Board) -> Result<Arc<Board>, Error> {
    let board = Arc::new(board);
    let stop = Arc::clone(&board);
    on_ctrl_c(move || stop.interrupt("interrupted"))
        .map_err(|e| Error::new("cannot catch Ctrl-C").caused_by(e))?;
    Ok(board)
}

fn context(args: &RunArgs, prepared: &Prepared) -> Context {
    Context {
        version: env!("CARGO_PKG_VERSION").into(),
        file: prepared.file.clone(),
        command: load::command_line(),
        replay: load::replay(args, prepared),
        incomplete: prepared.incomplete.clone(),
    }
}

fn show(
    ui: &mut Ui,
    args: &RunArgs,
    reports: &[Report],
    outcomes: &[Outcome],
) -> Result<(), Error> {
    if args.output == Format::Json {
        let rendered = match reports {
            [one] => json::render(one),
            all => json::render_all(all),
        };
        let text = rendered.map_err(|e| Error::new("cannot render the report").caused_by(e))?;
        ui.out().write_all(text.as_bytes())?;
        return Ok(());
    }
    let options = text::Options {
        width: ui.width(),
        colour: ui.out_colored(),
        verbose: args.verbose,
    };
    for (index, (report, outcome)) in reports.iter().zip(outcomes).enumerate() {
        if index > 0 {
            writeln!(ui.out())?;
        }
        let text = text::render(report, options);
        ui.out().write_all(text.as_bytes())?;
        if args.trace.is_some() {
            let stories = trace::render(&outcome.detail.stories, options.width);
            writeln!(ui.out())?;
            ui.out().write_all(stories.as_bytes())?;
        }
    }
    Ok(())
}

/// Reads the reports to compare with.
fn earlier(path: &std::path::Path) -> Result<Vec<Report>, Error> {
    let shown = path.display();
    let text = fs::read_to_string(path)
        .map_err(|e| Error::new(format!("cannot read {shown}")).caused_by(e))?;
    json::read(&text).map_err(|e| {
        Error::new(format!("{shown} is no report to compare with"))
            .caused_by(e)
            .hint("make one with `meshctl simulate … -o json > FILE`")
    })
}

fn show_comparison(ui: &mut Ui, before: &[Report], reports: &[Report]) -> Result<(), Error> {
    for report in reports {
        let name = &report.scenario.name;
        let Some(then) = before.iter().find(|r| r.scenario.name == *name) else {
            ui.warning(&format!(
                "the other report has no scenario `{name}`; nothing to compare"
            ))?;
            continue;
        };
        let text = compare::render(&compare::compare(then, report), ui.width());
        // With -o json stdout holds the report alone.
        ui.raw_news(&text)?;
    }
    Ok(())
}

/// What the reports mean for the exit code.
pub(super) fn answer(args: &RunArgs, reports: &[Report]) -> Result<Answer, Error> {
    if let Some(report) = reports.iter().find(|r| r.partial.is_some()) {
        let why = report.partial.as_deref().unwrap_or_default();
        return Err(
            Error::new(format!("`{}` was cut short: {why}", report.scenario.name))
                .hint("the report above is marked as partial; nothing is proved by it"),
        );
    }
    if args.no_assumptions {
        refuse_assumptions(reports)?;
    }
    let failed = reports.iter().any(|r| r.verdict == Verdict::Failed);
    Ok(if failed { Answer::No } else { Answer::Yes })
}

fn refuse_assumptions(reports: &[Report]) -> Result<(), Error> {
    let rests = reports.iter().flat_map(|r| &r.expectations);
    let mut rests = rests.filter(|e| !e.rests_on_assumed.is_empty()).peekable();
    if rests.peek().is_none() {
        return Ok(());
    }
    let mut error = Error::new("expectations rest on assumed inputs (--no-assumptions)");
    for judged in rests {
        error = error.caused_by(format!(
            "`{}` rests on: {}",
            judged.name,
            judged.rests_on_assumed.join("; ")
        ));
    }
    Err(error.hint("give these values in the scenario"))
}
