use engine::report::Ended;
use proptest::prelude::*;

use super::*;
use crate::top::fixture::{Proxy, cluster};

const CART: &str = "shop/cart";
const WINDOW: Duration = Duration::from_secs(10);

fn key(name: &str) -> ServiceKey {
    ServiceKey {
        service: cluster("shop", name),
    }
}

fn at(seconds: u64) -> Instant {
    Instant::ZERO + Duration::from_secs(seconds)
}

/// A store with one source, and its proxy.
struct Bench {
    store: Store,
    id: SourceId,
    proxy: Proxy,
    now: u64,
}

impl Bench {
    fn new(window: Duration) -> Self {
        let mut store = Store::new(window);
        let id = store.add("shop/web-0", Clock::real(at(0)));
        store.set_link(id, Link::Live, at(0));
        Self {
            store,
            id,
            proxy: Proxy::new("shop/web-0"),
            now: 0,
        }
    }

    /// `n` requests, and a frame after `seconds`.
    fn second(&mut self, seconds: u64, n: u64) {
        self.proxy.requests(CART, n);
        self.report(seconds);
    }

    fn report(&mut self, seconds: u64) {
        let frame = self.proxy.frame(seconds);
        self.now += seconds;
        self.store.ingest(self.id, frame, at(self.now));
    }

    fn source(&self) -> &Source {
        self.store.source(self.id).unwrap()
    }

    /// Requests and seconds that the window of the service has.
    fn counted(&self) -> (u64, f64) {
        let source = self.source();
        let mut rows = source.services.iter(source.frames);
        let sum = rows
            .find(|(k, _)| **k == key("cart"))
            .map(|(_, r)| r.sum.ended());
        (sum.unwrap_or(0), source.covered().as_secs_f64())
    }
}

#[test]
fn the_first_frame_is_where_counting_begins() {
    let mut bench = Bench::new(WINDOW);
    bench.second(3600, 50);
    assert_eq!(bench.counted(), (0, 0.0), "an hour of counts is no rate");
    bench.second(2, 8);
    assert_eq!(bench.counted(), (8, 2.0));
}

#[test]
fn the_window_moves_on_and_forgets() {
    let mut bench = Bench::new(WINDOW);
    bench.second(1, 1);
    for n in 1..=30 {
        bench.second(1, n);
    }
    let last_ten = (21..=30).sum::<u64>();
    assert_eq!(bench.counted(), (last_ten, 10.0));
    for _ in 0..10 {
        bench.report(1);
    }
    assert_eq!(bench.counted(), (0, 10.0));
}

#[test]
fn a_lost_connection_makes_the_window_longer_and_the_rate_no_other() {
    let mut bench = Bench::new(WINDOW);
    bench.second(1, 5);
    for _ in 0..10 {
        bench.second(1, 5);
    }
    let lost = Link::Lost("connection reset".into());
    bench.store.set_link(bench.id, lost, at(bench.now));
    assert!(bench.source().is_stale(at(bench.now)));
    for _ in 0..20 {
        bench.proxy.requests(CART, 5);
        bench.proxy.now = bench.proxy.now + Duration::from_secs(1);
    }
    bench.now += 20;
    bench.store.set_link(bench.id, Link::Live, at(bench.now));
    bench.report(0);
    let (n, seconds) = bench.counted();
    assert_eq!(n as f64 / seconds, 5.0, "{n} in {seconds} s");
    assert!(!bench.source().is_stale(at(bench.now)));
}

#[test]
fn a_restart_is_counted_from_zero_and_makes_no_jump() {
    let mut bench = Bench::new(WINDOW);
    bench.second(1, 1000);
    bench.second(1, 10);
    bench.proxy.restart();
    bench.second(4, 12);
    assert_eq!(bench.source().restarts, 1);
    assert_eq!(bench.counted(), (22, 5.0));
    bench.second(1, 3);
    assert_eq!(bench.counted(), (25, 6.0));
}

#[test]
fn a_restart_behind_a_long_silence_is_seen_by_its_rows() {
    let mut bench = Bench::new(WINDOW);
    bench.second(1, 1000);
    bench.second(1, 10);
    bench.proxy.restart();
    bench.second(60, 120);
    assert_eq!(
        bench.source().restarts,
        1,
        "its clock is ahead of the old one"
    );
    assert_eq!(
        bench.counted(),
        (120, 60.0),
        "a minute is more than the window"
    );
}

#[test]
fn a_frame_that_comes_twice_counts_once() {
    let mut bench = Bench::new(WINDOW);
    bench.second(1, 4);
    bench.second(1, 4);
    bench.store.ingest(bench.id, bench.proxy.frame(0), at(5));
    assert_eq!(bench.counted(), (4, 1.0));
}

#[test]
fn a_row_that_was_not_reported_for_long_makes_no_jump_when_it_returns() {
    let mut bench = Bench::new(WINDOW);
    bench.second(1, 100);
    for _ in 0..30 {
        bench.now += 1;
        let mut frame = bench.proxy.frame(1);
        frame.services.0.clear();
        bench.store.ingest(bench.id, frame, at(bench.now));
    }
    assert!(
        bench.source().services.get(&key("cart")).is_none(),
        "it expired"
    );
    bench.report(1);
    assert_eq!(bench.counted().0, 0, "100 requests of long ago");
    bench.second(1, 2);
    assert_eq!(bench.counted().0, 2);
}

#[test]
fn rows_and_sources_expire() {
    let mut bench = Bench::new(WINDOW);
    bench.second(1, 4);
    bench.second(1, 4);
    bench
        .store
        .set_link(bench.id, Link::Lost("gone".into()), at(2));
    assert!(!bench.store.expire(at(61)));
    assert!(bench.source().rows() > 0);
    assert!(bench.store.expire(at(62)));
    assert_eq!(bench.source().rows(), 0);
    assert!(!bench.store.expire(at(63)), "once");
    bench.store.set_link(bench.id, Link::Live, at(64));
    bench.second(1, 3);
    assert_eq!(bench.counted(), (0, 0.0), "counting begins again");
}

#[test]
fn a_silent_source_is_stale_and_one_that_was_paused_is_not() {
    let mut bench = Bench::new(WINDOW);
    bench.report(1);
    assert!(!bench.source().is_stale(at(5)));
    assert!(bench.source().is_stale(at(6)));
    bench.store.set_link(bench.id, Link::Paused, at(6));
    assert!(!bench.source().is_stale(at(600)));
}

#[test]
fn events_are_kept_up_to_a_bound_and_counted_beyond() {
    let mut bench = Bench::new(WINDOW);
    for i in 0..EVENTS_MAX + 3 {
        let (kind, when) = (
            engine::report::EventKind::Overflow,
            Instant::from_nanos(i as u64),
        );
        bench.proxy.recorder.event(when, kind, format!("{i}"));
        if i % 1000 == 999 {
            bench.report(1);
        }
    }
    bench.report(1);
    assert_eq!(bench.store.events().len(), EVENTS_MAX);
    assert_eq!(bench.store.events_dropped(), 3);
    assert_eq!(bench.store.events().next().unwrap().event.subject, "3");
}

#[test]
fn rows_beyond_the_bound_are_counted_and_not_kept() {
    let mut bench = Bench::new(WINDOW);
    bench.proxy.requests(CART, 1);
    let frame = bench.proxy.frame(1);
    let source = bench.store.sources.get_mut(&bench.id).unwrap();
    let dropped = source.ingest(frame, WINDOW, 2, at(1));
    assert_eq!((dropped, source.rows()), (3, 2));
}

#[test]
fn a_sparkline_adds_up_the_sources_from_the_newest_point() {
    let mut bench = Bench::new(WINDOW);
    bench.second(1, 1);
    let second = bench.store.add("shop/web-1", Clock::real(at(0)));
    let mut other = Proxy::new("shop/web-1");
    other.requests(CART, 1);
    bench.store.ingest(second, other.frame(1), at(1));
    for n in [2, 3, 4] {
        bench.second(1, n);
    }
    other.requests(CART, 10);
    bench.store.ingest(second, other.frame(1), at(2));
    assert_eq!(bench.store.history(&key("cart")), [2.0, 3.0, 14.0]);
}

/// What a proxy does in one step.
#[derive(Clone, Debug)]
enum Step {
    Frame {
        seconds: u64,
        requests: u64,
    },
    /// The frame is lost on the way.
    Lost {
        seconds: u64,
        requests: u64,
    },
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (1u64..4, 0u64..20).prop_map(|(seconds, requests)| Step::Frame { seconds, requests }),
        2 => (1u64..4, 0u64..20).prop_map(|(seconds, requests)| Step::Lost { seconds, requests }),
        1 => Just(Step::Restart),
    ];
    proptest::collection::vec(step, 1..40)
}

proptest! {
    /// Whatever is lost and restarted, with a window without end the sum is what was counted
    /// since the first frame, but for what a restart took with it unreported.
    #[test]
    fn nothing_is_counted_twice_and_nothing_is_lost(steps in steps()) {
        let mut bench = Bench::new(Duration::MAX);
        bench.second(1, 7);
        let (mut reported, mut pending, mut time, mut silent) = (0, 0, 0, 0);
        for step in steps {
            match step {
                Step::Frame { seconds, requests } => {
                    bench.second(seconds, requests);
                    reported += pending + requests;
                    time += silent + seconds;
                    (pending, silent) = (0, 0);
                }
                Step::Lost { seconds, requests } => {
                    bench.proxy.requests(CART, requests);
                    let _ = bench.proxy.frame(seconds);
                    bench.now += seconds;
                    pending += requests;
                    silent += seconds;
                }
                Step::Restart => {
                    bench.proxy.restart();
                    // What it counted before and nobody heard of is gone.
                    pending = 0;
                    bench.second(1, 1);
                    reported += 1;
                    time += silent + 1;
                    silent = 0;
                }
            }
        }
        prop_assert_eq!(bench.counted(), (reported, time as f64));
    }

    /// The sum that is kept up to date is the sum of the slices.
    #[test]
    fn sums_are_those_of_the_slices(
        counts in proptest::collection::vec((1u64..5, 0u64..30), 1..40),
        window in 1u64..20,
    ) {
        let mut bench = Bench::new(Duration::from_secs(window));
        bench.second(1, 3);
        for (seconds, n) in counts {
            bench.second(seconds, n);
            let source = bench.source();
            let slices = source.slices(&source.services, &key("cart"));
            let mut sum = Histogram::new();
            slices.iter().for_each(|latency| sum.merge(latency));
            let rows = source.services.iter(source.frames);
            let rows: Vec<_> = rows.map(|(_, rated)| rated.sum.latency.clone()).collect();
            prop_assert_eq!(rows, [sum]);
        }
    }

    /// Windows are at least as long as asked once there is enough, and at most by the longest
    /// slice longer.
    #[test]
    fn a_window_is_covered_and_not_much_more(
        lengths in proptest::collection::vec(1u64..4, 30..60),
        window in 4u64..20,
    ) {
        let mut bench = Bench::new(Duration::from_secs(window));
        bench.second(1, 1);
        for seconds in lengths {
            bench.second(seconds, 1);
        }
        let covered = bench.source().covered().as_secs();
        prop_assert!((window..window + 4).contains(&covered), "{covered} of {window}");
    }
}

#[test]
fn failures_are_those_of_the_classification() {
    let mut bench = Bench::new(WINDOW);
    bench.report(1);
    for how in [
        Ended::Success,
        Ended::Failure,
        Ended::LocalFailure,
        Ended::Ignored,
    ] {
        bench.proxy.request(CART, how, Duration::from_millis(3));
    }
    bench.report(1);
    let source = bench.source();
    let (_, rated) = source.services.iter(source.frames).next().unwrap();
    assert_eq!(rated.sum.success_rate(), Some(1.0 / 3.0));
    assert_eq!((rated.sum.ended(), rated.sum.latency.count()), (4, 3));
}
