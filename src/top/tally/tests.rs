use engine::report::Ended;

use super::*;
use crate::top::fixture::Proxy;

const CART: &str = "shop/cart";
const SILENCE_MAX: Duration = Duration::from_secs(5);

fn at(seconds: u64) -> Instant {
    Instant::ZERO + Duration::from_secs(seconds)
}

/// Proxies that report each second, and what was heard of them.
struct Bench {
    store: Store,
    proxies: Vec<(Proxy, super::super::store::SourceId)>,
    now: u64,
}

impl Bench {
    fn new(names: &[&str]) -> Self {
        let mut store = Store::new(Duration::MAX);
        let proxies = names.iter().map(|name| {
            let id = store.add(*name, Clock::real(at(0)));
            store.set_link(id, Link::Live, at(0));
            (Proxy::new(name), id)
        });
        let proxies = proxies.collect();
        Self {
            store,
            proxies,
            now: 0,
        }
    }

    /// `n` requests of so many milliseconds through one of the proxies.
    fn requests(&mut self, proxy: usize, n: u64, millis: u64) {
        let took = Duration::from_millis(millis);
        for _ in 0..n {
            self.proxies[proxy].0.request(CART, Ended::Success, took);
        }
    }

    /// A second passes, and these proxies report.
    fn second(&mut self, reporting: &[usize]) {
        self.now += 1;
        for (i, (proxy, id)) in self.proxies.iter_mut().enumerate() {
            let frame = proxy.frame(1);
            if reporting.contains(&i) {
                self.store.ingest(*id, frame, at(self.now));
            }
        }
    }

    fn total(&self) -> Result<Option<Counters>, String> {
        total(&self.store, at(self.now), SILENCE_MAX, |key| {
            &*key.backend.service.name == "cart"
        })
    }

    fn samples(&self) -> Option<u64> {
        self.total().unwrap().map(|counters| counters.success)
    }
}

#[test]
fn histograms_of_several_proxies_are_merged_and_not_averaged() {
    let mut bench = Bench::new(&["a", "b"]);
    bench.second(&[0, 1]);
    bench.requests(0, 98, 10);
    bench.requests(1, 2, 900);
    bench.second(&[0, 1]);
    let counters = bench.total().unwrap().unwrap();
    assert_eq!(counters.success, 100);
    let quantile = |q| counters.latency.quantile(q).unwrap();
    // The mean of two p98s would be 455 ms, that of two p99s as well.
    assert!(quantile(0.98) < 11_000, "{}", quantile(0.98));
    assert!(quantile(0.99) >= 900_000, "{}", quantile(0.99));
}

#[test]
fn what_was_counted_before_the_beginning_is_left_out() {
    let mut bench = Bench::new(&["a"]);
    bench.second(&[0]);
    bench.requests(0, 7, 1);
    bench.second(&[0]);
    assert_eq!(bench.samples(), Some(7));
    bench.requests(0, 5, 1);
    bench.store.begin_anew();
    assert_eq!(bench.samples(), None, "nothing was heard since");
    bench.second(&[0]);
    assert_eq!(bench.samples(), None, "this is where counting begins");
    bench.requests(0, 3, 1);
    bench.second(&[0]);
    assert_eq!(bench.samples(), Some(3));
}

#[test]
fn a_proxy_that_cannot_be_heard_makes_the_sum_unknown() {
    let mut bench = Bench::new(&["a", "b"]);
    bench.second(&[0, 1]);
    bench.second(&[0]);
    assert_eq!(bench.samples(), None, "b has reported once");
    bench.second(&[0, 1]);
    assert_eq!(bench.samples(), Some(0));
    for _ in 0..5 {
        bench.second(&[0]);
    }
    assert_eq!(bench.total(), Err("b is silent".into()));
    bench.second(&[0, 1]);
    assert_eq!(bench.samples(), Some(0));
    let lost = Link::Lost("cannot connect to a".into());
    bench
        .store
        .set_link(bench.proxies[0].1, lost, at(bench.now));
    assert_eq!(bench.total(), Err("cannot connect to a".into()));
}

#[test]
fn a_proxy_that_was_restarted_goes_on_counting() {
    let mut bench = Bench::new(&["a"]);
    bench.requests(0, 9, 1);
    bench.second(&[0]);
    bench.requests(0, 4, 1);
    bench.second(&[0]);
    bench.proxies[0].0.restart();
    bench.requests(0, 2, 1);
    bench.second(&[0]);
    assert_eq!(bench.samples(), Some(6));
}
