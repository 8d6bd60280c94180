//! Where frames come from. Each source runs beside the screen and hands over what it has; a slow
//! one delays nobody but itself.

use std::path::PathBuf;

pub(crate) mod proxies;
pub(crate) mod recording;
pub(crate) mod simulation;

/// The updates that may wait for the screen: it looks at them ten times a second at least.
pub(super) const UPDATES_MAX: usize = 64;

/// What the commands of this kind have in common.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Flags {
    /// A proxy's admin address, HOST:PORT; can be given several times [default: 127.0.0.1:14000]
    #[arg(long = "proxy", value_name = "ADDR", conflicts_with = "replay")]
    pub(crate) proxies: Vec<String>,
    /// A recording, as `meshctl simulate --record` and a proxy's /frames write it
    #[arg(long, value_name = "FILE")]
    pub(crate) replay: Option<PathBuf>,
}

/// Where a proxy's admin endpoint is when nobody says.
pub(crate) const ADDRESS: &str = "127.0.0.1:14000";

// === impl Flags ===

impl Flags {
    /// The proxies to ask, when there is no recording.
    pub(crate) fn addresses(&self) -> Vec<String> {
        match self.proxies.is_empty() {
            true => vec![ADDRESS.to_owned()],
            false => self.proxies.clone(),
        }
    }
}
