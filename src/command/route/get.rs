//! `meshctl route get`.

use std::fmt::Write as _;
use std::io::Write;

use clap::ValueEnum;
use model::index::Service;

use super::mesh::{Mesh, SourceArgs};
use super::survey::{self, View};
use super::{list, words};
use crate::error::{Answer, Error};
use crate::ui::Ui;

/// Show the routes of one Service in full: rules, backends with their pods, policies, shadows
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  meshctl route get reviews -f manifests/
  meshctl route get shop/reviews -f manifests/ -o json
  meshctl route get svc/reviews -n shop -f manifests/")]
pub(crate) struct Args {
    /// NAME, NAMESPACE/NAME or svc/NAME
    service: String,
    #[command(flatten)]
    source: SourceArgs,
    /// Only this port of the Service, by name or number
    #[arg(long, value_name = "PORT")]
    port: Option<String>,
    /// Output format
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    output: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Table,
    Wide,
    Json,
    Yaml,
}

pub(super) fn run(ui: &mut Ui, args: &Args) -> Result<Answer, Error> {
    let mesh = args.source.read(ui, Some(&args.service))?;
    let service = mesh.service(&args.service, args.source.namespace.as_deref())?;
    let port = match &args.port {
        Some(port) => Some(mesh.port(service, Some(port))?),
        None => None,
    };
    let ports = service
        .ports
        .iter()
        .filter(|p| port.is_none_or(|one| one.port == p.port));
    let views: Vec<View<'_>> = ports
        .flat_map(|port| survey::of_port(&mesh.index, service, port))
        .collect();
    let format = match args.output {
        Format::Text => {
            let text = text(&mesh, service, &views);
            ui.out().write_all(text.as_bytes())?;
            return Ok(Answer::Yes);
        }
        Format::Table => list::Format::Table,
        Format::Wide => list::Format::Wide,
        Format::Json => list::Format::Json,
        Format::Yaml => list::Format::Yaml,
    };
    let rows: Vec<list::Row> = views.iter().flat_map(list::rows).collect();
    ui.out()
        .write_all(list::render(&rows, format)?.as_bytes())?;
    Ok(Answer::Yes)
}

fn text(mesh: &Mesh, service: &Service, views: &[View<'_>]) -> String {
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = writeln!(
        out,
        "Service {}  {}",
        service.name,
        words::place(&service.origin)
    );
    for view in views {
        let port = view.port;
        let named = match port.name.as_str() {
            "" => String::new(),
            name => format!(" ({name})"),
        };
        let _ = writeln!(out, "\nport {}{named}, for {}", port.port, view.audience());
        one(mesh, view, &mut out);
    }
    out
}

fn one(mesh: &Mesh, view: &View<'_>, out: &mut String) {
    for (index, rule, route) in view.rules() {
        let title = match route {
            Some(route) => format!(
                "{} {} {}",
                words::kind(view.governing.kind),
                route.name,
                words::rule_part(rule)
            ),
            None => "no route: everything goes to the Service's own pods".into(),
        };
        let _ = writeln!(out, "  {title}  {}", words::place(&rule.origin));
        let mut line = |head: &str, text: &str| {
            if !text.is_empty() {
                let _ = writeln!(out, "    {head:<9} {text}");
            }
        };
        line("note", &view.note(index));
        if route.is_some() {
            for (i, matching) in rule.matches.iter().enumerate() {
                line(
                    if i == 0 { "when" } else { "or" },
                    &words::matching(matching),
                );
            }
        }
        for filter in &rule.filters {
            line("filter", &words::filter(filter, view.beside()));
        }
        for (share, to) in words::shares(rule, view.beside()) {
            let pods = to
                .key
                .map(|key| pods(mesh, &key.service))
                .unwrap_or_default();
            line("to", &format!("{share:>6} {}{pods}", to.text));
            for filter in to.filters {
                line(
                    "",
                    &format!("       {}", words::filter(filter, view.beside())),
                );
            }
        }
        line("timeouts", &words::timeouts(&rule.timeouts));
        line(
            "retry",
            &rule.retry.as_ref().map(words::retry).unwrap_or_default(),
        );
        line(
            "fault",
            &rule.fault.as_ref().map(words::fault).unwrap_or_default(),
        );
    }
    for loser in &view.governing.losers {
        let winner = words::kind(view.governing.kind);
        let _ = writeln!(
            out,
            "  {} {}  {}\n    note      no effect: a {winner} governs the port",
            words::kind(loser.spec.kind()),
            loser.name,
            words::place(&loser.origin)
        );
    }
}

/// The workloads behind a Service.
fn pods(mesh: &Mesh, service: &engine::snapshot::ObjectName) -> String {
    let pods = mesh.index.pods_of_service(service);
    let mut names: Vec<&str> = pods.map(|pod| pod.controller.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    match names.is_empty() {
        true => "  (no workload in the input)".into(),
        false => format!("  {}", names.join(", ")),
    }
}
