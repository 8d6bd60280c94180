//! The applications: each answers in a few milliseconds, after asking whom it depends on through
//! its own proxy.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use super::faults::{Fault, Faults};
use super::load::Caller;
use super::mesh::{APP, Pod};
use crate::error::Error;

/// The longest head of a request.
const HEAD_MAX: usize = 16 << 10;

/// The answer's body.
const BODY: &str = "{\"demo\": true}\n";

/// What an application does.
struct App {
    pod: Pod,
    faults: Arc<Faults>,
    caller: Caller,
    /// Requests so far, over all connections: decides what a share of them is.
    served: std::sync::atomic::AtomicU64,
}

/// Serves the application of a pod for as long as the runtime lives.
pub(super) async fn serve(pod: &Pod, faults: &Arc<Faults>) -> Result<(), Error> {
    let at = pod.at(APP);
    let listener = TcpListener::bind(at).await.map_err(|e| {
        Error::new(format!("cannot listen on {at}"))
            .caused_by(e)
            .hint("is another `meshctl demo` running?")
    })?;
    let app = Arc::new(App {
        pod: pod.clone(),
        faults: faults.clone(),
        caller: Caller::new(pod)?,
        served: 0.into(),
    });
    tokio::spawn(async move {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    let app = app.clone();
                    // What becomes of a connection is seen by the proxy at its other end.
                    tokio::spawn(async move { drop(app.connection(stream).await) });
                }
                // No descriptors are left, for a moment.
                Err(_) => sleep(Duration::from_millis(50)).await,
            }
        }
    });
    Ok(())
}

// === impl App ===

impl App {
    /// Requests without bodies, one after the other, until the client leaves.
    async fn connection(&self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut head = Vec::new();
        loop {
            while !head.windows(4).any(|end| end == b"\r\n\r\n") {
                let n = stream.read_buf(&mut head).await?;
                if n == 0 || head.len() > HEAD_MAX {
                    return Ok(());
                }
            }
            head.clear();
            if self.pod.app == "payments" && self.pod.index == 0 && self.on(Fault::PaymentsHangUp) {
                return Ok(());
            }
            let status = self.answer().await;
            let length = BODY.len();
            let answer = format!(
                "HTTP/1.1 {status}\r\ncontent-type: application/json\r\n\
                 content-length: {length}\r\n\r\n{BODY}"
            );
            stream.write_all(answer.as_bytes()).await?;
        }
    }

    fn on(&self, fault: Fault) -> bool {
        self.faults.is_on(fault)
    }

    async fn answer(&self) -> &'static str {
        let n = self
            .served
            .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let work = |millis| sleep(Duration::from_millis(millis));
        let fine = match self.pod.app {
            "web" => {
                let (catalog, others) = tokio::join!(
                    self.caller.get("catalog.shop", "/items"),
                    self.caller.get("recommendations.shop", "/for-you"),
                );
                // Every second page shows the cart. Without recommendations a page is a page.
                let cart = n % 2 == 1 || self.caller.get("cart.shop", "/cart").await;
                let _ = others;
                catalog && cart
            }
            "cart" => {
                let slow = if self.on(Fault::CartIsSlow) { 300 } else { 0 };
                work(3 + n % 5 + slow).await;
                !n.is_multiple_of(3) || self.caller.get("payments.pay", "/methods").await
            }
            "catalog" => {
                work(2 + n % 7).await;
                self.pod.index > 0 || !self.on(Fault::CatalogFails)
            }
            "recommendations" => {
                work(5 + n % 20).await;
                self.pod.version == "v1" || !n.is_multiple_of(5) || !self.on(Fault::CanaryIsBad)
            }
            _ => {
                work(8 + n % 11).await;
                true
            }
        };
        if fine {
            "200 OK"
        } else {
            "503 Service Unavailable"
        }
    }
}
