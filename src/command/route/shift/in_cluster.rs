//! Routes of a cluster.

use std::path::PathBuf;

use engine::snapshot::ObjectName;
use serde_json::Value;

use super::managed;
use super::place::{Decide, Place, Refused, Route};
use crate::cluster::apply::How;
use crate::cluster::discover::Served;
use crate::cluster::failure::{Failure, Kind, Owner};
use crate::cluster::{Cluster, Flags};
use crate::command::route::mesh;
use crate::error::Error;

/// The objects of a cluster.
pub(super) struct InCluster {
    cluster: Cluster,
    served: Served,
    /// The kubeconfig that was named.
    kubeconfig: Option<PathBuf>,
}

// === impl InCluster ===

impl InCluster {
    pub(super) fn connect(flags: &Flags) -> Result<Self, Error> {
        let cluster = Cluster::connect(flags)?;
        let served = cluster.discover()?;
        Ok(Self {
            cluster,
            served,
            kubeconfig: flags.kubeconfig.clone(),
        })
    }

    /// The namespace of the one Service of this name; that of the context when there is none, or
    /// when only that may be looked at.
    fn namespace_of(&self, name: &str) -> Result<String, Error> {
        let home = || Ok(self.cluster.home().to_owned());
        let Some(services) = self.served.find("Service") else {
            return home();
        };
        let all = match self.cluster.list(services, None, None) {
            Err(failure) if failure.kind == Kind::Forbidden => return home(),
            all => all?,
        };
        let named = all.iter().filter(|o| o["metadata"]["name"] == name);
        let found: Vec<ObjectName> = named
            .map(|object| ObjectName::new(text(object, "namespace"), name))
            .collect();
        match &found[..] {
            [] => home(),
            [one] => Ok(one.namespace.to_string()),
            several => Err(mesh::several(name, several)),
        }
    }
}

impl Place for InCluster {
    fn routes(
        &self,
        service: &str,
        namespace: Option<&str>,
    ) -> Result<(ObjectName, Vec<Route>), Error> {
        let (namespace, name) = mesh::split_name(service, namespace)?;
        let namespace = match namespace {
            Some(namespace) => namespace.to_owned(),
            None => self.namespace_of(name)?,
        };
        let mut found = Vec::new();
        for kind in ["HTTPRoute", "GRPCRoute"] {
            let Some(resource) = self.served.find(kind) else {
                continue;
            };
            for object in self.cluster.list(resource, Some(&namespace), None)? {
                found.push(Route {
                    kind: kind.to_owned(),
                    namespace: namespace.clone(),
                    name: text(&object, "name").to_owned(),
                    managed_by: managed::by(&object),
                    object,
                });
            }
        }
        Ok((ObjectName::new(&*namespace, name), found))
    }

    fn change(
        &self,
        route: &Route,
        force: bool,
        decide: &Decide<'_>,
    ) -> Result<Vec<Owner>, Refused> {
        let Some(resource) = self.served.find(&route.kind) else {
            return Err(Failure::not_served(&route.kind, self.cluster.name()).into());
        };
        let (name, dry_run) = ((&*route.namespace, &*route.name), false);
        let how = How { dry_run, force };
        let applied = self.cluster.change(resource, name, how, decide)?;
        Ok(applied.map(|applied| applied.taken).unwrap_or_default())
    }

    fn shown(&self) -> String {
        format!("the cluster {}", self.cluster.name())
    }

    fn flags(&self) -> String {
        let kubeconfig = self.kubeconfig.iter();
        let flags = kubeconfig.map(|path| format!(" --kubeconfig {}", path.display()));
        // Inside of a pod there are no contexts.
        let context = self
            .cluster
            .context()
            .map(|name| format!(" --context {name}"));
        flags.chain(context).collect()
    }

    fn cluster(&self) -> Option<&Cluster> {
        Some(&self.cluster)
    }
}

fn text<'a>(object: &'a Value, key: &str) -> &'a str {
    object["metadata"][key].as_str().unwrap_or_default()
}
