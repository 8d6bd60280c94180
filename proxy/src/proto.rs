//! As much of Protocol Buffers as is spoken here
//! (<https://protobuf.dev/programming-guides/encoding/>), written and read by hand: a few small
//! messages of gRPC, and of OTLP some thirty messages of which a dozen fields are set. A line for
//! each field does not justify a library and its generated code.

use std::borrow::Cow;

/// Bytes of gRPC's frame before a message: whether it is compressed, and its length.
const FRAME_LEN: usize = 5;

/// A varint of 64 bits has ten bytes at most.
const VARINT_LEN_MAX: u32 = 10;

const WIRE_VARINT: u64 = 0;
const WIRE_FIXED64: u64 = 1;
const WIRE_BYTES: u64 = 2;
const WIRE_FIXED32: u64 = 5;

/// A message that is being written. Fields that are zero or empty are left out, as proto3 has it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Writer(Vec<u8>);

/// The value of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    /// Of any type with wire type 0.
    Number(u64),
    /// Text, bytes or a message.
    Bytes(&'a [u8]),
    /// Of a fixed width, which nothing here reads.
    Fixed,
}

/// The fields of a message, in the order they were written; an error ends them.
#[derive(Clone, Debug)]
pub(crate) struct Fields<'a>(&'a [u8]);

/// What was sent is no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is not a message of Protocol Buffers")]
pub struct BadMessage;

/// A message with gRPC's frame before it, uncompressed.
pub(crate) fn frame(message: &[u8]) -> Vec<u8> {
    let mut framed = Vec::with_capacity(FRAME_LEN + message.len());
    framed.push(0);
    framed.extend_from_slice(&(message.len() as u32).to_be_bytes());
    framed.extend_from_slice(message);
    framed
}

/// The one message of a unary call.
///
/// # Errors
/// When it is compressed, cut off, or not alone.
pub(crate) fn unframe(framed: &[u8]) -> Result<&[u8], BadMessage> {
    let (frame, message) = framed.split_at_checked(FRAME_LEN).ok_or(BadMessage)?;
    let [0, len @ ..] = frame else {
        return Err(BadMessage);
    };
    let len = len
        .iter()
        .fold(0, |len, byte| len << 8 | usize::from(*byte));
    (message.len() == len).then_some(message).ok_or(BadMessage)
}

// === impl Writer ===

impl Writer {
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// An integer, a boolean or an enum.
    pub(crate) fn number(&mut self, field: u32, value: u64) {
        if value != 0 {
            self.always(field, value);
        }
    }

    /// Written also when it is zero: for members of a `oneof`, where absent means another thing.
    pub(crate) fn always(&mut self, field: u32, value: u64) {
        self.tag(field, WIRE_VARINT);
        self.varint(value);
    }

    pub(crate) fn fixed32(&mut self, field: u32, value: u32) {
        if value != 0 {
            self.tag(field, WIRE_FIXED32);
            self.0.extend_from_slice(&value.to_le_bytes());
        }
    }

    /// Written also when it is zero, as [`always`](Self::always) is.
    pub(crate) fn fixed64(&mut self, field: u32, value: u64) {
        self.tag(field, WIRE_FIXED64);
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub(crate) fn double(&mut self, field: u32, value: f64) {
        self.fixed64(field, value.to_bits());
    }

    /// Numbers without tags between them.
    pub(crate) fn packed_fixed64(
        &mut self,
        field: u32,
        numbers: impl ExactSizeIterator<Item = u64>,
    ) {
        self.tag(field, WIRE_BYTES);
        self.varint(numbers.len() as u64 * 8);
        for number in numbers {
            self.0.extend_from_slice(&number.to_le_bytes());
        }
    }

    pub(crate) fn text(&mut self, field: u32, text: &str) {
        if !text.is_empty() {
            self.bytes(field, text.as_bytes());
        }
    }

    /// Written also when there are none.
    pub(crate) fn bytes(&mut self, field: u32, bytes: &[u8]) {
        self.tag(field, WIRE_BYTES);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    /// A message within; written even when it is empty, since its presence says something.
    pub(crate) fn message(&mut self, field: u32, write: impl FnOnce(&mut Self)) {
        let mut inner = Self::default();
        write(&mut inner);
        self.bytes(field, &inner.0);
    }

    fn tag(&mut self, field: u32, wire: u64) {
        self.varint(u64::from(field) << 3 | wire);
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}

// === impl Value ===

impl<'a> Value<'a> {
    /// As a number that fits; others do not occur in what is read here.
    pub(crate) fn u32(self) -> Result<u32, BadMessage> {
        match self {
            Self::Number(n) => u32::try_from(n).map_err(|_| BadMessage),
            _ => Err(BadMessage),
        }
    }

    pub(crate) fn text(self) -> Result<Cow<'a, str>, BadMessage> {
        match self {
            Self::Bytes(bytes) => Ok(String::from_utf8_lossy(bytes)),
            _ => Err(BadMessage),
        }
    }

    pub(crate) fn fields(self) -> Result<Fields<'a>, BadMessage> {
        match self {
            Self::Bytes(bytes) => Ok(Fields(bytes)),
            _ => Err(BadMessage),
        }
    }
}

// === impl Fields ===

impl<'a> Fields<'a> {
    pub(crate) fn of(message: &'a [u8]) -> Self {
        Self(message)
    }

    fn take(&mut self) -> Result<(u32, Value<'a>), BadMessage> {
        let key = self.varint()?;
        let field = u32::try_from(key >> 3).map_err(|_| BadMessage)?;
        let value = match key & 7 {
            WIRE_VARINT => Value::Number(self.varint()?),
            WIRE_BYTES => {
                let len = usize::try_from(self.varint()?).map_err(|_| BadMessage)?;
                Value::Bytes(self.skip(len)?)
            }
            WIRE_FIXED64 => self.skip(8).map(|_| Value::Fixed)?,
            WIRE_FIXED32 => self.skip(4).map(|_| Value::Fixed)?,
            // Groups are of proto2.
            _ => return Err(BadMessage),
        };
        Ok((field, value))
    }

    fn skip(&mut self, len: usize) -> Result<&'a [u8], BadMessage> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or(BadMessage)?;
        self.0 = rest;
        Ok(taken)
    }

    fn varint(&mut self) -> Result<u64, BadMessage> {
        let mut value = 0;
        for index in 0..VARINT_LEN_MAX {
            let byte = self.skip(1)?[0];
            // What is beyond 64 bits is dropped, as other readers do.
            value |= u64::from(byte & 0x7f).wrapping_shl(7 * index);
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(BadMessage)
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u32, Value<'a>), BadMessage>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let taken = self.take();
        if taken.is_err() {
            self.0 = &[];
        }
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_written_is_what_others_write() {
        // From the encoding guide: field 1 = 150, field 2 = "testing", field 3 = { 1: 150 }.
        let mut message = Writer::default();
        message.number(1, 150);
        message.text(2, "testing");
        message.message(3, |inner| inner.number(1, 150));
        message.number(4, 0);
        message.text(5, "");
        let bytes = message.into_bytes();
        let expected = b"\x08\x96\x01\x12\x07testing\x1a\x03\x08\x96\x01";
        assert_eq!(bytes, expected);
        let fields: Vec<_> = Fields::of(&bytes).map(Result::unwrap).collect();
        assert_eq!(
            fields,
            [
                (1, Value::Number(150)),
                (2, Value::Bytes(b"testing")),
                (3, Value::Bytes(b"\x08\x96\x01")),
            ]
        );
    }

    #[test]
    fn a_frame_holds_one_message_and_nothing_else() {
        assert_eq!(unframe(&frame(b"ab")), Ok(&b"ab"[..]));
        for bad in [
            &[][..],
            &[0, 0, 0, 0],
            &[1, 0, 0, 0, 0],
            &[0, 0, 0, 0, 2, 1],
            &[0, 0, 0, 0, 0, 1],
        ] {
            assert_eq!(unframe(bad), Err(BadMessage));
        }
    }

    proptest! {
        /// Whatever comes, reading ends, and never with more fields than bytes.
        #[test]
        fn any_bytes_are_read_to_an_end(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let fields = Fields::of(&bytes).count();
            prop_assert!(fields <= bytes.len());
        }

        #[test]
        fn numbers_come_back(field in 1..1000u32, value in 1..u64::MAX) {
            let mut message = Writer::default();
            message.number(field, value);
            let bytes = message.into_bytes();
            let read: Vec<_> = Fields::of(&bytes).collect();
            prop_assert_eq!(read, [Ok((field, Value::Number(value)))]);
        }
    }
}
