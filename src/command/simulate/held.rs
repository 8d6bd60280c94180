//! What a cluster holds, below what files say: an object of a file takes the place of the same
//! object of the cluster, as it would when it is applied.

use std::collections::BTreeSet;

use model::diagnostic::Diagnostic;
use model::resource::Resource;

use super::RunArgs;
use super::load::{Reader, quote};
use crate::cluster::Cluster;
use crate::error::Error;

/// Group, kind, namespace and name: what makes two objects the same.
type Identity = (String, String, String, String);

/// The flags that name the cluster, for a command that repeats the run.
pub(super) fn words(args: &RunArgs) -> Vec<String> {
    let path = args
        .cluster
        .kubeconfig
        .as_ref()
        .map(|p| p.display().to_string());
    let named = [
        ("--context", args.cluster.context.as_ref()),
        ("--kubeconfig", path.as_ref()),
        ("-n", args.scope.namespace.as_ref()),
        ("--as", args.cluster.as_user.as_ref()),
    ];
    let named = named
        .into_iter()
        .filter_map(|(flag, value)| Some((flag, value?)));
    let mut words: Vec<String> = named
        .flat_map(|(flag, value)| [flag.to_owned(), quote(value)])
        .collect();
    if args.scope.all_namespaces {
        words.push("-A".into());
    }
    words
}

fn identity(resource: &Resource) -> Identity {
    let object = &resource.object;
    let texts = [
        object.group(),
        &object.kind,
        object.namespace(),
        object.name(),
    ];
    let [group, kind, namespace, name] = texts.map(str::to_owned);
    (group, kind, namespace, name)
}

// === impl Reader ===

impl Reader {
    /// Reads the objects of the cluster that the flags name.
    pub(super) fn read_cluster(&mut self, args: &RunArgs) -> Result<(), Error> {
        let cluster = Cluster::connect(&args.cluster)?;
        let held = cluster.held(&args.scope)?;
        if held.inputs.is_empty() {
            let place = match cluster.namespace(&args.scope) {
                Some(namespace) => format!("namespace {namespace} of cluster {}", cluster.name()),
                None => format!("cluster {}", cluster.name()),
            };
            return Err(Error::new(format!("{place} holds nothing to simulate"))
                .hint("name another namespace (-n), or all (-A)"));
        }
        self.warnings
            .extend(held.warnings.into_iter().map(Diagnostic::warning));
        self.held = held.inputs;
        Ok(())
    }

    /// Adds the objects of the cluster that `files` do not replace.
    pub(super) fn over_cluster(&mut self, mut files: Vec<Resource>) -> Vec<Resource> {
        let held = core::mem::take(&mut self.held);
        let replaced: BTreeSet<Identity> = files.iter().map(identity).collect();
        let below = self.resources(&held);
        self.held = held;
        files.extend(
            below
                .into_iter()
                .filter(|r| !replaced.contains(&identity(r))),
        );
        files
    }
}
