//! `meshctl authz check`.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

use clap::ValueEnum;
use engine::head::RequestHead;
use engine::identity::Identity;
use http::{HeaderName, HeaderValue, Method, header};
use model::lower::Lowering;
use serde::Serialize;
use sim::report::clean::visible;

use super::judge::{Caller, Judged, judge};
use crate::command::route::mesh::{Mesh, SourceArgs, TRUST_DOMAIN};
use crate::error::{Answer, Error};
use crate::ui::Ui;

/// Ask whether somebody may call something, and which rule says so
///
/// The engine of the proxies is asked about a request as it arrives at the destination, with the
/// policies of the manifests and no cluster. Tokens in headers are verified as of now. When several
/// workloads are behind the Service, all of them have to allow the call.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  meshctl authz check --from shop/checkout --to pay/payments POST /charges -f manifests/
  meshctl authz check --from outside --to shop/catalog GET /items -f manifests/
  meshctl authz check --from spiffe://cluster.local/ns/shop/sa/web --to shop/cart:6379 --tcp -f .
  meshctl authz check --from shop/web --to orders -H \"authorization: Bearer $TOKEN\" -f . -o json

Exit status: 0 allowed; 1 denied; 2 the question could not be asked.")]
pub(crate) struct Args {
    /// Who calls: a workload ([NAMESPACE/][KIND/]NAME), a SPIFFE id, or `outside`: no identity
    #[arg(long, value_name = "CALLER")]
    from: String,
    /// What is called: a Service ([NAMESPACE/]NAME[:PORT])
    #[arg(long, value_name = "SERVICE")]
    to: String,
    /// GET, POST, …
    #[arg(default_value = "GET", value_parser = method)]
    method: Method,
    /// The path, with or without query
    #[arg(default_value = "/", value_parser = path)]
    path: http::uri::PathAndQuery,
    /// A header of the request: `NAME: VALUE`
    #[arg(short = 'H', long = "header", value_name = "HEADER")]
    headers: Vec<String>,
    /// A connection that is not HTTP
    #[arg(long, conflicts_with_all = ["method", "path", "headers"])]
    tcp: bool,
    /// The caller's address, for policies with `ipBlocks`
    #[arg(long, value_name = "IP", default_value_t = IpAddr::V4(Ipv4Addr::UNSPECIFIED))]
    source_ip: IpAddr,
    #[command(flatten)]
    source: SourceArgs,
    /// Say of every rule why it does or does not match
    #[arg(short, long)]
    verbose: bool,
    /// Output format
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    output: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    allowed: bool,
    /// SPIFFE; none without identity.
    from: Option<String>,
    /// `pay/payments:80`
    to: String,
    /// `POST /charges`; none for a connection that is not HTTP.
    request: Option<String>,
    workloads: Vec<Judged>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    incomplete: Vec<String>,
}

pub(super) fn run(ui: &mut Ui, args: &Args) -> Result<Answer, Error> {
    let (name, port) = split_port(&args.to);
    let mesh = args.source.read(ui, Some(name))?;
    let namespace = args.source.namespace.as_deref();
    let service = mesh.service(name, namespace)?;
    let port = mesh.port(service, port)?;
    let mut lowering = Lowering::new(TRUST_DOMAIN);
    lowering.update(&mesh.index);
    let caller = Caller {
        identity: identity(&mesh, &lowering, &args.from, namespace)?,
        address: args.source_ip,
    };
    let host = format!("{}.{}", service.name.name, service.name.namespace);
    let head = if args.tcp {
        None
    } else {
        Some(head(args, &host)?)
    };
    let to = (&service.name, port);
    let workloads = judge(&mesh.index, &lowering, to, &caller, head.as_ref());
    if workloads.is_empty() {
        return Err(
            Error::new(format!("no workload is behind {}", service.name))
                .hint("add the manifests of the pods that its selector means"),
        );
    }
    let report = Report {
        allowed: workloads.iter().all(|one| one.allowed),
        from: caller.identity.map(|id| id.to_string()),
        to: format!("{}:{}", service.name, port.port),
        request: head.map(|head| format!("{} {}", head.method, head.path)),
        workloads,
        incomplete: mesh.incomplete.clone(),
    };
    let text = match args.output {
        Format::Json => {
            let text = serde_json::to_string_pretty(&report);
            text.map_err(|e| Error::new("cannot write JSON").caused_by(e))? + "\n"
        }
        Format::Text => report.text(args.verbose),
    };
    ui.out().write_all(text.as_bytes())?;
    Ok(if report.allowed {
        Answer::Yes
    } else {
        Answer::No
    })
}

/// `payments:80` → its two parts.
fn split_port(text: &str) -> (&str, Option<&str>) {
    match text.rsplit_once(':') {
        Some((name, port)) => (name, Some(port)),
        None => (text, None),
    }
}

fn identity(
    mesh: &Mesh,
    lowering: &Lowering,
    from: &str,
    namespace: Option<&str>,
) -> Result<Option<Identity>, Error> {
    if from == "outside" {
        return Ok(None);
    }
    if from.starts_with("spiffe:") {
        let identity = Identity::from_str(from);
        return identity.map(Some).map_err(|e| Error::new(e.to_string()));
    }
    let pod = mesh
        .workload(from, namespace)
        .map_err(|error| error.hint("a SPIFFE id and `outside` are understood as well"))?;
    // Without a proxy it cannot prove who it is.
    let snapshot = lowering.snapshot(&pod.name);
    Ok(snapshot.map(|snapshot| snapshot.workload.identity.clone()))
}

fn head(args: &Args, host: &str) -> Result<RequestHead, Error> {
    let authority = host.parse().ok();
    let mut head = RequestHead::new(args.method.clone(), authority, args.path.clone());
    for text in &args.headers {
        let bad = || Error::new(format!("`{text}` is no header")).hint("write -H 'NAME: VALUE'");
        let (name, value) = text.split_once(':').ok_or_else(bad)?;
        let name = HeaderName::from_str(name.trim()).map_err(|_| bad())?;
        let value = HeaderValue::from_str(value.trim()).map_err(|_| bad())?;
        if name == header::HOST {
            let host = value.to_str().ok().and_then(|host| host.parse().ok());
            head.authority = Some(host.ok_or_else(bad)?);
        } else {
            head.headers.append(name, value);
        }
    }
    Ok(head)
}

fn method(text: &str) -> Result<Method, String> {
    let good = !text.starts_with('/') && text.to_ascii_uppercase() == text;
    let method = Method::from_str(text).ok().filter(|_| good);
    method.ok_or_else(|| "write a method in capitals before the path: GET, POST, …".to_owned())
}

fn path(text: &str) -> Result<http::uri::PathAndQuery, String> {
    let path = text.parse().ok().filter(|_| text.starts_with('/'));
    path.ok_or_else(|| "a path begins with `/`".to_owned())
}

// === impl Report ===

impl Report {
    fn text(&self, verbose: bool) -> String {
        let from = self.from.as_deref().unwrap_or("somebody without identity");
        let request = self.request.as_deref().unwrap_or("a connection");
        let may = if self.allowed { "allowed" } else { "denied" };
        let mut lines = vec![format!("{may}: {request} of {from} to {}", self.to)];
        for one in &self.workloads {
            lines.push(format!("  {}", one.line()));
            lines.extend(
                one.audits
                    .iter()
                    .map(|rule| format!("    counted by {rule}")),
            );
            if verbose {
                lines.extend(one.trail.iter().map(|step| format!("    {step}")));
            }
        }
        if !self.incomplete.is_empty() {
            lines.push("INCOMPLETE: policies of another mesh were ignored".to_owned());
        }
        let lines: Vec<_> = lines.iter().map(|line| visible(line)).collect();
        lines.join("\n") + "\n"
    }
}
