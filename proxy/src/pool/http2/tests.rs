use core::sync::atomic::{AtomicBool, Ordering};

use futures_util::FutureExt;

use super::*;

/// A connection with a number, a limit and a switch, last heard at 95 s.
#[derive(Clone, Debug)]
struct Fake(u32, usize, Arc<AtomicBool>);

impl Multiplexed for Fake {
    fn is_alive(&self) -> bool {
        self.2.load(Ordering::Relaxed)
    }

    fn streams_max(&self) -> usize {
        self.1
    }

    fn heard(&self) -> Instant {
        at(95)
    }
}

fn alive(n: u32, streams_max: usize) -> Fake {
    Fake(n, streams_max, Arc::new(AtomicBool::new(true)))
}

fn at(seconds: u64) -> Instant {
    Instant::ZERO + Duration::from_secs(seconds)
}

fn share(mux: &Arc<Mux<Fake>>) -> Option<Share<Fake>> {
    match mux.find() {
        Found::Share(share) => Some(share),
        Found::Wait(_) => None,
    }
}

fn wait(mux: &Arc<Mux<Fake>>) -> Place<Fake> {
    match mux.find() {
        Found::Wait(place) => place,
        Found::Share(_) => panic!("there is room"),
    }
}

fn got(place: Place<Fake>) -> Option<Share<Fake>> {
    place.next.now_or_never().map(|r| r.unwrap().unwrap())
}

#[test]
fn all_who_wait_share_one_connect() {
    let mux = Arc::new(Mux::new());
    let first = wait(&mux);
    assert!(first.connect);
    mux.connecting();
    let second = wait(&mux);
    assert!(!second.connect);
    mux.connected(alive(1, 10));
    assert_eq!(got(first).unwrap().handle.0, 1);
    assert_eq!(got(second).unwrap().handle.0, 1);
}

#[test]
fn a_full_connection_is_left_alone_until_a_stream_ends() {
    let mux = Arc::new(Mux::new());
    mux.connected(alive(1, 2));
    let (a, _b) = (share(&mux).unwrap(), share(&mux).unwrap());
    let waiting = wait(&mux);
    assert!(waiting.connect);
    drop(a);
    assert_eq!(got(waiting).unwrap().handle.0, 1);
}

#[test]
fn a_stream_of_one_who_left_goes_back() {
    let mux = Arc::new(Mux::new());
    let waiting = wait(&mux);
    mux.connecting();
    mux.connected(alive(1, 1));
    // It was served, and leaves without having looked.
    drop(waiting);
    assert!(share(&mux).is_some());
}

#[test]
fn a_failed_connect_is_told_to_all() {
    let mux: Arc<Mux<Fake>> = Arc::new(Mux::new());
    let (first, second) = (wait(&mux), wait(&mux));
    mux.connecting();
    mux.failed(&ConnectError::Io {
        address: "10.0.0.1:80".parse().unwrap(),
        kind: std::io::ErrorKind::ConnectionRefused,
    });
    for place in [first, second] {
        assert!(place.next.now_or_never().unwrap().unwrap().is_err());
    }
    assert!(mux.is_unused());
}

#[test]
fn a_connection_that_ended_is_not_used() {
    let mux = Arc::new(Mux::new());
    let ended = alive(1, 10);
    mux.connected(ended.clone());
    ended.2.store(false, Ordering::Relaxed);
    assert!(wait(&mux).connect);
}

#[test]
fn connections_without_streams_are_dropped_after_their_time() {
    let mux = Arc::new(Mux::new());
    let timeout = Duration::from_secs(10);
    mux.connected(alive(1, 10));
    let held = share(&mux).unwrap();
    mux.sweep(at(0), timeout);
    mux.sweep(at(100), timeout);
    assert!(!mux.is_unused());
    drop(held);
    // Not only from the sweep on that sees it.
    assert_eq!(mux.sweep(at(100), timeout), Some(at(105)));
    assert_eq!(mux.sweep(at(105), timeout), None);
    assert!(mux.is_unused());
}
