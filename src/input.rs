//! What `-f` means: files, directories and standard input become named texts.
//!
//! A directory gives its `.yaml`, `.yml` and `.json` files in the order of their names, as kubectl
//! does; `-R` descends. A file that is named twice, or named and also found in a directory, is read
//! once. Nothing is guessed: an argument that gives no manifest is an error.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::error::Error;

/// The name of standard input in messages.
pub(crate) const STDIN: &str = "<stdin>";
/// The largest file read, in bytes. The largest public manifests (CRD bundles) are about 20 MB.
const FILE_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// How deep `-R` descends: deeper trees are link loops or not manifests.
const DIRECTORY_DEPTH_MAX: usize = 32;

/// A text and the name that errors use for it.
#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) name: String,
    pub(crate) text: String,
}

/// Reads every argument of `-f`, in order.
pub(crate) fn read_all(paths: &[PathBuf], recursive: bool) -> Result<Vec<Input>, Error> {
    let mut seen = BTreeSet::new();
    let mut inputs = Vec::new();
    for path in paths {
        if path.as_os_str() == "-" {
            if seen.insert(PathBuf::from("-")) {
                inputs.push(read_stdin()?);
            }
            continue;
        }
        let meta = fs::metadata(path).map_err(|e| cannot_read(path, &e))?;
        if !meta.is_dir() {
            read_once(path, &mut seen, &mut inputs)?;
            continue;
        }
        let files = manifests_in(path, recursive)?;
        if files.is_empty() {
            return Err(no_manifests(path, recursive));
        }
        for file in files {
            read_once(&file, &mut seen, &mut inputs)?;
        }
    }
    Ok(inputs)
}

/// Reads one file as UTF-8.
pub(crate) fn read_file(path: &Path) -> Result<String, Error> {
    let meta = fs::metadata(path).map_err(|e| cannot_read(path, &e))?;
    if meta.is_dir() {
        return Err(Error::new(format!(
            "{} is a directory, not a file",
            path.display()
        )));
    }
    if meta.len() > FILE_BYTES_MAX {
        let mib = FILE_BYTES_MAX / (1024 * 1024);
        return Err(
            Error::new(format!("{} is larger than {mib} MiB", path.display()))
                .hint("split it into several files"),
        );
    }
    let bytes = fs::read(path).map_err(|e| cannot_read(path, &e))?;
    utf8(&path.display().to_string(), bytes)
}

fn read_once(
    path: &Path,
    seen: &mut BTreeSet<PathBuf>,
    inputs: &mut Vec<Input>,
) -> Result<(), Error> {
    // What a shell passes as /dev/fd/63 has no other name.
    let canonical = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    if seen.insert(canonical) {
        inputs.push(Input {
            name: path.display().to_string(),
            text: read_file(path)?,
        });
    }
    Ok(())
}

fn read_stdin() -> Result<Input, Error> {
    let mut bytes = Vec::new();
    io::stdin()
        .lock()
        .take(FILE_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(|e| Error::new("cannot read standard input").caused_by(e))?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(Error::new("standard input is too large").hint(format!(
            "at most {FILE_BYTES_MAX} bytes are read; use files"
        )));
    }
    Ok(Input {
        name: STDIN.into(),
        text: utf8(STDIN, bytes)?,
    })
}

fn utf8(name: &str, bytes: Vec<u8>) -> Result<String, Error> {
    String::from_utf8(bytes).map_err(|e| {
        let at = e.utf8_error().valid_up_to();
        let line = 1 + e.as_bytes()[..at].iter().filter(|b| **b == b'\n').count();
        Error::new(format!("{name}:{line}: not UTF-8 text (byte {at})"))
            .hint("save the file as UTF-8, or leave it out")
    })
}

/// The manifests of a directory, sorted by path.
fn manifests_in(dir: &Path, recursive: bool) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    let mut queue = vec![(dir.to_path_buf(), 0)];
    while let Some((dir, depth)) = queue.pop() {
        if depth > DIRECTORY_DEPTH_MAX {
            return Err(
                Error::new(format!("{} is nested too deeply", dir.display()))
                    .hint("is there a symbolic link that leads back to a parent directory?"),
            );
        }
        for entry in fs::read_dir(&dir).map_err(|e| cannot_read(&dir, &e))? {
            let path = entry.map_err(|e| cannot_read(&dir, &e))?.path();
            let hidden = path
                .file_name()
                .is_some_and(|n| n.as_encoded_bytes().starts_with(b"."));
            if path.is_dir() {
                if recursive && !hidden {
                    queue.push((path, depth + 1));
                }
            } else if is_manifest(&path) && !hidden {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

fn is_manifest(path: &Path) -> bool {
    path.extension()
        .is_some_and(|e| e == "yaml" || e == "yml" || e == "json")
}

fn no_manifests(dir: &Path, recursive: bool) -> Error {
    let e = Error::new(format!(
        "{} holds no .yaml, .yml or .json file",
        dir.display()
    ));
    match recursive {
        false => e.hint("add -R to look into subdirectories"),
        true => e.hint("name the directory that holds the manifests"),
    }
}

fn cannot_read(path: &Path, e: &io::Error) -> Error {
    let error = Error::new(format!("cannot read {}", path.display())).caused_by(e);
    match e.kind() {
        io::ErrorKind::NotFound => {
            error.hint("check the path; it is relative to the current directory")
        }
        io::ErrorKind::PermissionDenied => error.hint("check the permissions of the file"),
        _ => error,
    }
}
