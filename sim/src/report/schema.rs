//! The published JSON Schemas of scenario and report.
//!
//! The files are `templates/schemas/scenario.json` and `templates/schemas/report.json`; a test
//! compares them with what these functions make.

use schemars::{Schema, SchemaGenerator, generate::SchemaSettings, json_schema};

use super::Report;
use crate::scenario::Scenario;

/// JSON Schema of a scenario file, ending with a newline.
///
/// # Errors
/// Never; the type is serde_json's.
pub fn scenario() -> Result<String, serde_json::Error> {
    text(&generator().into_root_schema_for::<Scenario>())
}

/// JSON Schema of `meshctl simulate -o json`, ending with a newline.
///
/// # Errors
/// Never; the type is serde_json's.
pub fn report() -> Result<String, serde_json::Error> {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    text(&settings.into_generator().into_root_schema_for::<Report>())
}

fn generator() -> SchemaGenerator {
    SchemaSettings::draft2020_12().into_generator()
}

fn text(schema: &Schema) -> Result<String, serde_json::Error> {
    let mut out = serde_json::to_string_pretty(schema)?;
    out.push('\n');
    Ok(out)
}

/// Counters as `engine::report::Counters` writes them.
fn counters() -> Schema {
    json_schema!({
        "description": "Cumulative counts, and gauges as of the end of the slice.",
        "type": "object",
        "properties": {
            "start_ns": { "type": "integer", "description": "When they began." },
            "requests": { "type": "integer", "description": "Requests started." },
            "success": { "type": "integer" },
            "failure": { "type": "integer", "description": "Failures that were answered." },
            "local_failure": {
                "type": "integer",
                "description": "Timeouts, resets, refusals, local answers."
            },
            "ignored": { "type": "integer", "description": "The client went away." },
            "status": {
                "description": "Responses by hundreds of their status, 1xx to 5xx.",
                "type": "array", "items": { "type": "integer" }, "minItems": 5, "maxItems": 5
            },
            "grpc": { "type": "object", "additionalProperties": { "type": "integer" } },
            "retries": { "type": "integer" },
            "retries_denied": { "type": "integer" },
            "timeouts": { "type": "integer" },
            "flags": { "type": "object", "additionalProperties": { "type": "integer" } },
            "audited": { "type": "integer" },
            "shadow_limited": { "type": "integer" },
            "mirrored": { "type": "integer" },
            "bytes_in": { "type": "integer" },
            "bytes_out": { "type": "integer" },
            "latency": histogram(),
            "in_flight": { "type": "integer" },
            "pending": { "type": "integer" }
        }
    })
}

fn histogram() -> Schema {
    json_schema!({
        "description": "Log-linear: indexes under 256 are microseconds; above, each power of two \
                        has 128 buckets.",
        "type": "object",
        "properties": {
            "sum_us": { "type": "integer" },
            "buckets": {
                "type": "array",
                "items": {
                    "description": "Index and count.",
                    "type": "array", "items": { "type": "integer" }, "minItems": 2, "maxItems": 2
                }
            }
        }
    })
}

/// A list of counters.
pub(super) fn slices(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "items": counters() })
}

/// A list of frames as `engine::report::Frame` writes them.
pub(super) fn frames(_: &mut SchemaGenerator) -> Schema {
    let rows = |description: &str| {
        json_schema!({
            "description": description, "type": "array", "items": { "type": "object" }
        })
    };
    json_schema!({
        "description": "A row is left out of a slice in which nothing was counted and nothing is \
                        under way; an endpoint's only if it takes traffic and its open \
                        connections are those of its row before (none without one).",
        "type": "array",
        "items": {
            "type": "object",
            "properties": {
                "at_ns": { "type": "integer" },
                "window_ns": { "type": ["integer", "null"] },
                "source": { "type": "string" },
                "proxies": { "type": "integer" },
                "services": rows("Services as clients address them: `service` and counters."),
                "routes": rows("Rules: `service`, `route`, `origin`, `counters`."),
                "backends": rows(
                    "A rule's share for one backend: `service`, `route`, `backend`, `weight`, \
                     `breaker`, `concurrency_limit`, `retries_left`, `counters`."
                ),
                "endpoints": rows(
                    "Pods: `backend`, `endpoint`, `address`, `state`, `states`, `estimate_us`, \
                     `failures_in_a_row`, `zone`, `identity`, `connections`, `counters`."
                ),
                "edges": rows("Who talks to whom: `from`, `to`, `side`, `tls` and counters."),
                "events": rows("What proxies reported: `at`, `source`, `kind`, `subject`, …"),
                "events_dropped": { "type": "integer" }
            },
            "required": ["at_ns", "services", "routes", "backends", "endpoints", "edges"]
        }
    })
}
