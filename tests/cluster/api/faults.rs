//! What the server does wrong when it is told to.

use std::time::Duration;

/// One kind of misbehaviour, for the next `times` requests whose method and path contain `on`.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub(crate) on: &'static str,
    /// How many of them go well before.
    pub(crate) after: u32,
    pub(crate) times: u32,
    pub(crate) what: What,
}

#[derive(Clone, Debug)]
pub(crate) enum What {
    /// An answer with this status, `Retry-After` and message.
    Status(u16, Option<u64>, &'static str),
    /// The answer takes longer.
    Slow(Duration),
    /// The connection is closed before the answer.
    Cut,
    /// The connection is closed in the middle of the answer.
    CutBody,
    /// The answer is no JSON.
    Nonsense,
    /// Somebody else changes the object before a PATCH arrives.
    Race,
}

impl Fault {
    pub(crate) fn status(on: &'static str, times: u32, code: u16, after: Option<u64>) -> Self {
        let what = What::Status(code, after, "the test wants it");
        Self::new(on, times, what)
    }

    pub(crate) fn new(on: &'static str, times: u32, what: What) -> Self {
        let after = 0;
        Self {
            on,
            after,
            times,
            what,
        }
    }

    pub(crate) fn after(mut self, requests: u32) -> Self {
        self.after = requests;
        self
    }
}

/// Takes what is due for this request.
pub(crate) fn take(faults: &mut [Fault], request: &str) -> Option<What> {
    let due = faults
        .iter_mut()
        .find(|f| f.times > 0 && request.contains(f.on))?;
    if due.after > 0 {
        due.after -= 1;
        return None;
    }
    due.times -= 1;
    Some(due.what.clone())
}
