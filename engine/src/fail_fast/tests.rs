use super::*;

fn at(millis: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(millis)
}

/// One endpoint with its policy.
struct Bench {
    policy: ConnectFailFast,
    endpoint: FailFast,
    rng: Entropy,
}

impl Bench {
    fn new(change: impl FnOnce(&mut ConnectFailFast)) -> Self {
        let mut policy = ConnectFailFast::default();
        change(&mut policy);
        Self {
            policy,
            endpoint: FailFast::default(),
            rng: Entropy::from_seed(4),
        }
    }

    fn connected(&mut self, ok: bool, now: Instant) -> Option<Change> {
        self.endpoint
            .connected(&self.policy, ok, now, &mut self.rng)
    }

    /// The reconnect that is due ends with `ok`; when it was.
    fn reconnect(&mut self, ok: bool) -> (Instant, Option<Change>) {
        let due = self.endpoint.wakes_at().unwrap();
        assert!(!self.endpoint.start(due - Duration::from_nanos(1)));
        assert!(self.endpoint.start(due));
        assert_eq!(self.endpoint.wakes_at(), None, "one at a time");
        let change = self
            .endpoint
            .reconnected(&self.policy, ok, due, &mut self.rng);
        (due, change)
    }
}

#[test]
fn a_failed_connect_kills_and_a_reconnect_revives() {
    let mut b = Bench::new(|_| ());
    assert_eq!(b.connected(true, at(0)), None);
    assert_eq!(b.connected(false, at(0)), Some(Change::Died));
    assert_eq!(b.connected(false, at(1)), None, "it is dead already");
    assert_eq!(b.endpoint.dead(), Some((at(0), at(1_000))));
    assert_eq!(b.reconnect(true), (at(1_000), Some(Change::Revived)));
    assert!(!b.endpoint.is_dead());
}

#[test]
fn waits_are_random_in_a_window_that_doubles_and_then_constant() {
    let mut b = Bench::new(|_| ());
    b.connected(false, at(0));
    let mut last = at(0);
    let mut waits = Vec::new();
    for _ in 0..8 {
        let (due, change) = b.reconnect(false);
        assert_eq!(change, None);
        waits.push(due.since(last).as_secs_f64());
        last = due;
    }
    assert!((waits[0] - 1.0).abs() < 1e-9);
    for (wait, window) in waits[1..5].iter().zip([2.0, 4.0, 8.0, 16.0]) {
        assert!(*wait > 0.0 && *wait < window, "{waits:?}");
    }
    for wait in &waits[5..] {
        assert!((*wait - 32.0).abs() < 1e-9, "{waits:?}");
    }
}

#[test]
fn a_connect_that_was_under_way_may_revive_it() {
    let mut b = Bench::new(|_| ());
    b.connected(false, at(0));
    assert_eq!(b.connected(true, at(10)), Some(Change::Revived));
    assert_eq!(b.endpoint.wakes_at(), None, "nothing is to be done");
}

#[test]
fn a_schedule_that_ends_takes_it_for_living() {
    let mut b = Bench::new(|p| p.reconnects_max = Some(2));
    b.connected(false, at(0));
    assert_eq!(b.reconnect(false).1, None);
    assert_eq!(b.reconnect(false).1, Some(Change::GaveUp));
    assert!(!b.endpoint.is_dead());
}
