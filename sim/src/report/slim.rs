//! Frames without the rows that say nothing: a service, rule or pod that nobody asked in a slice.
//!
//! A row is left out when nothing was counted in its slice, nothing is under way, and, of an
//! endpoint, when it takes traffic and has as many open connections as its row before says (none if
//! there is no such row). So sums over rows, states and gauges are what they were.

use std::collections::BTreeMap;

use engine::report::{Connections, Counters, Frame};
use engine::time::Instant;

/// The frames of a run without silent rows.
pub(super) fn frames(frames: &[Frame]) -> Vec<Frame> {
    let mut open = BTreeMap::new();
    let slim = frames.iter().map(|frame| {
        let mut frame = frame.clone();
        frame.services.0.retain(|_, row| !is_silent(row));
        frame.routes.0.retain(|_, row| !is_silent(&row.counters));
        frame.backends.0.retain(|_, row| !is_silent(&row.counters));
        frame.edges.0.retain(|_, row| !is_silent(row));
        frame.endpoints.0.retain(|key, row| {
            let before = open.insert(key.clone(), row.connections.open);
            let same = Connections {
                open: before.unwrap_or(0),
                ..Connections::default()
            };
            let flows = row.state.status.takes_traffic();
            !(flows && row.connections == same && is_silent(&row.counters))
        });
        frame
    });
    slim.collect()
}

/// Equal to counters that never counted, but for the time that they began.
fn is_silent(row: &Counters) -> bool {
    let start_at: Option<Instant> = row.start_at;
    *row == Counters {
        start_at,
        ..Counters::default()
    }
}

#[cfg(test)]
mod tests {
    use engine::report::EndpointRow;

    use super::*;
    use crate::record::sample;

    #[test]
    fn silent_rows_go_and_sums_and_states_stay() {
        let run = sample::run();
        let mut idle = run.frames[9].clone();
        idle.services
            .0
            .values_mut()
            .for_each(|row| *row = Counters::default());
        for row in idle.endpoints.0.values_mut() {
            let connections = Connections {
                open: 2,
                ..Connections::default()
            };
            *row = EndpointRow {
                connections,
                ..row.clone()
            };
            row.counters = Counters::default();
        }
        let mut silent = run.frames[5].clone();
        silent
            .endpoints
            .0
            .values_mut()
            .for_each(|row| row.counters = Counters::default());
        let slim = frames(&[run.frames[9].clone(), idle, silent]);
        assert_eq!(slim[0], run.frames[9], "what was counted stays");
        assert!(slim[1].services.0.is_empty() && slim[1].endpoints.0.is_empty());
        assert_eq!(slim[1].routes, run.frames[9].routes);
        let states: Vec<_> = slim[2]
            .endpoints
            .iter()
            .map(|(_, r)| r.state.status)
            .collect();
        assert_eq!(
            states.len(),
            1,
            "an ejected endpoint without traffic stays: {states:?}"
        );
    }

    #[test]
    fn an_endpoint_whose_connections_changed_stays() {
        let mut first = sample::run().frames[9].clone();
        let mut second = first.clone();
        for (frame, open) in [(&mut first, 2), (&mut second, 1)] {
            for row in frame.endpoints.0.values_mut() {
                row.counters = Counters::default();
                row.connections = Connections {
                    open,
                    ..Connections::default()
                };
            }
        }
        let slim = frames(&[first.clone(), first, second]);
        let rows: Vec<_> = slim.iter().map(|f| f.endpoints.0.len()).collect();
        assert_eq!(rows, [2, 0, 2]);
    }
}
