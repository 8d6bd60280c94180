//! Proxies that run: lines of frames from their admin endpoint.

use core::time::Duration;

use engine::report::Frame;
use tokio::sync::mpsc::Sender;
use tokio::time::{sleep, timeout};

use crate::error::Error;
use crate::top::app::Update;
use crate::top::lines::{BadLine, Decoder};
use crate::top::store::{Link, SourceId};

/// The path of the stream.
const FRAMES: &str = "/frames";

/// A connect on loopback or within a cluster that takes longer will not come.
const CONNECT_MAX: Duration = Duration::from_secs(5);

/// Proxies report every second; one silent for this long is asked anew.
const SILENCE_MAX: Duration = Duration::from_secs(15);

/// The first wait before asking a lost proxy again, and the longest.
const AGAIN_MIN: Duration = Duration::from_millis(500);
const AGAIN_MAX: Duration = Duration::from_secs(5);

/// The stream of one proxy.
pub(crate) struct Stream {
    address: String,
    response: reqwest::Response,
    decoder: Decoder,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Lost {
    #[error("cannot connect to {0}")]
    Unreachable(String),
    #[error("{address} answers {status} to {FRAMES}")]
    Refused { address: String, status: u16 },
    #[error("{0} is silent")]
    Silent(String),
    #[error("{0} closed the stream")]
    Closed(String),
    #[error("{0} sent something else than frames, {1}")]
    Bad(String, BadLine),
}

/// The URL of an admin endpoint: `HOST:PORT`, or a URL.
pub(crate) fn url(address: &str, path: &str) -> String {
    match address.contains("://") {
        true => format!("{}{path}", address.trim_end_matches('/')),
        false => format!("http://{address}{path}"),
    }
}

/// A client that waits for nobody too long.
pub(crate) fn client() -> Result<reqwest::Client, Error> {
    let builder = reqwest::Client::builder()
        .connect_timeout(CONNECT_MAX)
        .no_proxy();
    let built = builder.build();
    built.map_err(|e| Error::new("cannot make an HTTP client").caused_by(e))
}

/// Follows a proxy for as long as somebody listens, and through restarts of it. It reports as often
/// as [`Stream::open`] says.
pub(in crate::top) async fn follow(
    client: reqwest::Client,
    address: String,
    every: Option<Duration>,
    source: SourceId,
    updates: Sender<Update>,
) {
    let mut again = AGAIN_MIN;
    loop {
        let lost = match Stream::open(&client, &address, every).await {
            Err(lost) => lost,
            Ok(mut stream) => loop {
                match stream.next().await {
                    Ok(frame) => {
                        again = AGAIN_MIN;
                        let frame = Update::Frame(source, Box::new(frame));
                        let link = Update::Link(source, Link::Live);
                        if updates.send(link).await.is_err() || updates.send(frame).await.is_err() {
                            return;
                        }
                    }
                    Err(lost) => break lost,
                }
            },
        };
        let link = Update::Link(source, Link::Lost(lost.to_string()));
        if updates.send(link).await.is_err() {
            return;
        }
        sleep(again).await;
        again = (again * 2).min(AGAIN_MAX);
    }
}

// === impl Stream ===

impl Stream {
    /// Asks for a frame `every` so often; none: as often as the proxy likes, each second.
    ///
    /// # Errors
    /// When nobody is there, or it is no proxy.
    pub(crate) async fn open(
        client: &reqwest::Client,
        address: &str,
        every: Option<Duration>,
    ) -> Result<Self, Lost> {
        let mut path = FRAMES.to_owned();
        if let Some(every) = every {
            path.push_str(&format!("?interval_ms={}", every.as_millis()));
        }
        let asked = timeout(CONNECT_MAX, client.get(url(address, &path)).send()).await;
        let Ok(Ok(response)) = asked else {
            return Err(Lost::Unreachable(address.to_owned()));
        };
        if !response.status().is_success() {
            return Err(Lost::Refused {
                address: address.to_owned(),
                status: response.status().as_u16(),
            });
        }
        Ok(Self {
            address: address.to_owned(),
            response,
            decoder: Decoder::default(),
        })
    }

    /// The next frame.
    ///
    /// # Errors
    /// When there will be none.
    pub(crate) async fn next(&mut self) -> Result<Frame, Lost> {
        let address = || self.address.clone();
        loop {
            match self.decoder.next() {
                Ok(Some(frame)) => return Ok(frame),
                Ok(None) => {}
                Err(bad) => return Err(Lost::Bad(address(), bad)),
            }
            match timeout(SILENCE_MAX, self.response.chunk()).await {
                Err(_) => return Err(Lost::Silent(address())),
                Ok(Err(_) | Ok(None)) => return Err(Lost::Closed(address())),
                Ok(Ok(Some(bytes))) => self.decoder.feed(&bytes),
            }
        }
    }
}
