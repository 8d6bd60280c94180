//! Files and directories that may change at any time.
//!
//! ```text
//!  inotify: something happened ─┐
//!  a look every 30 s (1 s       ├─▶ what is there? ──▶ quiet for 50 ms? ──▶ differs? ──▶ changed
//!  without inotify) ────────────┘   inode, size, times of every manifest
//! ```
//!
//! Events only wake: what counts is whether the files are others than before, so that an editor's
//! temporary files, a renamed file, and the symbolic links by which Kubernetes swaps a ConfigMap
//! whole are all one thing. A directory that disappears is a change like any other; one that comes
//! back is found through its parent.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tokio::time::{Instant, sleep};

#[cfg(target_os = "linux")]
mod kernel;

#[cfg(target_os = "linux")]
use kernel::Wake;

#[cfg(not(target_os = "linux"))]
mod turns;

#[cfg(not(target_os = "linux"))]
use turns::Wake;

/// How long nothing may change before a change counts: writers of several files are waited for.
const QUIET: Duration = Duration::from_millis(50);
/// How long a restless directory is waited for.
const QUIET_MAX: Duration = Duration::from_secs(2);
/// Entries looked at; a directory with more is no directory of manifests.
const ENTRIES_MAX: usize = 100_000;
/// How deep is looked.
const DEPTH_MAX: usize = 32;

/// Says when files may have changed.
#[derive(Debug)]
pub struct Files {
    paths: Vec<PathBuf>,
    recursive: bool,
    /// None until somebody waits: it belongs to that one's runtime.
    wake: Option<Wake>,
    /// Whether something may have happened since the last look.
    due: bool,
    seen: Seen,
}

/// What tells one state of a file from another.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mark {
    inode: u64,
    size: u64,
    modified: Option<SystemTime>,
}

type Seen = BTreeMap<PathBuf, Mark>;

/// A directory to be woken by; a name = only by what happens to this entry.
type Places = BTreeMap<PathBuf, Option<OsString>>;

// === impl Files ===

impl Files {
    /// Watches files and directories, of which subdirectories only when `recursive`. What they are
    /// like at this moment is what a change is measured by: read them after this, not before.
    pub fn watch(paths: Vec<PathBuf>, recursive: bool) -> Self {
        let mut files = Self {
            paths,
            recursive,
            wake: None,
            due: true,
            seen: Seen::new(),
        };
        files.seen = files.look();
        files
    }

    /// Completes when the files differ from what they were when this last completed, and have been
    /// quiet for a moment. May be dropped and called again, on the same runtime.
    pub async fn changed(&mut self) {
        loop {
            if let Some(wake) = self.wake.as_mut().filter(|_| !self.due) {
                wake.wait().await;
                self.due = true;
            }
            self.settle().await;
            // Directories may be others than before.
            let places = self.places();
            self.wake.get_or_insert_with(Wake::new).follow(&places);
            let now = self.look();
            self.due = false;
            if now != self.seen {
                self.seen = now;
                return;
            }
        }
    }

    async fn settle(&self) {
        let until = Instant::now() + QUIET_MAX;
        let mut last = self.look();
        while Instant::now() < until {
            sleep(QUIET).await;
            let now = self.look();
            if now == last {
                return;
            }
            last = now;
        }
    }

    fn look(&self) -> Seen {
        let mut seen = Seen::new();
        for path in &self.paths {
            look_at(path, self.recursive, DEPTH_MAX, &mut seen);
        }
        seen
    }

    /// Where something has to happen before a file can be another.
    fn places(&self) -> Places {
        let mut places = Places::new();
        for path in &self.paths {
            // The path itself may be replaced, above all when it is a symbolic link.
            if let Some((parent, name)) = parent(path) {
                places.entry(parent).or_insert(Some(name));
            }
            let Ok(target) = fs::canonicalize(path) else {
                continue;
            };
            if target.is_dir() {
                directories(target, self.recursive, &mut places);
            } else if let Some((parent, name)) = parent(&target) {
                places.entry(parent).or_insert(Some(name));
            }
        }
        places
    }
}

fn look_at(path: &Path, recursive: bool, depth: usize, seen: &mut Seen) {
    let Ok(meta) = fs::metadata(path) else { return };
    if seen.len() >= ENTRIES_MAX {
        return;
    }
    if !meta.is_dir() {
        seen.insert(path.to_path_buf(), Mark::of(&meta));
        return;
    }
    let Ok(entries) = fs::read_dir(path) else {
        return;
    };
    for entry in entries.flatten() {
        let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        let path = entry.path();
        if hidden || (path.is_dir() && (!recursive || depth == 0)) {
            continue;
        }
        look_at(&path, recursive, depth.saturating_sub(1), seen);
    }
}

fn directories(top: PathBuf, recursive: bool, places: &mut Places) {
    let mut queue = vec![(top, 0)];
    while let Some((dir, depth)) = queue.pop() {
        if recursive && depth < DEPTH_MAX && places.len() < ENTRIES_MAX {
            let entries = fs::read_dir(&dir).into_iter().flatten().flatten();
            let below = entries.map(|entry| entry.path()).filter(|p| p.is_dir());
            queue.extend(below.map(|path| (path, depth + 1)));
        }
        places.insert(dir, None);
    }
}

fn parent(path: &Path) -> Option<(PathBuf, OsString)> {
    let name = path.file_name()?.to_os_string();
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    Some((fs::canonicalize(parent).ok()?, name))
}

// === impl Mark ===

impl Mark {
    fn of(meta: &fs::Metadata) -> Self {
        #[cfg(unix)]
        let inode = std::os::unix::fs::MetadataExt::ino(meta);
        #[cfg(not(unix))]
        let inode = 0;
        Self {
            inode,
            size: meta.len(),
            modified: meta.modified().ok(),
        }
    }
}

#[cfg(test)]
mod tests;
