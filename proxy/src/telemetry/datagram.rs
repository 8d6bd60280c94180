//! Lines packed into datagrams that no network has to cut.

use bytes::Bytes;

/// The most bytes of one datagram: what an Ethernet frame holds behind the headers of IPv6 and UDP
/// (DogStatsD's own value).
pub(super) const DATAGRAM_BYTES_MAX: usize = 1432;

#[derive(Debug, Default)]
pub(super) struct Packer {
    whole: Vec<Bytes>,
    current: Vec<u8>,
}

// === impl Packer ===

impl Packer {
    /// Adds a line. One that is longer than a datagram gets one of its own, which the network may
    /// cut into fragments.
    pub(super) fn line(&mut self, line: &str) {
        if self.current.len() + line.len() + 1 > DATAGRAM_BYTES_MAX {
            self.next();
        }
        self.current.extend_from_slice(line.as_bytes());
        self.current.push(b'\n');
    }

    pub(super) fn finish(mut self) -> Vec<Bytes> {
        self.next();
        self.whole
    }

    fn next(&mut self) {
        if !self.current.is_empty() {
            self.whole.push(core::mem::take(&mut self.current).into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_never_cut() {
        let mut packer = Packer::default();
        let line = "x".repeat(500);
        (0..5).for_each(|_| packer.line(&line));
        packer.line(&"y".repeat(2000));
        packer.line("z");
        let lengths: Vec<usize> = packer.finish().iter().map(Bytes::len).collect();
        assert_eq!(lengths, [1002, 1002, 501, 2001, 2]);
    }
}
