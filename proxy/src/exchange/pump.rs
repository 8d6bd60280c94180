//! Moves a body from a source to a sink.

use core::task::{Context, Poll, ready};

use bytes::Bytes;

use super::{Frame, Sink, Source, StreamError};

/// Frames moved in one poll before others get their turn: two fast peers would otherwise keep a
/// thread to themselves.
const FRAMES_PER_POLL: usize = 32;

/// A body on its way. Reads a frame only when the sink has room for it, so that a slow reader slows
/// its writer down, and flushes only when the source has nothing at hand, so that what belongs
/// together leaves together.
#[derive(Debug, Default)]
pub struct Pump {
    ended: bool,
    moved: u64,
}

/// Which side a body broke on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PumpError {
    /// The sink has been aborted.
    #[error("reading: {0}")]
    Source(StreamError),
    #[error("writing: {0}")]
    Sink(StreamError),
    /// The receiver wants no more of it, which is not always a fault: a server may answer an upload
    /// early.
    #[error("the receiver wants no more")]
    Unwanted,
}

// === impl Pump ===

impl Pump {
    pub fn new() -> Self {
        Self::default()
    }

    /// Bytes of data moved so far.
    pub fn moved(&self) -> u64 {
        self.moved
    }

    /// Moves what can be moved; ready when the whole body has been written and flushed. The same
    /// source and sink have to be given each time.
    pub fn poll(
        &mut self,
        cx: &mut Context<'_>,
        source: &mut (impl Source + ?Sized),
        sink: &mut (impl Sink + ?Sized),
    ) -> Poll<Result<(), PumpError>> {
        for _ in 0..FRAMES_PER_POLL {
            if self.ended {
                return sink.poll_flush(cx).map_err(PumpError::Sink);
            }
            if sink.poll_ready(cx).map_err(PumpError::Sink)?.is_pending() {
                ready!(sink.poll_closed(cx));
                return Poll::Ready(Err(PumpError::Unwanted));
            }
            let frame = match source.poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => frame,
                Poll::Ready(Some(Err(e))) => {
                    sink.abort();
                    return Poll::Ready(Err(PumpError::Source(e)));
                }
                Poll::Ready(None) => {
                    self.ended = true;
                    let end = Frame::Data(Bytes::new());
                    sink.send(end, true).map_err(PumpError::Sink)?;
                    continue;
                }
                Poll::Pending => {
                    let _flushed = sink.poll_flush(cx).map_err(PumpError::Sink)?;
                    ready!(sink.poll_closed(cx));
                    return Poll::Ready(Err(PumpError::Unwanted));
                }
            };
            if let Frame::Data(data) = &frame {
                self.moved += data.len() as u64;
            }
            self.ended = matches!(frame, Frame::Trailers(_)) || source.is_end();
            sink.send(frame, self.ended).map_err(PumpError::Sink)?;
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
