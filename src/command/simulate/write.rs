//! Reports into files.

use std::path::{Path, PathBuf};

use sim::record::Observations;
use sim::report::{Report, html, junit};

use crate::error::Error;
use crate::top::source::simulation::frames;
use crate::write::atomically;

/// Writes the JUnit report of all scenarios.
pub(super) fn junit(path: &Path, reports: &[Report]) -> Result<(), Error> {
    let text = junit::render(reports)
        .map_err(|e| Error::new("cannot render the JUnit report").caused_by(e))?;
    atomically(path, text.as_bytes())
}

/// Writes the frames of a run, a line each.
pub(super) fn recording(path: &Path, run: &Observations) -> Result<(), Error> {
    let mut lines = Vec::new();
    for frame in frames(run) {
        serde_json::to_writer(&mut lines, &frame)
            .map_err(|e| Error::new("cannot render a frame").caused_by(e))?;
        lines.push(b'\n');
    }
    atomically(path, &lines)
}

/// Writes one page per scenario; with several, the scenario's name goes into the file's. Returns
/// what was written.
pub(super) fn html(path: &Path, reports: &[Report]) -> Result<Vec<PathBuf>, Error> {
    let mut written = Vec::new();
    for (index, report) in reports.iter().enumerate() {
        let path = match reports.len() {
            1 => path.to_path_buf(),
            _ => with_name(path, index, &report.scenario.name),
        };
        let page = html::render(report)
            .map_err(|e| Error::new("cannot render the HTML report").caused_by(e))?;
        atomically(&path, page.as_bytes())?;
        written.push(path);
    }
    Ok(written)
}

/// `report.html` and `canary` give `report-canary.html`. The name comes from a scenario, so only
/// plain characters of it are used; the number keeps two files apart.
fn with_name(path: &Path, index: usize, name: &str) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || "-_.".contains(c) {
            c
        } else {
            '_'
        }
    };
    let name: String = name.chars().take(64).map(plain).collect();
    let extension = path
        .extension()
        .map(|e| format!(".{}", e.to_string_lossy()));
    let file = format!(
        "{stem}-{}-{name}{}",
        index + 1,
        extension.unwrap_or_default()
    );
    path.with_file_name(file)
}
