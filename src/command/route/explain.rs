//! `meshctl route explain`.

use std::io::Write;
use std::path::PathBuf;

use clap::ValueEnum;

use super::mesh::{Mesh, SourceArgs};
use crate::error::{Answer, Error};
use crate::ui::Ui;

mod answer;
mod ask;
mod coverage;
mod expect;
mod show;
mod suite;

use answer::explain;
use ask::{Ask, World};

/// Explain what happens to a request: rule, filters, backends with probabilities, policies, reasons
///
/// The engine of the proxies is asked, and its own trail of decisions is shown. With --all a file
/// of requests and expected outcomes is checked instead, with the share of the rules that the
/// requests reach.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  meshctl route explain GET http://reviews.shop/api -f manifests/
  meshctl route explain GET http://reviews/api -H 'x-canary: true' --from shop/web -f manifests/
  meshctl route explain POST grpc://cart.shop/shop.Cart/Add -f manifests/ -o json
  meshctl route explain --all tests.yaml -f manifests/ --fail-under 90 -o junit > report.xml

A file for --all:
  apiVersion: meshctl.dev/v1alpha1
  kind: RouteTests
  tests:
    - name: testers get the new version
      request: GET http://reviews.shop/api
      headers: {x-canary: \"true\"}
      from: shop/Deployment/web                # or none: any client
      expect: {rule: testers, backends: {reviews-v2: 100%}}

Exit status: 0 explained, or every test holds; 1 some do not, or too few rules are reached; 2 the
question could not be asked.")]
pub(crate) struct Args {
    /// GET, POST, …
    #[arg(required_unless_present = "all", requires = "url")]
    method: Option<String>,
    /// http://SERVICE[.NAMESPACE][:PORT]/PATH or grpc://…
    url: Option<String>,
    #[command(flatten)]
    source: SourceArgs,
    /// A header of the request: `NAME: VALUE`
    #[arg(short = 'H', long = "header", value_name = "HEADER")]
    headers: Vec<String>,
    /// The workload that sends it: [NAMESPACE/][KIND/]NAME; else any client without own routes
    #[arg(long, value_name = "WORKLOAD")]
    from: Option<String>,
    /// Check all requests of this file
    #[arg(long, value_name = "TESTS", conflicts_with_all = ["method", "url", "headers", "from"])]
    all: Option<PathBuf>,
    /// With --all: fail when the tests reach a smaller share of the rules, in percent
    #[arg(long, value_name = "PERCENT", requires = "all", value_parser = coverage::percent)]
    fail_under: Option<f64>,
    /// Output format
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    output: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
    /// With --all
    Junit,
}

pub(super) fn run(ui: &mut Ui, args: &Args) -> Result<Answer, Error> {
    let mesh = args.source.read(ui, args.url.as_deref().and_then(host))?;
    let namespace = args.source.namespace.as_deref();
    if let Some(tests) = &args.all {
        return all(ui, args, &mesh, tests);
    }
    if args.output == Format::Junit {
        return Err(Error::new("-o junit reports tests, and there are none")
            .hint("name a file of tests: --all TESTS.yaml"));
    }
    let (Some(method), Some(url)) = (&args.method, &args.url) else {
        return Err(Error::new("which request? name a method and a URL"));
    };
    let ask = Ask::new(method, url, &args.headers, args.from.as_deref())?;
    let world = World::new(&mesh);
    let explained = explain(&world, &ask, namespace)?;
    let text = match args.output {
        Format::Json => json(&explained)?,
        Format::Text | Format::Junit => show::text(&explained),
    };
    ui.out().write_all(text.as_bytes())?;
    Ok(Answer::Yes)
}

/// The Service in `http://reviews.shop:80/api`.
fn host(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    rest.split(['.', ':', '/']).next()
}

fn all(ui: &mut Ui, args: &Args, mesh: &Mesh, tests: &std::path::Path) -> Result<Answer, Error> {
    let suite = suite::Suite::read(tests)?;
    let world = World::new(mesh);
    let result = suite.run(&world, args.source.namespace.as_deref())?;
    let coverage = coverage::Coverage::of(mesh, &result.reached);
    let text = match args.output {
        Format::Text => show::suite(&result, &coverage),
        Format::Json => json(&show::SuiteReport::new(&result, &coverage))?,
        Format::Junit => show::junit(&suite.name, &result, &coverage)?,
    };
    ui.out().write_all(text.as_bytes())?;
    let enough = args
        .fail_under
        .is_none_or(|least| coverage.percent() >= least);
    if let (false, Some(least)) = (enough, args.fail_under) {
        let seen = super::words::percent(coverage.share());
        ui.note(&format!(
            "the tests reach {seen} of the rules, at least {least}% are wanted"
        ))?;
    }
    Ok(match result.failed() == 0 && enough {
        true => Answer::Yes,
        false => Answer::No,
    })
}

fn json(value: &impl serde::Serialize) -> Result<String, Error> {
    let text = serde_json::to_string_pretty(value);
    Ok(text.map_err(|e| Error::new("cannot print the answer").caused_by(e))? + "\n")
}
