//! Protocol Buffers, written by hand: OTLP has some thirty messages of which a dozen fields are
//! set, and each is one line here (<https://protobuf.dev/programming-guides/encoding/>).

/// A message under way.
#[derive(Debug, Default)]
pub(super) struct Writer(Vec<u8>);

/// The wire types.
const VARINT: u32 = 0;
const FIXED64: u32 = 1;
const BYTES: u32 = 2;
const FIXED32: u32 = 5;

// === impl Writer ===

impl Writer {
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// An integer, a boolean or an enum; zero is left out, as the format has it.
    pub(super) fn number(&mut self, field: u32, n: u64) {
        if n != 0 {
            self.tag(field, VARINT);
            self.varint(n);
        }
    }

    /// Written also when it is zero: for members of a `oneof`, where absent means another thing.
    pub(super) fn always(&mut self, field: u32, n: u64) {
        self.tag(field, VARINT);
        self.varint(n);
    }

    pub(super) fn fixed32(&mut self, field: u32, n: u32) {
        if n != 0 {
            self.tag(field, FIXED32);
            self.0.extend_from_slice(&n.to_le_bytes());
        }
    }

    pub(super) fn fixed64(&mut self, field: u32, n: u64) {
        self.tag(field, FIXED64);
        self.0.extend_from_slice(&n.to_le_bytes());
    }

    pub(super) fn double(&mut self, field: u32, n: f64) {
        self.fixed64(field, n.to_bits());
    }

    pub(super) fn bytes(&mut self, field: u32, bytes: &[u8]) {
        self.tag(field, BYTES);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    pub(super) fn text(&mut self, field: u32, text: &str) {
        self.bytes(field, text.as_bytes());
    }

    pub(super) fn message(&mut self, field: u32, write: impl FnOnce(&mut Self)) {
        let mut inner = Self::default();
        write(&mut inner);
        self.bytes(field, &inner.0);
    }

    /// Numbers without tags between them.
    pub(super) fn packed_fixed64(
        &mut self,
        field: u32,
        numbers: impl ExactSizeIterator<Item = u64>,
    ) {
        self.tag(field, BYTES);
        self.varint(numbers.len() as u64 * 8);
        for n in numbers {
            self.0.extend_from_slice(&n.to_le_bytes());
        }
    }

    fn tag(&mut self, field: u32, wire: u32) {
        self.varint(u64::from((field << 3) | wire));
    }

    fn varint(&mut self, mut n: u64) {
        while n >= 0x80 {
            self.0.push(n as u8 | 0x80);
            n >>= 7;
        }
        self.0.push(n as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_format_s_document() {
        let mut message = Writer::default();
        message.number(1, 150);
        message.text(2, "testing");
        message.message(3, |inner| inner.number(1, 150));
        message.number(4, 0);
        let mut expected = vec![0x08, 0x96, 0x01, 0x12, 0x07];
        expected.extend_from_slice(b"testing");
        expected.extend_from_slice(&[0x1a, 0x03, 0x08, 0x96, 0x01]);
        assert_eq!(message.into_bytes(), expected);
    }
}
