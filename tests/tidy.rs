//! The guards of the house. Every message reads `path:line: what; do this instead`.

use std::fs;
use std::path::{Path, PathBuf};

mod arrows;
mod source;

/// The repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Directories that hold the project's own Rust code.
const RUST_DIRECTORIES: [&str; 8] = [
    "engine", "model", "xds", "proxy", "control", "sim", "src", "tests",
];

/// Every Rust file of the project, relative to the root, sorted.
pub(crate) fn rust_files() -> Vec<PathBuf> {
    let mut files = Vec::new();
    for dir in RUST_DIRECTORIES {
        collect(&root().join(dir), &mut files);
    }
    let mut files: Vec<_> = files
        .into_iter()
        .map(|f| f.strip_prefix(root()).unwrap().to_path_buf())
        .collect();
    files.sort();
    assert!(
        files.len() > 50,
        "found only {} Rust files: did the layout change?",
        files.len()
    );
    files
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(dir) else {
        return;
    };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if path
                .file_name()
                .is_some_and(|n| n != "target" && n != "corpus")
            {
                collect(&path, files);
            }
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
}

pub(crate) fn read(path: &Path) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Fails with all findings at once.
#[track_caller]
pub(crate) fn none(findings: &[String]) {
    assert!(
        findings.is_empty(),
        "{} findings:\n{}",
        findings.len(),
        findings.join("\n")
    );
}
