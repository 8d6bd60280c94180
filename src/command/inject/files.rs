//! The manifests that `inject` and `uninject` work on.

use std::path::PathBuf;
use std::sync::Arc;

use model::yaml::Source;

use crate::error::Error;
use crate::input;

/// The arguments that name them.
#[derive(Debug, clap::Args)]
pub(crate) struct Files {
    /// Manifests: files, directories, or `-` for standard input
    #[arg(value_name = "FILE", required_unless_present = "files")]
    bare: Vec<PathBuf>,
    /// The same, as kubectl takes them (can be repeated)
    #[arg(short = 'f', long = "filename", value_name = "MANIFESTS")]
    files: Vec<PathBuf>,
    /// Look for manifests in subdirectories as well
    #[arg(short = 'R', long)]
    recursive: bool,
}

/// One of them.
#[derive(Debug)]
pub(crate) struct Text {
    pub(crate) source: Arc<Source>,
    /// None for standard input.
    pub(crate) path: Option<PathBuf>,
}

// === impl Files ===

impl Files {
    pub(crate) fn read(&self) -> Result<Vec<Text>, Error> {
        let inputs = input::read_all(&self.paths(), self.recursive)?;
        let texts = inputs.into_iter().map(|input| Text {
            path: (input.name != input::STDIN).then(|| PathBuf::from(&input.name)),
            source: Arc::new(Source::new(input.name, input.text)),
        });
        Ok(texts.collect())
    }

    pub(crate) fn names_stdin(&self) -> bool {
        self.paths().iter().any(|path| path.as_os_str() == "-")
    }

    fn paths(&self) -> Vec<PathBuf> {
        self.files.iter().chain(&self.bare).cloned().collect()
    }
}
