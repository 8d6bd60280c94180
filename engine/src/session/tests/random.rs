//! Random interleavings of many requests: nothing is lost, nothing is counted twice, and when a
//! timer fires makes no difference.

use proptest::prelude::*;

use super::*;
use crate::report::{EndpointState, EndpointStatus, Event};
use crate::snapshot::{Outlier, UnifiedBreaker};

/// One thing that happens; the numbers choose among the requests there are.
#[derive(Clone, Debug)]
enum Happens {
    Opens,
    Proceeds(usize, u8),
    Leaves(usize),
    Endpoints(u8),
    Policy(bool),
    Time(u64),
    Connects(usize),
    Disconnects,
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        4 => Just(Happens::Opens),
        12 => (any::<usize>(), any::<u8>()).prop_map(|(i, n)| Happens::Proceeds(i, n)),
        1 => any::<usize>().prop_map(Happens::Leaves),
        1 => (0u8..5).prop_map(Happens::Endpoints),
        1 => any::<bool>().prop_map(Happens::Policy),
        4 => prop_oneof![0u64..50, 0u64..20_000].prop_map(Happens::Time),
        2 => any::<usize>().prop_map(Happens::Connects),
        1 => Just(Happens::Disconnects),
    ]
}

/// Where a request is in its life.
enum At {
    /// `next_attempt` is to be called, not before this.
    Next(Instant),
    Waits(Wait),
    Sent,
    Streams,
}

struct World {
    bench: Bench,
    now: u64,
    requests: Vec<(Session, At)>,
    permits: Vec<ConnectionPermit>,
    endpoints: u8,
    strict: bool,
    /// What was decided: the picks and the ends.
    story: Vec<String>,
    ticks: bool,
}

fn cluster(strict: bool) -> Cluster {
    policy(|c| {
        c.limits.requests = 6;
        c.limits.pending_requests = 3;
        c.limits.connections = 3;
        c.breaker = Some(
            UnifiedBreaker {
                max_failures: if strict { 1 } else { 3 },
                ..UnifiedBreaker::default()
            }
            .into(),
        );
        c.outlier = Some(Outlier {
            max_ejection_time_jitter: ms(700),
            ..Outlier::default()
        });
    })
}

impl World {
    fn new(ticks: bool) -> Self {
        let policy = RetryPolicy {
            backoff_base: ms(25),
            backoff_max: ms(250),
            ..retry()
        };
        let rule = rule(|r| {
            r.retry = Some(policy);
            r.timeouts.request = Some(ms(10_000));
        });
        let mut world = Self {
            bench: Bench::new(3, rule, |c| *c = cluster(false)),
            now: 0,
            requests: Vec::new(),
            permits: Vec::new(),
            endpoints: 3,
            strict: false,
            story: Vec::new(),
            ticks,
        };
        world.bench.trail = Trail::off();
        world
    }

    fn step(&mut self, what: &Happens) {
        match what {
            Happens::Opens => {
                let session = self.bench.session(request(Method::GET), at(self.now));
                self.requests.push((session, At::Next(at(self.now))));
            }
            Happens::Proceeds(i, n) if !self.requests.is_empty() => {
                let i = i % self.requests.len();
                let (session, place) = self.requests.swap_remove(i);
                self.proceed(session, place, *n);
            }
            Happens::Leaves(i) if !self.requests.is_empty() => {
                let (mut session, place) = self.requests.swap_remove(i % self.requests.len());
                drop(place);
                session.cancel(at(self.now));
            }
            Happens::Connects(i) if !self.requests.is_empty() => {
                let i = i % self.requests.len();
                let (session, place) = &mut self.requests[i];
                if matches!(place, At::Sent) {
                    let now = at(self.now);
                    match session.connection(now, &mut self.bench.trail) {
                        Connect::Open(permit) => self.permits.push(permit),
                        Connect::Wait(_) => {}
                        Connect::Fail(_) => drop(self.requests.swap_remove(i)),
                    }
                }
            }
            Happens::Endpoints(n) => {
                self.endpoints = *n;
                self.apply();
            }
            Happens::Policy(strict) => {
                self.strict = *strict;
                self.apply();
            }
            Happens::Time(millis) => self.pass(*millis),
            Happens::Disconnects => drop(self.permits.pop()),
            Happens::Proceeds(..) | Happens::Leaves(_) | Happens::Connects(_) => {}
        }
    }

    fn apply(&mut self) {
        let endpoints = (0..self.endpoints).map(endpoint).collect();
        let outbound = outbound(cluster(self.strict), endpoints);
        self.bench.proxy.apply(&outbound, at(self.now));
    }

    /// Lets time pass; with `ticks` every timer fires at its time, without none ever does.
    fn pass(&mut self, millis: u64) {
        let until = at(self.now + millis);
        while self.ticks
            && let Some(due) = self.bench.proxy.next_tick()
            && due <= until
        {
            self.bench.proxy.tick(due);
        }
        self.now += millis;
    }

    fn proceed(&mut self, mut session: Session, place: At, n: u8) {
        let now = at(self.now);
        let place = match place {
            At::Next(when) if when > now => Some(At::Next(when)),
            At::Next(_) => self.attempt(&mut session),
            At::Waits(wait) => {
                drop(wait);
                self.attempt(&mut session)
            }
            At::Sent if n < 60 => {
                let how = [Broken::Connect, Broken::Reset, Broken::Timeout][usize::from(n % 3)];
                match self.bench.broke(&mut session, how, now) {
                    OnFailure::Retry { at } => Some(At::Next(at)),
                    OnFailure::Fail(failure) => self.note(format!("{failure}")),
                }
            }
            At::Sent => {
                let code = [200, 503, 500, 200, 429][usize::from(n % 5)];
                match self.bench.head(&mut session, response(code), now) {
                    OnHead::Retry { at, .. } => Some(At::Next(at)),
                    OnHead::Pass => Some(At::Streams),
                }
            }
            At::Streams => {
                let end = if n < 40 {
                    End::Broken(Broken::Reset)
                } else {
                    End::Complete(None)
                };
                let ended = session.on_end(end, now);
                self.note(format!("{ended:?}"))
            }
        };
        if let Some(place) = place {
            self.requests.push((session, place));
        }
    }

    fn attempt(&mut self, session: &mut Session) -> Option<At> {
        match session.next_attempt(at(self.now), &mut self.bench.trail) {
            Next::Attempt(attempt) => {
                self.story
                    .push(format!("{} {:?}", self.now, attempt.endpoint.address));
                Some(At::Sent)
            }
            // When to look again may differ: a timer that is overdue is told as such.
            Next::Wait(wait) => Some(At::Waits(wait)),
            Next::Fail(failure) => self.note(format!("{failure}")),
        }
    }

    fn note(&mut self, what: String) -> Option<At> {
        self.story.push(format!("{} {what}", self.now));
        None
    }

    fn check(&self) -> Result<(), TestCaseError> {
        let in_use = self.bench.live.in_use();
        let under_way = |place: &At| matches!(place, At::Sent | At::Streams);
        let attempts = self.requests.iter().filter(|(_, p)| under_way(p)).count();
        let waiting = self
            .requests
            .iter()
            .filter(|(_, p)| matches!(p, At::Waits(_)));
        prop_assert_eq!(in_use.requests as usize, attempts);
        prop_assert_eq!(in_use.pending as usize, waiting.count());
        prop_assert_eq!(in_use.connections as usize, self.permits.len());
        prop_assert!(in_use.requests <= 6 && in_use.pending <= 3 && in_use.retries <= 3);
        let states = self.bench.live.endpoint_states(at(self.now));
        let ejected = |s: &EndpointState| s.status == EndpointStatus::Ejected;
        let probing = |s: &EndpointState| match s.status {
            EndpointStatus::HalfOpen { taken, slots } => taken > slots,
            _ => false,
        };
        prop_assert!(!states.iter().any(|(_, s)| probing(s)));
        // Endpoints that leave can raise the share; an ejection may not.
        if self.endpoints == 3 {
            prop_assert!(states.iter().filter(|(_, s)| ejected(s)).count() <= 2);
        }
        Ok(())
    }

    fn events(&self) -> Vec<Event> {
        self.bench.proxy.drain_events("test", at(self.now))
    }
}

proptest! {
    #[test]
    fn everything_that_was_taken_is_given_back(
        steps in prop::collection::vec(happens(), 1..300),
    ) {
        let mut world = World::new(false);
        for step in &steps {
            world.step(step);
            world.check()?;
        }
        world.requests.clear();
        world.permits.clear();
        world.bench.check_nothing_under_way(at(world.now));
        let loads = world.bench.live.endpoint_loads(at(world.now));
        prop_assert!(loads.iter().all(|l| l.active == 0 && l.connections == 0));
    }

    #[test]
    fn timers_make_no_difference(steps in prop::collection::vec(happens(), 1..300)) {
        let (mut lazy, mut eager) = (World::new(false), World::new(true));
        for step in &steps {
            lazy.step(step);
            eager.step(step);
        }
        prop_assert_eq!(&lazy.story, &eager.story);
        prop_assert_eq!(lazy.events(), eager.events());
        let (a, b) = (lazy.bench.live.clone(), eager.bench.live.clone());
        let now = at(lazy.now);
        prop_assert_eq!(a.endpoint_states(now), b.endpoint_states(now));
    }
}
