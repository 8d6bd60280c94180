//! Why a pod gets no proxy.

use core::fmt;

use super::containers::{INIT_CONTAINER, PROXY_PORTS, VOLUME};
use super::settings::Settings;
use super::{Config, Mode, Question, foreign};
use crate::index::Inject;
use crate::kube::PROXY_CONTAINER;

/// Namespaces of Kubernetes itself: a proxy in the way of its own network would stop the cluster.
const SYSTEM_NAMESPACES: [&str; 3] = ["kube-system", "kube-public", "kube-node-lease"];

/// The reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Skip {
    /// The pod, or its namespace, says so.
    OptedOut {
        by_namespace: bool,
    },
    /// Nobody asked for it, and it has to be asked for.
    NotAsked,
    /// It belongs to Kubernetes, and did not ask for it itself.
    SystemNamespace,
    HostNetwork,
    Windows,
    NoTemplate,
    /// It has our proxy, which `inject` did not add.
    OwnSidecar {
        name: String,
    },
    ForeignSidecar {
        container: String,
        mesh: &'static str,
    },
    /// A container listens where the proxy has to.
    PortTaken {
        container: String,
        port: u16,
    },
    /// The pod ends when its containers do, and a proxy beside them never does.
    NeverEnds,
    /// A marker of an earlier run that cannot be read.
    BadMarker(String),
    /// An edit that cannot be made without changing something else.
    Refused(String),
    /// It makes pods in a way that is not known here.
    UnknownKind {
        group: String,
        path: String,
    },
}

// === impl Skip ===

impl Skip {
    /// Whether somebody may have expected a proxy here: `--strict` counts these.
    pub fn is_warning(&self) -> bool {
        !matches!(
            self,
            Self::OptedOut { .. } | Self::NotAsked | Self::SystemNamespace
        )
    }

    /// What to do about it.
    pub fn help(&self) -> Option<String> {
        Some(match self {
            Self::NeverEnds => "use native sidecars: leave out --no-native".to_owned(),
            Self::SystemNamespace => {
                "annotate the pod with meshctl.dev/inject: enabled if you mean it".to_owned()
            }
            Self::UnknownKind { group, path } if group.ends_with("knative.dev") => {
                format!("Knative checks {path} itself: let the webhook inject its pods")
            }
            Self::UnknownKind { path, .. } => {
                format!("if its pods are made from {path}, add --pod-template-path KIND={path}")
            }
            Self::BadMarker(_) => {
                "it was written by another version, or by hand: use that version to uninject"
                    .to_owned()
            }
            _ => return None,
        })
    }

    /// A word for machines.
    pub fn id(&self) -> &'static str {
        match self {
            Self::OptedOut { .. } => "opted-out",
            Self::NotAsked => "not-asked",
            Self::SystemNamespace => "system-namespace",
            Self::HostNetwork => "host-network",
            Self::Windows => "windows",
            Self::NoTemplate => "no-template",
            Self::OwnSidecar { .. } => "own-sidecar",
            Self::ForeignSidecar { .. } => "foreign-sidecar",
            Self::PortTaken { .. } => "port-taken",
            Self::NeverEnds => "never-ends",
            Self::BadMarker(_) => "bad-marker",
            Self::Refused(_) => "refused",
            Self::UnknownKind { .. } => "unknown-kind",
        }
    }
}

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OptedOut {
                by_namespace: false,
            } => f.write_str("it says meshctl.dev/inject: disabled"),
            Self::OptedOut { by_namespace: true } => {
                f.write_str("its namespace says meshctl.dev/inject: disabled")
            }
            Self::NotAsked => f.write_str("neither it nor its namespace asks for a proxy"),
            Self::SystemNamespace => f.write_str("it belongs to Kubernetes itself"),
            Self::HostNetwork => f.write_str("it uses the network of its host"),
            Self::Windows => f.write_str("it runs on Windows"),
            Self::NoTemplate => f.write_str("it has no pod template with containers"),
            Self::OwnSidecar { name } => {
                write!(f, "it has {name} already, which inject did not add")
            }
            Self::ForeignSidecar { container, mesh } => {
                write!(f, "it has a sidecar of {mesh} ({container})")
            }
            Self::PortTaken { container, port } => {
                write!(
                    f,
                    "container {container} uses port {port}, which the proxy needs"
                )
            }
            Self::NeverEnds => {
                f.write_str("it would never complete: a proxy beside its containers runs on")
            }
            Self::BadMarker(error) | Self::Refused(error) => f.write_str(error),
            Self::UnknownKind { group, .. } => {
                write!(f, "how kinds of {group} make pods is not known")
            }
        }
    }
}

/// Whether a proxy is wanted, by whom it was said.
pub(super) fn inject(own: &Settings, question: &Question<'_>, config: &Config) -> Result<(), Skip> {
    let of_namespace = question.namespace.inject;
    match (own.inject, of_namespace) {
        (Some(Inject::Enabled), _) => Ok(()),
        (Some(Inject::Disabled), _) => Err(Skip::OptedOut {
            by_namespace: false,
        }),
        (_, Some(Inject::Enabled)) => Ok(()),
        (_, Some(Inject::Disabled)) => Err(Skip::OptedOut { by_namespace: true }),
        _ if SYSTEM_NAMESPACES.contains(&question.owner.namespace) => Err(Skip::SystemNamespace),
        _ if config.unset => Ok(()),
        _ => Err(Skip::NotAsked),
    }
}

/// Why a proxy that is wanted cannot be there.
pub(super) fn reason(
    question: &Question<'_>,
    settings: &Settings,
    config: &Config,
) -> Option<Skip> {
    let pod = question.pod;
    let has_containers = pod
        .spec()
        .and_then(|spec| spec.get("containers")?.as_array());
    if has_containers.is_none_or(Vec::is_empty) {
        return Some(Skip::NoTemplate);
    }
    if pod.is_on_host_network() {
        return Some(Skip::HostNetwork);
    }
    if pod.is_windows() {
        return Some(Skip::Windows);
    }
    if let Some((container, mesh)) = foreign::sidecar(pod) {
        let container = container.to_owned();
        return Some(Skip::ForeignSidecar { container, mesh });
    }
    let ours = [PROXY_CONTAINER, INIT_CONTAINER];
    let mut names = pod.containers().map(|container| container.name());
    let volume = || pod.volume_names().find(|name| *name == VOLUME);
    if let Some(name) = names.find(|name| ours.contains(name)).or_else(volume) {
        let name = name.to_owned();
        return Some(Skip::OwnSidecar { name });
    }
    for container in pod.containers() {
        let mut ports = container.ports().map(|(port, _)| port);
        if let Some(port) = ports.find(|port| PROXY_PORTS.contains(port)) {
            let container = container.name().to_owned();
            return Some(Skip::PortTaken { container, port });
        }
    }
    let beside = config.mode == Mode::Sidecar && settings.native == Some(false);
    let ends = pod.runs_to_completion() || matches!(question.owner.kind, "Job" | "CronJob");
    (beside && ends).then_some(Skip::NeverEnds)
}
