//! Events: what happened, where and why.

use core::cmp::Ordering;

use engine::report::EventKind;

use super::{Cell, Column, Record, least};
use crate::top::format::clock;
use crate::top::theme::Tone;
use crate::top::view::{EventView, span};

type Of = Column<EventView>;

static COLUMNS: [Of; 7] = [
    Of::new(
        "WHAT",
        20,
        0,
        |e| Cell::new(e.event.kind.as_str(), tone(e.event.kind)),
        |a, b| a.event.kind.cmp(&b.event.kind),
    )
    .left(),
    Of::new(
        "AGO",
        6,
        1,
        |e| Cell::plain(span(e.ago_s)),
        |a, b| least(Some(a.ago_s), Some(b.ago_s)),
    ),
    Of::new(
        "AT",
        8,
        4,
        |e| Cell::plain(clock(e.at_s)),
        |a, b| b.at_s.total_cmp(&a.at_s),
    ),
    Of::new(
        "SUBJECT",
        38,
        1,
        |e| Cell::plain(&*e.event.subject),
        |a, b| a.event.subject.cmp(&b.event.subject),
    )
    .left(),
    Of::new(
        "WHY",
        34,
        2,
        |e| Cell::plain(&*e.event.detail),
        |a, b| a.event.detail.cmp(&b.event.detail),
    )
    .left(),
    Of::new(
        "SEEN BY",
        24,
        3,
        |e| Cell::plain(&*e.event.source),
        |a, b| a.event.source.cmp(&b.event.source),
    )
    .left(),
    Of::new(
        "ORIGIN",
        30,
        5,
        |e| Cell::plain(&*e.event.origin),
        |a, b| a.event.origin.cmp(&b.event.origin),
    )
    .left()
    .wide(),
];

impl Record for EventView {
    fn columns() -> &'static [Column<Self>] {
        &COLUMNS
    }

    fn id(&self) -> String {
        let e = &self.event;
        format!("{:?} {} {} {}", e.at, e.source, e.kind, e.subject)
    }

    fn text(&self) -> String {
        let e = &self.event;
        format!("{} {} {} {}", e.kind, e.subject, e.detail, e.source)
    }

    fn is_failing(&self) -> bool {
        matches!(tone(self.event.kind), Tone::Bad | Tone::Warn)
    }

    fn is_stale(&self) -> bool {
        false
    }

    /// Newest first.
    fn by_trouble(&self, other: &Self) -> Ordering {
        self.ago_s.total_cmp(&other.ago_s)
    }
}

/// Whether an event is news to somebody who watches, and not of every start.
pub(in crate::top) fn is_notable(kind: EventKind) -> bool {
    tone(kind) != Tone::Quiet
}

pub(in crate::top) fn tone(kind: EventKind) -> Tone {
    match kind {
        EventKind::Ejected
        | EventKind::BreakerOpened
        | EventKind::ConfigurationRefused
        | EventKind::CertificateExpired
        | EventKind::PanicEntered
        | EventKind::FailFastEntered
        | EventKind::HealthCheckFailed
        | EventKind::ConnectDead
        | EventKind::FaultBegan => Tone::Bad,
        EventKind::EjectionWithheld | EventKind::Overflow => Tone::Warn,
        EventKind::BreakerHalfOpened => Tone::Probe,
        EventKind::Unejected
        | EventKind::BreakerClosed
        | EventKind::PanicLeft
        | EventKind::FailFastLeft
        | EventKind::HealthCheckPassed
        | EventKind::ConnectRestored
        | EventKind::FaultEnded => Tone::Good,
        EventKind::ConfigurationApplied
        | EventKind::CertificateRenewed
        | EventKind::EndpointHealthChanged
        | EventKind::DrainStarted
        | EventKind::DrainFinished
        | EventKind::ChangeMade => Tone::Plain,
        EventKind::ProxyStarted | EventKind::EndpointAdded | EventKind::EndpointRemoved => {
            Tone::Quiet
        }
    }
}
