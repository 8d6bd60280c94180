//! Files that change while the proxy runs. What cannot be used is told, and changes nothing.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use control::source::Files;
use engine::snapshot::Snapshot;
use proxy::InPlace;
use proxy::tls::Material;
use tokio::sync::watch;

use super::args::IdentityArgs;
use super::config::{Config, Source};
use super::identity::Proven;
use super::log::{Level, Log};
use crate::error::Error;
use crate::memory;

/// The manifests of the mesh.
pub(super) struct Manifests {
    source: Source,
    files: Files,
}

/// Certificate, key and trust bundle.
pub(super) struct Identity {
    args: IdentityArgs,
    files: Files,
    names: engine::identity::Identity,
}

// === impl Manifests ===

impl Manifests {
    pub(super) fn watch(source: Source) -> Self {
        Self {
            files: Files::watch(source.files.clone(), source.recursive),
            source,
        }
    }

    pub(super) fn read(&self) -> Result<Config, Error> {
        self.source.read()
    }

    /// Hands on every new configuration, for as long as somebody wants it.
    pub(super) async fn follow(
        mut self,
        log: Log,
        snapshots: watch::Sender<Arc<Snapshot>>,
        in_place: BTreeMap<SocketAddr, InPlace>,
    ) {
        loop {
            tokio::select! {
                () = self.files.changed() => {}
                () = snapshots.closed() => return,
            }
            let read = self.read();
            memory::give_back(true);
            let config = match read {
                Ok(config) => config,
                Err(error) => {
                    log.error("the configuration stays as it was", &error);
                    continue;
                }
            };
            log.findings(Level::Warn, &config.warnings);
            if config.in_place != in_place {
                let text = "the workload's ports with `appPort` changed: the proxy listens on the \
                            new ones when it is started again";
                log.tell(Level::Warn, text);
            }
            let version = config.snapshot.version;
            if snapshots.borrow().version == version {
                let text = format!("the configuration is still {version:016x}");
                log.tell(Level::Debug, &text);
                continue;
            }
            snapshots.send_replace(config.snapshot);
            let text = format!("the configuration is now {version:016x}");
            log.tell(Level::Info, &text);
        }
    }
}

// === impl Identity ===

impl Identity {
    /// Reads the files; none when none were named.
    pub(super) fn watch(args: &IdentityArgs) -> Result<Option<(Proven, Self)>, Error> {
        let files = Files::watch(args.files(), false);
        let Some(proven) = args.read()? else {
            return Ok(None);
        };
        let watch = Self {
            args: args.clone(),
            files,
            names: proven.identity.clone(),
        };
        Ok(Some((proven, watch)))
    }

    /// Hands on every new certificate, for as long as somebody wants it.
    pub(super) async fn follow(mut self, log: Log, material: watch::Sender<Arc<Material>>) {
        let names = &self.names;
        loop {
            tokio::select! {
                () = self.files.changed() => {}
                () = material.closed() => return,
            }
            match self.args.read() {
                Ok(Some(proven)) if proven.identity == *names => {
                    material.send_replace(proven.material);
                    let text = format!("the certificate of {names} is renewed");
                    log.tell(Level::Info, &text);
                }
                Ok(Some(proven)) => {
                    let whose = proven.identity;
                    let text = format!("the new certificate is for {whose}: the old one stays");
                    log.tell(Level::Error, &text);
                }
                Ok(None) => {}
                Err(error) => log.error("the certificate stays as it was", &error),
            }
        }
    }
}
