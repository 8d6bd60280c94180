//! Frames as lines of JSON: recordings, and what a proxy's admin endpoint streams.
//!
//! The bytes come from elsewhere, so nothing of them is believed: a line has a bound, a table has a
//! bound, and counts are those that a proxy could have reached.

use std::io::{self, BufRead};

use engine::report::recorder::ROWS_MAX;
use engine::report::{Counters, Frame};

use crate::lines::{Lines, TooLong};

mod flat;

/// The longest line. A frame of 50,000 endpoints takes some 60 MB.
const LINE_BYTES_MAX: usize = 256 << 20;

/// The largest count that is believed: ten years of a million requests a second. Sums of many such
/// counts stay far below the end of the integers.
const COUNT_MAX: u64 = 1 << 48;

/// Takes bytes in pieces and gives frames.
#[derive(Debug)]
pub(crate) struct Decoder {
    lines: Lines,
    /// Lines that were read.
    line: u64,
}

/// Why a line is no frame.
#[derive(Debug, thiserror::Error)]
#[error("line {line}: {cause}")]
pub(crate) struct BadLine {
    pub(crate) line: u64,
    pub(crate) cause: Cause,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Cause {
    #[error("not a frame: {}", placed(.0))]
    NotAFrame(#[from] serde_json::Error),
    #[error("longer than {} MB", LINE_BYTES_MAX >> 20)]
    TooLong,
    #[error("a table of more than {ROWS_MAX} rows")]
    TooManyRows,
    #[error("a count that no proxy can have reached")]
    Implausible,
    #[error("cut off in the middle")]
    CutOff,
    #[error(transparent)]
    Unreadable(#[from] io::Error),
}

/// The line is ours to count: to the parser each is the first.
fn placed(error: &serde_json::Error) -> String {
    error.to_string().replace(" at line 1 column ", ", column ")
}

// === impl Decoder ===

impl Default for Decoder {
    fn default() -> Self {
        Self {
            lines: Lines::new(LINE_BYTES_MAX),
            line: 0,
        }
    }
}

impl Decoder {
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.lines.feed(bytes);
    }

    /// The next frame, when its line is complete. Empty lines are passed over.
    ///
    /// # Errors
    /// When a line is no frame. What follows is not worth reading.
    pub(crate) fn next(&mut self) -> Result<Option<Frame>, BadLine> {
        loop {
            let line = match self.lines.next() {
                Ok(Some(line)) => line.trim_ascii(),
                Ok(None) => return Ok(None),
                Err(TooLong) => return Err(self.bad(Cause::TooLong)),
            };
            self.line += 1;
            if !line.is_empty() {
                let line = read(line).map_err(|cause| BadLine {
                    line: self.line,
                    cause,
                });
                return line.map(Some);
            }
        }
    }

    /// What is left when no more bytes come.
    ///
    /// # Errors
    /// When that is not a whole frame.
    pub(crate) fn finish(&mut self) -> Result<Option<Frame>, BadLine> {
        let line = self.lines.rest().trim_ascii();
        if line.is_empty() {
            return Ok(None);
        }
        read(line).map(Some).map_err(|cause| {
            self.bad(match cause {
                Cause::NotAFrame(e) if e.is_eof() => Cause::CutOff,
                other => other,
            })
        })
    }

    fn bad(&self, cause: Cause) -> BadLine {
        BadLine {
            line: self.line + 1,
            cause,
        }
    }
}

/// The next frame of a recording; none at its end.
///
/// # Errors
/// When it cannot be read, or a line of it is no frame.
pub(crate) fn next(
    decoder: &mut Decoder,
    input: &mut dyn BufRead,
) -> Result<Option<Frame>, BadLine> {
    loop {
        if let Some(frame) = decoder.next()? {
            return Ok(Some(frame));
        }
        let bytes = match input.fill_buf() {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(decoder.bad(e.into())),
        };
        if bytes.is_empty() {
            return decoder.finish();
        }
        let n = bytes.len();
        decoder.feed(bytes);
        input.consume(n);
    }
}

fn read(line: &[u8]) -> Result<Frame, Cause> {
    let frame = Frame::from(serde_json::from_slice::<flat::Flat>(line)?);
    let tables = [
        frame.services.0.len(),
        frame.routes.0.len(),
        frame.backends.0.len(),
        frame.endpoints.0.len(),
        frame.edges.0.len(),
    ];
    if tables.iter().any(|rows| *rows > ROWS_MAX) {
        return Err(Cause::TooManyRows);
    }
    let services = frame.services.0.values().chain(frame.edges.0.values());
    let routes = frame.routes.0.values().map(|row| &row.counters);
    let backends = frame.backends.0.values().map(|row| &row.counters);
    let endpoints = frame.endpoints.0.values().map(|row| &row.counters);
    let mut all = services.chain(routes).chain(backends).chain(endpoints);
    match all.all(is_plausible) {
        true => Ok(frame),
        false => Err(Cause::Implausible),
    }
}

fn is_plausible(counters: &Counters) -> bool {
    let counts = [
        counters.requests,
        counters.success,
        counters.failure,
        counters.local_failure,
        counters.ignored,
        counters.retries,
        counters.retries_denied,
        counters.timeouts,
        counters.in_flight,
        counters.pending,
        counters.latency.count(),
    ];
    counts.iter().all(|n| *n <= COUNT_MAX) && counters.flags.iter().all(|(_, n)| n <= COUNT_MAX)
}

#[cfg(test)]
mod tests;
