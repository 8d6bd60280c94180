//! What happened in a run, in few lines: what the scenario did, and what the mesh did about it.
//!
//! Each proxy has breakers and ejections of its own, and a failed probe opens a breaker anew, so
//! one broken endpoint makes dozens of events. All of one kind about one subject become one line:
//! the first time with its reason and the policy behind it, how often and at how many proxies, and
//! whether it is over.

use std::collections::{BTreeMap, BTreeSet};

use engine::report::{Event, EventKind};

use super::Report;
use super::clean;
use crate::scenario::Span;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Line {
    pub at_ns: u64,
    pub by_mesh: bool,
    /// Visible characters only.
    pub text: String,
}

/// What several events are about together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Family {
    Breaker,
    Ejection,
    EjectionWithheld,
    Panic,
    FailFast,
    HealthCheck,
    Connect,
    Overflow,
    ConfigurationRefused,
    CertificateExpired,
}

/// What an event means for its family.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Begin,
    Probe,
    End,
}

/// The events of one family about one subject.
struct Episode<'a> {
    first: &'a Event,
    begins: u64,
    proxies: BTreeSet<&'a str>,
    /// The proxies in which it has not ended.
    lasting: BTreeSet<&'a str>,
    ended: Option<&'a Event>,
}

/// All lines in order: what the scenario did, and what the mesh did.
pub(super) fn lines(report: &Report) -> Vec<Line> {
    let mut lines: Vec<_> = report.events.iter().map(Line::of_scenario).collect();
    let mut episodes: BTreeMap<(Family, &str), Episode<'_>> = BTreeMap::new();
    for event in report.frames.iter().flat_map(|f| &f.events) {
        if event.kind == EventKind::ProxyStarted {
            // What a proxy knew dies with it.
            for episode in episodes.values_mut() {
                episode.lasting.remove(&*event.source);
            }
        }
        let Some((family, phase)) = Family::of(event.kind) else {
            continue;
        };
        match (episodes.get_mut(&(family, &*event.subject)), phase) {
            (Some(episode), phase) => episode.add(event, phase),
            (None, Phase::Begin) => {
                let mut episode = Episode::new(event);
                episode.add(event, phase);
                episodes.insert((family, &*event.subject), episode);
            }
            (None, _) => {}
        }
    }
    lines.extend(episodes.iter().map(|((family, _), e)| e.line(*family)));
    lines.sort();
    lines
}

/// A time of the run: `20.17s`, `1m12.4s`.
pub(super) fn clock(ns: u64) -> String {
    let hundredth = 10_000_000;
    Span(core::time::Duration::from_nanos(ns / hundredth * hundredth)).to_string()
}

// === impl Line ===

impl Line {
    fn of_scenario(event: &crate::record::Happening) -> Self {
        let until = event
            .until_ns
            .map_or(String::new(), |ns| format!(", until {}", clock(ns)));
        Self {
            at_ns: event.at_ns,
            by_mesh: false,
            text: format!("{}{until}", clean::visible(&event.title)),
        }
    }
}

// === impl Family ===

impl Family {
    const fn of(kind: EventKind) -> Option<(Self, Phase)> {
        Some(match kind {
            EventKind::BreakerOpened => (Self::Breaker, Phase::Begin),
            EventKind::BreakerHalfOpened => (Self::Breaker, Phase::Probe),
            EventKind::BreakerClosed => (Self::Breaker, Phase::End),
            EventKind::Ejected => (Self::Ejection, Phase::Begin),
            EventKind::Unejected => (Self::Ejection, Phase::End),
            EventKind::EjectionWithheld => (Self::EjectionWithheld, Phase::Begin),
            EventKind::PanicEntered => (Self::Panic, Phase::Begin),
            EventKind::PanicLeft => (Self::Panic, Phase::End),
            EventKind::FailFastEntered => (Self::FailFast, Phase::Begin),
            EventKind::FailFastLeft => (Self::FailFast, Phase::End),
            EventKind::HealthCheckFailed => (Self::HealthCheck, Phase::Begin),
            EventKind::HealthCheckPassed => (Self::HealthCheck, Phase::End),
            EventKind::ConnectDead => (Self::Connect, Phase::Begin),
            EventKind::ConnectRestored => (Self::Connect, Phase::End),
            EventKind::Overflow => (Self::Overflow, Phase::Begin),
            EventKind::ConfigurationRefused => (Self::ConfigurationRefused, Phase::Begin),
            EventKind::CertificateExpired => (Self::CertificateExpired, Phase::Begin),
            _ => return None,
        })
    }

    fn begun(self, subject: &str) -> String {
        match self {
            Self::Breaker => format!("breaker of {subject} opened"),
            Self::Ejection => format!("{subject} ejected"),
            Self::EjectionWithheld => format!("{subject} not ejected"),
            Self::Panic => format!("{subject}: panic, health is ignored"),
            Self::FailFast => format!("{subject}: requests fail fast"),
            Self::HealthCheck => format!("{subject} fails its health check"),
            Self::Connect => format!("{subject} cannot be connected to"),
            Self::Overflow => format!("{subject}: a limit is full"),
            Self::ConfigurationRefused => format!("configuration {subject} refused"),
            Self::CertificateExpired => format!("certificate of {subject} expired"),
        }
    }

    /// The word for its end; none for what happens at a moment.
    const fn over(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Breaker => Some(("closed again", "still open")),
            Self::Ejection => Some(("back", "still out")),
            Self::Panic | Self::FailFast | Self::HealthCheck | Self::Connect => {
                Some(("over", "not over"))
            }
            _ => None,
        }
    }
}

// === impl Episode ===

impl<'a> Episode<'a> {
    fn new(first: &'a Event) -> Self {
        Self {
            first,
            begins: 0,
            proxies: BTreeSet::new(),
            lasting: BTreeSet::new(),
            ended: None,
        }
    }

    fn add(&mut self, event: &'a Event, phase: Phase) {
        match phase {
            Phase::Begin => {
                self.begins += 1;
                self.proxies.insert(&event.source);
                self.lasting.insert(&event.source);
            }
            Phase::Probe => {}
            Phase::End => {
                self.lasting.remove(&*event.source);
                self.ended = Some(event);
            }
        }
    }

    fn line(&self, family: Family) -> Line {
        let event = self.first;
        // An endpoint's subject is its backend and its name; the name says enough. A route's is its
        // backend and `route:NAME`.
        let subject = match event.subject.split_once(' ') {
            Some((backend, part)) => match part.strip_prefix("route:") {
                Some(route) => format!("route {route} to {backend}"),
                None => part.to_owned(),
            },
            None => event.subject.clone(),
        };
        let mut text = family.begun(&subject);
        if !event.detail.is_empty() {
            text = format!("{text}: {}", event.detail);
        }
        if !event.origin.is_empty() {
            text = format!("{text} ({})", event.origin);
        }
        if self.begins > 1 {
            let plural = if self.proxies.len() > 1 { "ies" } else { "y" };
            text = format!(
                "{text}; {} times at {} prox{plural}",
                self.begins,
                self.proxies.len()
            );
        }
        if let Some((over, lasts)) = family.over() {
            text = match (self.lasting.is_empty(), self.ended) {
                (true, Some(end)) => format!("{text}; {over} at {}", clock(end.at.as_nanos())),
                (true, None) => text,
                (false, _) => format!("{text}; {lasts} at the end"),
            };
        }
        Line {
            at_ns: event.at.as_nanos(),
            by_mesh: true,
            text: clean::visible(&text),
        }
    }
}

#[cfg(test)]
mod tests {
    use engine::report::Frame;
    use engine::time::Instant;

    use super::*;
    use crate::record::sample;
    use crate::report::tests::report_of_run;

    fn seen(events: &[(u64, &str, EventKind)]) -> Vec<String> {
        let mut run = sample::run();
        run.happenings.clear();
        run.frames = vec![Frame::empty("mesh")];
        for (ms, proxy, kind) in events {
            let at = Instant::ZERO + core::time::Duration::from_millis(*ms);
            let event = Event::new(at, proxy, *kind, "shop/web:80 shop/web-0");
            run.frames[0].events.push(event.because("5 failures"));
        }
        let report = report_of_run(&run);
        lines(&report).into_iter().map(|l| l.text).collect()
    }

    #[test]
    fn many_events_about_one_endpoint_are_one_line() {
        let opened = EventKind::BreakerOpened;
        assert_eq!(
            seen(&[
                (1000, "a", opened),
                (1500, "b", opened),
                (2000, "a", EventKind::BreakerHalfOpened),
                (2010, "a", opened),
                (3000, "a", EventKind::BreakerClosed),
                (3120, "b", EventKind::BreakerClosed),
            ]),
            [
                "breaker of shop/web-0 opened: 5 failures; 3 times at 2 proxies; \
              closed again at 3.12s"
            ]
        );
    }

    #[test]
    fn what_has_not_ended_everywhere_still_lasts() {
        assert_eq!(
            seen(&[
                (1000, "a", EventKind::Ejected),
                (1500, "b", EventKind::Ejected),
                (2000, "a", EventKind::Unejected),
            ]),
            ["shop/web-0 ejected: 5 failures; 2 times at 2 proxies; still out at the end"]
        );
    }

    #[test]
    fn an_end_without_a_beginning_says_nothing() {
        assert!(seen(&[(1000, "a", EventKind::BreakerClosed)]).is_empty());
    }
}
