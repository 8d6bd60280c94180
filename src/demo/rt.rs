//! Traffic redirection without iptables: at the seam of the proxy.
//!
//! A connection to the application of another pod arrives at that pod's inbound listener, which is
//! told where it wanted to go; a connection of a pod's own proxy to its own application does not.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use bytes::Bytes;
use engine::time::{Instant, Wall};
use proxy::net::real::{Real, RealIo, RealListener};
use proxy::net::{Accept, ConnInfo, Resolved, Rt};

use super::mesh::{APP, INBOUND};

/// The world as the proxy of one pod sees it.
#[derive(Clone, Debug)]
pub(super) struct DemoRt {
    real: Real,
    own: IpAddr,
}

/// A listener of one pod.
pub(super) struct DemoListener(RealListener);

// === impl DemoRt ===

impl DemoRt {
    pub(super) fn new(real: Real, own: Ipv4Addr) -> Self {
        Self {
            real,
            own: own.into(),
        }
    }
}

impl Rt for DemoRt {
    type Io = RealIo;
    type Listener = DemoListener;
    type Sleep = <Real as Rt>::Sleep;

    fn now(&self) -> Instant {
        self.real.now()
    }

    fn wall(&self) -> Wall {
        self.real.wall()
    }

    fn sleep_until(&self, at: Instant) -> Self::Sleep {
        self.real.sleep_until(at)
    }

    fn spawn(&self, f: impl Future<Output = ()> + Send + 'static) {
        self.real.spawn(f);
    }

    async fn connect(&self, to: SocketAddr) -> io::Result<RealIo> {
        let redirected = to.port() == APP && to.ip() != self.own;
        let to = if redirected {
            SocketAddr::new(to.ip(), INBOUND)
        } else {
            to
        };
        self.real.connect(to).await
    }

    async fn listen(&self, at: SocketAddr) -> io::Result<DemoListener> {
        self.real.listen(at).await.map(DemoListener)
    }

    async fn resolve(&self, name: &str) -> io::Result<Resolved> {
        self.real.resolve(name).await
    }

    async fn send_datagrams(&self, to: SocketAddr, datagrams: Vec<Bytes>) -> io::Result<()> {
        self.real.send_datagrams(to, datagrams).await
    }

    fn rand(&self) -> u64 {
        self.real.rand()
    }
}

// === impl DemoListener ===

impl Accept for DemoListener {
    type Io = RealIo;

    async fn accept(&mut self) -> io::Result<(RealIo, ConnInfo)> {
        let (io, info) = self.0.accept().await?;
        let local = info.local;
        // What came to the inbound listener wanted to go to the application; the outbound side
        // learns from each request where it wants to go.
        let wanted = (local.port() == INBOUND).then(|| SocketAddr::new(local.ip(), APP));
        let info = ConnInfo {
            original_dst: wanted,
            local: wanted.unwrap_or(local),
            ..info
        };
        Ok((io, info))
    }

    fn local_addr(&self) -> SocketAddr {
        self.0.local_addr()
    }
}
