//! The list of commands. Each has a file of its own: its doc comment is its help.

pub(crate) mod authz;
pub(crate) mod ca;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod demo;
pub(crate) mod edges;
pub(crate) mod inject;
pub(crate) mod lint;
pub(crate) mod policy;
pub(crate) mod proxy;
pub(crate) mod proxy_init;
pub(crate) mod route;
pub(crate) mod simulate;
pub(crate) mod stat;
pub(crate) mod tap;
pub(crate) mod top;
pub(crate) mod uninject;
pub(crate) mod version;

use clap::Subcommand;

use crate::error::{Answer, Error};
use crate::ui::Ui;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Simulate(Box<simulate::Args>),
    Inject(Box<inject::Args>),
    Uninject(uninject::Args),
    Route(route::Args),
    Policy(policy::Args),
    Authz(authz::Args),
    Check(check::Args),
    Lint(lint::Args),
    Proxy(Box<proxy::Args>),
    ProxyInit(proxy_init::Args),
    Ca(ca::Args),
    Top(Box<top::Args>),
    Demo(demo::Args),
    Stat(stat::Args),
    Tap(Box<tap::Args>),
    Edges(edges::Args),
    Completions(completions::Args),
    Version(version::Args),
}

pub(crate) fn run(ui: &mut Ui, command: Command) -> Result<Answer, Error> {
    match command {
        Command::Simulate(args) => simulate::run(ui, *args),
        Command::Route(args) => route::run(ui, args),
        Command::Policy(args) => policy::run(ui, args),
        Command::Authz(args) => authz::run(ui, args),
        Command::Check(args) => check::run(ui, &args),
        Command::Inject(args) => inject::run(ui, &args),
        Command::Uninject(args) => uninject::run(ui, &args),
        Command::Lint(args) => lint::run(ui, &args),
        Command::ProxyInit(args) => proxy_init::run(ui, &args),
        Command::Ca(args) => ca::run(ui, &args),
        Command::Proxy(args) => proxy::run(ui, &args),
        Command::Demo(args) => demo::run(ui, &args),
        Command::Top(args) => top::run(ui, *args),
        Command::Stat(args) => stat::run(ui, &args),
        Command::Tap(args) => tap::run(ui, &args),
        Command::Edges(args) => edges::run(ui, &args),
        Command::Completions(args) => completions::run(ui, &args),
        Command::Version(args) => version::run(ui, &args),
    }
}
