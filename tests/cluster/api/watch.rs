//! Watches: what happens from a version on, one JSON object in a line for each event, bookmarks, and
//! an ERROR with 410 when that version is forgotten (Kubernetes reference, "API Concepts").

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;

use super::list::Query;
use super::request::State;

/// How often a watch looks whether something happened.
const LOOK: Duration = Duration::from_millis(5);
/// How often a quiet watch says how far it is; a real server does it once a minute.
const BOOKMARK: Duration = Duration::from_millis(200);
/// How long a watch lasts that names no time.
const LENGTH_MAX: Duration = Duration::from_secs(300);

/// A watch.
#[derive(Clone, Debug)]
pub(crate) struct Watch {
    pub(crate) query: Query,
    /// The kind as the client asked for it.
    pub(crate) api_version: String,
    pub(crate) kind: String,
    /// What the client knows; none: everything that is there comes first.
    pub(crate) since: Option<u64>,
    pub(crate) bookmarks: bool,
    pub(crate) length: Option<Duration>,
}

pub(crate) type Sender = UnboundedSender<Result<Bytes, std::io::Error>>;

/// Tells what happens, until the time is over, the client goes or the version is forgotten.
pub(crate) async fn run(state: Arc<Mutex<State>>, watch: Watch, to: Sender) {
    let until = Instant::now() + watch.length.unwrap_or(LENGTH_MAX);
    let mut known = watch.begin(&state.lock().unwrap(), &to);
    let mut bookmark = Instant::now() + BOOKMARK;
    while Instant::now() < until && !to.is_closed() {
        let news = watch.news(&state.lock().unwrap(), known);
        let lines = match news {
            Ok((version, lines)) => {
                known = version;
                lines
            }
            Err(error) => {
                send(&to, &error);
                return;
            }
        };
        for line in &lines {
            send(&to, line);
        }
        if watch.bookmarks && Instant::now() >= bookmark {
            bookmark = Instant::now() + BOOKMARK;
            send(&to, &watch.bookmark(known));
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn send(to: &Sender, line: &Value) {
    // Who is gone hears nothing.
    let _ = to.send(Ok(Bytes::from(format!("{line}\n"))));
}

impl Watch {
    /// The version from which on events are told.
    fn begin(&self, state: &State, to: &Sender) -> u64 {
        if let Some(since) = self.since {
            return since;
        }
        let all = state.store.objects.iter();
        for (_, object) in all.filter(|(key, object)| self.query.takes(key, object)) {
            send(to, &self.event("ADDED", object));
        }
        state.store.version
    }

    /// Events after `known`, and the version they lead to.
    fn news(&self, state: &State, known: u64) -> Result<(u64, Vec<Value>), Value> {
        let store = &state.store;
        if known < store.compacted {
            let message = format!("too old resource version: {known} ({})", store.compacted);
            return Err(json!({"type": "ERROR", "object": {
                "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                "message": message, "reason": "Expired", "code": 410,
            }}));
        }
        let mut lines = Vec::new();
        for (i, event) in store
            .history
            .iter()
            .enumerate()
            .filter(|(_, e)| e.version > known)
        {
            let before = store.history[..i].iter().rfind(|e| e.key == event.key);
            let fit = before.is_some_and(|b| b.what != "DELETED" && self.takes(b));
            // An object that begins or ceases to match comes or goes for the watcher.
            let what = match (fit, self.takes(event) && event.what != "DELETED") {
                (false, true) => "ADDED",
                (true, true) => "MODIFIED",
                (true, false) => "DELETED",
                (false, false) => continue,
            };
            lines.push(self.event(what, &event.object));
        }
        Ok((store.version, lines))
    }

    fn takes(&self, event: &super::store::Event) -> bool {
        self.query.takes(&event.key, &event.object)
    }

    fn event(&self, what: &str, object: &Value) -> Value {
        let mut object = object.clone();
        object["apiVersion"] = json!(self.api_version);
        object["kind"] = json!(self.kind);
        json!({"type": what, "object": object})
    }

    fn bookmark(&self, version: u64) -> Value {
        json!({"type": "BOOKMARK", "object": {
            "apiVersion": self.api_version, "kind": self.kind,
            "metadata": {"resourceVersion": version.to_string()},
        }})
    }
}
