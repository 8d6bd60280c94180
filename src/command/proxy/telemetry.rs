//! What leaves the proxy about its requests: access log, traces, pushed metrics.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use clap::ValueEnum;
use http::{HeaderName, HeaderValue};
use proxy::net::real::Real;
use proxy::telemetry::config::{
    AccessLog, Config, LineFormat, Otlp, OtlpProtocol, Push, Resource, Tracing, Url,
};
use proxy::telemetry::context::Format;
use proxy::telemetry::export::{self, Observed};
use proxy::telemetry::outputs::Outputs;

use super::args::duration;
use crate::error::Error;

/// How long a drain waits for what was not exported yet.
const FLUSH: Duration = Duration::from_secs(5);

/// Where collectors speak OTLP over gRPC
/// (<https://opentelemetry.io/docs/specs/otlp/#otlpgrpc-default-port>).
const OTLP_GRPC_PORT: u16 = 4317;

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Telemetry")]
pub(super) struct TelemetryArgs {
    /// Write a line for each request [default: no access log]
    #[arg(long, value_name = "FORMAT", env = "MESHCTL_ACCESS_LOG")]
    access_log: Option<Line>,
    /// Where the access log goes, `-` for standard output
    #[arg(
        long,
        value_name = "FILE",
        default_value = "-",
        env = "MESHCTL_ACCESS_LOG_FILE",
        requires = "access_log"
    )]
    access_log_file: PathBuf,
    /// Which share of the requests that did not fail is written; the others always are
    #[arg(
        long,
        value_name = "0..1",
        default_value = "1",
        env = "MESHCTL_ACCESS_LOG_SAMPLE",
        value_parser = share
    )]
    access_log_sample: f64,
    /// An OpenTelemetry collector: http://HOST:4318 or, over gRPC, http://HOST:4317
    #[arg(long, value_name = "URL", env = "MESHCTL_OTLP")]
    otlp: Option<Url>,
    /// What the collector speaks [default: grpc at port 4317, http elsewhere]
    #[arg(long, value_name = "PROTOCOL", env = "MESHCTL_OTLP_PROTOCOL")]
    otlp_protocol: Option<Protocol>,
    /// A header of each export, NAME=VALUE (can be repeated)
    #[arg(
        long,
        value_name = "HEADER",
        env = "MESHCTL_OTLP_HEADER",
        hide_env_values = true,
        value_delimiter = ',',
        value_parser = header
    )]
    otlp_header: Vec<(HeaderName, HeaderValue)>,
    /// What the collector gets
    #[arg(
        long,
        value_name = "SIGNALS",
        default_value = "traces,metrics",
        env = "MESHCTL_OTLP_SIGNALS",
        value_delimiter = ','
    )]
    otlp_signals: Vec<Signal>,
    /// A Zipkin server, which gets traces: http://HOST:9411
    #[arg(long, value_name = "URL", env = "MESHCTL_ZIPKIN")]
    zipkin: Option<Url>,
    /// Which share of the traces that begin here is sampled
    #[arg(
        long,
        value_name = "0..1",
        default_value = "0.01",
        env = "MESHCTL_TRACE_SAMPLE",
        value_parser = share
    )]
    trace_sample: f64,
    /// Sample by --trace-sample also where the request says otherwise
    #[arg(long, env = "MESHCTL_TRACE_IGNORE_PARENT")]
    trace_ignore_parent: bool,
    /// Headers that trace contexts are read from, in this order, and written to: tracecontext, b3,
    /// b3multi
    #[arg(
        long,
        value_name = "FORMATS",
        default_value = "tracecontext",
        env = "MESHCTL_TRACE_PROPAGATION",
        value_delimiter = ',',
        value_parser = propagation
    )]
    trace_propagation: Vec<Format>,
    /// A statsd server that understands the tags of DogStatsD, over UDP
    #[arg(long, value_name = "IP:PORT", env = "MESHCTL_STATSD")]
    statsd: Option<SocketAddr>,
    /// A server of InfluxDB's line protocol over UDP
    #[arg(long, value_name = "IP:PORT", env = "MESHCTL_INFLUX")]
    influx: Option<SocketAddr>,
    /// How often metrics are pushed, at least 1s
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "30s",
        env = "MESHCTL_METRICS_INTERVAL",
        value_parser = duration
    )]
    metrics_interval: Duration,
    /// More about the proxy in what is exported, NAME=VALUE (can be repeated)
    #[arg(
        long,
        value_name = "ATTRIBUTE",
        env = "MESHCTL_RESOURCE",
        value_delimiter = ',',
        value_parser = attribute
    )]
    resource: Vec<(String, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Line {
    /// Envoy's default fields, and four more
    Text,
    /// One object
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Protocol {
    /// Protocol Buffers over HTTP/1.1
    Http,
    Grpc,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Signal {
    Traces,
    Metrics,
    /// The access log
    Logs,
}

/// What runs beside the proxy until its end.
pub(super) struct Running {
    outputs: Arc<Outputs>,
    export: tokio::task::JoinHandle<()>,
    writer: Option<JoinHandle<()>>,
}

fn share(text: &str) -> Result<f64, String> {
    let share: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    match (0.0..=1.0).contains(&share) {
        true => Ok(share),
        false => Err("a share is from 0 to 1".to_owned()),
    }
}

fn propagation(text: &str) -> Result<Format, String> {
    text.parse::<Format>().map_err(|e| e.to_string())
}

fn attribute(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write NAME=VALUE".to_owned()),
    }
}

fn header(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let (name, value) = attribute(text)?;
    let name = HeaderName::try_from(name).map_err(|_| "not the name of a header".to_owned())?;
    // It may be a password.
    let mut value = HeaderValue::try_from(value).map_err(|_| "not a header's value".to_owned())?;
    value.set_sensitive(true);
    Ok((name, value))
}

// === impl TelemetryArgs ===

impl TelemetryArgs {
    /// What the flags ask for; none when they ask for nothing. `service` and `instance` name the
    /// proxy.
    pub(super) fn outputs(&self, service: &str, instance: &str) -> Option<Arc<Outputs>> {
        let traces = self.otlp.is_some() && self.otlp_signals.contains(&Signal::Traces);
        let tracing = (traces || self.zipkin.is_some()).then(|| Tracing {
            sample: self.trace_sample,
            parent_based: !self.trace_ignore_parent,
            propagation: self.trace_propagation.clone(),
        });
        let config = Config {
            access_log: self.access_log.map(|line| AccessLog {
                format: match line {
                    Line::Text => LineFormat::Text,
                    Line::Json => LineFormat::Json,
                },
                sample: self.access_log_sample,
            }),
            tracing,
            otlp: self.otlp.clone().map(|to| self.collector(to)),
            zipkin: self.zipkin.clone(),
            statsd: self.statsd.map(|to| self.push(to)),
            influx: self.influx.map(|to| self.push(to)),
            resource: Resource {
                service: service.to_owned(),
                instance: instance.to_owned(),
                attributes: self.resource.clone(),
            },
        };
        let idle = Config {
            resource: config.resource.clone(),
            ..Config::default()
        };
        (config != idle).then(|| Outputs::new(config))
    }

    fn collector(&self, to: Url) -> Otlp {
        let metrics = self.otlp_signals.contains(&Signal::Metrics);
        let protocol = match self.otlp_protocol {
            Some(Protocol::Http) => OtlpProtocol::Http,
            Some(Protocol::Grpc) => OtlpProtocol::Grpc,
            None if to.port() == OTLP_GRPC_PORT => OtlpProtocol::Grpc,
            None => OtlpProtocol::Http,
        };
        Otlp {
            to,
            protocol,
            headers: self.otlp_header.clone(),
            traces: self.otlp_signals.contains(&Signal::Traces),
            metrics: metrics.then_some(self.metrics_interval),
            logs: self.otlp_signals.contains(&Signal::Logs),
        }
    }

    fn push(&self, to: SocketAddr) -> Push {
        Push {
            to,
            every: self.metrics_interval,
        }
    }

    /// Where the access log goes.
    ///
    /// # Errors
    ///
    /// When the file cannot be opened.
    fn file(&self) -> Result<Box<dyn Write + Send>, Error> {
        let path = &self.access_log_file;
        if path.as_os_str() == "-" {
            return Ok(Box::new(io::stdout()));
        }
        // Appended to, so that a file that is cut while it is open (logrotate's `copytruncate`) has
        // no hole.
        let file = OpenOptions::new().create(true).append(true).open(path);
        let file = file.map_err(|e| {
            Error::new(format!(
                "the access log `{}` cannot be opened",
                path.display()
            ))
            .caused_by(e)
            .hint("name a file that can be written: --access-log-file FILE")
        })?;
        Ok(Box::new(file))
    }

    /// Starts what hands the outputs on. `observe` is asked when metrics are due.
    ///
    /// # Errors
    ///
    /// When the access log cannot be opened.
    pub(super) fn start(
        &self,
        outputs: Arc<Outputs>,
        rt: Real,
        observe: impl Fn() -> Observed + Send + Sync + 'static,
    ) -> Result<Running, Error> {
        let writer = match outputs.lines() {
            Some(_) => {
                let (outputs, mut file) = (outputs.clone(), self.file()?);
                let thread = std::thread::Builder::new().name("access log".into());
                let written = thread.spawn(move || {
                    if let Some(lines) = outputs.lines() {
                        lines.write_to(&mut file);
                    }
                });
                let failed = |e| Error::new("the access log cannot be started").caused_by(e);
                Some(written.map_err(failed)?)
            }
            None => None,
        };
        let export = tokio::spawn(export::run(outputs.clone(), rt, observe));
        Ok(Running {
            outputs,
            export,
            writer,
        })
    }
}

// === impl Running ===

impl Running {
    /// Hands on what is left, within a bound.
    pub(super) async fn finish(self) {
        self.outputs.close();
        // A collector that does not answer holds up no shutdown.
        let _ = tokio::time::timeout(FLUSH, self.export).await;
        if let Some(writer) = self.writer {
            let joined = tokio::task::spawn_blocking(|| writer.join());
            let _ = tokio::time::timeout(FLUSH, joined).await;
        }
    }
}
