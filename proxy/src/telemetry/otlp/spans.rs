//! `ExportTraceServiceRequest`.

use std::sync::Arc;

use engine::report::Ended;

use super::{attribute, attributes, end, error, name, request};
use crate::observe::{RequestRecord, Role};
use crate::proto::Writer;
use crate::telemetry::config::Resource;

/// Where it goes with gRPC.
pub(in crate::telemetry) const GRPC: &str =
    "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/// Where it goes with HTTP.
pub(in crate::telemetry) const HTTP: &str = "/v1/traces";

/// `SpanKind`.
const SERVER: u64 = 2;
const CLIENT: u64 = 3;

/// `Status.StatusCode`.
const ERROR: u64 = 2;

pub(in crate::telemetry) fn encode(resource: &Resource, batch: &[Arc<RequestRecord>]) -> Vec<u8> {
    request(resource, |scope| {
        for record in batch {
            scope.message(2, |message| span(message, record));
        }
    })
}

fn span(to: &mut Writer, of: &RequestRecord) {
    // Only requests that have a span are queued.
    let Some(context) = of.span else { return };
    to.bytes(1, &context.trace.to_bytes());
    to.bytes(2, &context.span.to_bytes());
    if let Some(state) = &of.trace_state {
        to.text(3, state);
    }
    if let Some(parent) = context.parent {
        to.bytes(4, &parent.to_bytes());
    }
    to.text(5, &name(of));
    to.number(
        6,
        match of.role {
            Role::Outbound => CLIENT,
            Role::Inbound => SERVER,
        },
    );
    to.fixed64(7, of.wall.0);
    to.fixed64(8, end(of));
    attributes(to, 9, of);
    for attempt in &of.attempts {
        to.message(11, |event| {
            let since = engine::time::nanos(attempt.started.since(of.started));
            event.fixed64(1, of.wall.0.saturating_add(since));
            event.text(2, "attempt");
            attribute(event, 3, "meshctl.endpoint", &attempt.name.to_string());
            attribute(
                event,
                3,
                "network.peer.address",
                &attempt.endpoint.to_string(),
            );
            attribute(event, 3, "meshctl.outcome", &attempt.outcome);
        });
    }
    if error(of).is_some() && of.how != Ended::Ignored {
        to.message(15, |status| {
            status.text(2, of.cause.as_deref().unwrap_or_default());
            status.number(3, ERROR);
        });
    }
    // `flags`: the low byte is that of `traceparent`.
    to.fixed32(16, u32::from(context.sampled));
}
