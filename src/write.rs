//! Files are replaced whole: written beside their place, then renamed, so that none is ever half
//! there.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::error::Error;

/// A new version of a file that lies beside it. Dropped without [`Prepared::replace`], it goes.
#[derive(Debug)]
pub(crate) struct Prepared {
    path: PathBuf,
    temporary: Option<PathBuf>,
}

/// Replaces `path` by a file with this content, or leaves everything as it was.
pub(crate) fn atomically(path: &Path, content: &[u8]) -> Result<(), Error> {
    // A device or a pipe (/dev/stdout) cannot be renamed over.
    if fs::metadata(path).is_ok_and(|meta| !meta.is_file()) {
        return fs::write(path, content).map_err(|error| failed(path, &error));
    }
    prepare(path, |file| file.write_all(content))?.replace()
}

/// Replaces `path` by a file that only its owner may read.
pub(crate) fn privately(path: &Path, content: &[u8]) -> Result<(), Error> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = path.with_file_name(format!(".{name}.{}.tmp", std::process::id()));
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let prepared = Prepared {
        path: path.to_path_buf(),
        temporary: Some(temporary.clone()),
    };
    let write = || -> io::Result<()> {
        let mut file = options.open(&temporary)?;
        file.write_all(content)?;
        file.sync_all()
    };
    write().map_err(|error| failed(path, &error))?;
    prepared.replace()
}

/// Writes what `write` gives beside `path`, with the permissions of the file that is there. A
/// symbolic link stays one: the file it leads to is replaced.
pub(crate) fn prepare(
    path: &Path,
    write: impl FnOnce(&mut dyn io::Write) -> io::Result<()>,
) -> Result<Prepared, Error> {
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    let temporary = target.with_file_name(format!(".{name}.{}.tmp", std::process::id()));
    let prepared = Prepared {
        path: target.clone(),
        temporary: Some(temporary.clone()),
    };
    let write = || -> io::Result<()> {
        let mut file = io::BufWriter::new(fs::File::create(&temporary)?);
        write(&mut file)?;
        let file = file.into_inner()?;
        if let Ok(meta) = fs::metadata(&target) {
            file.set_permissions(meta.permissions())?;
        }
        file.sync_all()
    };
    write().map_err(|error| failed(path, &error))?;
    Ok(prepared)
}

fn failed(path: &Path, error: &io::Error) -> Error {
    Error::new(format!("cannot write {}", path.display()))
        .caused_by(error)
        .hint("check that the directory exists and may be written to")
}

// === impl Prepared ===

impl Prepared {
    /// Puts it into its place.
    pub(crate) fn replace(mut self) -> Result<(), Error> {
        let Some(temporary) = self.temporary.take() else {
            return Ok(());
        };
        fs::rename(&temporary, &self.path).map_err(|error| {
            self.temporary = Some(temporary);
            failed(&self.path, &error)
        })
    }
}

impl Drop for Prepared {
    fn drop(&mut self) {
        if let Some(temporary) = &self.temporary {
            // What is left of it is of no use; that it cannot be removed either changes nothing.
            let _ = fs::remove_file(temporary);
        }
    }
}
