//! A request body that can be sent again.

use core::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http::HeaderMap;

use super::{Frame, Length, Source, StreamError};

/// Wraps a body and keeps a copy of what was read, up to a limit. After [`rewind`](Self::rewind)
/// the body begins anew: first the copy, then the rest as it arrives. Method of Linkerd's
/// `ReplayBody`.
///
/// The copy is a copy, not references to the read buffers: a frame of one byte would keep a buffer
/// of kilobytes alive, and the limit would bound nothing.
#[derive(Debug)]
pub struct Replay<S> {
    source: S,
    limit: usize,
    /// What has been read before the last rewind, in one piece.
    kept: Bytes,
    /// What has been read since.
    fresh: BytesMut,
    trailers: Option<HeaderMap>,
    /// The source has ended.
    ended: bool,
    /// What has been read, or will be, is not all in the copy.
    lost: bool,
    /// Nothing has been read: the body is its own copy.
    untouched: bool,
    /// The source's own error, which every further attempt meets.
    error: Option<StreamError>,
    /// Next piece of the copy to hand out.
    at: At,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Kept,
    Live,
    End,
}

// === impl Replay ===

impl<S: Source> Replay<S> {
    /// Keeps at most `limit` bytes of `source`. With 0, or when the body is known to be longer,
    /// nothing is kept.
    pub fn new(source: S, limit: usize) -> Self {
        let fits = match source.length() {
            Length::Empty => true,
            Length::Known(n) => n <= limit as u64,
            Length::Unknown => limit > 0,
        };
        Self {
            source,
            limit,
            kept: Bytes::new(),
            fresh: BytesMut::new(),
            trailers: None,
            ended: false,
            lost: !fits,
            untouched: true,
            error: None,
            at: At::Live,
        }
    }

    /// True when the body can be sent again from its start. Whatever its length, that is so until
    /// the first frame has been read.
    pub fn can_rewind(&self) -> bool {
        self.untouched || (!self.lost && self.error.is_none())
    }

    /// Starts anew. False when the beginning of the body is gone.
    pub fn rewind(&mut self) -> bool {
        if !self.can_rewind() {
            return false;
        }
        if !self.fresh.is_empty() {
            if self.kept.is_empty() {
                self.kept = self.fresh.split().freeze();
            } else {
                let mut all = BytesMut::with_capacity(self.kept.len() + self.fresh.len());
                all.extend_from_slice(&self.kept);
                all.extend_from_slice(&self.fresh);
                self.kept = all.freeze();
                self.fresh = BytesMut::new();
            }
        }
        if !self.untouched {
            self.at = At::Kept;
        }
        true
    }

    /// Stops keeping: there will be no further attempt. What is being replayed is still handed out.
    pub fn commit(&mut self) {
        self.lost = true;
        self.fresh = BytesMut::new();
        if self.at != At::Kept {
            self.kept = Bytes::new();
        }
    }

    /// The body itself, past all that was kept: what it has become after a switch of protocols.
    pub fn source_mut(&mut self) -> &mut S {
        &mut self.source
    }

    /// Bytes kept now.
    pub fn kept(&self) -> usize {
        self.kept.len() + self.fresh.len()
    }

    fn keep(&mut self, data: &Bytes) {
        if self.lost {
            return;
        }
        if self.kept() + data.len() > self.limit {
            self.commit();
        } else {
            self.fresh.extend_from_slice(data);
        }
    }
}

impl<S: Source> Source for Replay<S> {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, StreamError>>> {
        if self.at == At::Kept {
            self.at = At::Live;
            if !self.kept.is_empty() {
                let kept = self.kept.clone();
                if self.lost {
                    self.kept = Bytes::new();
                }
                return Poll::Ready(Some(Ok(Frame::Data(kept))));
            }
        }
        if let Some(e) = &self.error {
            return Poll::Ready(Some(Err(e.clone())));
        }
        if self.at == At::End {
            return Poll::Ready(None);
        }
        if self.ended {
            self.at = At::End;
            return Poll::Ready(self.trailers.clone().map(|t| Ok(Frame::Trailers(t))));
        }
        let polled = ready!(self.source.poll_frame(cx));
        self.untouched = false;
        match polled {
            Some(Ok(frame)) => {
                match &frame {
                    Frame::Data(data) => self.keep(data),
                    Frame::Trailers(trailers) => {
                        self.ended = true;
                        self.at = At::End;
                        if !self.lost {
                            self.trailers = Some(trailers.clone());
                        }
                    }
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Some(Err(e)) => {
                self.error = Some(e.clone());
                Poll::Ready(Some(Err(e)))
            }
            None => {
                self.ended = true;
                self.at = At::End;
                Poll::Ready(None)
            }
        }
    }

    fn is_end(&self) -> bool {
        if self.error.is_some() {
            return false;
        }
        match self.at {
            At::End => true,
            At::Kept if !self.kept.is_empty() => false,
            At::Kept | At::Live if self.ended => self.trailers.is_none(),
            At::Kept | At::Live => self.source.is_end(),
        }
    }

    fn length(&self) -> Length {
        self.source.length()
    }
}
