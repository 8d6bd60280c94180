//! The metrics that no table has: the proxy, its listeners, its certificates and its process.

use super::View;
use crate::telemetry::metric::{Desc, Kind, Unit, Value, Visit};
use crate::telemetry::process::Usage;

pub(super) fn visit(view: &View<'_>, visit: &mut impl Visit) {
    proxy(view, visit);
    listeners(view, visit);
    signals(view, visit);
    if let Some(usage) = &view.process.usage {
        process(usage, visit);
    }
}

fn proxy(view: &View<'_>, visit: &mut impl Visit) {
    let process = view.process;
    let build = Desc::new(
        "meshctl_build_info",
        Kind::Gauge,
        None,
        &["version", "role"],
        "1, with the version of the program and the role of the proxy.",
    );
    visit.sample(&build, &[&process.version, &process.role], Value::Count(1));
    let started = Desc::new(
        "process_start_time_seconds",
        Kind::Gauge,
        Some(Unit::Seconds),
        &[],
        "When the process began, in seconds since the Unix epoch.",
    );
    let seconds = process.started.0 as f64 / 1e9;
    visit.sample(&started, &[], Value::Float(seconds));
    let expiry = Desc::new(
        "meshctl_certificate_expiry_timestamp_seconds",
        Kind::Gauge,
        Some(Unit::Seconds),
        &["identity"],
        "When a certificate in use expires, in seconds since the Unix epoch.",
    );
    for certificate in &process.certificates {
        let at = certificate.expires.unix_seconds();
        visit.sample(&expiry, &[&certificate.identity], Value::Count(at));
    }
    let events = Desc::new(
        "meshctl_events",
        Kind::Counter,
        None,
        &["kind", "backend"],
        "What happened: ejections, breakers that opened, configurations that were applied, and \
         the backend it happened to.",
    );
    for ((kind, backend), n) in &view.totals.events {
        visit.sample(&events, &[kind.as_str(), backend], Value::Count(*n));
    }
    let dropped = Desc::new(
        "meshctl_events_dropped",
        Kind::Gauge,
        None,
        &[],
        "Events left out of the newest frame because there were too many.",
    );
    visit.sample(&dropped, &[], Value::Count(view.frame.events_dropped));
}

fn listeners(view: &View<'_>, visit: &mut impl Visit) {
    let totals = view.totals;
    let labels = &["listener"];
    let accepted = Desc::new(
        "meshctl_listener_connections_accepted",
        Kind::Counter,
        None,
        labels,
        "Connections that a listener accepted.",
    );
    for (name, listener) in &totals.listeners {
        visit.sample(&accepted, &[name], Value::Count(listener.accepted));
    }
    let open = Desc::new(
        "meshctl_listener_connections_open",
        Kind::Gauge,
        None,
        labels,
        "Connections of a listener that are open.",
    );
    for (name, listener) in &totals.listeners {
        visit.sample(&open, &[name], Value::Count(listener.open));
    }
    let handshakes = Desc::new(
        "meshctl_tls_handshakes",
        Kind::Counter,
        None,
        &["side", "result"],
        "TLS handshakes of the mesh, accepted (`server`) and begun (`client`).",
    );
    let of = totals.handshakes;
    for (side, result, n) in [
        ("client", "failed", of.connect_failed),
        ("client", "ok", of.connected),
        ("server", "failed", of.accept_failed),
        ("server", "ok", of.accepted),
    ] {
        visit.sample(&handshakes, &[side, result], Value::Count(n));
    }
}

fn signals(view: &View<'_>, visit: &mut impl Visit) {
    let help = [
        "Log lines, spans and points handed on to a file or a collector.",
        "Log lines, spans and points lost because a bound was reached or nobody took them.",
    ];
    let of = [&view.totals.exported, &view.totals.dropped];
    let names = ["meshctl_telemetry_exported", "meshctl_telemetry_dropped"];
    for ((name, help), counts) in names.into_iter().zip(help).zip(of) {
        let desc = Desc::new(name, Kind::Counter, None, &["signal"], help);
        for (signal, n) in counts {
            visit.sample(&desc, &[signal], Value::Count(*n));
        }
    }
}

fn process(usage: &Usage, visit: &mut impl Visit) {
    let mut one = |name, kind, unit, help, value| {
        visit.sample(&Desc::new(name, kind, unit, &[], help), &[], value);
    };
    one(
        "process_cpu_seconds",
        Kind::Counter,
        Some(Unit::Seconds),
        "Processor time spent, in user and kernel mode.",
        Value::Float(usage.cpu.as_secs_f64()),
    );
    let bytes = Some(Unit::Bytes);
    one(
        "process_resident_memory_bytes",
        Kind::Gauge,
        bytes,
        "Memory that is in RAM.",
        Value::Count(usage.resident_bytes),
    );
    one(
        "process_virtual_memory_bytes",
        Kind::Gauge,
        bytes,
        "Memory that is mapped.",
        Value::Count(usage.virtual_bytes),
    );
    one(
        "process_open_fds",
        Kind::Gauge,
        None,
        "Open file descriptors.",
        Value::Count(usage.open_files),
    );
    if let Some(max) = usage.open_files_max {
        one(
            "process_max_fds",
            Kind::Gauge,
            None,
            "File descriptors that may be open.",
            Value::Count(max),
        );
    }
}
