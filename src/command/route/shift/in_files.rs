//! Routes in files, which proxies read as they change: a mesh without Kubernetes.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use engine::snapshot::ObjectName;
use model::diagnostic::{Diagnostic, Level};
use model::document::Object;
use model::edit::{self, Edit};
use model::resource;
use model::yaml::Source;
use serde_json::Value;

use super::place::{Decide, Place, Refused, Route, Trouble};
use crate::cluster::failure::Owner;
use crate::command::route::change::managed;
use crate::command::route::mesh::Mesh;
use crate::error::Error;
use crate::input::{self, Input, STDIN};
use crate::output::{self, Rewritten};

/// Manifests that are written in place.
pub(super) struct InFiles {
    paths: Vec<PathBuf>,
    recursive: bool,
}

/// How often a change is decided anew because somebody else wrote the file meanwhile.
const RACES_MAX: u32 = 5;

// === impl InFiles ===

impl InFiles {
    /// # Errors
    /// Standard input: it cannot be read again, nor written.
    pub(super) fn new(paths: &[PathBuf], recursive: bool) -> Result<Self, Error> {
        if paths.iter().any(|path| path.as_os_str() == "-") {
            return Err(
                Error::new(format!("{STDIN} cannot be changed step by step"))
                    .hint("name the files, or their directory: -f DIRECTORY"),
            );
        }
        Ok(Self {
            paths: paths.to_vec(),
            recursive,
        })
    }

    fn texts(&self) -> Result<Vec<Input>, Error> {
        input::read_all(&self.paths, self.recursive)
    }

    /// Reads the route and changes it, if `decide` wants that; false when its file was written by
    /// somebody else in between.
    fn attempt(&self, route: &Route, decide: &Decide<'_>) -> Result<bool, Refused> {
        let texts = self.texts().map_err(|why| self.passing(why))?;
        let mut errors = Vec::new();
        for text in &texts {
            let reading = resource::read(&text.name, &text.text);
            let mut objects = reading.resources.iter().map(|r| &r.object);
            if let Some(object) = objects.find(|object| is_it(object, route)) {
                return rewrite(text, object, decide);
            }
            errors.extend(reading.diagnostics.into_iter().filter(is_error));
        }
        // It may be in what cannot be read at the moment.
        Err(match errors.is_empty() {
            false => self.passing(Error::Input(errors)),
            true => {
                let told = format!("{} is no longer in {}", route.shown(), self.shown());
                Refused::Failed(Trouble {
                    why: Error::new(&*told),
                    told,
                    passing: false,
                })
            }
        })
    }

    /// What cannot be read now may be in the middle of an edit.
    fn passing(&self, why: Error) -> Refused {
        Refused::Failed(Trouble {
            why,
            told: format!("{} cannot be read", self.shown()),
            passing: true,
        })
    }
}

impl Place for InFiles {
    fn routes(
        &self,
        service: &str,
        namespace: Option<&str>,
    ) -> Result<(ObjectName, Vec<Route>), Error> {
        // What other meshes make of these routes does not matter to their weights.
        let mesh = Mesh::of(&self.texts()?, true)?;
        let service = mesh.service(service, namespace)?.name.clone();
        let objects = mesh.resources.iter().map(|r| &r.object);
        let routes = objects.filter(|object| {
            matches!(&*object.kind, "HTTPRoute" | "GRPCRoute")
                && object.namespace() == &*service.namespace
        });
        let routes = routes.map(|object| Route {
            kind: object.kind.clone(),
            namespace: object.namespace().to_owned(),
            name: object.name().to_owned(),
            object: object.node().to_json(),
            managed_by: managed::by(&mesh, object),
        });
        let routes = routes.collect();
        Ok((service, routes))
    }

    fn change(
        &self,
        route: &Route,
        _force: bool,
        decide: &Decide<'_>,
    ) -> Result<Vec<Owner>, Refused> {
        for _ in 0..RACES_MAX {
            if self.attempt(route, decide)? {
                return Ok(Vec::new());
            }
        }
        let told = format!("{} is written by somebody else all the time", self.shown());
        Err(Refused::Failed(Trouble {
            why: Error::new(&*told),
            told,
            passing: true,
        }))
    }

    fn shown(&self) -> String {
        let paths = self.paths.iter().map(|path| path.display().to_string());
        paths.collect::<Vec<_>>().join(", ")
    }

    fn flags(&self) -> String {
        let mut flags = String::new();
        for path in &self.paths {
            // Writing to a string does not fail.
            let _ = write!(flags, " -f {}", path.display());
        }
        if self.recursive {
            flags.push_str(" -R");
        }
        flags + " --in-place"
    }
}

fn is_it(object: &Object, route: &Route) -> bool {
    (&*object.kind, object.namespace(), object.name())
        == (&*route.kind, &*route.namespace, &*route.name)
}

fn is_error(found: &Diagnostic) -> bool {
    found.level == Level::Error
}

/// Writes one object anew into its file; every other byte stays.
fn rewrite(text: &Input, object: &Object, decide: &Decide<'_>) -> Result<bool, Refused> {
    let failed = |why: Error| {
        Refused::Failed(Trouble {
            why,
            told: format!("{} cannot be changed", text.name),
            passing: false,
        })
    };
    let before = object.node().to_json();
    let Some(after) = decide(&before)?.map(without_nothing) else {
        return Ok(true);
    };
    let own = object.pointer();
    let parts = ["metadata", "spec"].into_iter();
    let edits = parts.filter(|part| before[part] != after[part]);
    let edits = edits.map(|part| Edit::set(own.clone().key(part), after[part].clone()));
    let source = Arc::new(Source::new(&*text.name, &*text.text));
    let edited = edit::edit(&source, &[(object.document.index, edits.collect())]);
    let edited = edited.map_err(|found| failed(Error::Input(found)))?;
    let now = input::read_file(Path::new(&text.name)).map_err(failed)?;
    if now != text.text {
        return Ok(false);
    }
    let written = output::in_place(&[Rewritten {
        name: text.name.clone(),
        before: Some(now),
        after: Some(edited),
    }]);
    written.map(|_| true).map_err(failed)
}

/// `object` without an empty map of annotations: the note of a shift was the only one.
fn without_nothing(mut object: Value) -> Value {
    if let Some(meta) = object["metadata"].as_object_mut()
        && let Some(Value::Object(annotations)) = meta.get("annotations")
        && annotations.is_empty()
    {
        meta.shift_remove("annotations");
    }
    object
}
