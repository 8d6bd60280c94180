//! Changing objects: server-side apply, with a lock on what was read.
//!
//! An apply carries the `resourceVersion` that the change was made of, so that nothing is decided
//! on what is no longer there; [`Cluster::change`] reads and decides again when somebody was
//! faster.
//!
//! Fields that another manager owns are a conflict. One that a person's tool left there (`kubectl
//! edit`) is taken over, as that person would; one that belongs to a controller is not, unless
//! forced: a controller writes again what it wants, and the two would fight.

use serde_json::{Map, Value, json};

use super::failure::{Failure, Kind as Why, Owner};
use super::kind::Resource;
use super::owned::{not_removable, to_send};
use super::send::Ask;
use super::{Cluster, FIELD_MANAGER, identity, named};

/// How often a change is decided anew because somebody else was faster.
const RACES_MAX: u32 = 5;
/// Beginnings of the names that people's tools go by. Helm is none: its next upgrade writes again
/// what it wants.
const PEOPLES_TOOLS: &[&str] = &["kubectl", "k9s", "lens", "node-fetch", "headlamp", "oc"];

/// How to apply.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct How {
    /// The API server checks everything and stores nothing.
    pub(crate) dry_run: bool,
    /// Take fields over from whoever owns them.
    pub(crate) force: bool,
}

/// What an apply made.
#[derive(Clone, Debug, Default)]
pub(crate) struct Applied {
    /// The owners whose fields were taken over.
    pub(crate) taken: Vec<Owner>,
}

// === impl Cluster ===

impl Cluster {
    /// Reads an object, lets `decide` make the new one (none: leave it), and applies that; once
    /// more from the beginning when the object was changed in between.
    ///
    /// # Errors
    /// When there is no such object, `decide` refuses, and as [`Cluster::apply`].
    pub(crate) fn change<E: From<Failure>>(
        &self,
        resource: &Resource,
        (namespace, name): (&str, &str),
        how: How,
        mut decide: impl FnMut(&Value) -> Result<Option<Value>, E>,
    ) -> Result<Option<Applied>, E> {
        let mut races = 0;
        loop {
            let before = self.get(resource, namespace, name)?.ok_or_else(|| {
                let what = format!("{} {}", resource.kind, named(namespace, name));
                Failure::new(Why::NotFound, format!("{what} does not exist"))
            })?;
            let Some(after) = decide(&before)? else {
                return Ok(None);
            };
            match self.apply(resource, Some(&before), &after, how) {
                Err(e) if e.kind == Why::Conflict && races < RACES_MAX => races += 1,
                done => return Ok(Some(done?)),
            }
        }
    }

    /// Makes the object that was read as `before` (none: a new one) what `after` says.
    ///
    /// # Errors
    /// When `before` is no longer what is there, when fields belong to others, when something would
    /// have to be removed that is not ours, and when the API server refuses or does not answer.
    pub(crate) fn apply(
        &self,
        resource: &Resource,
        before: Option<&Value>,
        after: &Value,
        how: How,
    ) -> Result<Applied, Failure> {
        let (namespace, name) = identity(after);
        let what = format!("change {} {}", resource.kind, named(namespace, name));
        let sent = match before {
            Some(before) => {
                let stuck = not_removable(before, after, FIELD_MANAGER);
                if !stuck.is_empty() {
                    let message = format!("cannot {what}: others own what has to be removed");
                    return Err(Failure::new(Why::Owned(Vec::new()), message)
                        .caused_by(stuck.join(", "))
                        .hint("remove it where it came from, or with `kubectl edit`"));
                }
                to_send(before, after, FIELD_MANAGER)
            }
            None => without_status(after.clone()),
        };
        let sent = with_head(sent, resource, (namespace, name), before);
        let path = |force: bool| {
            let dry = if how.dry_run { "&dryRun=All" } else { "" };
            let place = resource.path(Some(namespace), Some(name));
            format!("{place}?fieldManager={FIELD_MANAGER}&force={force}{dry}")
        };
        match self.ask(&Ask::apply(&path(how.force), &what, &sent)) {
            Ok(_) => Ok(Applied::default()),
            Err(Failure {
                kind: Why::Owned(owners),
                ..
            }) if !owners.is_empty() && owners.iter().all(is_person) => {
                self.ask(&Ask::apply(&path(true), &what, &sent))?;
                Ok(Applied { taken: owners })
            }
            Err(e) => Err(e),
        }
    }
}

fn is_person(owner: &Owner) -> bool {
    let name = owner.manager.to_ascii_lowercase();
    let rest = |tool: &&str| name.strip_prefix(*tool);
    let mut tools = PEOPLES_TOOLS.iter().filter_map(rest);
    // `kubectl-client-side-apply` is kubectl, `occam` is not oc.
    tools.any(|rest| !rest.starts_with(|c: char| c.is_ascii_alphanumeric()))
}

/// `object` with what every apply needs: what it is, and of which version.
fn with_head(
    object: Value,
    resource: &Resource,
    (namespace, name): (&str, &str),
    before: Option<&Value>,
) -> Value {
    let mut fields = match object {
        Value::Object(fields) => fields,
        _ => Map::new(),
    };
    let mut meta = match fields.remove("metadata") {
        Some(Value::Object(meta)) => meta,
        _ => Map::new(),
    };
    // What the API server writes is no wish of ours.
    for key in ["managedFields", "generation", "creationTimestamp", "uid"] {
        meta.remove(key);
    }
    meta.insert("name".into(), json!(name));
    if resource.namespaced {
        meta.insert("namespace".into(), json!(namespace));
    }
    match before {
        Some(before) => {
            let version = before["metadata"]["resourceVersion"].clone();
            meta.insert("resourceVersion".into(), version);
        }
        None => drop(meta.remove("resourceVersion")),
    }
    fields.insert("apiVersion".into(), json!(resource.api_version()));
    fields.insert("kind".into(), json!(resource.kind));
    fields.insert("metadata".into(), Value::Object(meta));
    Value::Object(fields)
}

fn without_status(mut object: Value) -> Value {
    if let Some(fields) = object.as_object_mut() {
        fields.remove("status");
    }
    object
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_taken_from_people_and_not_from_controllers() {
        let person = |manager: &str| {
            is_person(&Owner {
                manager: manager.into(),
                field: String::new(),
            })
        };
        for manager in [
            "kubectl-client-side-apply",
            "kubectl",
            "kubectl-edit",
            "k9s",
            "Lens",
        ] {
            assert!(person(manager), "{manager}");
        }
        for manager in [
            "argocd-controller",
            "helm",
            "flagger",
            "occam",
            "kubectld",
            "",
            "meshctl",
        ] {
            assert!(!person(manager), "{manager}");
        }
    }
}
