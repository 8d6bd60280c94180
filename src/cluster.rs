//! A Kubernetes cluster, as the command line sees it: a place that holds objects.
//!
//! ```text
//!  flags ──▶ connect: which cluster, as whom ──▶ send: one request, bounded in time and size
//!                                                  │
//!      kind: what is served   list: pages   apply: server-side apply with our field manager
//!                                  │
//!                               held: objects as the texts that files would give
//! ```
//!
//! Objects are plain JSON. Whoever wants to know what they mean gives them to the model's reader,
//! as the text of files: one pipeline serves both. Every failure says what was asked, why it was
//! not answered and what to do ([`failure::Failure`]).

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use sim::scenario::Span;

pub(crate) mod apply;
mod connect;
mod credentials;
pub(crate) mod discover;
pub(crate) mod failure;
pub(crate) mod held;
pub(crate) mod kind;
mod list;
mod owned;
mod send;

use failure::Failure;
use kind::Resource;
use send::Ask;

/// The field manager of everything that is written.
pub(crate) const FIELD_MANAGER: &str = "meshctl";
/// How long one answer may take. Lists of a large cluster come in pages, each of them far faster.
const ANSWER_TIMEOUT: &str = "30s";

/// Which cluster, and as whom.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Flags {
    /// The context of the kubeconfig; without it the current one
    #[arg(long, value_name = "NAME", help_heading = "Cluster")]
    pub(crate) context: Option<String>,
    /// The kubeconfig; without it $KUBECONFIG or ~/.kube/config
    #[arg(long, value_name = "FILE", help_heading = "Cluster")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// Act as this user (impersonation)
    #[arg(long = "as", value_name = "USER", help_heading = "Cluster")]
    pub(crate) as_user: Option<String>,
    /// Act as this group (can be repeated)
    #[arg(
        long = "as-group",
        value_name = "GROUP",
        help_heading = "Cluster",
        requires = "as_user"
    )]
    pub(crate) as_group: Vec<String>,
    /// How long one answer of the API server may take
    #[arg(long, value_name = "DURATION", default_value = ANSWER_TIMEOUT, value_parser = duration,
          help_heading = "Cluster")]
    pub(crate) request_timeout: Duration,
}

/// Which part of a cluster.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Scope {
    /// The namespace; without it that of the context
    #[arg(long, short, value_name = "NAME", help_heading = "Cluster")]
    pub(crate) namespace: Option<String>,
    /// All namespaces
    #[arg(
        long,
        short = 'A',
        help_heading = "Cluster",
        conflicts_with = "namespace"
    )]
    pub(crate) all_namespaces: bool,
}

/// A connection to one cluster. Nothing is asked before the first question.
pub(crate) struct Cluster {
    /// The API is asked one question after the other; commands have nothing else to do meanwhile.
    runtime: tokio::runtime::Runtime,
    access: connect::Access,
    patience: Duration,
}

/// What `/version` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    /// `v1.33.1`
    pub(crate) text: String,
    /// 33 of v1.33.1; none when the server's text has no such number.
    pub(crate) minor: Option<u32>,
}

fn duration(text: &str) -> Result<Duration, String> {
    let span = text.parse::<Span>().map_err(|e| e.to_string())?;
    match span.0.is_zero() {
        true => Err("no answer comes in no time".into()),
        false => Ok(span.0),
    }
}

// === impl Flags ===

impl Flags {
    /// Whether one of them was written: then a cluster is meant.
    pub(crate) fn is_given(&self) -> bool {
        self.context.is_some() || self.kubeconfig.is_some() || self.as_user.is_some()
    }
}

// === impl Scope ===

impl Scope {
    pub(crate) fn is_given(&self) -> bool {
        self.namespace.is_some() || self.all_namespaces
    }
}

// === impl Cluster ===

impl Cluster {
    /// Reads the kubeconfig and prepares the connection.
    ///
    /// # Errors
    /// A kubeconfig that is missing, malformed, or has no such context; credentials that cannot be
    /// read.
    pub(crate) fn connect(flags: &Flags) -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|e| Failure::local("cannot start the network", &e))?;
        let access = runtime.block_on(connect::connect(flags))?;
        Ok(Self {
            runtime,
            access,
            patience: flags.request_timeout,
        })
    }

    /// The context, or `in-cluster`.
    pub(crate) fn name(&self) -> &str {
        &self.access.context
    }

    /// The context; none inside of a pod.
    pub(crate) fn context(&self) -> Option<&str> {
        Some(self.name()).filter(|name| *name != connect::IN_CLUSTER)
    }

    /// The address of the API server.
    pub(crate) fn server(&self) -> &str {
        &self.access.server
    }

    /// The namespace of the context.
    pub(crate) fn home(&self) -> &str {
        &self.access.namespace
    }

    /// The namespace that `scope` names: none = all.
    pub(crate) fn namespace<'a>(&'a self, scope: &'a Scope) -> Option<&'a str> {
        match (scope.all_namespaces, &scope.namespace) {
            (true, _) => None,
            (false, Some(namespace)) => Some(namespace),
            (false, None) => Some(&self.access.namespace),
        }
    }

    /// The version of the API server.
    ///
    /// # Errors
    /// When it does not answer.
    pub(crate) fn version(&self) -> Result<Version, Failure> {
        let answer = self.ask(&Ask::get("/version", "ask for the version"))?;
        let text = answer["gitVersion"]
            .as_str()
            .unwrap_or("unknown")
            .to_owned();
        let digits = |text: &str| {
            text.split(|c: char| !c.is_ascii_digit())
                .next()?
                .parse()
                .ok()
        };
        let minor = answer["minor"].as_str().and_then(digits);
        Ok(Version { text, minor })
    }

    /// How far the API server's clock is ahead of ours in seconds, by the `Date` of its answer;
    /// none when it sends none.
    ///
    /// # Errors
    /// When it does not answer.
    pub(crate) fn clock_ahead(&self) -> Result<Option<i64>, Failure> {
        let ask = Ask::get("/version", "ask for the time");
        self.runtime
            .block_on(send::clock_ahead(&self.access, &ask, self.patience))
    }

    /// Seconds until the client certificate or the token ends; none when they do not say.
    pub(crate) fn credentials_end_in(&self) -> Option<i64> {
        let until = self.access.credentials_until()?;
        Some(until.as_second() - k8s_openapi::jiff::Timestamp::now().as_second())
    }

    /// One object; none when there is no such object.
    ///
    /// # Errors
    /// When the API server refuses or does not answer.
    pub(crate) fn get(
        &self,
        resource: &Resource,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Value>, Failure> {
        let what = format!("get {} {}", resource.kind, named(namespace, name));
        let ask = Ask::get(&resource.path(Some(namespace), Some(name)), &what);
        match self.ask(&ask) {
            Ok(object) => Ok(Some(object)),
            Err(e) if e.kind == failure::Kind::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Whether we may `verb` objects of `resource`, in one namespace or (none) everywhere.
    ///
    /// # Errors
    /// When the API server does not say: it always may be asked.
    pub(crate) fn may(
        &self,
        verb: &str,
        resource: &Resource,
        namespace: Option<&str>,
    ) -> Result<bool, Failure> {
        let review = serde_json::json!({
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {
                "verb": verb, "group": resource.group, "resource": resource.plural,
                "namespace": namespace.unwrap_or_default(),
            }},
        });
        let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
        // Nothing is stored, so it may be asked again.
        let ask = Ask::post(path, "ask what you may do", &review).repeatable();
        let answer = self.ask(&ask)?;
        Ok(answer["status"]["allowed"].as_bool().unwrap_or(false))
    }

    /// Deletes the object that was read as `seen`, if nobody has changed it since.
    ///
    /// # Errors
    /// When it was changed or is gone, and when the API server refuses or does not answer.
    pub(crate) fn delete(
        &self,
        resource: &Resource,
        seen: &Value,
        dry_run: bool,
    ) -> Result<(), Failure> {
        let (namespace, name) = identity(seen);
        let what = format!("delete {} {}", resource.kind, named(namespace, name));
        let path = resource.path(Some(namespace), Some(name));
        let meta = &seen["metadata"];
        // The API server looks at the query only when there is no body.
        let dry_run: &[&str] = if dry_run { &["All"] } else { &[] };
        let options = serde_json::json!({
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "dryRun": dry_run,
            "preconditions": {"uid": meta["uid"], "resourceVersion": meta["resourceVersion"]},
        });
        self.ask(&Ask::delete(&path, &what, &options)).map(|_| ())
    }

    /// What is at a path of the API server: a Service behind its proxy.
    ///
    /// # Errors
    /// When it refuses or does not answer.
    pub(crate) fn raw(
        &self,
        path: &str,
        (key, value): (&str, &str),
        what: &str,
    ) -> Result<Value, Failure> {
        let path = format!("{path}?{key}={}", send::quoted(value));
        self.ask(&Ask::get(&path, what))
    }

    fn ask(&self, ask: &Ask) -> Result<Value, Failure> {
        self.runtime
            .block_on(send::send(&self.access, ask, self.patience))
    }
}

/// `shop/web`, or `shop` for what has no namespace.
fn named(namespace: &str, name: &str) -> String {
    match namespace {
        "" => name.to_owned(),
        namespace => format!("{namespace}/{name}"),
    }
}

/// Namespace and name of an object.
fn identity(object: &Value) -> (&str, &str) {
    let meta = &object["metadata"];
    let text = |key: &str| meta[key].as_str().unwrap_or_default();
    (text("namespace"), text("name"))
}
