//! What `meshctl top` and `meshctl tap` ask: the frames and the requests of all proxies as one
//! stream, and the switches of faults.
//!
//! `GET /frames` and `GET /tap` are what the admin endpoint of one proxy gives; `GET /faults` and
//! `POST /faults/N` are the demo's own.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use engine::report::Frame;
use proxy::net::real::Real;
use proxy::tap::{Asked, Reader, Tap, Taps};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time;

use super::faults::{Fault, Faults};
use super::mesh::Running;
use crate::error::Error;

/// Connections at once.
const CONNECTIONS_MAX: usize = 64;

const HEAD_MAX: usize = 8 << 10;

/// A request that takes longer to arrive will not.
const HEAD_TIME_MAX: Duration = Duration::from_secs(10);

const PERIOD: Duration = Duration::from_secs(1);

/// A line of the newest frame; empty before the first.
type Line = Arc<str>;

/// What clients are answered from.
struct Admin {
    newest: watch::Receiver<Line>,
    faults: Arc<Faults>,
    taps: Vec<Arc<Taps>>,
    real: Real,
}

const LINES: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: application/jsonl\r\nconnection: close\r\n\r\n";

/// # Errors
/// When the address is taken.
pub(super) async fn bind(at: SocketAddr) -> Result<TcpListener, Error> {
    TcpListener::bind(at).await.map_err(cannot_listen(at))
}

pub(super) fn cannot_listen(at: SocketAddr) -> impl Fn(io::Error) -> Error {
    move |e| {
        Error::new(format!("cannot listen on {at}"))
            .caused_by(e)
            .hint("is another proxy or demo running? choose another address: --admin HOST:PORT")
    }
}

/// Serves for as long as the runtime lives.
pub(super) fn serve(listener: TcpListener, proxies: Vec<Running>, faults: Arc<Faults>, real: Real) {
    let (lines, newest) = watch::channel(Line::from(""));
    let taps = proxies.iter().map(|p| p.proxy.taps().clone()).collect();
    tokio::spawn(report(proxies, faults.clone(), lines));
    let admin = Arc::new(Admin {
        newest,
        faults,
        taps,
        real,
    });
    tokio::spawn(async move {
        let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        loop {
            let Ok(slot) = slots.clone().acquire_owned().await else {
                return;
            };
            match listener.accept().await {
                Ok((stream, _)) => {
                    let admin = admin.clone();
                    tokio::spawn(async move {
                        // A client that leaves is no news.
                        let _ = admin.connection(stream).await;
                        drop(slot);
                    });
                }
                // No descriptors are left, for a moment.
                Err(_) => time::sleep(Duration::from_millis(50)).await,
            }
        }
    });
}

/// Each second one frame of all proxies: their counters are cumulative, so are the sums.
async fn report(proxies: Vec<Running>, faults: Arc<Faults>, lines: watch::Sender<Line>) {
    let mut tick = time::interval(PERIOD);
    tick.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let mut all = Frame::empty("demo");
        for running in &proxies {
            all.merge(&running.proxy.frame());
        }
        all.events.extend(faults.events(all.at));
        all.events.sort();
        // A frame is numbers and names: it can always be written.
        if let Ok(mut line) = serde_json::to_string(&all) {
            line.push('\n');
            lines.send_replace(line.into());
        }
    }
}

// === impl Admin ===

impl Admin {
    async fn connection(&self, mut stream: TcpStream) -> io::Result<()> {
        let mut head = Vec::new();
        let read = async {
            while !head.windows(4).any(|end| end == b"\r\n\r\n") {
                let n = stream.read_buf(&mut head).await?;
                if n == 0 || head.len() > HEAD_MAX {
                    return Err(io::ErrorKind::InvalidData.into());
                }
            }
            io::Result::Ok(())
        };
        time::timeout(HEAD_TIME_MAX, read).await??;
        let head = String::from_utf8_lossy(&head);
        let mut words = head.split(' ');
        let (method, target) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let switch = path.strip_prefix("/faults/").map(str::parse::<usize>);
        match (method, path, switch) {
            ("GET", "/frames", _) => self.frames(stream).await,
            ("GET", "/tap", _) => self.tap(stream, query).await,
            ("GET", "/faults", _) => page(&mut stream, "200 OK", &self.list()).await,
            ("POST", _, Some(Ok(fault))) if self.faults.switch(fault) => {
                page(&mut stream, "200 OK", &self.list()).await
            }
            _ => {
                let there_is = "there is /frames, /tap and /faults\n";
                page(&mut stream, "404 Not Found", there_is).await
            }
        }
    }

    fn list(&self) -> String {
        let on = |fault| self.faults.is_on(fault);
        let one = |fault: Fault| serde_json::json!({"title": fault.title(), "on": on(fault)});
        format!("{}\n", serde_json::Value::from_iter(Fault::ALL.map(one)))
    }

    /// Lines until the client leaves; one that reads slowly misses some, and no count.
    async fn frames(&self, mut stream: TcpStream) -> io::Result<()> {
        let mut newest = self.newest.clone();
        stream.write_all(LINES.as_bytes()).await?;
        loop {
            let line = newest.borrow_and_update().clone();
            stream.write_all(line.as_bytes()).await?;
            if newest.changed().await.is_err() {
                return Ok(());
            }
        }
    }

    /// Requests of all proxies until the client leaves.
    async fn tap(&self, mut stream: TcpStream, query: &str) -> io::Result<()> {
        let tap = match Asked::read(query) {
            Ok(asked) => Tap::new(asked),
            Err(why) => return page(&mut stream, "400 Bad Request", &format!("{why}\n")).await,
        };
        let open: Result<Vec<_>, _> = self.taps.iter().map(|taps| taps.open(&tap)).collect();
        let _open = match open {
            Ok(open) => open,
            Err(full) => {
                return page(&mut stream, "429 Too Many Requests", &format!("{full}\n")).await;
            }
        };
        stream.write_all(LINES.as_bytes()).await?;
        let mut reader = Reader::new(tap);
        loop {
            let (lines, last) = reader.next(&self.real).await;
            stream.write_all(&lines).await?;
            if last {
                return Ok(());
            }
        }
    }
}

async fn page(stream: &mut TcpStream, status: &str, body: &str) -> io::Result<()> {
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close");
    stream
        .write_all(format!("{head}\r\n\r\n{body}").as_bytes())
        .await
}
