//! The scenario's load in real time: open, so that a request is sent when it is due, whatever became
//! of those before. Each has a twin that goes straight to an application.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sim::scenario::Load;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time;

use super::app::{NUMBER, TAKES};

/// Nothing in a scenario takes as long.
const PATIENCE: Duration = Duration::from_secs(20);

/// Connections of a client: idle ones are used again.
#[derive(Clone)]
pub(super) struct Client {
    to: SocketAddr,
    idle: Arc<Mutex<Vec<TcpStream>>>,
}

/// What is sent.
#[derive(Clone, Debug)]
pub(super) struct Due {
    pub(super) load: String,
    pub(super) at: Duration,
    head: String,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// How long the application meant to take, if it was an application that answered.
    pub(super) takes: Option<Duration>,
}

/// Every request of a load, numbered from `first` on.
pub(super) fn due(load: &Load, run: Duration, first: usize) -> Vec<Due> {
    let rate = load.rate.expect("an open load");
    let count = (run.as_secs_f64() * rate).ceil() as usize;
    let headers: String = load
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    let (host, path) = (load.to.authority(), &load.to.path);
    let one = |n: usize| Due {
        load: load.name.clone(),
        at: Duration::from_secs_f64(n as f64 / rate),
        head: format!(
            "GET {path} HTTP/1.1\r\nhost: {host}\r\n{NUMBER}: {}\r\n{headers}\r\n",
            first + n
        ),
    };
    (0..count).map(one).collect()
}

// === impl Client ===

impl Client {
    pub(super) fn new(to: SocketAddr) -> Self {
        Self {
            to,
            idle: Arc::default(),
        }
    }

    /// Sends a request when it is due: the answer, and how long after that it came.
    pub(super) async fn send(&self, due: &Due, start: time::Instant) -> (Option<Answer>, Duration) {
        let at = start + due.at;
        time::sleep_until(at).await;
        let answer = time::timeout(PATIENCE, self.ask(&due.head)).await;
        (answer.ok().and_then(Result::ok), at.elapsed())
    }

    /// Sends a request that nobody counts, at once.
    pub(super) async fn warm_up(&self, load: &Load) {
        let host = load.to.authority();
        let head = format!("GET / HTTP/1.1\r\nhost: {host}\r\n\r\n");
        // Whatever became of it: it is not this that is tested.
        let _ = time::timeout(PATIENCE, self.ask(&head)).await;
    }

    async fn ask(&self, head: &str) -> io::Result<Answer> {
        let idle = self.idle.lock().unwrap().pop();
        let mut stream = match idle {
            Some(stream) => stream,
            None => TcpStream::connect(self.to).await?,
        };
        stream.set_nodelay(true)?;
        stream.write_all(head.as_bytes()).await?;
        let mut bytes = Vec::new();
        let end = loop {
            if let Some(end) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
                break end + 4;
            }
            if stream.read_buf(&mut bytes).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        };
        let text = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
        let header = |name: &str| {
            let mut lines = text.lines();
            let value = lines.find_map(|l| l.strip_prefix(&format!("{name}:")));
            value.and_then(|v| v.trim().parse::<u64>().ok())
        };
        let length = header("content-length").unwrap_or(0) as usize;
        while bytes.len() < end + length {
            if stream.read_buf(&mut bytes).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        if !text.contains("connection: close") {
            self.idle.lock().unwrap().push(stream);
        }
        let status = text.split(' ').nth(1).and_then(|s| s.parse().ok());
        Ok(Answer {
            status: status.unwrap_or(0),
            takes: header(TAKES).map(Duration::from_nanos),
        })
    }
}
