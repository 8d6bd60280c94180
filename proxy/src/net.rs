//! The seam: everything the proxy wants from the world goes through [`Rt`].
//!
//! Two implementations exist: [`real`] (tokio and TCP) and the simulator's virtual network. Nothing
//! else in this package may name a clock, a socket, a spawn or a source of randomness;
//! `clippy.toml` bans them.

use core::future::Future;
use core::net::SocketAddr;
use std::io;
use std::net::IpAddr;

use bytes::Bytes;
use engine::time::{Instant, Wall};
use tokio::io::{AsyncRead, AsyncWrite};

pub mod any;
pub mod prefixed;
pub mod real;
#[cfg(test)]
pub(crate) mod testing;
mod through;

pub use any::AnyIo;
pub use prefixed::Prefixed;
pub(crate) use through::write_through;

/// The world as one node (a pod, a host) sees it. Cheap to clone.
pub trait Rt: Clone + Send + Sync + 'static {
    type Io: AsyncRead + AsyncWrite + Abort + Unpin + Send + 'static;
    type Listener: Accept<Io = Self::Io>;
    type Sleep: Future<Output = ()> + Send + Sync + 'static;

    /// Monotonic time.
    fn now(&self) -> Instant;

    /// Wall-clock time: for certificates, `Date` and logs only.
    fn wall(&self) -> Wall;

    /// Completes at `at`, or at once when `at` has passed. [`Instant::FAR_FUTURE`] never completes.
    fn sleep_until(&self, at: Instant) -> Self::Sleep;

    /// Runs `f` until it ends. The task belongs to the node: a crash of the node drops it.
    fn spawn(&self, f: impl Future<Output = ()> + Send + 'static);

    /// Opens a connection. Not bounded in time: the caller races it with `sleep_until`.
    fn connect(&self, to: SocketAddr) -> impl Future<Output = io::Result<Self::Io>> + Send;

    /// Opens a connection to the application of this node. Other than with
    /// [`connect`](Self::connect) nothing may redirect it: what a proxy sends to its own node's
    /// address goes through its own inbound side, as with every other client, and from there to the
    /// application.
    fn connect_app(&self, to: SocketAddr) -> impl Future<Output = io::Result<Self::Io>> + Send {
        self.connect(to)
    }

    fn listen(&self, at: SocketAddr) -> impl Future<Output = io::Result<Self::Listener>> + Send;

    /// Addresses of a DNS name, in the order of the answer.
    fn resolve(&self, name: &str) -> impl Future<Output = io::Result<Resolved>> + Send;

    /// Sends each of `datagrams` over UDP. Nobody says whether they arrived.
    fn send_datagrams(
        &self,
        to: SocketAddr,
        datagrams: Vec<Bytes>,
    ) -> impl Future<Output = io::Result<()>> + Send;

    /// 64 random bits from the node's own stream.
    fn rand(&self) -> u64;
}

/// An accepted or opened connection that can be reset instead of closed.
pub trait Abort {
    /// Drops the connection with a reset (RST): the peer sees `ConnectionReset`, not an end.
    fn abort(&mut self);
}

/// A bound socket.
pub trait Accept: Send + 'static {
    type Io;

    /// The next connection. An error concerns one connection (or a passing shortage, such as file
    /// descriptors), never the listener: the caller backs off and calls again.
    fn accept(&mut self) -> impl Future<Output = io::Result<(Self::Io, ConnInfo)>> + Send;

    /// The address the listener is bound to, with the port it was given if 0 was asked for.
    fn local_addr(&self) -> SocketAddr;
}

/// What is known of a connection that was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnInfo {
    pub peer: SocketAddr,
    pub local: SocketAddr,
    /// Where the client wanted to go, when the connection was redirected to us.
    pub original_dst: Option<SocketAddr>,
}

/// The answer to a DNS question.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resolved {
    pub addresses: Vec<IpAddr>,
}
