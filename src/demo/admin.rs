//! What `meshctl top` asks: the frames of all proxies as one stream, and the switches of faults.
//!
//! `GET /frames` is what the admin endpoint of one proxy gives; `GET /faults` and `POST /faults/N`
//! are the demo's own.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use engine::report::Frame;
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
pub(super) fn serve(listener: TcpListener, proxies: Vec<Running>, faults: Arc<Faults>) {
    let (lines, newest) = watch::channel(Line::from(""));
    tokio::spawn(report(proxies, faults.clone(), lines));
    tokio::spawn(async move {
        let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        loop {
            let Ok(slot) = slots.clone().acquire_owned().await else {
                return;
            };
            match listener.accept().await {
                Ok((stream, _)) => {
                    let (newest, faults) = (newest.clone(), faults.clone());
                    tokio::spawn(async move {
                        // A client that leaves is no news.
                        let _ = connection(stream, newest, &faults).await;
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

async fn connection(
    mut stream: TcpStream,
    newest: watch::Receiver<Line>,
    faults: &Faults,
) -> io::Result<()> {
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
    let (method, path) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    let path = path.split('?').next().unwrap_or("");
    let switch = path.strip_prefix("/faults/").map(str::parse::<usize>);
    match (method, path, switch) {
        ("GET", "/frames", _) => frames(stream, newest).await,
        ("GET", "/faults", _) => page(&mut stream, "200 OK", &list(faults)).await,
        ("POST", _, Some(Ok(fault))) if faults.switch(fault) => {
            page(&mut stream, "200 OK", &list(faults)).await
        }
        _ => {
            page(
                &mut stream,
                "404 Not Found",
                "there is /frames and /faults\n",
            )
            .await
        }
    }
}

fn list(faults: &Faults) -> String {
    let one = |fault: Fault| serde_json::json!({"title": fault.title(), "on": faults.is_on(fault)});
    format!("{}\n", serde_json::Value::from_iter(Fault::ALL.map(one)))
}

async fn page(stream: &mut TcpStream, status: &str, body: &str) -> io::Result<()> {
    let length = body.len();
    let text =
        format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
    stream.write_all(text.as_bytes()).await
}

/// Lines until the client leaves; one that reads slowly misses some, and no count.
async fn frames(mut stream: TcpStream, mut newest: watch::Receiver<Line>) -> io::Result<()> {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/jsonl\r\nconnection: close\r\n\r\n";
    stream.write_all(head.as_bytes()).await?;
    loop {
        let line = newest.borrow_and_update().clone();
        stream.write_all(line.as_bytes()).await?;
        if newest.changed().await.is_err() {
            return Ok(());
        }
    }
}
