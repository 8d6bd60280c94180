//! A copy of a body for a mirror, which must never slow the original down.

use core::task::{Context, Poll, Waker, ready};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Frame, Length, Source, StreamError};

/// Most frames a mirror may lie behind. Each may keep a read buffer of up to 64 KiB alive, whatever
/// its own size; together with the bound in bytes this bounds the memory.
pub const MIRROR_FRAMES_MAX: usize = 64;

/// Wraps a body and copies it to a [`Mirror`] as it is read. A mirror that lies too far behind is
/// dropped: it sees an error, the original sees nothing.
#[derive(Debug)]
pub struct Tee<S> {
    source: S,
    mirror: Arc<Mutex<Queue>>,
}

/// The copy of a body.
#[derive(Debug)]
pub struct Mirror {
    queue: Arc<Mutex<Queue>>,
    length: Length,
}

#[derive(Debug)]
struct Queue {
    frames: VecDeque<Frame>,
    bytes: usize,
    limit: usize,
    end: End,
    waker: Option<Waker>,
}

/// What comes after the queued frames.
#[derive(Clone, Debug, PartialEq, Eq)]
enum End {
    /// More.
    Open,
    Complete,
    Error(StreamError),
    /// Nobody listens.
    Gone,
}

// === impl Tee ===

impl<S: Source> Tee<S> {
    /// Copies `source` to a mirror that may lie `limit` bytes behind.
    pub fn new(source: S, limit: usize) -> (Self, Mirror) {
        let end = match source.is_end() {
            true => End::Complete,
            false => End::Open,
        };
        let queue = Arc::new(Mutex::new(Queue {
            frames: VecDeque::new(),
            bytes: 0,
            limit,
            end,
            waker: None,
        }));
        let mirror = Mirror {
            queue: Arc::clone(&queue),
            length: source.length(),
        };
        let tee = Self {
            source,
            mirror: queue,
        };
        (tee, mirror)
    }
}

impl<S> Tee<S> {
    /// Bytes the mirror lies behind.
    pub fn queued(&self) -> usize {
        lock(&self.mirror).bytes
    }
}

impl<S: Source> Source for Tee<S> {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, StreamError>>> {
        let frame = ready!(self.source.poll_frame(cx));
        let mut queue = lock(&self.mirror);
        match &frame {
            Some(Ok(frame)) => {
                queue.push(frame);
                if self.source.is_end() {
                    queue.finish(End::Complete);
                }
            }
            Some(Err(e)) => queue.finish(End::Error(e.clone())),
            None => queue.finish(End::Complete),
        }
        drop(queue);
        Poll::Ready(frame)
    }

    fn is_end(&self) -> bool {
        self.source.is_end()
    }

    fn length(&self) -> Length {
        self.source.length()
    }
}

impl<S> Drop for Tee<S> {
    fn drop(&mut self) {
        lock(&self.mirror).finish(End::Error(StreamError::Incomplete));
    }
}

// === impl Mirror ===

impl Source for Mirror {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, StreamError>>> {
        let mut queue = lock(&self.queue);
        if let Some(frame) = queue.frames.pop_front() {
            queue.bytes -= size(&frame);
            return Poll::Ready(Some(Ok(frame)));
        }
        match &queue.end {
            End::Open => {
                queue.waker = Some(cx.waker().clone());
                Poll::Pending
            }
            End::Complete | End::Gone => Poll::Ready(None),
            End::Error(e) => Poll::Ready(Some(Err(e.clone()))),
        }
    }

    fn is_end(&self) -> bool {
        let queue = lock(&self.queue);
        queue.frames.is_empty() && queue.end == End::Complete
    }

    fn length(&self) -> Length {
        self.length
    }
}

impl Drop for Mirror {
    fn drop(&mut self) {
        let mut queue = lock(&self.queue);
        queue.end = End::Gone;
        queue.frames = VecDeque::new();
        queue.bytes = 0;
    }
}

// === impl Queue ===

impl Queue {
    fn push(&mut self, frame: &Frame) {
        if self.end != End::Open {
            return;
        }
        let size = size(frame);
        if self.bytes + size > self.limit || self.frames.len() >= MIRROR_FRAMES_MAX {
            let limit = self.limit;
            self.frames = VecDeque::new();
            self.bytes = 0;
            let what = "what a slow mirror lies behind";
            self.finish(End::Error(StreamError::TooLarge { what, limit }));
            return;
        }
        self.bytes += size;
        self.frames.push_back(frame.clone());
        self.wake();
    }

    fn finish(&mut self, end: End) {
        if self.end == End::Open {
            self.end = end;
            self.wake();
        }
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

/// What a frame counts. Trailers are bounded where they are read.
fn size(frame: &Frame) -> usize {
    match frame {
        Frame::Data(data) => data.len(),
        Frame::Trailers(_) => 0,
    }
}

fn lock(queue: &Mutex<Queue>) -> MutexGuard<'_, Queue> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}
