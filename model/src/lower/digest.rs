//! Content hashes of lowered parts.
//!
//! The canonical encoding is the `Debug` form: it names every field, so that a field added to a
//! part cannot be forgotten here, and it is the same text on every machine. The hash is XXH3.

use core::fmt::{self, Debug, Write as _};

use xxhash_rust::xxh3::Xxh3Default;

struct Digest(Xxh3Default);

// === impl Digest ===

impl fmt::Write for Digest {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.update(text.as_bytes());
        Ok(())
    }
}

/// The hash of a part's content.
pub(super) fn digest(part: &impl Debug) -> u64 {
    let mut digest = Digest(Xxh3Default::new());
    // Writing into a hash does not fail.
    let _ = write!(digest, "{part:?}");
    digest.0.digest()
}
