//! Stories: one request across hops, each decision with its origin (`--trace`).

use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engine::time::Instant;
use proxy::observe::{Observer, RequestRecord};

use crate::record::{Outcome, Story};

/// Which requests are told about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tell {
    #[default]
    None,
    /// The first requests that failed.
    Failed,
    /// The first so many requests.
    First(usize),
}

/// Stories kept in a run: a report of more is not read, and each holds a record per hop.
pub const STORIES_MAX: usize = 1000;

/// Where records of proxies are gathered. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Stories {
    tell: Tell,
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    /// Requests under way, and those that are told about. Others are forgotten when they end.
    open: BTreeMap<String, Draft>,
    kept: usize,
}

#[derive(Debug)]
struct Draft {
    story: Story,
    kept: bool,
}

// === impl Stories ===

impl Stories {
    pub fn new(tell: Tell) -> Self {
        Self {
            tell,
            inner: Arc::default(),
        }
    }

    /// Whether proxies have to be observed.
    pub fn wanted(&self) -> bool {
        self.tell != Tell::None
    }

    pub(crate) fn begin(&self, id: &str, load: &str, at: Instant) {
        let mut inner = self.inner();
        let wanted = match self.tell {
            Tell::None => false,
            Tell::Failed => inner.kept < STORIES_MAX,
            Tell::First(n) => inner.open.len() < n.min(STORIES_MAX),
        };
        if !wanted {
            return;
        }
        let story = Story {
            id: id.to_owned(),
            load: load.to_owned(),
            started: since_start(at),
            ended: since_start(at),
            outcome: Outcome::failed("it did not end"),
            hops: Vec::new(),
        };
        let kept = self.tell != Tell::Failed;
        inner.open.insert(id.to_owned(), Draft { story, kept });
    }

    pub(crate) fn end(&self, id: &str, at: Instant, outcome: &Outcome) {
        if !self.wanted() {
            return;
        }
        let mut inner = self.inner();
        let Some(mut draft) = inner.open.remove(id) else {
            return;
        };
        draft.story.ended = since_start(at);
        draft.story.outcome = outcome.clone();
        if !draft.kept && !outcome.success && inner.kept < STORIES_MAX {
            draft.kept = true;
            inner.kept += 1;
        }
        if draft.kept {
            inner.open.insert(id.to_owned(), draft);
        }
    }

    /// The stories in the order of their requests' start.
    pub fn finish(&self) -> Vec<Story> {
        let open = core::mem::take(&mut self.inner().open);
        let mut stories: Vec<Story> = open
            .into_values()
            .filter(|d| d.kept)
            .map(|d| d.story)
            .collect();
        for story in &mut stories {
            story.hops.sort_by_key(|hop| hop.started);
        }
        stories.sort_by(|a, b| (a.started, &a.id).cmp(&(b.started, &b.id)));
        stories
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Stories {
    fn on_request(&self, record: RequestRecord) {
        // Calls carry the id of the request they are made for, and more after a dot.
        let root = record.id.split('.').next().unwrap_or_default();
        if let Some(draft) = self.inner().open.get_mut(root) {
            draft.story.hops.push(record);
        }
    }
}

fn since_start(at: Instant) -> Duration {
    at.since(Instant::ZERO)
}
