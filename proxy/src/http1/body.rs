//! Bodies in and out, apart from any I/O.

use bytes::BytesMut;

use super::Limits;
use super::chunked::{Chunked, Step};
use super::framing::BodyEnd;
use super::wire::Outbox;
use crate::exchange::{Frame, Length, StreamError};

/// Takes a body out of the read buffer.
#[derive(Clone, Debug)]
pub(super) enum Decoder {
    /// Complete, or there is none.
    Done,
    Length(u64),
    Chunked(Chunked),
    /// Until the peer closes: a response of unknown length, or a tunnel.
    Close,
    /// Broken; the error has been reported.
    Failed,
}

/// What the decoder made of the bytes at hand.
#[derive(Debug, PartialEq)]
pub(super) enum Decoded {
    NeedMore,
    Frame(Frame),
    End,
}

/// Frames a body for the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoder {
    /// No head has been sent yet.
    Idle,
    /// Bytes still owed.
    Length(u64),
    Chunked,
    /// Ends with the connection: a response to HTTP/1.0.
    Close,
    /// Ends with a half-close.
    Tunnel,
    /// The message has no body whatever its source holds (HEAD, 204, 304): frames are dropped.
    Bodiless,
    Done,
}

// === impl Decoder ===

impl Decoder {
    pub(super) fn new(end: BodyEnd) -> Self {
        match end {
            BodyEnd::Empty => Self::Done,
            BodyEnd::Length(n) => Self::Length(n),
            BodyEnd::Chunked => Self::Chunked(Chunked::new()),
            BodyEnd::Close => Self::Close,
        }
    }

    pub(super) fn is_done(&self) -> bool {
        matches!(self, Self::Done)
    }

    pub(super) fn length(&self) -> Length {
        match self {
            Self::Done | Self::Failed => Length::Empty,
            Self::Length(n) => Length::Known(*n),
            Self::Chunked(_) | Self::Close => Length::Unknown,
        }
    }

    /// How many bytes are worth reading at once.
    pub(super) fn expected(&self) -> u64 {
        match self {
            Self::Length(n) => *n,
            Self::Chunked(chunked) => chunked.expected(),
            Self::Close => u64::MAX,
            Self::Done | Self::Failed => 0,
        }
    }

    /// Takes the next frame from `buf`.
    pub(super) fn decode(
        &mut self,
        buf: &mut BytesMut,
        limits: &Limits,
    ) -> Result<Decoded, StreamError> {
        match self {
            Self::Done | Self::Failed => Ok(Decoded::End),
            Self::Close => Ok(take(buf, u64::MAX)),
            Self::Length(left) => {
                let taken = take(buf, *left);
                if let Decoded::Frame(Frame::Data(data)) = &taken {
                    *left -= data.len() as u64;
                }
                if *left == 0 {
                    *self = Self::Done;
                }
                Ok(taken)
            }
            Self::Chunked(chunked) => match chunked.step(buf, limits) {
                Ok(Step::NeedMore) => Ok(Decoded::NeedMore),
                Ok(Step::Data(data)) => {
                    if chunked.ends(buf) {
                        *self = Self::Done;
                    }
                    Ok(Decoded::Frame(Frame::Data(data)))
                }
                Ok(Step::End(trailers)) => {
                    *self = Self::Done;
                    Ok(trailers.map_or(Decoded::End, |t| Decoded::Frame(Frame::Trailers(t))))
                }
                Err(e) => {
                    *self = Self::Failed;
                    Err(e)
                }
            },
        }
    }

    /// The peer closed its side. The end of a body that is delimited so, an error for every other.
    pub(super) fn eof(&mut self) -> Result<(), StreamError> {
        match self {
            Self::Done | Self::Close => {
                *self = Self::Done;
                Ok(())
            }
            _ => {
                *self = Self::Failed;
                Err(StreamError::Incomplete)
            }
        }
    }
}

fn take(buf: &mut BytesMut, left: u64) -> Decoded {
    if buf.is_empty() {
        return Decoded::NeedMore;
    }
    let n = buf.len().min(usize::try_from(left).unwrap_or(usize::MAX));
    Decoded::Frame(Frame::Data(buf.split_to(n).freeze()))
}

// === impl Encoder ===

impl Encoder {
    /// True when the message is complete as far as framing goes.
    pub(super) fn is_done(self) -> bool {
        matches!(self, Self::Done | Self::Bodiless)
    }

    /// Writes `frame`. A body that does not keep the length it announced is an error: the peer
    /// would take what follows for another message.
    pub(super) fn encode(
        &mut self,
        frame: Frame,
        end: bool,
        out: &mut Outbox,
    ) -> Result<(), StreamError> {
        let end = end || matches!(frame, Frame::Trailers(_));
        match self {
            Self::Bodiless => return Ok(()),
            Self::Idle => return Err(protocol("a body was sent before its head")),
            Self::Done => match frame {
                Frame::Data(data) if !data.is_empty() => {
                    return Err(protocol("a body is longer than it was announced to be"));
                }
                _ => return Ok(()),
            },
            Self::Length(left) => {
                if let Frame::Data(data) = frame {
                    let n = data.len() as u64;
                    if n > *left {
                        return Err(protocol("a body is longer than it was announced to be"));
                    }
                    *left -= n;
                    out.data(data);
                }
                if end && *left > 0 {
                    return Err(StreamError::Incomplete);
                }
                // Nothing can follow, so the message is complete without waiting to be told.
                if *left == 0 {
                    *self = Self::Done;
                }
                return Ok(());
            }
            Self::Chunked => match frame {
                Frame::Data(data) => {
                    if !data.is_empty() {
                        out.chunk(data);
                    }
                    if end {
                        out.bytes(b"0\r\n\r\n");
                    }
                }
                Frame::Trailers(trailers) => out.trailers(&trailers),
            },
            Self::Close | Self::Tunnel => {
                if let Frame::Data(data) = frame {
                    out.data(data);
                }
            }
        }
        if end {
            *self = Self::Done;
        }
        Ok(())
    }
}

fn protocol(what: &str) -> StreamError {
    StreamError::Protocol(what.to_owned())
}
