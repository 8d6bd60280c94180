//! The mesh that a route command looks at: manifests, read, joined and named.

use std::collections::BTreeSet;
use std::path::PathBuf;

use engine::snapshot::ObjectName;
use model::diagnostic::{Diagnostic, Level};
use model::document::Object;
use model::index::{Fact, Index, MeshMode, Pod, Service, ServicePort};
use model::load;
use model::resource::{self, Resource};

use super::readable;
use crate::cluster::{Cluster, Flags};
use crate::error::{Error, print_diagnostics};
use crate::input::{self, Input};
use crate::ui::Ui;

/// The SPIFFE trust domain that is assumed of manifests.
pub(crate) const TRUST_DOMAIN: &str = "cluster.local";

/// Where the objects are.
#[derive(Debug, clap::Args)]
pub(crate) struct SourceArgs {
    /// Manifests: files, directories, or `-` for standard input
    #[arg(short = 'f', long = "filename", value_name = "MANIFESTS")]
    pub(crate) files: Vec<PathBuf>,
    /// Look for manifests in subdirectories as well
    #[arg(short = 'R', long)]
    pub(crate) recursive: bool,
    /// The namespace of names without one
    #[arg(short = 'n', long, value_name = "NAMESPACE")]
    pub(crate) namespace: Option<String>,
    /// Go on although policies of another mesh are not understood
    #[arg(long)]
    pub(crate) ignore_foreign: bool,
    #[command(flatten)]
    pub(crate) cluster: Flags,
}

/// Everything that was given.
#[derive(Debug)]
pub(crate) struct Mesh {
    pub(crate) resources: Vec<Resource>,
    /// With one pod for each workload, named by its kind and name.
    pub(crate) index: Index,
    pub(crate) warnings: Vec<Diagnostic>,
    /// Policies of other meshes that were ignored.
    pub(crate) incomplete: Vec<String>,
}

/// Names of Services shown in an error.
const NAMES_SHOWN_MAX: usize = 8;

// === impl SourceArgs ===

impl SourceArgs {
    /// Reads everything and joins it; warnings are printed. `about` is the Service in question.
    pub(crate) fn read(&self, ui: &mut Ui, about: Option<&str>) -> Result<Mesh, Error> {
        self.read_also(ui, &[], about)
    }

    /// The same with files that were given without a flag.
    pub(crate) fn read_also(
        &self,
        ui: &mut Ui,
        more: &[PathBuf],
        about: Option<&str>,
    ) -> Result<Mesh, Error> {
        let texts = self.texts(ui, more, about)?;
        let mesh = Mesh::of(&texts, self.ignore_foreign)?;
        mesh.warn(ui)?;
        Ok(mesh)
    }

    /// The texts of the manifests, or of the objects of the cluster.
    pub(crate) fn texts(
        &self,
        ui: &mut Ui,
        more: &[PathBuf],
        about: Option<&str>,
    ) -> Result<Vec<Input>, Error> {
        let files: Vec<PathBuf> = self.files.iter().chain(more).cloned().collect();
        Ok(match (files.is_empty(), self.cluster.is_given()) {
            (false, false) => input::read_all(&files, self.recursive)?,
            (true, true) => self.of_cluster(ui, about)?,
            (true, false) => {
                return Err(Error::new("there is nothing to look at")
                    .hint("name manifests: -f FILE, -f DIRECTORY, or -f - for standard input")
                    .hint("or a cluster: --context NAME"));
            }
            (false, true) => {
                return Err(Error::new("files or a cluster are looked at, not both")
                    .hint("leave out the files, or the flags that name the cluster"));
            }
        })
    }
}

impl SourceArgs {
    /// What the cluster holds.
    fn of_cluster(&self, ui: &mut Ui, about: Option<&str>) -> Result<Vec<Input>, Error> {
        let cluster = Cluster::connect(&self.cluster)?;
        let served = cluster.discover()?;
        let home = self.home(&cluster);
        let seen = cluster.widest(&served, &home)?;
        let about = about.map(|about| (home.as_str(), about));
        readable::texts(ui, cluster.inputs(&seen), about)
    }

    /// The namespace that has to be seen at least.
    pub(super) fn home(&self, cluster: &Cluster) -> String {
        self.namespace
            .clone()
            .unwrap_or_else(|| cluster.home().to_owned())
    }
}

// === impl Mesh ===

impl Mesh {
    /// Joins texts. Nothing is looked at when one of them has an error.
    pub(crate) fn of(texts: &[Input], ignore_foreign: bool) -> Result<Self, Error> {
        let mut found = Vec::new();
        let mut resources = Vec::new();
        for text in texts {
            let reading = resource::read(&text.name, &text.text);
            found.extend(reading.diagnostics);
            resources.extend(reading.resources);
        }
        let loaded = load::load(&resources, MeshMode::All);
        found.extend(loaded.diagnostics);
        let mut index = loaded.index;
        for resource in &resources {
            // What belongs to a controller is there through it.
            if resource.object.meta.controller().is_some() {
                continue;
            }
            match load::specimen(resource) {
                Ok(Some((_, pod))) => index.apply(Fact::Pod(named(pod))),
                Ok(None) => {}
                Err(error) => found.push(error),
            }
        }
        let mut incomplete = BTreeSet::new();
        for foreign in resources.iter().flat_map(|r| &r.foreign) {
            if !foreign.changes_behaviour() {
                continue;
            }
            let diagnostic = foreign.diagnostic();
            incomplete.insert(diagnostic.message.clone());
            found.push(match ignore_foreign {
                true => Diagnostic {
                    level: Level::Warning,
                    ..diagnostic
                },
                false => diagnostic.help(
                    "leave it out of the input, or go on without it: --ignore-foreign (the answer \
                     is then INCOMPLETE)",
                ),
            });
        }
        if found.iter().any(|d| d.level == Level::Error) {
            return Err(Error::Input(found));
        }
        Ok(Self {
            resources,
            index,
            warnings: found,
            incomplete: incomplete.into_iter().collect(),
        })
    }

    fn warn(&self, ui: &mut Ui) -> Result<(), Error> {
        print_diagnostics(ui, &self.warnings)?;
        if !self.incomplete.is_empty() {
            ui.warning("INCOMPLETE: what other meshes would make of this is not known here")?;
        }
        Ok(())
    }

    /// The object behind something in the index.
    pub(crate) fn object(&self, kind: &str, name: &ObjectName) -> Option<&Object> {
        let same = |object: &&Object| {
            object.kind == kind
                && object.namespace() == &*name.namespace
                && object.name() == &*name.name
        };
        self.resources.iter().map(|r| &r.object).find(same)
    }

    /// The Service that `text` names: `NAME`, `NAMESPACE/NAME`, `svc/NAME`.
    pub(crate) fn service(&self, text: &str, namespace: Option<&str>) -> Result<&Service, Error> {
        let (namespace, name) = split_name(text, namespace)?;
        let mut found: Vec<&Service> = self
            .index
            .services()
            .filter(|s| *s.name.name == *name && namespace.is_none_or(|n| *s.name.namespace == *n))
            .collect();
        match found.len() {
            1 => Ok(found.remove(0)),
            0 => Err(self.no_service(namespace, name)),
            _ => {
                let names: Vec<_> = found.iter().map(|s| s.name.clone()).collect();
                Err(several(name, &names))
            }
        }
    }

    fn no_service(&self, namespace: Option<&str>, name: &str) -> Error {
        let place = namespace.map_or(String::new(), |n| format!(" in the namespace {n}"));
        let error = Error::new(format!("there is no Service {name}{place}"));
        let all = || self.index.services().map(|s| s.name.to_string());
        let near = all().find(|other| other.ends_with(&format!("/{name}")));
        match near {
            Some(near) => error.hint(format!("there is {near}")),
            None => {
                let names: Vec<_> = all().take(NAMES_SHOWN_MAX).collect();
                let more = match all().count() - names.len() {
                    0 => String::new(),
                    n => format!(" and {n} more"),
                };
                match names.is_empty() {
                    true => error.hint("the input holds no Services at all"),
                    false => error.hint(format!("Services are {}{more}", names.join(", "))),
                }
            }
        }
    }

    /// The port of a Service that is meant: the given one, or the only one.
    pub(crate) fn port<'a>(
        &self,
        service: &'a Service,
        port: Option<&str>,
    ) -> Result<&'a ServicePort, Error> {
        let ports = || {
            let all = service.ports.iter().map(|p| match p.name.as_str() {
                "" => p.port.to_string(),
                name => format!("{} ({name})", p.port),
            });
            all.collect::<Vec<_>>().join(", ")
        };
        if let Some(wanted) = port {
            return service.section(wanted).ok_or_else(|| {
                Error::new(format!("the Service {} has no port {wanted}", service.name))
                    .hint(format!("its ports are {}", ports()))
            });
        }
        match service.ports.as_slice() {
            [only] => Ok(only),
            [] => Err(Error::new(format!(
                "the Service {} has no TCP port",
                service.name
            ))),
            _ => Err(Error::new(format!(
                "the Service {} has several ports: {}",
                service.name,
                ports()
            ))
            .hint("say which one with --port")),
        }
    }

    /// The pods that `text` means: `NAME`, `NAMESPACE/NAME`, `KIND/NAME`, `NAMESPACE/KIND/NAME`.
    pub(crate) fn workload(&self, text: &str, namespace: Option<&str>) -> Result<&Pod, Error> {
        let parts: Vec<&str> = text.split('/').collect();
        let (namespace, kind, name) = match parts[..] {
            [name] => (namespace, None, name),
            [kind, name] if kind.starts_with(|c: char| c.is_ascii_uppercase()) => {
                (namespace, Some(kind), name)
            }
            [first, name] => (Some(first), None, name),
            [first, kind, name] => (Some(first), Some(kind), name),
            _ => {
                return Err(Error::new(format!("`{text}` does not name a workload"))
                    .hint("write NAME, NAMESPACE/NAME or NAMESPACE/KIND/NAME"));
            }
        };
        let is_it = |pod: &&Pod| {
            let (k, n) = pod.controller.split_once('/').unwrap_or_default();
            n == name
                && kind.is_none_or(|kind| kind.eq_ignore_ascii_case(k))
                && namespace.is_none_or(|ns| *pod.name.namespace == *ns)
        };
        let mut found: Vec<&Pod> = self.index.pods().filter(is_it).collect();
        found.dedup_by_key(|pod| (&pod.name.namespace, &pod.controller));
        match found.len() {
            1 => Ok(found.remove(0)),
            0 => {
                let error = Error::new(format!("there is no workload {text}"));
                let names: Vec<String> = self.index.pods().map(workload_name).collect();
                let shown = names[..names.len().min(NAMES_SHOWN_MAX)].join(", ");
                Err(match names.is_empty() {
                    true => error.hint("the input holds no workloads; leave out --from"),
                    false => error.hint(format!("workloads are {shown}")),
                })
            }
            _ => {
                let names: Vec<String> = found.iter().map(|pod| workload_name(pod)).collect();
                let all = names.join(", ");
                let error = Error::new(format!("several workloads are named {text}: {all}"));
                Err(error.hint(format!("say which one: {}", names[0])))
            }
        }
    }
}

/// `shop/Deployment/web`
pub(crate) fn workload_name(pod: &Pod) -> String {
    format!("{}/{}", pod.name.namespace, pod.controller)
}

/// A name that two workloads of different kinds do not share.
fn named(mut pod: Pod) -> Pod {
    pod.name.name = pod.controller.as_str().into();
    pod
}

/// A name that does not say which Service is meant.
pub(super) fn several(name: &str, found: &[ObjectName]) -> Error {
    let names: Vec<String> = found.iter().map(ToString::to_string).collect();
    let all = names.join(", ");
    let error = Error::new(format!("there are several Services named {name}: {all}"));
    match names.first() {
        Some(first) => error.hint(format!("say which one: {first}, or -n NAMESPACE")),
        None => error,
    }
}

/// Namespace and name of the Service that `text` means.
pub(super) fn split_name<'a>(
    text: &'a str,
    namespace: Option<&'a str>,
) -> Result<(Option<&'a str>, &'a str), Error> {
    match text.split_once('/') {
        None => Ok((namespace, text)),
        Some(("svc" | "service" | "services" | "Service", name)) if !name.contains('/') => {
            Ok((namespace, name))
        }
        Some((ns, name)) if !name.contains('/') => match namespace {
            Some(other) if other != ns => Err(Error::new(format!(
                "{text} is in the namespace {ns}, and -n says {other}"
            ))),
            _ => Ok((Some(ns), name)),
        },
        Some(_) => Err(Error::new(format!("`{text}` does not name a Service"))
            .hint("write NAME, NAMESPACE/NAME or svc/NAME")),
    }
}
