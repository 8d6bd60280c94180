//! `ExportLogsServiceRequest`: the access log.

use std::sync::Arc;

use super::{attributes, end, request};
use crate::observe::RequestRecord;
use crate::proto::Writer;
use crate::telemetry::access_log;
use crate::telemetry::config::{LineFormat, Resource};

/// Where it goes with gRPC.
pub(in crate::telemetry) const GRPC: &str =
    "/opentelemetry.proto.collector.logs.v1.LogsService/Export";

/// Where it goes with HTTP.
pub(in crate::telemetry) const HTTP: &str = "/v1/logs";

/// `SeverityNumber`.
const INFO: u64 = 9;

pub(in crate::telemetry) fn encode(resource: &Resource, batch: &[Arc<RequestRecord>]) -> Vec<u8> {
    request(resource, |scope| {
        for record in batch {
            scope.message(2, |message| log_record(message, record));
        }
    })
}

fn log_record(to: &mut Writer, of: &RequestRecord) {
    to.fixed64(1, end(of));
    to.number(2, INFO);
    to.text(3, "INFO");
    to.message(5, |body| {
        body.text(1, &access_log::line(of, LineFormat::Text));
    });
    attributes(to, 6, of);
    if let Some(context) = of.span {
        to.fixed32(8, u32::from(context.sampled));
        to.bytes(9, &context.trace.to_bytes());
        to.bytes(10, &context.span.to_bytes());
    }
    to.fixed64(11, end(of));
}
