use std::cell::Cell;
use std::rc::Rc;

use futures_util::FutureExt;

use super::*;

/// A connection with a number and a switch.
#[derive(Debug)]
struct Fake(u32, Rc<Cell<bool>>);

impl Reusable for Fake {
    fn is_alive(&mut self) -> bool {
        self.1.get()
    }
}

fn alive(n: u32) -> Fake {
    Fake(n, Rc::new(Cell::new(true)))
}

fn at(seconds: u64) -> Instant {
    Instant::ZERO + Duration::from_secs(seconds)
}

fn refused() -> ConnectError {
    ConnectError::Io {
        address: "10.0.0.1:80".parse().unwrap(),
        kind: std::io::ErrorKind::ConnectionRefused,
    }
}

/// What a place has got: a number, `-1` for a failure, none when it still waits.
fn got(place: Place<Fake>) -> Option<i64> {
    let result = place.next.now_or_never()?.unwrap();
    Some(result.map_or(-1, |c| i64::from(c.0)))
}

#[test]
fn the_newest_idle_connection_is_taken_first() {
    let queue = Queue::new();
    queue.give(alive(1), at(0));
    queue.give(alive(2), at(1));
    assert_eq!(queue.take().unwrap().0, 2);
    assert_eq!(queue.take().unwrap().0, 1);
    assert!(queue.take().is_none());
}

#[test]
fn dead_connections_are_not_taken() {
    let queue = Queue::new();
    let dead = alive(2);
    let switch = dead.1.clone();
    queue.give(alive(1), at(0));
    queue.give(dead, at(1));
    switch.set(false);
    assert_eq!(queue.take().unwrap().0, 1);
}

#[test]
fn one_connect_is_wanted_per_waiting_request() {
    let queue: Queue<Fake> = Queue::new();
    let first = queue.wait();
    assert!(first.connect);
    queue.connecting();
    let second = queue.wait();
    assert!(second.connect);
    queue.connecting();
    drop(second);
    // The connect of the one who left serves the next.
    assert!(!queue.wait().connect);
    drop(first);
}

#[test]
fn whoever_waits_longest_is_served_first_by_whatever_comes_first() {
    let queue = Queue::new();
    let (first, second) = (queue.wait(), queue.wait());
    queue.connecting();
    queue.give(alive(7), at(0));
    queue.connected(alive(8), at(0));
    assert_eq!((got(first), got(second)), (Some(7), Some(8)));
}

#[test]
fn a_failed_connect_fails_one_request() {
    let queue = Queue::new();
    let (first, second) = (queue.wait(), queue.wait());
    queue.connecting();
    queue.connecting();
    queue.failed(refused());
    assert_eq!(got(first), Some(-1));
    queue.connected(alive(1), at(0));
    assert_eq!(got(second), Some(1));
}

#[test]
fn a_connection_for_one_who_left_is_kept() {
    let queue = Queue::new();
    drop(queue.wait());
    queue.connecting();
    queue.connected(alive(1), at(0));
    assert_eq!(queue.take().unwrap().0, 1);
    assert!(queue.is_unused());
}

#[test]
fn idle_connections_are_closed_after_their_time() {
    let queue = Queue::new();
    let timeout = Duration::from_secs(10);
    queue.give(alive(1), at(0));
    queue.give(alive(2), at(5));
    assert_eq!(queue.sweep(at(9), timeout), Some(at(10)));
    assert_eq!(queue.sweep(at(10), timeout), Some(at(15)));
    assert_eq!(queue.take().unwrap().0, 2);
    assert_eq!(queue.sweep(at(11), timeout), None);
}
