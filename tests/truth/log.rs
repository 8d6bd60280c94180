//! What a run gave, in the same words whether it was simulated or real.

use std::time::Duration;

/// A pod: its Deployment, and its place among the pods of it.
pub(super) type Pod = (String, usize);

/// One request as its sender saw it, and where it went.
#[derive(Clone, Debug)]
pub(super) struct Request {
    /// The load that sent it.
    pub(super) load: String,
    /// When it was sent, from the beginning of the run.
    pub(super) due: Duration,
    pub(super) took: Duration,
    /// What of that is the machine's own doing: its timers, its scheduler. Nothing in a simulation.
    pub(super) own_cost: Duration,
    /// None when there was no answer.
    pub(super) status: Option<u16>,
    /// Its tries that reached an application, in their order, and when.
    pub(super) tries: Vec<(Pod, Duration)>,
}

/// A run.
#[derive(Clone, Debug, Default)]
pub(super) struct Log {
    /// In the order in which they were sent.
    pub(super) requests: Vec<Request>,
    /// Copies that a mirror sent.
    pub(super) copies: usize,
}

// === impl Request ===

impl Request {
    pub(super) fn is(&self, status: u16) -> bool {
        self.status == Some(status)
    }

    /// How long it took, without what is the machine's doing.
    pub(super) fn latency(&self) -> Duration {
        self.took.saturating_sub(self.own_cost)
    }
}

// === impl Log ===

impl Log {
    pub(super) fn count(&self, wanted: impl Fn(&Request) -> bool) -> usize {
        self.requests.iter().filter(|r| wanted(r)).count()
    }

    /// Requests with this status.
    pub(super) fn status(&self, status: u16) -> usize {
        self.count(|r| r.is(status))
    }

    /// The quantile of the latencies of some requests.
    pub(super) fn quantile(&self, q: f64, wanted: impl Fn(&Request) -> bool) -> Duration {
        let some = self.requests.iter().filter(|r| wanted(r));
        quantile(q, some.map(Request::latency))
    }

    /// How much more than usual the machine's own cost is for one request in a hundred.
    pub(super) fn unsteadiness(&self) -> Duration {
        let costs = |q| quantile(q, self.requests.iter().map(|r| r.own_cost));
        costs(0.99).saturating_sub(costs(0.5))
    }

    pub(super) fn tries(&self) -> usize {
        self.requests.iter().map(|r| r.tries.len()).sum()
    }

    /// When requests reached a pod.
    pub(super) fn arrivals(&self, deployment: &str, pod: usize) -> Vec<Duration> {
        let tries = self.requests.iter().flat_map(|r| &r.tries);
        let mine = tries.filter(|((name, index), _)| name == deployment && *index == pod);
        let mut all: Vec<_> = mine.map(|(_, at)| *at).collect();
        all.sort_unstable();
        all
    }

    /// The times in which a pod that got requests got none for at least this long: when each begins
    /// and ends.
    pub(super) fn gaps(&self, pod: usize, least: Duration) -> Vec<(Duration, Duration)> {
        let all = self.arrivals("web", pod);
        let pairs = all.iter().zip(all.iter().skip(1));
        pairs
            .filter(|(before, after)| **after - **before >= least)
            .map(|(before, after)| (*before, *after))
            .collect()
    }
}

fn quantile(q: f64, of: impl Iterator<Item = Duration>) -> Duration {
    let mut all: Vec<_> = of.collect();
    all.sort_unstable();
    let rank = (q * all.len() as f64).ceil() as usize;
    all.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}
