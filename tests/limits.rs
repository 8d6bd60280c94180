//! `docs/limits.md`: what one peer can cost, by the constants of the code.

use std::fmt::Write as _;
use std::fs;
use std::time::Duration;

use proxy::telemetry::{collect, export, lines, totals};
use proxy::{Bounds, http1, http2, proxy_protocol, tap};

use crate::common::repository;

const HEAD: &str = "# Limits of a proxy

Written by `MESHCTL_BLESS=1 cargo test`. What a peer can make a proxy keep or wait for, and what
happens beyond it. Each limit is a named constant beside the code that keeps it, with its reason.
";

struct Limit {
    what: &'static str,
    value: String,
    beyond: &'static str,
}

fn bytes(what: &'static str, n: usize, beyond: &'static str) -> Limit {
    let value = match n {
        n if n >= 1 << 20 && n.is_multiple_of(1 << 20) => format!("{} MiB", n >> 20),
        n if n >= 1 << 10 && n.is_multiple_of(1 << 10) => format!("{} KiB", n >> 10),
        n => format!("{n} bytes"),
    };
    Limit {
        what,
        value,
        beyond,
    }
}

fn count(what: &'static str, n: usize, beyond: &'static str) -> Limit {
    Limit {
        what,
        value: n.to_string(),
        beyond,
    }
}

fn time(what: &'static str, n: Duration, beyond: &'static str) -> Limit {
    Limit {
        what,
        value: format!("{n:?}"),
        beyond,
    }
}

fn connections(bounds: &Bounds) -> Vec<Limit> {
    let waits = "the next waits in the kernel's backlog";
    vec![
        count("open connections of a listener", bounds.connections, waits),
        time(
            "first bytes of a connection",
            bounds.detect_timeout,
            "taken for a protocol in which the server speaks first",
        ),
        time("TLS handshake", bounds.handshake_timeout, "closed"),
        time(
            "connection without a request",
            bounds.idle_timeout,
            "closed in order",
        ),
        bytes(
            "a direction of forwarded bytes",
            bounds.tcp_buffer,
            "the sender waits",
        ),
        bytes(
            "PROXY header, version 1",
            proxy_protocol::V1_BYTES_MAX,
            "reset",
        ),
        bytes(
            "PROXY header, version 2, behind its fixed part",
            proxy_protocol::V2_BYTES_MAX,
            "reset",
        ),
    ]
}

fn http1() -> Vec<Limit> {
    vec![
        bytes("request line", http1::START_LINE_BYTES_MAX, "414, closed"),
        bytes("head", http1::HEAD_BYTES_MAX, "431, closed"),
        count("fields of a head", http1::HEADERS_MAX, "431, closed"),
        bytes(
            "chunk-size line",
            http1::CHUNK_LINE_BYTES_MAX,
            "400, closed",
        ),
        bytes(
            "chunk extensions of a body",
            http1::CHUNK_EXTENSION_BYTES_MAX,
            "400, closed",
        ),
        bytes("trailer section", http1::TRAILER_BYTES_MAX, "400, closed"),
        bytes(
            "rest of a body that nobody wants",
            http1::DRAIN_BYTES_MAX,
            "closed instead of reused",
        ),
    ]
}

fn http2() -> Vec<Limit> {
    let calm = "GOAWAY, `ENHANCE_YOUR_CALM`";
    vec![
        bytes(
            "header list, decoded",
            http2::HEADER_LIST_BYTES_MAX as usize,
            "431, or GOAWAY when it is much larger",
        ),
        count(
            "open streams of a client",
            http2::CONCURRENT_STREAMS_MAX as usize,
            "refused",
        ),
        bytes(
            "window of a stream",
            http2::STREAM_WINDOW_BYTES as usize,
            "the sender waits",
        ),
        bytes(
            "window of a connection",
            http2::CONNECTION_WINDOW_BYTES as usize,
            "the sender waits",
        ),
        bytes(
            "what waits for the peer's window",
            http2::SEND_BUFFER_BYTES_MAX,
            "the other side waits",
        ),
        count(
            "streams reset before they were accepted",
            http2::PENDING_ACCEPT_RESETS_MAX,
            calm,
        ),
        count(
            "streams reset before they were answered, if more than half",
            http2::PREMATURE_RESETS_MAX as usize,
            calm,
        ),
        count(
            "streams reset by the proxy whose late frames are ignored",
            http2::RESET_STREAMS_MAX,
            "late frames are answered with `STREAM_CLOSED`",
        ),
        count(
            "resets for faults of the peer",
            http2::ERROR_RESETS_MAX,
            calm,
        ),
    ]
}

fn telemetry() -> Vec<Limit> {
    vec![
        count(
            "rows of a table with labels of their own",
            collect::ROWS_MAX,
            "added up under `_other`",
        ),
        count(
            "backends that events are counted by",
            totals::EVENT_BACKENDS_MAX,
            "counted under `_other`",
        ),
        bytes(
            "lines of the access log that wait",
            lines::LINES_BYTES_MAX,
            "dropped and counted",
        ),
        count(
            "spans that wait, and log records",
            export::RECORDS_MAX,
            "dropped and counted",
        ),
        count("taps of a proxy", tap::TAPS_MAX, "429"),
        count(
            "requests that wait for the reader of a tap",
            tap::WAITING_MAX,
            "dropped and counted",
        ),
        bytes(
            "headers of a message that a tap shows",
            tap::HEADERS_BYTES_MAX,
            "left out",
        ),
        bytes(
            "a field of a log or span that a client chose",
            proxy::observe::FIELD_BYTES_MAX,
            "cut",
        ),
    ]
}

#[test]
fn the_page_has_the_limits_of_the_code() {
    let mut page = HEAD.to_owned();
    let bounds = Bounds::default();
    for (title, limits) in [
        ("Connections", connections(&bounds)),
        ("HTTP/1.1", http1()),
        ("HTTP/2", http2()),
        ("Telemetry", telemetry()),
    ] {
        write!(
            page,
            "\n## {title}\n\n| what | limit | beyond it |\n|---|---|---|\n"
        )
        .unwrap();
        for limit in limits {
            writeln!(
                page,
                "| {} | {} | {} |",
                limit.what, limit.value, limit.beyond
            )
            .unwrap();
        }
    }
    let path = repository("docs/limits.md");
    if std::env::var_os("MESHCTL_BLESS").is_some() {
        fs::write(&path, &page).unwrap();
        return;
    }
    assert!(
        page == fs::read_to_string(&path).unwrap_or_default(),
        "docs/limits.md is stale; run MESHCTL_BLESS=1 cargo test"
    );
}
