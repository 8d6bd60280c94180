//! Changes of the objects of a cluster: checked by the API server, all of them, before the first is
//! made.

use std::cell::OnceCell;

use clap::ValueEnum;
use model::resource;
use serde_json::Value;

use super::{ChangeArgs, Committed, Store};
use crate::cluster::Cluster;
use crate::cluster::apply::How;
use crate::cluster::discover::Served;
use crate::cluster::failure::{Failure, Kind};
use crate::cluster::held::{Seen, restored};
use crate::command::route::readable;
use crate::error::Error;
use crate::input::Input;
use crate::output::{self, Rewritten};
use crate::ui::Ui;

/// How far a change goes that is not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum DryRun {
    /// Nothing is sent: what would change is shown
    Client,
    /// The API server checks everything and stores nothing
    Server,
}

/// The objects of a cluster.
pub(super) struct InCluster {
    cluster: Cluster,
    served: Served,
    /// The namespace that has to be seen.
    home: String,
    /// What was read; the changes are of these versions.
    seen: OnceCell<Seen>,
    dry_run: Option<DryRun>,
    force: bool,
    diff: bool,
}

/// One object's change, in the order in which they are made.
enum Step {
    Create(Value),
    Edit { before: Value, after: Value },
    Delete(Value),
}

// === impl InCluster ===

impl InCluster {
    pub(super) fn new(args: &ChangeArgs) -> Result<Self, Error> {
        let cluster = Cluster::connect(&args.source.cluster)?;
        let served = cluster.discover()?;
        Ok(Self {
            home: args.source.home(&cluster),
            cluster,
            served,
            seen: OnceCell::new(),
            dry_run: args.dry_run,
            force: args.force,
            diff: args.diff,
        })
    }

    /// What a text comes to, as steps: what is made is there before it is referred to.
    fn steps(&self, texts: &[Rewritten]) -> Vec<Step> {
        let (mut created, mut edited, mut deleted) = (Vec::new(), Vec::new(), Vec::new());
        for text in texts.iter().filter(|text| text.is_changed()) {
            let old = objects(&text.name, text.before.as_deref());
            let new = objects(&text.name, text.after.as_deref());
            let same = |a: &Value, b: &Value| identity(a) == identity(b);
            for object in &new {
                let before = old.iter().find(|o| same(o, object));
                match (before, self.original(object)) {
                    (Some(before), _) if before == object => {}
                    (_, Some(original)) => edited.push(Step::Edit {
                        after: restored(object, original),
                        before: original.clone(),
                    }),
                    (_, None) => created.push(Step::Create(object.clone())),
                }
            }
            let is_gone = |object: &&Value| !new.iter().any(|n| same(n, object));
            let gone = old.iter().filter(is_gone).filter_map(|o| self.original(o));
            deleted.extend(gone.cloned().map(Step::Delete));
        }
        created.into_iter().chain(edited).chain(deleted).collect()
    }

    /// The object as the API server gave it.
    fn original(&self, object: &Value) -> Option<&Value> {
        let (kind, namespace, name) = identity(object);
        self.seen
            .get()?
            .objects(kind)
            .find(|o| identity(o) == (kind, namespace, name))
    }

    fn make(&self, ui: &mut Ui, step: &Step, dry_run: bool) -> Result<(), Failure> {
        let how = How {
            dry_run,
            force: self.force,
        };
        let (object, before, did) = match step {
            Step::Create(object) => (object, None, "made"),
            Step::Edit { before, after } => (after, Some(before), "changed"),
            Step::Delete(object) => (object, None, "deleted"),
        };
        let (kind, namespace, name) = identity(object);
        let Some(resource) = self.served.find(kind) else {
            return Err(Failure::not_served(kind, self.cluster.name()));
        };
        let mut taken = Vec::new();
        match step {
            Step::Delete(object) => self.cluster.delete(resource, object, dry_run)?,
            _ => taken = self.cluster.apply(resource, before, object, how)?.taken,
        }
        if dry_run {
            return Ok(());
        }
        // A lost line of news is no reason to stop in the middle.
        let _ = ui.note(&format!("{did} {kind} {namespace}/{name}"));
        for owner in taken {
            let _ = ui.note(&format!(
                "took {} over from `{}`; what it was applied from is as before",
                owner.field, owner.manager
            ));
        }
        Ok(())
    }
}

impl Store for InCluster {
    fn texts(&self, ui: &mut Ui, about: &str) -> Result<Vec<Input>, Error> {
        let seen = self.cluster.widest(&self.served, &self.home)?;
        let inputs = readable::texts(ui, self.cluster.inputs(&seen), Some((&self.home, about)))?;
        // A store is made anew for each attempt.
        let _ = self.seen.set(seen);
        Ok(inputs)
    }

    fn commit(&self, ui: &mut Ui, texts: &[Rewritten]) -> Result<Committed, Error> {
        use std::io::Write as _;
        if self.diff || self.dry_run == Some(DryRun::Client) {
            ui.out().write_all(output::diff(texts).as_bytes())?;
            return Ok(Committed::Done);
        }
        let steps = self.steps(texts);
        for step in &steps {
            match self.make(ui, step, true) {
                Ok(()) => {}
                Err(failure) if failure.kind == Kind::Conflict => return Ok(Committed::Again),
                Err(failure) => return Err(failure.into()),
            }
        }
        if self.dry_run.is_some() {
            ui.note("the API server would accept this; nothing was changed")?;
            return Ok(Committed::Done);
        }
        for (done, step) in steps.iter().enumerate() {
            match self.make(ui, step, false) {
                Ok(()) => {}
                // What was made is there when the change is decided again.
                Err(failure) if failure.kind == Kind::Conflict => return Ok(Committed::Again),
                Err(failure) => return Err(half(Error::from(failure), &steps[..done])),
            }
        }
        Ok(Committed::Done)
    }
}

/// A failure after some of the steps.
fn half(error: Error, done: &[Step]) -> Error {
    if done.is_empty() {
        return error;
    }
    let told = done.iter().map(|step| {
        let (object, did) = match step {
            Step::Create(object) => (object, "was made"),
            Step::Edit { after, .. } => (after, "was changed"),
            Step::Delete(object) => (object, "was deleted"),
        };
        let (kind, namespace, name) = identity(object);
        format!("{kind} {namespace}/{name} {did} before")
    });
    let error = told.fold(error, Error::caused_by);
    error.hint("run it again: what is done already is not done twice")
}

/// The objects of a text.
fn objects(name: &str, text: Option<&str>) -> Vec<Value> {
    let resources = resource::read(name, text.unwrap_or_default()).resources;
    resources
        .iter()
        .map(|r| r.object.node().to_json())
        .collect()
}

/// Kind, namespace and name.
fn identity(object: &Value) -> (&str, &str, &str) {
    let meta = &object["metadata"];
    (
        object["kind"].as_str().unwrap_or_default(),
        meta["namespace"].as_str().unwrap_or_default(),
        meta["name"].as_str().unwrap_or_default(),
    )
}
