//! `meshctl inject`.

use model::inject::kinds::{Kinds, NamedKind};
use model::inject::text::{self, Namespaces, Outcome, Rules};
use model::inject::{self, Config, Mode, annotations};

use crate::error::{Answer, Error};
use crate::ui::Ui;

mod diff;
mod explain;
pub(crate) mod files;
pub(crate) mod output;
pub(crate) mod report;

use files::{Files, Text};
use output::Output;
use report::ReportFormat;

/// Add the sidecar to manifests; nothing else in them changes
///
/// Prints the manifests with the proxy in every pod template. Comments, order, quoting and every
/// other byte stay; `meshctl uninject` gives back exactly what went in. What is left out, and why,
/// is told on standard error. Annotations on a pod win over those of its namespace, and those over
/// the flags.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  meshctl inject -f manifests/ | kubectl apply -f -
  meshctl inject deployment.yaml --diff               what would change
  meshctl inject -f manifests/ --in-place             write it into the files
  meshctl inject -f manifests/ --explain              who gets a proxy, and who does not
  helm template . | meshctl inject -f - | meshctl simulate -f -
  meshctl inject -f rollout.yaml --pod-template-path Rollout.argoproj.io=.spec.template
  meshctl inject -f manifests/ --annotate             leave the work to the webhook

Exit status: 0 done, also when something was left out; 1 with --strict when a workload was left out
that did not ask for it; 2 an input could not be read or holds a wrong annotation, and nothing was
printed or written.")]
pub(crate) struct Args {
    #[command(flatten)]
    files: Files,
    #[command(flatten)]
    output: Output,
    /// Only tell for every workload whether it gets a proxy, and why not
    #[arg(long, conflicts_with_all = ["in_place", "diff", "output"])]
    explain: bool,
    /// How to tell what was done: on standard error, with --explain on standard output
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    report: ReportFormat,
    /// Exit with 1 when a workload that did not opt out is left out
    #[arg(long)]
    strict: bool,
    /// Namespace of objects that name none
    #[arg(short, long, value_name = "NAMESPACE", default_value = "default")]
    namespace: String,
    /// Where a kind has its pod template: KIND[.GROUP]=.path (can be repeated)
    #[arg(long, value_name = "KIND=PATH", value_parser = NamedKind::parse)]
    pod_template_path: Vec<NamedKind>,
    /// Add annotations that ask the webhook for the sidecar, instead of the sidecar
    #[arg(long, conflicts_with = "cni")]
    annotate: bool,
    #[command(flatten)]
    proxy: ProxyArgs,
}

/// What holds for proxies whose pod and namespace say nothing else.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Proxy")]
struct ProxyArgs {
    /// A CNI plugin captures the traffic: add no init container for it
    #[arg(long)]
    cni: bool,
    /// Add the proxy as an ordinary container, for clusters before Kubernetes 1.29
    #[arg(long)]
    no_native: bool,
    /// Do not let the application wait for the proxy (only without native sidecars)
    #[arg(long, requires = "no_native")]
    no_hold_application: bool,
    /// Inbound ports that pass the proxy; all when not given
    #[arg(long, value_name = "PORTS")]
    ports: Option<String>,
    /// Inbound ports that are left alone
    #[arg(long, value_name = "PORTS")]
    skip_inbound_ports: Option<String>,
    /// Destination ports that are left alone
    #[arg(long, value_name = "PORTS")]
    skip_outbound_ports: Option<String>,
    /// Ports that are forwarded as bytes
    #[arg(long, value_name = "PORTS")]
    opaque_ports: Option<String>,
    /// Image of the proxy [default: meshctl:VERSION]
    #[arg(long, value_name = "IMAGE")]
    image: Option<String>,
    /// When the image is pulled: Always, IfNotPresent or Never
    #[arg(long, value_name = "POLICY")]
    image_pull_policy: Option<String>,
    /// Processor time set aside for the proxy [default: 10m]
    #[arg(long, value_name = "AMOUNT")]
    proxy_cpu_request: Option<String>,
    /// Memory set aside for the proxy [default: 32Mi]
    #[arg(long, value_name = "AMOUNT")]
    proxy_memory_request: Option<String>,
    /// Processor time the proxy may use
    #[arg(long, value_name = "AMOUNT")]
    proxy_cpu_limit: Option<String>,
    /// Memory the proxy may use
    #[arg(long, value_name = "AMOUNT")]
    proxy_memory_limit: Option<String>,
    /// How much the proxy logs: error, warn, info, debug or trace
    #[arg(long, value_name = "LEVEL")]
    log_level: Option<String>,
    /// OTLP collector for spans
    #[arg(long, value_name = "HOST:PORT")]
    tracing: Option<String>,
    /// Where the certificate comes from: control-plane, or secret/NAME
    #[arg(long, value_name = "SOURCE")]
    identity: Option<String>,
    /// Address of the control plane
    #[arg(long, value_name = "HOST:PORT", default_value = inject::CONTROL_PLANE)]
    control_plane: String,
    /// Trust domain of the mesh
    #[arg(long, value_name = "DOMAIN", default_value = inject::TRUST_DOMAIN)]
    trust_domain: String,
}

pub(crate) fn run(ui: &mut Ui, args: &Args) -> Result<Answer, Error> {
    args.output.check(&args.files)?;
    let config = args.config()?;
    let texts = args.files.read()?;
    let rules = Rules {
        kinds: Kinds::new(args.pod_template_path.clone()),
        namespaces: namespaces(&texts)?,
        namespace: args.namespace.clone(),
    };
    let outcomes = each(&texts, |text| text::inject(&text.source, &rules, &config))?;
    if args.explain {
        explain::print(ui, &texts, &outcomes, args.report)?;
    } else {
        args.output.write(ui, &texts, &outcomes)?;
        report::tell(ui, &texts, &outcomes, args.report)?;
    }
    Ok(match args.strict && report::is_incomplete(&outcomes) {
        true => Answer::No,
        false => Answer::Yes,
    })
}

/// What all inputs say about namespaces.
fn namespaces(texts: &[Text]) -> Result<Namespaces, Error> {
    let mut found = Namespaces::new();
    let mut bad = Vec::new();
    for text in texts {
        if let Err(errors) = text::namespaces(&text.source, &mut found) {
            bad.extend(errors);
        }
    }
    if bad.is_empty() {
        Ok(found)
    } else {
        Err(Error::Input(bad))
    }
}

/// The same over all texts; what is wrong in any of them is told together.
pub(crate) fn each(
    texts: &[Text],
    run: impl Fn(&Text) -> Result<Outcome, Vec<model::diagnostic::Diagnostic>>,
) -> Result<Vec<Outcome>, Error> {
    let mut outcomes = Vec::new();
    let mut bad = Vec::new();
    for text in texts {
        match run(text) {
            Ok(outcome) => outcomes.push(outcome),
            Err(errors) => bad.extend(errors),
        }
    }
    if bad.is_empty() {
        Ok(outcomes)
    } else {
        Err(Error::Input(bad))
    }
}

// === impl Args ===

impl Args {
    fn config(&self) -> Result<Config, Error> {
        let mut config = Config::new(env!("CARGO_PKG_VERSION"));
        if self.annotate {
            config.mode = Mode::Annotate;
        }
        config.cni = self.proxy.cni;
        config.control_plane.clone_from(&self.proxy.control_plane);
        config.trust_domain.clone_from(&self.proxy.trust_domain);
        for (flag, text) in self.proxy.said() {
            let Some(row) = annotations::of_flag(flag) else {
                continue;
            };
            config
                .say(row, text)
                .map_err(|bad| Error::new(format!("--{flag}: {}", bad.message)))?;
        }
        Ok(config)
    }
}

// === impl ProxyArgs ===

impl ProxyArgs {
    /// Flags that were given, by the name in the table of annotations.
    fn said(&self) -> Vec<(&'static str, &str)> {
        let switch = |given: bool| given.then_some("disabled");
        let all = [
            ("no-native", switch(self.no_native)),
            ("no-hold-application", switch(self.no_hold_application)),
            ("ports", self.ports.as_deref()),
            ("skip-inbound-ports", self.skip_inbound_ports.as_deref()),
            ("skip-outbound-ports", self.skip_outbound_ports.as_deref()),
            ("opaque-ports", self.opaque_ports.as_deref()),
            ("image", self.image.as_deref()),
            ("image-pull-policy", self.image_pull_policy.as_deref()),
            ("proxy-cpu-request", self.proxy_cpu_request.as_deref()),
            ("proxy-memory-request", self.proxy_memory_request.as_deref()),
            ("proxy-cpu-limit", self.proxy_cpu_limit.as_deref()),
            ("proxy-memory-limit", self.proxy_memory_limit.as_deref()),
            ("log-level", self.log_level.as_deref()),
            ("tracing", self.tracing.as_deref()),
            ("identity", self.identity.as_deref()),
        ];
        let given = all.into_iter();
        given
            .filter_map(|(flag, text)| Some((flag, text?)))
            .collect()
    }
}
