//! One type for a connection with and without TLS, so that everything above is compiled once.

use core::pin::Pin;
use core::task::{Context, Poll};
use std::io;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::{client, server};

use super::{Abort, Prefixed};

/// A connection to or from anybody.
pub enum AnyIo<I> {
    Plain(I),
    Peeked(Prefixed<I>),
    TlsServer(Box<server::TlsStream<I>>),
    /// TLS of a client outside the mesh, whose hello was looked at first.
    TlsGateway(Box<server::TlsStream<Prefixed<I>>>),
    TlsClient(Box<client::TlsStream<I>>),
}

/// Calls `$f` on the pinned stream inside.
macro_rules! each {
    ($self:ident, $io:ident => $f:expr) => {
        match $self.get_mut() {
            AnyIo::Plain($io) => {
                let $io = Pin::new($io);
                $f
            }
            AnyIo::Peeked($io) => {
                let $io = Pin::new($io);
                $f
            }
            AnyIo::TlsServer($io) => {
                let $io = Pin::new(&mut **$io);
                $f
            }
            AnyIo::TlsGateway($io) => {
                let $io = Pin::new(&mut **$io);
                $f
            }
            AnyIo::TlsClient($io) => {
                let $io = Pin::new(&mut **$io);
                $f
            }
        }
    };
}

// === impl AnyIo ===

impl<I: Abort> Abort for AnyIo<I> {
    fn abort(&mut self) {
        match self {
            Self::Plain(io) => io.abort(),
            Self::Peeked(io) => io.abort(),
            Self::TlsServer(io) => io.get_mut().0.abort(),
            Self::TlsGateway(io) => io.get_mut().0.abort(),
            Self::TlsClient(io) => io.get_mut().0.abort(),
        }
    }
}

impl<I: AsyncRead + AsyncWrite + Unpin> AsyncRead for AnyIo<I> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        each!(self, io => io.poll_read(cx, buf))
    }
}

impl<I: AsyncRead + AsyncWrite + Unpin> AsyncWrite for AnyIo<I> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        each!(self, io => io.poll_write(cx, buf))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, io => io.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, io => io.poll_shutdown(cx))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        each!(self, io => io.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(io) => io.is_write_vectored(),
            Self::Peeked(io) => io.is_write_vectored(),
            Self::TlsServer(io) => io.is_write_vectored(),
            Self::TlsGateway(io) => io.is_write_vectored(),
            Self::TlsClient(io) => io.is_write_vectored(),
        }
    }
}
