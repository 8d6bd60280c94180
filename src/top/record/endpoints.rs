//! Endpoints: which of them gets no traffic, why, since when and until when.

use core::cmp::Ordering;

use super::traffic::{self, Busy};
use super::{Cell, Column, Record, least, most};
use crate::top::format::{count, millis};
use crate::top::theme::Tone;
use crate::top::view::{EndpointView, State, Traffic, span};
use engine::report::EndpointStatus;

type Of = Column<EndpointView>;

static COLUMNS: [Of; 18] = [
    Of::new(
        "ENDPOINT",
        16,
        0,
        |e| Cell::plain(&*e.endpoint),
        |a, b| a.endpoint.cmp(&b.endpoint),
    )
    .left(),
    Of::new(
        "STATE",
        12,
        1,
        |e| state(&e.state),
        |a, b| b.state.status.cmp(&a.state.status),
    )
    .left(),
    Of::new("REASON", 24, 4, reason, |a, b| {
        b.state.reason.cmp(&a.state.reason)
    })
    .left(),
    Of::new("FAILS", 5, 6, fails, |a, b| {
        b.failures_in_a_row.cmp(&a.failures_in_a_row)
    }),
    Of::new(
        "SINCE",
        6,
        7,
        |e| ago(e.state.since),
        |a, b| least(a.state.since, b.state.since),
    ),
    Of::new(
        "UNTIL",
        6,
        3,
        |e| ago(e.state.until),
        |a, b| least(a.state.until, b.state.until),
    ),
    Of::new(
        "PROBE",
        6,
        5,
        |e| ago(e.state.next_probe),
        |a, b| least(a.state.next_probe, b.state.next_probe),
    ),
    traffic::rps(1),
    traffic::success(1),
    traffic::p50(9),
    traffic::p99(2),
    Of::new("EWMA", 5, 8, ewma, |a, b| {
        most(a.estimate_us, b.estimate_us)
    }),
    traffic::in_flight(10),
    Of::new(
        "CONN",
        4,
        12,
        |e| Cell::plain(count(e.connections)),
        |a, b| b.connections.cmp(&a.connections),
    ),
    Of::new(
        "ZONE",
        8,
        11,
        |e| Cell::plain(&*e.zone),
        |a, b| a.zone.cmp(&b.zone),
    )
    .left(),
    Of::new(
        "ADDRESS",
        20,
        13,
        |e| Cell::plain(&*e.address),
        |a, b| a.address.cmp(&b.address),
    )
    .left()
    .wide(),
    Of::new(
        "IDENTITY",
        40,
        14,
        |e| Cell::plain(&*e.identity),
        |a, b| a.identity.cmp(&b.identity),
    )
    .left()
    .wide(),
    traffic::failed(15),
];

impl Busy for EndpointView {
    fn traffic(&self) -> &Traffic {
        &self.traffic
    }
}

impl Record for EndpointView {
    fn columns() -> &'static [Column<Self>] {
        &COLUMNS
    }

    fn id(&self) -> String {
        format!("{} {} {}", self.backend, self.endpoint, self.address)
    }

    fn text(&self) -> String {
        let Self {
            backend,
            endpoint,
            address,
            zone,
            ..
        } = self;
        format!("{backend} {endpoint} {address} {zone} {}", self.state.word)
    }

    fn is_failing(&self) -> bool {
        !self.state.takes_traffic() || self.traffic.failed > 0
    }

    fn is_stale(&self) -> bool {
        self.stale
    }

    fn by_trouble(&self, other: &Self) -> Ordering {
        other
            .state
            .status
            .cmp(&self.state.status)
            .then(other.failures_in_a_row.cmp(&self.failures_in_a_row))
            .then(other.traffic.failed.cmp(&self.traffic.failed))
            .then(self.id().cmp(&other.id()))
    }
}

// === cells ===

fn state(state: &State) -> Cell {
    let tone = match state.status {
        None => Tone::Quiet,
        Some(EndpointStatus::Closed) => Tone::Good,
        Some(EndpointStatus::HalfOpen { .. }) => Tone::Probe,
        Some(EndpointStatus::Open | EndpointStatus::Ejected) => Tone::Bad,
        Some(_) => Tone::Warn,
    };
    Cell::new(&*state.word, tone)
}

fn reason(endpoint: &EndpointView) -> Cell {
    let several = endpoint.states.values().sum::<u64>() > 1;
    let here = endpoint.states.iter().filter(|(word, _)| *word != "closed");
    let proxies: u64 = here.map(|(_, n)| n).sum();
    let mut text = endpoint.state.reason.clone();
    // With several proxies: how many of them keep traffic away.
    if several && proxies > 0 {
        let all: u64 = endpoint.states.values().sum();
        text.push_str(&format!(" ({proxies} of {all} proxies)"));
    }
    Cell::plain(text)
}

fn fails(endpoint: &EndpointView) -> Cell {
    match endpoint.failures_in_a_row {
        0 => Cell::new("·", Tone::Quiet),
        n => Cell::new(n.to_string(), Tone::Warn),
    }
}

fn ago(seconds: Option<f64>) -> Cell {
    match seconds {
        None => Cell::new("·", Tone::Quiet),
        Some(seconds) => Cell::plain(span(seconds)),
    }
}

fn ewma(endpoint: &EndpointView) -> Cell {
    Cell::plain(millis(endpoint.estimate_us))
}
