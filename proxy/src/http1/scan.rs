//! Finds where a head or a trailer section ends, once per byte however it arrives.
//!
//! A tokeniser that restarts at every read costs quadratic time when a peer sends one byte at a
//! time; this scanner remembers where it stopped. It also holds the two rules that need no tokens:
//! lines end with CRLF, and sizes are bounded before anything is parsed.

use super::error::HeadError;

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Scanner {
    /// Bytes already looked at.
    seen: usize,
    /// Where the current line begins.
    line: usize,
}

/// The bounds of one section.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) total: usize,
    pub(super) first_line: usize,
}

// === impl Scanner ===

impl Scanner {
    /// The length of the section that begins at `buf[0]`, with its closing empty line, or `None`
    /// when more bytes are needed. `buf` may only have grown since the last call.
    pub(super) fn find(&mut self, buf: &[u8], bounds: Bounds) -> Result<Option<usize>, HeadError> {
        let fresh = buf.get(self.seen..).unwrap_or_default();
        for offset in memchr::memchr_iter(b'\n', fresh) {
            let lf = self.seen + offset;
            if lf == 0 || buf[lf - 1] != b'\r' {
                return Err(HeadError::BareLineFeed);
            }
            let (line, len) = (self.line, lf - 1 - self.line);
            if line == 0 && len > bounds.first_line {
                return Err(line_too_long(bounds));
            }
            if lf >= bounds.total {
                return Err(too_large(bounds));
            }
            self.line = lf + 1;
            if len == 0 {
                return Ok(Some(lf + 1));
            }
        }
        self.seen = buf.len();
        if self.line == 0 && buf.len() > bounds.first_line {
            return Err(line_too_long(bounds));
        }
        if buf.len() > bounds.total {
            return Err(too_large(bounds));
        }
        Ok(None)
    }
}

fn line_too_long(bounds: Bounds) -> HeadError {
    HeadError::LineTooLong {
        limit: bounds.first_line,
    }
}

fn too_large(bounds: Bounds) -> HeadError {
    HeadError::TooLarge {
        limit: bounds.total,
    }
}
