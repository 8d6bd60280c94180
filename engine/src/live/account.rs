//! What an attempt's outcome does to its endpoint and its cluster.

use super::cluster::State;
use super::ticket::Attempted;
use crate::balance::Slot;
use crate::breaker::{Change, Ended};
use crate::classify::{Assessment, Broken, Outcome};
use crate::limit::Full;
use crate::report::EventKind;
use crate::snapshot::{Balancer, Breaker};
use crate::time::Duration;

impl State {
    /// The response head came.
    pub(super) fn account_head(&mut self, ticket: &mut Attempted, assessment: Option<&Assessment>) {
        if ticket.opened {
            self.tell_fail_fast(ticket.slot, true);
        }
        match assessment {
            Some(assessment) => self.judge(ticket, assessment),
            None => self.time(ticket, Duration::ZERO),
        }
    }

    /// The attempt is over.
    pub(super) fn account_end(&mut self, ticket: &mut Attempted, assessment: &Assessment) {
        self.judge(ticket, assessment);
        let connect = [Broken::Connect, Broken::ConnectTimeout, Broken::Tls];
        if matches!(assessment.outcome, Outcome::Broken(how) if connect.contains(&how)) {
            self.tell_fail_fast(ticket.slot, false);
        }
        self.in_use.requests = self.in_use.requests.saturating_sub(1);
        if let Some(host) = self.host_mut(ticket.slot) {
            host.active = host.active.saturating_sub(1);
        }
        self.release_if_done(ticket.slot);
    }

    /// Takes the response time once: until the head, or until the end when no head came. A failure
    /// is taken to have cost at least `penalty`, since an endpoint that fails in a millisecond
    /// would otherwise look like the best one.
    fn time(&mut self, ticket: &mut Attempted, penalty: Duration) {
        let first = !core::mem::replace(&mut ticket.timed, true);
        let Balancer::PeakEwma { decay, .. } = self.policy.balancer else {
            return;
        };
        let now = self.now;
        let Some(host) = self.host_mut(ticket.slot) else {
            return;
        };
        if first {
            let took = now.since(ticket.started).max(penalty);
            host.cost.observe(took, now, decay);
        } else if !penalty.is_zero() {
            // The head was fine and what followed was not: gRPC statuses come last.
            host.cost.observe(penalty, now, decay);
        }
    }

    /// Lets penalty, outlier detection and breaker have their say, once per attempt.
    fn judge(&mut self, ticket: &mut Attempted, assessment: &Assessment) {
        if core::mem::replace(&mut ticket.judged, true) {
            return;
        }
        let penalty = self.penalty(assessment);
        self.time(ticket, penalty);
        let ended = Ended {
            class: assessment.class,
            hint: assessment.hint,
            probe: ticket.probe,
        };
        self.tell_outlier(ticket.slot, assessment);
        self.tell_breaker(ticket.slot, ended);
    }

    fn penalty(&self, assessment: &Assessment) -> Duration {
        match self.policy.balancer {
            Balancer::PeakEwma {
                failure_penalty, ..
            } if assessment.class.is_failure() && !failure_penalty.is_zero() => {
                assessment.hint_after().unwrap_or(failure_penalty)
            }
            _ => Duration::ZERO,
        }
    }

    fn tell_outlier(&mut self, slot: Slot, assessment: &Assessment) {
        if assessment.outcome == Outcome::Cancelled {
            return;
        }
        let Some(detector) = &self.detector else {
            return;
        };
        let host = self.hosts.get_mut(slot as usize).and_then(Option::as_mut);
        let Some(host) = host.filter(|host| host.present) else {
            return;
        };
        let reasons = host.outlier.count(detector.policy(), assessment.class);
        // Nearly always there is nothing to propose.
        if reasons.iter().all(Option::is_none) {
            return;
        }
        let Some(detector) = self.detector.take() else {
            return;
        };
        for reason in reasons.into_iter().flatten() {
            let Some(index) = self.order.iter().position(|s| *s == slot) else {
                continue;
            };
            let (now, mut rng) = (self.now, self.rng.clone());
            let change = detector.propose(&mut self.records(), index, reason, now, &mut rng);
            self.rng = rng;
            if let Some(change) = change {
                self.outlier_changed(slot, change.kind, now);
            }
        }
        self.detector = Some(detector);
    }

    fn tell_breaker(&mut self, slot: Slot, ended: Ended) {
        let cap = self
            .policy
            .breaker
            .as_ref()
            .map_or(100, Breaker::cap_percent);
        let may_open = cap >= 100 || self.breaker_cap_allows(cap);
        let now = self.now;
        let Some(policy) = &self.policy.breaker else {
            return;
        };
        let host = self.hosts.get_mut(slot as usize).and_then(Option::as_mut);
        let breaker = host.filter(|host| host.present);
        let breaker = breaker.and_then(|host| host.breaker.as_mut());
        let change = breaker.and_then(|b| b.record(policy, ended, may_open, now, &mut self.rng));
        let Some(change) = change else {
            return;
        };
        match change {
            Change::Opened { tripped, .. } => {
                self.counts.breaker_openings += 1;
                let why = tripped.describe();
                self.endpoint_event(now, EventKind::BreakerOpened, slot, &why);
            }
            Change::Reopened { .. } => {
                self.endpoint_event(now, EventKind::BreakerOpened, slot, "the probe failed");
            }
            Change::Closed => {
                self.endpoint_event(now, EventKind::BreakerClosed, slot, "the probe succeeded");
                self.improved();
            }
            Change::ProbeReturned => self.improved(),
            // It was closed and stays so.
            Change::Capped(_) => {
                self.counts.breaker_openings_capped += 1;
                return;
            }
        }
        self.eligibility_changed();
        self.plan();
    }

    /// One endpoint alone may always be held back; of several at most `percent` of a hundred.
    fn breaker_cap_allows(&self, percent: u32) -> bool {
        let hosts = self.order.len() as u64;
        let closed = |host: &super::host::Host| {
            use crate::breaker::Position::Closed;
            host.breaker.as_ref().is_none_or(|b| b.position() == Closed)
        };
        let open = self.present().filter(|(_, host)| !closed(host)).count() as u64;
        hosts <= 1 || 100 * (open + 1) <= u64::from(percent) * hosts
    }

    /// `first` = the attempt did not ask before: then a refusal counts as an overflow.
    pub(super) fn admit_connection(&mut self, slot: Slot, first: bool) -> Result<(), Full> {
        let to_endpoint = self.host(slot).map_or(0, |h| h.connections);
        let limits = &self.policy.limits;
        match self.in_use.admit_connection(to_endpoint, limits) {
            Ok(()) => {
                if let Some(host) = self.host_mut(slot) {
                    host.connections += 1;
                }
                Ok(())
            }
            Err(full) if first => Err(self.overflow(full)),
            Err(full) => Err(full),
        }
    }

    pub(super) fn release_connection(&mut self, slot: Slot) {
        self.in_use.connections = self.in_use.connections.saturating_sub(1);
        if let Some(host) = self.host_mut(slot) {
            host.connections = host.connections.saturating_sub(1);
        }
        self.release_if_done(slot);
        self.waiters.wake_all();
    }

    fn release_if_done(&mut self, slot: Slot) {
        if self.host(slot).is_some_and(|host| host.is_done()) {
            self.hosts[slot as usize] = None;
            self.free.push(slot);
        }
    }
}
