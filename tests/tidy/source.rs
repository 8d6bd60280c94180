//! Sizes and habits of the source.

use std::path::{Path, PathBuf};

use super::{none, read, root, rust_files};

/// Lines of a file of code: what a reader holds in the head at once.
const FILE_LINES_MAX: usize = 600;
/// Lines of a file of tests: tables are long and easy to read.
const TEST_LINES_MAX: usize = 800;
/// Columns of a line; links and drawings are exempt.
const COLUMNS_MAX: usize = 100;
/// Lines of ARCHITECTURE.md: longer is not read.
const ARCHITECTURE_LINES_MAX: usize = 150;

/// Words that mean unfinished work or a tired author, and what to do.
const BANNED: [(&str, &str); 5] = [
    (
        concat!("TO", "DO"),
        "do it, or say in the documents that it is missing",
    ),
    (concat!("FIX", "ME"), "mend it"),
    (concat!("XX", "X"), "mend it, or explain it"),
    (concat!("for ", "now"), "say what holds and why"),
    (concat!("HA", "CK"), "explain why it has to be so"),
];

#[test]
fn no_file_is_longer_than_a_reader_can_hold() {
    let mut findings = Vec::new();
    for path in rust_files() {
        let lines = read(&path).lines().count();
        let max = if is_test(&path) {
            TEST_LINES_MAX
        } else {
            FILE_LINES_MAX
        };
        if lines > max {
            findings.push(format!(
                "{}: {lines} lines, at most {max}; divide it by concern",
                path.display()
            ));
        }
    }
    none(&findings);
}

#[test]
fn no_line_is_wider_than_a_page() {
    let mut findings = Vec::new();
    for path in rust_files() {
        for (i, line) in read(&path).lines().enumerate() {
            let exempt = line.contains("://") || line.contains('─') || is_test(&path);
            if line.chars().count() > COLUMNS_MAX && !exempt {
                findings.push(format!(
                    "{}:{}: over {COLUMNS_MAX} columns",
                    path.display(),
                    i + 1
                ));
            }
        }
    }
    none(&findings);
}

#[test]
fn no_unfinished_work_is_left_behind() {
    let mut findings = Vec::new();
    for path in rust_files() {
        for (i, line) in read(&path).lines().enumerate() {
            for (word, instead) in BANNED {
                if line.contains(word) {
                    findings.push(format!("{}:{}: `{word}`; {instead}", path.display(), i + 1));
                }
            }
        }
    }
    none(&findings);
}

#[test]
fn every_file_is_part_of_the_program() {
    let files = rust_files();
    let mut findings = Vec::new();
    for path in &files {
        let Some(parent) = parent_module(path, &files) else {
            continue;
        };
        let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
        let declared = read(&parent).lines().any(|l| {
            let l = l
                .trim_start()
                .trim_start_matches("pub(crate) ")
                .trim_start_matches("pub ");
            let l = l.trim_start_matches("pub(super) ");
            l == format!("mod {stem};")
        });
        if !declared {
            findings.push(format!(
                "{}: no `mod {stem};` in {}; declare it or delete it",
                path.display(),
                parent.display()
            ));
        }
    }
    none(&findings);
}

#[test]
fn every_file_opens_with_what_it_is_for() {
    let mut findings = Vec::new();
    for path in rust_files() {
        if !is_test(&path) && !read(&path).starts_with("//!") {
            findings.push(format!(
                "{}:1: begin with `//!` and why this exists",
                path.display()
            ));
        }
    }
    none(&findings);
}

#[test]
fn the_architecture_fits_on_two_pages() {
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    assert!(
        text.lines().count() <= ARCHITECTURE_LINES_MAX,
        "ARCHITECTURE.md is too long"
    );
}

fn is_test(path: &Path) -> bool {
    path.starts_with("tests")
        || path.file_stem().is_some_and(|s| s == "tests")
        || path.components().any(|c| c.as_os_str() == "tests")
}

/// The file that has to declare `path`; none for crate roots and benchmarks.
fn parent_module(path: &Path, files: &[PathBuf]) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?;
    let dir = path.parent()?;
    let is_root = name == "lib.rs" || name == "main.rs" || name == "build.rs";
    // Each file of a package's `tests` directory is a crate of its own, unless one is the main file.
    let is_test_crate = dir.file_name().is_some_and(|d| d == "tests")
        && root().join(dir).with_file_name("Cargo.toml").is_file()
        && !files.contains(&dir.join("main.rs"));
    let outside = ["benches", "examples", "fuzz", "fuzz_targets", "bin"];
    if is_root
        || is_test_crate
        || dir
            .components()
            .any(|c| outside.iter().any(|o| c.as_os_str() == *o))
    {
        return None;
    }
    let candidates = [
        dir.with_extension("rs"),
        dir.join("lib.rs"),
        dir.join("main.rs"),
    ];
    let found = candidates.into_iter().find(|c| files.contains(c));
    Some(found.unwrap_or_else(|| panic!("{} has no parent module", path.display())))
}
