//! `meshctl route list`.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

use clap::ValueEnum;
use model::index::Service;
use model::meta::LabelSelector;
use serde::Serialize;

use super::mesh::{Mesh, SourceArgs};
use super::survey::{self, View};
use super::words;
use crate::error::{Answer, Error};
use crate::ui::{Ui, table};

/// List routes by Service: who gets which requests, for whom that holds, and what never holds
///
/// A port of a Service has the routes of its own namespace (all clients) and, for the clients of
/// other namespaces, the routes those have written for themselves. Of several kinds on one port one
/// wins: GRPCRoute before HTTPRoute before TLSRoute before TCPRoute.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  meshctl route list manifests/
  meshctl route list -f manifests/ -n shop -o wide
  kustomize build . | meshctl route list -f - -o json")]
pub(crate) struct Args {
    /// Manifests, as with -f
    #[arg(value_name = "MANIFESTS")]
    manifests: Vec<PathBuf>,
    #[command(flatten)]
    source: SourceArgs,
    /// All namespaces; of files this is meant when no namespace is named
    #[arg(short = 'A', long, conflicts_with = "namespace")]
    all_namespaces: bool,
    /// Only Services with these labels: `app=web,tier!=test,canary`
    #[arg(short = 'l', long, value_name = "SELECTOR")]
    selector: Option<LabelSelector>,
    /// Also Services without a route
    #[arg(long)]
    all_services: bool,
    /// Output format
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    output: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    Table,
    Wide,
    Json,
    Yaml,
}

/// One rule, as one group of clients sees it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Row {
    service: String,
    port: u16,
    /// `all`, or `clients in NAMESPACE`.
    clients: String,
    kind: String,
    route: String,
    rule: String,
    matches: Vec<String>,
    backends: Vec<Backend>,
    filters: Vec<String>,
    timeouts: String,
    retry: String,
    fault: String,
    /// File and line.
    place: String,
    /// Why it is without effect; empty when it has one.
    note: String,
    #[serde(skip)]
    to: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Backend {
    /// `NAMESPACE/NAME:PORT`, or the reason why its share gets 500.
    to: String,
    weight: u32,
}

pub(super) fn run(ui: &mut Ui, args: &Args) -> Result<Answer, Error> {
    let mesh = args.source.read_also(ui, &args.manifests, None)?;
    let namespace = args.source.namespace.as_deref();
    let wanted = |service: &Service| {
        namespace.is_none_or(|ns| *service.name.namespace == *ns)
            && args
                .selector
                .as_ref()
                .is_none_or(|s| s.matches(&labels(&mesh, service)))
    };
    let views = survey::views(&mesh.index, wanted);
    let (shown, rest): (Vec<_>, Vec<_>) = views
        .into_iter()
        .partition(|v| args.all_services || v.has_route());
    let rows: Vec<Row> = shown.iter().flat_map(rows).collect();
    let is_table = matches!(args.output, Format::Table | Format::Wide);
    if rows.is_empty() && is_table {
        ui.note("no routes")?;
    } else {
        let text = render(&rows, args.output)?;
        ui.out().write_all(text.as_bytes())?;
    }
    if is_table && !rest.is_empty() {
        let n = rest.len();
        let ports = if n == 1 { "port has" } else { "ports have" };
        ui.note(&format!(
            "{n} {ports} no route: everything goes to the pods of the Service (--all-services)"
        ))?;
    }
    Ok(Answer::Yes)
}

/// The rules of a view, then the routes that lost against another kind.
pub(super) fn rows(view: &View<'_>) -> Vec<Row> {
    let mut rows = Vec::new();
    for (index, rule, route) in view.rules() {
        let (kind, route) = match route {
            Some(route) => (words::kind(view.governing.kind), route.name.to_string()),
            None => ("", String::new()),
        };
        let matches: Vec<String> = match rule.matches.is_empty() {
            true => vec!["any request".into()],
            false => rule.matches.iter().map(words::matching).collect(),
        };
        let filters = rule.filters.iter();
        rows.push(Row {
            service: view.service.name.to_string(),
            port: view.port.port,
            clients: view.audience(),
            kind: kind.into(),
            rule: if route.is_empty() {
                String::new()
            } else {
                words::rule_part(rule)
            },
            route,
            matches,
            backends: rule.backends.iter().map(backend).collect(),
            filters: filters.map(|f| words::filter(f, view.beside())).collect(),
            timeouts: words::timeouts(&rule.timeouts),
            retry: rule.retry.as_ref().map(words::retry).unwrap_or_default(),
            fault: rule.fault.as_ref().map(words::fault).unwrap_or_default(),
            place: words::place(&rule.origin),
            note: view.note(index),
            to: words::backends(rule, view.beside()),
        });
    }
    let winner = words::kind(view.governing.kind);
    rows.extend(view.governing.losers.iter().map(|loser| Row {
        service: view.service.name.to_string(),
        port: view.port.port,
        clients: view.audience(),
        kind: words::kind(loser.spec.kind()).into(),
        route: loser.name.to_string(),
        rule: String::new(),
        matches: Vec::new(),
        backends: Vec::new(),
        filters: Vec::new(),
        timeouts: String::new(),
        retry: String::new(),
        fault: String::new(),
        place: words::place(&loser.origin),
        note: format!("no effect: a {winner} governs the port"),
        to: String::new(),
    }));
    rows
}

fn backend(backend: &engine::snapshot::BackendRef) -> Backend {
    use engine::snapshot::BackendTarget;
    Backend {
        to: match &backend.target {
            BackendTarget::Cluster(key) => key.to_string(),
            BackendTarget::Invalid(reason) => format!("500: {reason}"),
        },
        weight: backend.weight,
    }
}

pub(super) fn render(rows: &[Row], format: Format) -> Result<String, Error> {
    let failed = |e: String| Error::new("cannot print the routes").caused_by(e);
    match format {
        Format::Json => {
            let list = BTreeMap::from([("routes", rows)]);
            let text = serde_json::to_string_pretty(&list);
            Ok(text.map_err(|e| failed(e.to_string()))? + "\n")
        }
        Format::Yaml => {
            let list = BTreeMap::from([("routes", rows)]);
            serde_yaml::to_string(&list).map_err(|e| failed(e.to_string()))
        }
        Format::Table | Format::Wide => Ok(as_table(rows, format == Format::Wide)),
    }
}

fn as_table(rows: &[Row], wide: bool) -> String {
    let mut heads = vec!["SERVICE", "FOR", "ROUTE", "RULE", "WHEN", "TO"];
    if wide {
        heads.extend(["FILTERS", "TIMEOUTS", "RETRY", "FAULT", "AT"]);
    }
    heads.push("NOTE");
    let mut before: Option<(&str, u16, &str, &str)> = None;
    let line = |row: &Row, same_port: bool, same_route: bool| {
        let unless = |same: bool, text: String| if same { String::new() } else { text };
        let name = format!("{} {}", row.kind, row.route);
        let mut cells = vec![
            unless(same_port, format!("{}:{}", row.service, row.port)),
            unless(same_port, row.clients.clone()),
            unless(same_route, name.trim().to_owned()),
            row.rule.clone(),
            row.matches.join(" or "),
            row.to.clone(),
        ];
        if wide {
            cells.extend([
                row.filters.join("; "),
                row.timeouts.clone(),
                row.retry.clone(),
                row.fault.clone(),
                row.place.clone(),
            ]);
        }
        cells.push(row.note.clone());
        cells
    };
    let mut lines = Vec::with_capacity(rows.len());
    for row in rows {
        let now = (
            row.service.as_str(),
            row.port,
            row.clients.as_str(),
            row.route.as_str(),
        );
        let same_port = before.is_some_and(|b| (b.0, b.1, b.2) == (now.0, now.1, now.2));
        let same_route = before == Some(now);
        lines.push(line(row, same_port, same_route));
        before = Some(now);
    }
    table::render(&heads, &lines)
}

fn labels(mesh: &Mesh, service: &Service) -> BTreeMap<String, String> {
    let object = mesh.object("Service", &service.name);
    object
        .map(|object| object.meta.labels.clone())
        .unwrap_or_default()
}
