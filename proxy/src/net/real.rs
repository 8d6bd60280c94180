//! The seam on a real machine: tokio and TCP.
//!
//! The only file of the package that may name tokio's clock, sockets and tasks. Time is tokio's, so
//! that a paused clock in tests moves everything at once.
#![expect(
    clippy::disallowed_methods,
    reason = "this is the one implementation of the seam over tokio"
)]

use core::future::Future;
use core::hash::{BuildHasher, Hasher};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use core::pin::Pin;
use core::task::{Context, Poll};
use std::collections::hash_map::RandomState;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use engine::entropy::Entropy;
use engine::time::{Duration, Instant, Wall};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::time::Instant as TokioInstant;

use super::{Abort, Accept, ConnInfo, Resolved, Rt, write_through};

/// The longest single sleep handed to tokio: its timer wheel ends after about two years.
const SLEEP_MAX: Duration = Duration::from_secs(365 * 24 * 3600);

/// Connections that wait to be accepted; the kernel lowers it to `net.core.somaxconn`.
const BACKLOG: i32 = 4096;

/// tokio and TCP. Has to be made and used within a tokio runtime.
#[derive(Clone, Debug)]
pub struct Real {
    origin: TokioInstant,
    entropy: Arc<Mutex<Entropy>>,
}

/// A TCP connection without Nagle's delay.
#[derive(Debug)]
pub struct RealIo(TcpStream);

/// A bound TCP socket.
#[derive(Debug)]
pub struct RealListener {
    socket: TcpListener,
    local: SocketAddr,
}

// === impl Real ===

impl Real {
    /// A node whose clock starts at zero now and whose randomness comes from the operating system.
    pub fn new() -> Self {
        let seed = RandomState::new().build_hasher().finish();
        Self {
            origin: TokioInstant::now(),
            entropy: Arc::new(Mutex::new(Entropy::from_seed(seed))),
        }
    }
}

impl Default for Real {
    fn default() -> Self {
        Self::new()
    }
}

impl Rt for Real {
    type Io = RealIo;
    type Listener = RealListener;
    type Sleep = tokio::time::Sleep;

    fn now(&self) -> Instant {
        Instant::ZERO + TokioInstant::now().saturating_duration_since(self.origin)
    }

    fn wall(&self) -> Wall {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        Wall(since.map_or(0, engine::time::nanos))
    }

    fn sleep_until(&self, at: Instant) -> Self::Sleep {
        // The clock is read only for what is far away: a proxy sleeps several times per request.
        let since = at.since(Instant::ZERO);
        match since <= SLEEP_MAX {
            true => tokio::time::sleep_until(self.origin + since),
            false => tokio::time::sleep(at.since(self.now()).min(SLEEP_MAX)),
        }
    }

    fn spawn(&self, f: impl Future<Output = ()> + Send + 'static) {
        tokio::spawn(f);
    }

    async fn connect(&self, to: SocketAddr) -> io::Result<RealIo> {
        let stream = TcpStream::connect(to).await?;
        stream.set_nodelay(true)?;
        Ok(RealIo(stream))
    }

    async fn listen(&self, at: SocketAddr) -> io::Result<RealListener> {
        let socket = bind(at)?;
        let local = socket.local_addr()?;
        Ok(RealListener { socket, local })
    }

    async fn resolve(&self, name: &str) -> io::Result<Resolved> {
        let found = tokio::net::lookup_host((name, 0)).await?;
        Ok(Resolved {
            addresses: found.map(|a| a.ip()).collect(),
        })
    }

    async fn send_datagrams(&self, to: SocketAddr, datagrams: Vec<Bytes>) -> io::Result<()> {
        let any: IpAddr = match to {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let socket = UdpSocket::bind(SocketAddr::new(any, 0)).await?;
        // Connected, so that a port nobody listens on is told with the next datagram.
        socket.connect(to).await?;
        for datagram in &datagrams {
            socket.send(datagram).await?;
        }
        Ok(())
    }

    fn rand(&self) -> u64 {
        // A poisoned generator is still a generator.
        let mut entropy = self.entropy.lock().unwrap_or_else(PoisonError::into_inner);
        entropy.u64()
    }
}

/// A listening socket that one restart after the other can bind, and that never takes IPv4 along
/// with IPv6: peers and original destinations then have the family of the socket.
fn bind(at: SocketAddr) -> io::Result<TcpListener> {
    let domain = socket2::Domain::for_address(at);
    let kind = socket2::Type::STREAM;
    let socket = socket2::Socket::new(domain, kind, Some(socket2::Protocol::TCP))?;
    if at.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&at.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

// === impl RealListener ===

impl Accept for RealListener {
    type Io = RealIo;

    async fn accept(&mut self) -> io::Result<(RealIo, ConnInfo)> {
        let (stream, peer) = self.socket.accept().await?;
        stream.set_nodelay(true)?;
        let local = stream.local_addr()?;
        let info = ConnInfo {
            peer,
            local,
            original_dst: redirected(&stream, local),
        };
        Ok((RealIo(stream), info))
    }

    fn local_addr(&self) -> SocketAddr {
        self.local
    }
}

/// Where a connection wanted to go before the kernel redirected it (`SO_ORIGINAL_DST`); none when
/// nothing redirected it.
#[cfg(target_os = "linux")]
fn redirected(stream: &TcpStream, local: SocketAddr) -> Option<SocketAddr> {
    let socket = socket2::SockRef::from(stream);
    let found = match local {
        SocketAddr::V4(_) => socket.original_dst_v4(),
        SocketAddr::V6(_) => socket.original_dst_v6(),
    };
    let wanted = found.ok()?.as_socket()?;
    (wanted != local).then_some(wanted)
}

#[cfg(not(target_os = "linux"))]
fn redirected(_: &TcpStream, _: SocketAddr) -> Option<SocketAddr> {
    None
}

// === impl RealIo ===

impl Abort for RealIo {
    fn abort(&mut self) {
        // With a zero linger time the close that follows sends RST. It can only fail on a socket
        // that is gone already.
        let _ = self.0.set_zero_linger();
    }
}

impl AsyncRead for RealIo {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

write_through!([] RealIo, 0);
