//! In the end every proxy that is connected acts on what is applied.
//!
//! A configuration that is lost on its way shows nowhere else: the proxy goes on with what it
//! knows, and only a later change would tell.

use engine::time::Instant;

use super::{Fact, Invariant};

pub(super) struct Converges;

// === impl Converges ===

impl Invariant for Converges {
    fn name(&self) -> &'static str {
        "configuration reaches every proxy"
    }

    fn observe(&mut self, _: Instant, fact: &Fact<'_>, breach: &mut dyn FnMut(String)) {
        if let Fact::Knows {
            pod,
            version,
            newest,
        } = fact
            && version != newest
        {
            breach(format!(
                "{pod} acts on configuration {version:016x}, and {newest:016x} is what is applied"
            ));
        }
    }

    fn finish(&mut self, _: Instant, _: &mut dyn FnMut(String)) {}
}
