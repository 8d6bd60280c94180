//! What a command on files makes of them: printed, shown as a difference, or written in place.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use sim::report::clean::visible;
use similar::TextDiff;

use crate::error::Error;
use crate::input::STDIN;
use crate::ui::Ui;

/// Lines of context in a difference, as `diff -u` has it.
const CONTEXT_LINES: usize = 3;

/// A text before and after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rewritten {
    /// The file as the user named it.
    pub(crate) name: String,
    /// None when the file is new.
    pub(crate) before: Option<String>,
    /// None when the file goes.
    pub(crate) after: Option<String>,
}

// === impl Rewritten ===

impl Rewritten {
    pub(crate) fn is_changed(&self) -> bool {
        self.before != self.after
    }
}

/// All texts as one stream of documents.
pub(crate) fn print(ui: &mut Ui, texts: &[Rewritten]) -> Result<(), Error> {
    let texts: Vec<&str> = texts.iter().filter_map(|t| t.after.as_deref()).collect();
    for (i, text) in texts.iter().enumerate() {
        let begins = text.trim_start_matches('\u{FEFF}').starts_with("---");
        if i > 0 && !begins {
            ui.out().write_all(b"---\n")?;
        }
        ui.out().write_all(text.as_bytes())?;
        if i + 1 < texts.len() && !text.is_empty() && !text.ends_with('\n') {
            ui.out().write_all(b"\n")?;
        }
    }
    Ok(())
}

/// What changes, as `diff -u` shows it and `git apply` takes it.
pub(crate) fn diff(texts: &[Rewritten]) -> String {
    let mut out = String::new();
    for text in texts.iter().filter(|t| t.is_changed()) {
        let (old, new) = (
            text.before.as_deref().unwrap_or_default(),
            text.after.as_deref().unwrap_or_default(),
        );
        let name = visible(text.name.strip_prefix("./").unwrap_or(&text.name));
        let side = |letter: char, there: bool| match there {
            true => format!("{letter}/{name}"),
            false => "/dev/null".to_owned(),
        };
        let lines = TextDiff::from_lines(old, new);
        let mut unified = lines.unified_diff();
        unified.context_radius(CONTEXT_LINES).header(
            &side('a', text.before.is_some()),
            &side('b', text.after.is_some()),
        );
        out.push_str(&unified.to_string());
    }
    out
}

/// Writes every changed file: all of them beside their places first, then all are renamed, so that
/// nothing is written when one cannot be. When a rename fails after others, those get their old
/// text back. Returns what was changed.
pub(crate) fn in_place(texts: &[Rewritten]) -> Result<Vec<PathBuf>, Error> {
    let changed: Vec<&Rewritten> = texts.iter().filter(|t| t.is_changed()).collect();
    if changed.iter().any(|text| text.name == STDIN) {
        return Err(Error::new("standard input cannot be changed in place")
            .hint("name the files, or leave out --in-place to print the result"));
    }
    let mut staged = Vec::with_capacity(changed.len());
    for text in &changed {
        let path = resolved(Path::new(&text.name));
        let Some(content) = &text.after else {
            staged.push((path, None));
            continue;
        };
        match stage(&path, content) {
            Ok(temporary) => staged.push((path, Some(temporary))),
            Err(error) => {
                discard(&staged);
                return Err(failed(&path, &error));
            }
        }
    }
    for (i, (path, temporary)) in staged.iter().enumerate() {
        let done = match temporary {
            Some(temporary) => fs::rename(temporary, path),
            None => fs::remove_file(path),
        };
        if let Err(error) = done {
            discard(&staged);
            let before = staged.iter().zip(&changed).take(i);
            let lost = before.filter(|((path, _), text)| restore(path, text).is_err());
            let lost = lost.map(|((path, _), _)| format!("{} is changed already", path.display()));
            return Err(lost.fold(failed(path, &error), Error::caused_by));
        }
    }
    Ok(changed
        .iter()
        .map(|text| PathBuf::from(&text.name))
        .collect())
}

/// Puts a file back as it was, in the same way as it was changed.
fn restore(path: &Path, text: &Rewritten) -> std::io::Result<()> {
    match &text.before {
        Some(before) => fs::rename(stage(path, before)?, path),
        None => fs::remove_file(path),
    }
}

/// The file behind a symbolic link: a rename would replace the link.
fn resolved(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf())
}

/// Writes beside the place, with the permissions of what is there.
fn stage(path: &Path, content: &str) -> std::io::Result<PathBuf> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = path.with_file_name(format!(".{name}.{}.tmp", std::process::id()));
    let written = fs::File::create(&temporary).and_then(|mut file| {
        file.write_all(content.as_bytes())?;
        if let Ok(meta) = fs::metadata(path) {
            file.set_permissions(meta.permissions())?;
        }
        file.sync_all()
    });
    match written {
        Ok(()) => Ok(temporary),
        Err(error) => {
            // What is left of it is of no use; that it cannot be removed changes nothing.
            let _ = fs::remove_file(&temporary);
            Err(error)
        }
    }
}

fn discard(staged: &[(PathBuf, Option<PathBuf>)]) {
    for temporary in staged.iter().filter_map(|(_, t)| t.as_ref()) {
        // Those that were renamed already are gone.
        let _ = fs::remove_file(temporary);
    }
}

fn failed(path: &Path, error: &std::io::Error) -> Error {
    Error::new(format!("cannot write {}", path.display()))
        .caused_by(error)
        .hint("check that the directory exists and may be written to")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_renamed_before_a_failure_gets_its_old_text_back() {
        let dir = std::env::temp_dir().join(format!("meshctl-output-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let name = |file: &str| dir.join(file).display().to_string();
        fs::write(name("old"), "before").unwrap();
        let text = |file: &str, before: Option<&str>, after: Option<&str>| Rewritten {
            name: name(file),
            before: before.map(str::to_owned),
            after: after.map(str::to_owned),
        };
        let texts = [
            text("old", Some("before"), Some("after")),
            text("new", None, Some("made")),
            // It cannot be removed: it is not there.
            text("gone", Some("something"), None),
        ];
        let error = format!("{:?}", in_place(&texts).unwrap_err());
        assert!(error.contains("gone"), "{error}");
        assert_eq!(fs::read_to_string(name("old")).unwrap(), "before");
        let left: Vec<_> = fs::read_dir(&dir).unwrap().collect();
        assert_eq!(left.len(), 1, "{left:?}");
        fs::remove_dir_all(&dir).unwrap();
    }
}
