//! `meshctl policy list`.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

use clap::ValueEnum;
use model::diagnostic::Level;
use model::index::{Condition, ConditionKind, MeshMode, Status, statuses};
use model::load;
use model::resource;
use serde::Serialize;

use crate::command::route::mesh::SourceArgs;
use crate::command::route::words;
use crate::error::{Answer, Error, print_diagnostics};
use crate::ui::{Ui, table};

/// The kinds that have parents instead of targets.
const ROUTES: [&str; 4] = ["HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute"];

/// List policies with the status conditions of each target (GEP-713)
///
/// `Accepted` says whether the policy is considered for the target at all: not when the target does
/// not exist (TargetNotFound), an older policy names it as well (Conflicted), or the policy has an
/// error (Invalid). `Programmed` says whether it holds anywhere: not when more specific policies
/// hold everywhere that it could (Overridden).
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  meshctl policy list manifests/
  meshctl policy list -f manifests/ -n shop --routes
  kustomize build . | meshctl policy list -f - -o json")]
pub(super) struct Args {
    /// Manifests, as with -f
    #[arg(value_name = "MANIFESTS")]
    manifests: Vec<PathBuf>,
    #[command(flatten)]
    source: SourceArgs,
    /// All namespaces; of files this is meant when no namespace is named
    #[arg(short = 'A', long, conflicts_with = "namespace")]
    all_namespaces: bool,
    /// Also routes, with the conditions of each parent
    #[arg(long)]
    routes: bool,
    /// Output format
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    output: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Table,
    /// With places
    Wide,
    Json,
    Yaml,
}

/// One object, in the shape of its `status`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    kind: String,
    namespace: String,
    name: String,
    /// File and line.
    place: String,
    ancestors: Vec<Ancestor>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Ancestor {
    /// `Service shop/web`
    of: String,
    conditions: Vec<Said>,
}

/// A condition as Kubernetes writes it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Said {
    r#type: &'static str,
    status: &'static str,
    reason: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    message: String,
}

pub(super) fn run(ui: &mut Ui, args: &Args) -> Result<Answer, Error> {
    let mut resources = Vec::new();
    let mut found = Vec::new();
    for text in args.source.texts(ui, &args.manifests, None)? {
        let reading = resource::read(&text.name, &text.text);
        found.extend(reading.diagnostics);
        resources.extend(reading.resources);
    }
    // What cannot be read has no status. What is invalid has one that says so.
    if found.iter().any(|d| d.level == Level::Error) {
        return Err(Error::Input(found));
    }
    print_diagnostics(ui, &found)?;
    let index = load::load(&resources, MeshMode::All).index;
    let namespace = args.source.namespace.as_deref();
    let all = statuses(&resources, &index).into_iter();
    let items: Vec<Item> = all
        .filter(|status| namespace.is_none_or(|ns| *status.name.namespace == *ns))
        .filter(|status| args.routes || !ROUTES.contains(&status.kind.as_str()))
        .map(item)
        .collect();
    let is_table = matches!(args.output, Format::Table | Format::Wide);
    if items.is_empty() && is_table {
        ui.note("no policies")?;
        return Ok(Answer::Yes);
    }
    let text = render(&items, args.output)?;
    ui.out().write_all(text.as_bytes())?;
    Ok(Answer::Yes)
}

fn item(status: Status) -> Item {
    let ancestors = status.ancestors.into_iter().map(|ancestor| Ancestor {
        of: ancestor.of,
        conditions: ancestor.conditions.into_iter().map(said).collect(),
    });
    Item {
        kind: status.kind,
        namespace: status.name.namespace.to_string(),
        name: status.name.name.to_string(),
        place: words::place(&status.origin),
        ancestors: ancestors.collect(),
    }
}

fn said(condition: Condition) -> Said {
    Said {
        r#type: match condition.kind {
            ConditionKind::Accepted => "Accepted",
            ConditionKind::Programmed => "Programmed",
            ConditionKind::ResolvedRefs => "ResolvedRefs",
        },
        status: if condition.holds { "True" } else { "False" },
        // Its names are those of the standard.
        reason: format!("{:?}", condition.reason),
        message: condition.message,
    }
}

fn render(items: &[Item], format: Format) -> Result<String, Error> {
    let failed = |e: String| Error::new("cannot print the policies").caused_by(e);
    let list = BTreeMap::from([("items", items)]);
    match format {
        Format::Json => {
            let text = serde_json::to_string_pretty(&list);
            Ok(text.map_err(|e| failed(e.to_string()))? + "\n")
        }
        Format::Yaml => serde_yaml::to_string(&list).map_err(|e| failed(e.to_string())),
        Format::Table | Format::Wide => Ok(as_table(items, format == Format::Wide)),
    }
}

fn as_table(items: &[Item], wide: bool) -> String {
    let mut heads = vec!["KIND", "NAME", "TARGET", "ACCEPTED", "IN EFFECT", "WHY NOT"];
    if wide {
        heads.push("AT");
    }
    let mut lines = Vec::new();
    for item in items {
        for ancestor in &item.ancestors {
            let of = |names: &[&str]| {
                let mut conditions = ancestor.conditions.iter();
                conditions.find(|said| names.contains(&said.r#type))
            };
            let status = |names: &[&str]| of(names).map_or("False", |said| said.status).to_owned();
            let against = ancestor
                .conditions
                .iter()
                .find(|said| said.status == "False");
            let why = against.map(|said| match said.message.as_str() {
                "" => said.reason.clone(),
                message => format!("{}: {message}", said.reason),
            });
            let mut line = vec![
                item.kind.clone(),
                format!("{}/{}", item.namespace, item.name),
                ancestor.of.clone(),
                status(&["Accepted"]),
                status(&["Programmed", "ResolvedRefs"]),
                why.unwrap_or_default(),
            ];
            if wide {
                line.push(item.place.clone());
            }
            lines.push(line);
        }
    }
    table::render(&heads, &lines)
}
