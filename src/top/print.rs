//! The same rows without a screen: tables for people and pipes, JSON and YAML for programs.

use core::time::Duration;

use clap::ValueEnum;
use serde::Serialize;

use super::gather::Gathered;
use super::list::List as _;
use super::record::routes::Branch;
use super::record::{Record, Selection, Shown};
use super::view::{self, Overview, SourceView};
use crate::error::Error;
use crate::ui::table;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Table,
    /// More columns
    Wide,
    Json,
    Yaml,
}

/// What the rows are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// As clients address them
    #[value(aliases = ["svc", "service"])]
    Services,
    /// Rules of routes
    #[value(alias = "route")]
    Routes,
    /// The shares of rules that go to one backend
    #[value(alias = "backend")]
    Backends,
    /// Pods, with their breakers
    #[value(aliases = ["ep", "endpoint"])]
    Endpoints,
    /// Who calls whom
    #[value(alias = "edge")]
    Edges,
    /// What happened
    #[value(alias = "event")]
    Events,
}

/// Which rows, and in which order.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Choice {
    /// Only rows with all of these words; `!WORD` leaves rows out
    #[arg(long, value_name = "WORDS")]
    pub(crate) filter: Option<String>,
    /// Only rows of this namespace
    #[arg(short, long, value_name = "NAMESPACE")]
    pub(crate) namespace: Option<String>,
    /// Only rows with failures, or with endpoints that get no traffic
    #[arg(long)]
    pub(crate) failing: bool,
    /// Sort by the column with this head
    #[arg(long, value_name = "COLUMN")]
    pub(crate) sort: Option<String>,
    /// The other way round
    #[arg(long, requires = "sort")]
    pub(crate) reverse: bool,
}

/// How latencies and times are meant, in every output.
#[derive(Serialize)]
struct Page<'a, R> {
    sources: &'a [SourceView],
    #[serde(flatten)]
    rows: std::collections::BTreeMap<&'static str, &'a [&'a R]>,
}

/// Rows of one kind, as text that ends with a newline.
///
/// # Errors
/// When there is no such column.
pub(crate) fn rows(
    seen: &Gathered,
    kind: Kind,
    choice: &Choice,
    format: Format,
) -> Result<String, Error> {
    let (store, now) = (&seen.store, seen.now);
    let Overview {
        sources, services, ..
    } = Overview::new(store, now);
    let sources = &sources;
    let all = match kind {
        Kind::Services => return render("services", services, sources, choice, format),
        Kind::Edges => {
            return render("edges", view::edges(store, now), sources, choice, format);
        }
        Kind::Events => {
            let events: Vec<_> = view::events(store, now).collect();
            return render("events", events, sources, choice, format);
        }
        Kind::Endpoints => {
            let endpoints = view::endpoints(store, None, now);
            return render("endpoints", endpoints, sources, choice, format);
        }
        Kind::Backends => {
            let backends = view::backends(store, None, now).into_iter();
            let rows: Vec<_> = backends.map(|b| Branch::Alone(Box::new(b))).collect();
            return render("backends", rows, sources, choice, format);
        }
        Kind::Routes => services.iter().map(|s| view::routes(store, &s.key, now)),
    };
    let routes = all.flatten();
    let rows = match format {
        // A document has the backends of a rule within it.
        Format::Json | Format::Yaml => routes.map(|r| Branch::Rule(Box::new(r))).collect(),
        Format::Table | Format::Wide => Branch::of(routes.collect()),
    };
    render("routes", rows, sources, choice, format)
}

/// Everything that the screen shows first, as one document; or the table of services.
///
/// # Errors
/// As [`rows`].
pub(crate) fn overview(seen: &Gathered, choice: &Choice, format: Format) -> Result<String, Error> {
    if let Format::Table | Format::Wide = format {
        return rows(seen, Kind::Services, choice, format);
    }
    let mut overview = Overview::new(&seen.store, seen.now);
    let order = selection::<view::ServiceView>(choice)?.order(&overview.services);
    let namespace = |row: &usize| choice.admits(&overview.services[*row].text());
    let kept: Vec<_> = order.into_iter().filter(namespace).collect();
    overview.services = kept
        .into_iter()
        .map(|i| overview.services[i].clone())
        .collect();
    document(&overview, format)
}

fn render<R: Record + Serialize>(
    name: &'static str,
    rows: Vec<R>,
    sources: &[SourceView],
    choice: &Choice,
    format: Format,
) -> Result<String, Error> {
    let order = selection::<R>(choice)?.order(&rows);
    let order: Vec<usize> = order
        .into_iter()
        .filter(|row| choice.admits(&rows[*row].text()))
        .collect();
    let wide = match format {
        Format::Table => false,
        Format::Wide => true,
        Format::Json | Format::Yaml => {
            let rows: Vec<&R> = order.iter().map(|row| &rows[*row]).collect();
            let page = Page {
                sources,
                rows: [(name, &rows[..])].into(),
            };
            return document(&page, format);
        }
    };
    let heads = rows.heads();
    let printed = |i: &usize| match heads[*i].place {
        Shown::Everywhere | Shown::Print => true,
        Shown::Wide => wide,
        Shown::Screen => false,
    };
    let shown: Vec<usize> = (0..heads.len()).filter(printed).collect();
    let names: Vec<&str> = shown.iter().map(|i| heads[*i].text).collect();
    let cell = |row: usize, column: usize| {
        let text = rows.cell(row, column).text;
        match column == 0 && !rows.branch(row).is_empty() {
            true => format!("  {text}"),
            false => text,
        }
    };
    let lines: Vec<Vec<String>> = order
        .iter()
        .map(|row| shown.iter().map(|column| cell(*row, *column)).collect())
        .collect();
    Ok(table::render(&names, &lines))
}

fn document<T: Serialize>(value: &T, format: Format) -> Result<String, Error> {
    let failed = |e: &dyn core::fmt::Display| Error::new("cannot render it").caused_by(e);
    match format {
        Format::Yaml => serde_yaml::to_string(value).map_err(|e| failed(&e)),
        _ => serde_json::to_string_pretty(value)
            .map(|text| text + "\n")
            .map_err(|e| failed(&e)),
    }
}

fn selection<R: Record>(choice: &Choice) -> Result<Selection, Error> {
    let columns = R::columns();
    let sort = match &choice.sort {
        None => None,
        Some(wanted) => {
            let is = |head: &str| head.eq_ignore_ascii_case(wanted);
            let found = columns.iter().position(|c| is(c.head));
            if found.is_none() {
                let heads: Vec<_> = columns.iter().map(|c| c.head).collect();
                return Err(Error::new(format!("there is no column `{wanted}`"))
                    .hint(format!("there are {}", heads.join(", "))));
            }
            found
        }
    };
    Ok(Selection {
        filter: choice.filter.clone().unwrap_or_default(),
        failing: choice.failing,
        sort,
        reverse: choice.reverse,
    })
}

/// A window as it is written: a duration, or `all`.
///
/// # Errors
/// When it is neither.
pub(crate) fn window(text: &str) -> Result<Duration, String> {
    if text == "all" {
        return Ok(Duration::MAX);
    }
    let window = text.parse::<sim::scenario::Span>().map(|span| span.0);
    match window {
        Ok(window) if window >= Duration::from_secs(1) => Ok(window),
        Ok(_) => Err("proxies report every second: at least 1s".into()),
        Err(e) => Err(format!("{e}; or `all`")),
    }
}

// === impl Choice ===

impl Choice {
    /// As the screen shows services; a namespace is a word of its filter there.
    pub(in crate::top) fn of_services(&self) -> Result<Selection, Error> {
        let mut chosen = selection::<view::ServiceView>(self)?;
        if let Some(namespace) = &self.namespace {
            chosen.filter = format!("{namespace}/ {}", chosen.filter)
                .trim_end()
                .to_owned();
        }
        Ok(chosen)
    }

    /// Whether a row of this text is in the namespace: some name in it begins with it.
    fn admits(&self, text: &str) -> bool {
        let Some(namespace) = &self.namespace else {
            return true;
        };
        let mut words = text.split_whitespace();
        words.any(|word| {
            let rest = word.strip_prefix(namespace.as_str());
            rest.is_some_and(|rest| rest.starts_with('/'))
        })
    }
}
