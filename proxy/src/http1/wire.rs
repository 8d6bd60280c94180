//! The connection's bytes: one read buffer, one outbox, and what became of either direction.

use core::pin::{Pin, pin};
use core::task::{Context, Poll, ready};
use std::io::{self, IoSlice};

use bytes::{Buf, Bytes, BytesMut};
use http::HeaderMap;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};

use super::encode;
use crate::exchange::StreamError;
use crate::tls::explain;

/// Size of a fresh read buffer: most heads with their bodies in one read, and cheap enough to keep
/// for a request that waits for its answer.
const READ_BYTES: usize = 8 * 1024;

/// Largest read. A loopback or pod network delivers at most about this much at once.
const READ_BYTES_MAX: usize = 256 * 1024;

/// Below this much free space a buffer is renewed before it is read into.
const READ_BYTES_MIN: usize = 1024;

/// A data frame up to this size is copied behind its head, so that both leave in one piece; a
/// larger one is written from where it lies.
const COPY_BYTES_MAX: usize = 4 * 1024;

/// An outbox that holds less takes another frame.
const OUTBOX_BYTES_READY: usize = 16 * 1024;

/// An emptied buffer larger than this is given back.
const KEEP_BYTES_MAX: usize = 16 * 1024;

/// An `Io` with its buffers.
#[derive(Debug)]
pub(super) struct Wire<Io> {
    io: Option<Io>,
    pub(super) read: BytesMut,
    pub(super) out: Outbox,
    read_end: Option<ReadEnd>,
    write_error: Option<StreamError>,
    unflushed: bool,
    shutdown: Shutdown,
}

/// Bytes on their way out: copied ones, at most one large frame that is not, and copied ones again.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    front: BytesMut,
    large: Bytes,
    back: BytesMut,
}

/// How reading ended.
#[derive(Clone, Debug, PartialEq, Eq)]
enum ReadEnd {
    Eof,
    Error(StreamError),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shutdown {
    No,
    Wanted,
    Done,
}

// === impl Wire ===

impl<Io> Wire<Io> {
    pub(super) fn new(io: Io, read: BytesMut) -> Self {
        Self {
            io: Some(io),
            read,
            out: Outbox::default(),
            read_end: None,
            write_error: None,
            unflushed: false,
            shutdown: Shutdown::No,
        }
    }

    /// True when either direction can no longer be used.
    pub(super) fn is_broken(&self) -> bool {
        self.io.is_none() || self.read_end.is_some() || self.write_error.is_some()
    }

    pub(super) fn is_write_broken(&self) -> bool {
        self.io.is_none() || self.write_error.is_some()
    }

    /// Everything accepted has been written.
    pub(super) fn is_flushed(&self) -> bool {
        self.out.is_empty() && !self.unflushed
    }

    /// Closes the writing side once the outbox is empty.
    pub(super) fn want_shutdown(&mut self) {
        if self.shutdown == Shutdown::No {
            self.shutdown = Shutdown::Wanted;
        }
    }

    /// Hands the connection over with what was read beyond the message.
    pub(super) fn take(&mut self) -> Option<(Io, Bytes)> {
        let io = self.io.take()?;
        Some((io, self.read.split().freeze()))
    }

    /// Gives back an empty buffer that a large message left behind.
    pub(super) fn slim(&mut self) {
        if self.read.is_empty() && self.read.capacity() > KEEP_BYTES_MAX {
            self.read = BytesMut::new();
        }
        if self.out.is_empty() && self.out.capacity() > KEEP_BYTES_MAX {
            self.out = Outbox::default();
        }
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin> Wire<Io> {
    /// Reads once; 0 means that the peer closed its side. `expected`: bytes of the body still to
    /// come, which choose the size of the read.
    pub(super) fn poll_fill(
        &mut self,
        cx: &mut Context<'_>,
        expected: u64,
    ) -> Poll<Result<usize, StreamError>> {
        match &self.read_end {
            Some(ReadEnd::Eof) => return Poll::Ready(Ok(0)),
            Some(ReadEnd::Error(e)) => return Poll::Ready(Err(e.clone())),
            None => {}
        }
        let Some(io) = &mut self.io else {
            return Poll::Ready(Err(StreamError::Incomplete));
        };
        if self.read.capacity() - self.read.len() < READ_BYTES_MIN {
            let expected = usize::try_from(expected).unwrap_or(usize::MAX);
            self.read
                .reserve(expected.clamp(READ_BYTES, READ_BYTES_MAX));
        }
        // The future holds no state between polls, so it may be dropped while pending.
        let read = pin!(io.read_buf(&mut self.read)).poll(cx);
        if read.is_pending() && self.read.is_empty() {
            // Most connections wait most of the time: they hold no memory for it.
            self.read = BytesMut::new();
        }
        match ready!(read) {
            Ok(0) => {
                self.read_end = Some(ReadEnd::Eof);
                Poll::Ready(Ok(0))
            }
            Ok(n) => Poll::Ready(Ok(n)),
            Err(e) => {
                let e = stream_error(&e);
                self.read_end = Some(ReadEnd::Error(e.clone()));
                Poll::Ready(Err(e))
            }
        }
    }

    /// Ready when the outbox has room for another frame.
    pub(super) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        if let Some(e) = &self.write_error {
            return Poll::Ready(Err(e.clone()));
        }
        if self.out.has_room() {
            return Poll::Ready(Ok(()));
        }
        match self.poll_write_out(cx, Outbox::has_room) {
            Poll::Ready(Err(e)) => Poll::Ready(Err(e)),
            _ if self.out.has_room() => Poll::Ready(Ok(())),
            _ => Poll::Pending,
        }
    }

    /// Writes everything out, then flushes the layers below, then closes if that was asked for.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        ready!(self.poll_write_out(cx, Outbox::is_empty))?;
        let Some(io) = &mut self.io else {
            return Poll::Ready(Err(StreamError::Incomplete));
        };
        if self.unflushed {
            match ready!(Pin::new(&mut *io).poll_flush(cx)) {
                Ok(()) => self.unflushed = false,
                Err(e) => return Poll::Ready(Err(self.fail_write(&e))),
            }
        }
        if self.shutdown == Shutdown::Wanted {
            match ready!(Pin::new(io).poll_shutdown(cx)) {
                Ok(()) => self.shutdown = Shutdown::Done,
                Err(e) => return Poll::Ready(Err(self.fail_write(&e))),
            }
        }
        Poll::Ready(Ok(()))
    }

    fn poll_write_out(
        &mut self,
        cx: &mut Context<'_>,
        enough: fn(&Outbox) -> bool,
    ) -> Poll<Result<(), StreamError>> {
        if let Some(e) = &self.write_error {
            return Poll::Ready(Err(e.clone()));
        }
        while !enough(&self.out) {
            let Some(io) = &mut self.io else {
                return Poll::Ready(Err(StreamError::Incomplete));
            };
            let wrote = match ready!(self.out.poll_write(Pin::new(io), cx)) {
                Ok(0) => Err(io::ErrorKind::WriteZero.into()),
                other => other,
            };
            match wrote {
                Ok(n) => {
                    self.out.advance(n);
                    self.unflushed = true;
                }
                Err(e) => return Poll::Ready(Err(self.fail_write(&e))),
            }
        }
        Poll::Ready(Ok(()))
    }

    fn fail_write(&mut self, e: &io::Error) -> StreamError {
        let e = stream_error(e);
        self.write_error = Some(e.clone());
        self.out = Outbox::default();
        e
    }
}

// === impl Outbox ===

impl Outbox {
    pub(super) fn is_empty(&self) -> bool {
        self.front.is_empty() && self.large.is_empty() && self.back.is_empty()
    }

    fn has_room(&self) -> bool {
        self.large.is_empty() && self.front.len() < OUTBOX_BYTES_READY
    }

    fn capacity(&self) -> usize {
        self.front.capacity() + self.back.capacity()
    }

    /// Where copied bytes go.
    pub(super) fn tail(&mut self) -> &mut BytesMut {
        if self.large.is_empty() {
            &mut self.front
        } else {
            &mut self.back
        }
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.tail().extend_from_slice(bytes);
    }

    /// Adds data as it is.
    pub(super) fn data(&mut self, data: Bytes) {
        if data.len() > COPY_BYTES_MAX && self.large.is_empty() {
            self.large = data;
        } else {
            self.bytes(&data);
        }
    }

    /// Adds data as one chunk; `data` is not empty (an empty chunk would end the body).
    pub(super) fn chunk(&mut self, data: Bytes) {
        encode::chunk_size(self.tail(), data.len());
        self.data(data);
        self.bytes(b"\r\n");
    }

    /// Adds the last chunk and a trailer section.
    pub(super) fn trailers(&mut self, trailers: &HeaderMap) {
        let tail = self.tail();
        tail.extend_from_slice(b"0\r\n");
        encode::trailers(tail, trailers);
        tail.extend_from_slice(b"\r\n");
    }

    fn poll_write<Io: AsyncWrite>(
        &self,
        io: Pin<&mut Io>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        if self.large.is_empty() {
            return io.poll_write(cx, &self.front);
        }
        let slices = [
            IoSlice::new(&self.front),
            IoSlice::new(&self.large),
            IoSlice::new(&self.back),
        ];
        // A writer that knows no vectors takes the first slice that is not empty.
        let first = usize::from(self.front.is_empty());
        io.poll_write_vectored(cx, &slices[first..])
    }

    fn advance(&mut self, mut n: usize) {
        let from_front = n.min(self.front.len());
        self.front.advance(from_front);
        n -= from_front;
        let from_large = n.min(self.large.len());
        self.large.advance(from_large);
        n -= from_large;
        self.back.advance(n);
        if self.large.is_empty() && self.front.is_empty() {
            self.large = Bytes::new();
            core::mem::swap(&mut self.front, &mut self.back);
        }
    }
}

/// An I/O error as a stream sees it.
pub(crate) fn stream_error(e: &io::Error) -> StreamError {
    match e.kind() {
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::NotConnected => StreamError::Reset,
        io::ErrorKind::UnexpectedEof => StreamError::Incomplete,
        // How tokio-rustls and, as text, h2 pass a failure of TLS on.
        io::ErrorKind::InvalidData => StreamError::Tls(explain::later(e)),
        kind => StreamError::Io(kind),
    }
}
