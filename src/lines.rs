//! Lines out of pieces of bytes: what proxies stream, and recordings.

use memchr::memchr;

/// Takes bytes in pieces and gives lines, none longer than a bound.
#[derive(Debug)]
pub(crate) struct Lines {
    buffer: Vec<u8>,
    /// Where the line begins that comes next.
    begin: usize,
    /// Bytes up to here are known to hold no end of it.
    searched: usize,
    longest: usize,
}

/// A line that has no end in sight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLong;

// === impl Lines ===

impl Lines {
    /// Of lines of at most `longest` bytes.
    pub(crate) fn new(longest: usize) -> Self {
        Self {
            buffer: Vec::new(),
            begin: 0,
            searched: 0,
            longest,
        }
    }

    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        // What was given is dropped here and not line by line: often there are many.
        self.buffer.drain(..self.begin);
        self.searched -= self.begin;
        self.begin = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// The next line without its end, when all of it is here.
    ///
    /// # Errors
    /// When it is longer than any line should be.
    pub(crate) fn next(&mut self) -> Result<Option<&[u8]>, TooLong> {
        match memchr(b'\n', &self.buffer[self.searched..]) {
            Some(end) => {
                let end = self.searched + end;
                let line = &self.buffer[self.begin..end];
                (self.begin, self.searched) = (end + 1, end + 1);
                Ok(Some(line))
            }
            None => {
                self.searched = self.buffer.len();
                match self.buffer.len() - self.begin > self.longest {
                    true => Err(TooLong),
                    false => Ok(None),
                }
            }
        }
    }

    /// What came after the last end of a line.
    pub(crate) fn rest(&mut self) -> &[u8] {
        let rest = &self.buffer[self.begin..];
        (self.begin, self.searched) = (self.buffer.len(), self.buffer.len());
        rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_the_same_in_pieces_of_any_size() {
        let text = b"one\n\ntwo\nthree\nno end";
        for size in 1..=text.len() {
            let (mut lines, mut seen) = (Lines::new(8), Vec::new());
            for piece in text.chunks(size) {
                lines.feed(piece);
                while let Some(line) = lines.next().unwrap() {
                    seen.push(line.to_vec());
                }
            }
            assert_eq!(seen, [&b"one"[..], b"", b"two", b"three"], "{size}");
            assert_eq!(lines.rest(), b"no end");
            assert_eq!(lines.rest(), b"");
        }
    }

    #[test]
    fn a_line_without_an_end_is_given_up() {
        let mut lines = Lines::new(8);
        lines.feed(b"12345678");
        assert_eq!(lines.next(), Ok(None));
        lines.feed(b"9");
        assert_eq!(lines.next(), Err(TooLong));
    }
}
