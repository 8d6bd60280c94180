//! One look: frames are taken in until the window is covered, and that is what is shown.

use core::time::Duration;

use engine::time::Instant;
use tokio::time::{self, Instant as Moment};

use super::source::proxies::{self, Stream};
use super::source::recording::Recording;
use super::store::{Clock, Link, Store};
use crate::error::Error;

/// What was seen, as of a time on the reader's clock.
pub(crate) struct Gathered {
    pub(in crate::top) store: Store,
    pub(in crate::top) now: Instant,
}

/// Reads a recording to its end; the window is the last of it.
///
/// # Errors
/// When it is no recording.
pub(crate) fn recorded(recording: Recording, window: Duration) -> Result<Gathered, Error> {
    let mut store = Store::new(window);
    let source = store.add(recording.title(), Clock::virtual_time(Instant::ZERO));
    let mut now = Instant::ZERO;
    recording.for_each(|frame| {
        now = frame.at;
        store.ingest(source, frame, now);
    })?;
    store.set_link(source, Link::Ended, now);
    Ok(Gathered { store, now })
}

/// Listens to proxies for as long as `window`, and a little more: they report every second.
///
/// # Errors
/// When one of them cannot be listened to.
pub(crate) fn gather(addresses: &[String], window: Duration) -> Result<Gathered, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Error::new("cannot start").caused_by(e))?;
    runtime.block_on(listen(addresses, window))
}

async fn listen(addresses: &[String], window: Duration) -> Result<Gathered, Error> {
    let began = Moment::now();
    let now = || Instant::from_nanos(engine::time::nanos(began.elapsed()));
    let client = proxies::client()?;
    let mut store = Store::new(window);
    let mut streams = Vec::new();
    for address in addresses {
        let stream = Stream::open(&client, address, None).await;
        let stream = stream.map_err(unreachable)?;
        let id = store.add(&**address, Clock::real(now()));
        store.set_link(id, Link::Live, now());
        streams.push((id, stream));
    }
    let (sent, mut inbox) = tokio::sync::mpsc::channel(super::source::UPDATES_MAX);
    for (id, mut stream) in streams {
        let sent = sent.clone();
        tokio::spawn(async move {
            loop {
                let next = stream.next().await;
                let over = next.is_err();
                if sent.send((id, next)).await.is_err() || over {
                    return;
                }
            }
        });
    }
    drop(sent);
    // Longer than the window by what a report may be late.
    let patience = began + window + Duration::from_secs(5);
    while !is_covered(&store, window) {
        let Ok(next) = time::timeout_at(patience, inbox.recv()).await else {
            break;
        };
        match next {
            Some((id, Ok(frame))) => store.ingest(id, frame, now()),
            Some((_, Err(lost))) => return Err(unreachable(lost)),
            None => break,
        }
    }
    let now = now();
    Ok(Gathered { store, now })
}

fn is_covered(store: &Store, window: Duration) -> bool {
    store
        .sources()
        .all(|(_, source)| source.covered() >= window)
}

fn unreachable(lost: proxies::Lost) -> Error {
    Error::new(lost.to_string())
        .hint("name the admin address of a proxy (--proxy HOST:PORT), or start `meshctl demo`")
        .hint("a recording needs no proxy: --replay FILE")
}
