//! From the flags to a connection: which kubeconfig, which context, whose credentials.

use std::path::{Path, PathBuf};
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use model::decode::nearest;

use super::Flags;
use super::credentials::Credentials;
use super::failure::{Failure, Kind};

/// How long a connection may take to open: more is a VPN that is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Name of the cluster that a pod runs in, which no kubeconfig names.
pub(super) const IN_CLUSTER: &str = "in-cluster";

/// A cluster and the way to it.
pub(super) struct Access {
    pub(super) client: kube::Client,
    /// For messages: the name of the context.
    pub(super) context: String,
    /// `https://127.0.0.1:6443`
    pub(super) server: String,
    /// The namespace of the context.
    pub(super) namespace: String,
    credentials: Credentials,
}

/// Prepares the connection.
pub(super) async fn connect(flags: &Flags) -> Result<Access, Failure> {
    let (mut config, context) = match kubeconfig(flags)? {
        Some(found) => of_kubeconfig(found, flags).await?,
        None => {
            let config = kube::Config::incluster()
                .map_err(|e| Failure::local("cannot read the credentials of this pod", &e))?;
            (config, IN_CLUSTER.to_owned())
        }
    };
    if let Some(user) = &flags.as_user {
        config.auth_info.impersonate = Some(user.clone());
        config.auth_info.impersonate_groups = Some(flags.as_group.clone());
    }
    // Ours knows what may be repeated and tells the user.
    config.default_retry = false;
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    let credentials = Credentials::of(&config.auth_info);
    let server = config
        .cluster_url
        .to_string()
        .trim_end_matches('/')
        .to_owned();
    let namespace = config.default_namespace.clone();
    let client = kube::client::ClientBuilder::try_from(config)
        .map_err(|e| credentials.unusable(&context, &e))?
        .build();
    Ok(Access {
        client,
        context,
        server,
        namespace,
        credentials,
    })
}

/// The kubeconfig that is meant, and where it stands; none inside of a pod that has none.
fn kubeconfig(flags: &Flags) -> Result<Option<(Kubeconfig, String)>, Failure> {
    if let Some(path) = &flags.kubeconfig {
        return read(path).map(Some);
    }
    if let Some(list) = std::env::var_os("KUBECONFIG").filter(|l| !l.is_empty()) {
        let paths = std::env::split_paths(&list).filter(|p| !p.as_os_str().is_empty());
        return merged(paths.collect()).map(Some);
    }
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let usual = home.map(|home| home.join(".kube").join("config"));
    if let Some(path) = usual.as_ref().filter(|path| path.exists()) {
        return read(path).map(Some);
    }
    if std::env::var_os("KUBERNETES_SERVICE_HOST").is_some() {
        return Ok(None);
    }
    let place = usual.map_or_else(|| "~/.kube/config".to_owned(), |p| p.display().to_string());
    Err(Failure::new(
        Kind::Local,
        "there is no kubeconfig, so no cluster is known",
    )
    .caused_by(format!("{place} does not exist and KUBECONFIG is not set"))
    .hint("name one: --kubeconfig FILE; the tool that made the cluster writes it"))
}

/// The files of `KUBECONFIG`, those that exist, as kubectl joins them.
fn merged(paths: Vec<PathBuf>) -> Result<(Kubeconfig, String), Failure> {
    let listed = paths.iter().map(|p| p.display().to_string());
    let listed = listed.collect::<Vec<_>>().join(", ");
    let mut joined: Option<Kubeconfig> = None;
    for path in paths.iter().filter(|path| path.exists()) {
        let (next, place) = read(path)?;
        joined = Some(match joined {
            Some(before) => before.merge(next).map_err(|e| unreadable(&place, &e))?,
            None => next,
        });
    }
    let config = joined.ok_or_else(|| {
        Failure::new(
            Kind::Local,
            "there is no kubeconfig, so no cluster is known",
        )
        .caused_by(format!("KUBECONFIG names {listed}, which does not exist"))
        .hint("mend KUBECONFIG, or name one: --kubeconfig FILE")
    })?;
    Ok((config, listed))
}

fn read(path: &Path) -> Result<(Kubeconfig, String), Failure> {
    let place = path.display().to_string();
    let config = Kubeconfig::read_from(path).map_err(|e| unreadable(&place, &e))?;
    Ok((config, place))
}

async fn of_kubeconfig(
    (config, place): (Kubeconfig, String),
    flags: &Flags,
) -> Result<(kube::Config, String), Failure> {
    let contexts: Vec<String> = config.contexts.iter().map(|c| c.name.clone()).collect();
    let Some(context) = flags
        .context
        .clone()
        .or_else(|| config.current_context.clone())
    else {
        let failure = Failure::new(Kind::Local, format!("{place} has no current context"));
        return Err(match contexts.is_empty() {
            true => failure.hint("it names no cluster at all: is it the right file?"),
            false => failure.hint(format!("add --context, one of: {}", contexts.join(", "))),
        });
    };
    if !contexts.contains(&context) {
        let message = format!("{place} has no context `{context}`");
        let near = nearest(&context, contexts.iter().map(String::as_str));
        return Err(match (near, contexts.is_empty()) {
            (Some(near), _) => {
                Failure::new(Kind::Local, message).hint(format!("did you mean `{near}`?"))
            }
            (None, false) => {
                Failure::new(Kind::Local, message).hint(format!("it has {}", contexts.join(", ")))
            }
            (None, true) => Failure::new(Kind::Local, message).hint("it has none at all"),
        });
    }
    let options = KubeConfigOptions {
        context: Some(context.clone()),
        ..KubeConfigOptions::default()
    };
    let config = kube::Config::from_custom_kubeconfig(config, &options).await;
    let config = config.map_err(|e| match &e {
        KubeconfigError::LoadClusterOfContext(cluster) => Failure::new(
            Kind::Local,
            format!("{place} has no cluster `{cluster}`, which context `{context}` names"),
        )
        .hint("get the kubeconfig again from the tool that made the cluster"),
        _ => Failure::local(format!("context `{context}` of {place} cannot be used"), &e)
            .hint("get the kubeconfig again from the tool that made the cluster"),
    })?;
    Ok((config, context))
}

/// A file that is no kubeconfig. Parsers quote what they stumbled over, and here that could be a
/// token: only the place is passed on.
fn unreadable(place: &str, error: &KubeconfigError) -> Failure {
    match error {
        KubeconfigError::ReadConfig(io, _) => {
            let failure = Failure::local(format!("cannot read the kubeconfig {place}"), io);
            match io.kind() {
                std::io::ErrorKind::NotFound => failure.hint("check the path"),
                _ => failure.hint("check the permissions of the file"),
            }
        }
        KubeconfigError::Parse(e) => {
            let failure = Failure::new(Kind::Local, format!("{place} is no kubeconfig"));
            let failure = match e.location() {
                Some(at) => failure.caused_by(format!(
                    "it cannot be read at line {} column {}",
                    at.line(),
                    at.column()
                )),
                None => failure.caused_by("it cannot be read as YAML of a kubeconfig"),
            };
            failure.hint("`kubectl config view --kubeconfig FILE` says what is wrong with it")
        }
        other => Failure::local(format!("{place} is no kubeconfig"), other),
    }
}

// === impl Access ===

impl Access {
    /// When the credentials end, if they say so.
    pub(super) fn credentials_until(&self) -> Option<Timestamp> {
        self.credentials.until()
    }

    /// Adds to a refusal what the credentials themselves say.
    pub(super) fn explain(&self, failure: Failure) -> Failure {
        match failure.kind {
            Kind::Unauthorized => self.credentials.explain(failure),
            _ => failure,
        }
    }
}
