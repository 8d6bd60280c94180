//! Pings on a silent connection.

use core::time::Duration;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use crate::http2::{Config, Driver, Heard, KeepAlive, client};
use crate::net::Rt as _;
use crate::net::testing::{Node, World};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

const KEEP_ALIVE: KeepAlive = KeepAlive {
    interval: Duration::from_secs(10),
    timeout: Duration::from_secs(3),
};

type Wire = Driver<Heard<DuplexStream, Node>>;

/// A client whose peer says nothing by itself.
async fn silent() -> (Node, Wire, Arc<AtomicU64>, DuplexStream) {
    let rt = World::default().node("10.0.0.1", false);
    let (near, far) = tokio::io::duplex(64 * 1024);
    let (io, last) = Heard::new(near, rt.clone());
    let (_client, driver) = client(io, &Config::default()).await.unwrap();
    // The handle has to live, or the connection ends in order.
    core::mem::forget(_client);
    (rt, driver, last, far)
}

#[tokio::test(start_paused = true)]
async fn a_ping_that_stays_unanswered_ends_the_connection() {
    let (rt, driver, last, _far) = silent().await;
    let began = rt.now();
    let ended = KEEP_ALIVE.drive(driver, &rt, &last, || true).await;
    assert!(ended.is_err());
    let took = rt.now().since(began);
    assert!((13..14).contains(&took.as_secs()), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn without_streams_nobody_pings() {
    let (rt, driver, last, mut far) = silent().await;
    let drive = KEEP_ALIVE.drive(driver, &rt, &last, || false);
    tokio::select! {
        ended = drive => panic!("it goes on: {ended:?}"),
        () = rt.sleep_until(rt.now() + Duration::from_secs(3600)) => {}
    }
    let mut sent = vec![0; 4096];
    let n = far.read(&mut sent).await.unwrap();
    // The preface and SETTINGS, and no frame of type 6 (PING) behind them.
    assert!(sent[..n].starts_with(b"PRI * HTTP/2.0"));
    assert!(
        !frames(&sent[24..n]).contains(&6),
        "{:?}",
        frames(&sent[24..n])
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_heard_puts_the_ping_off() {
    let (rt, driver, last, mut far) = silent().await;
    let began = rt.now();
    let talk = async {
        // An empty SETTINGS first, then a PING of the peer's every five seconds, four times.
        far.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.unwrap();
        for _ in 0..4 {
            rt.sleep_until(rt.now() + Duration::from_secs(5)).await;
            let ping = [0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
            far.write_all(&ping).await.unwrap();
        }
        core::future::pending::<()>().await;
    };
    tokio::select! {
        ended = KEEP_ALIVE.drive(driver, &rt, &last, || true) => assert!(ended.is_err()),
        () = talk => {}
    }
    let took = rt.now().since(began);
    assert_eq!(
        took.as_secs(),
        33,
        "20 s of talk, 10 s of silence, 3 s of patience"
    );
}

/// Types of the frames in `bytes`.
fn frames(mut bytes: &[u8]) -> Vec<u8> {
    let mut types = Vec::new();
    while let [a, b, c, kind, ..] = bytes {
        let len = usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c);
        types.push(*kind);
        bytes = bytes.get(9 + len..).unwrap_or_default();
    }
    types
}
