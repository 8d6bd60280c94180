//! A living mesh on loopback, in one process: the real proxy beside each of a dozen small
//! applications, real sockets, mutual TLS, and faults that can be switched.
//!
//! ```text
//!  visitors ─▶ web ─┬─▶ catalog          three pods behind a breaker
//!                   ├─▶ recommendations  nine tenths v1, one tenth v2
//!                   └─▶ cart ─▶ payments behind outlier detection
//! ```
//!
//! Every pod has an address of its own in 127.1.0.0/24, which on Linux is loopback as it is. What
//! iptables does in a cluster, [`rt`] does at the seam of the proxy: the proxies cannot tell.

mod admin;
mod app;
mod faults;
mod load;
pub(crate) mod mesh;
mod rt;

use std::net::SocketAddr;
use std::sync::Arc;

use crate::error::Error;

use faults::Faults;

/// A demo that runs for as long as it is kept.
pub(crate) struct Demo {
    /// Where `meshctl top` asks.
    pub(crate) admin: SocketAddr,
    pub(crate) proxies: usize,
}

/// # Errors
/// Where pods cannot have addresses of their own.
async fn require_addresses() -> Result<(), Error> {
    let bound = tokio::net::TcpListener::bind((mesh::FIRST, 0)).await;
    bound.map(drop).map_err(|e| {
        Error::new("the demo needs Linux")
            .caused_by(format!("its pods have addresses in 127.1.0.0/24: {e}"))
            .hint("a recorded mesh can be looked at everywhere: meshctl simulate SCENARIO --watch")
    })
}

/// Starts everything; to be called within a tokio runtime.
///
/// # Errors
/// When an address is taken, or the mesh cannot be made.
pub(crate) async fn start(admin: SocketAddr) -> Result<Demo, Error> {
    let faults = Arc::new(Faults::default());
    let real = proxy::net::real::Real::new();
    // First of all: who starts a second demo is told at once.
    let listener = admin::bind(admin).await?;
    require_addresses().await?;
    let mesh = mesh::Mesh::new()?;
    for pod in &mesh.pods {
        app::serve(pod, &faults).await?;
    }
    let proxies = mesh.start(&real).await?;
    load::start(&mesh, &faults)?;
    let bound = listener.local_addr().map_err(admin::cannot_listen(admin))?;
    let count = proxies.len();
    admin::serve(listener, proxies, faults, real);
    Ok(Demo {
        admin: bound,
        proxies: count,
    })
}
