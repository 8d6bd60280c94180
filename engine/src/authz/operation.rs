//! `to` of a rule.

use http::Method;

use crate::head::RequestHead;
use crate::snapshot::authz::{Operation, Set};
use crate::snapshot::glob::Glob;

/// Whether the operation holds for an HTTP request, whose path is taken to be `path`.
pub(super) fn holds(operation: &Operation, port: u16, head: &RequestHead, path: &str) -> bool {
    let host = head.host().trim_end_matches('.').to_ascii_lowercase();
    let call = path.strip_prefix('/').unwrap_or(path);
    holds_for_port(&operation.ports, port)
        && method(&operation.methods, &head.method)
        && text(&operation.paths, path)
        && text(&operation.grpc_methods, call)
        && text(&operation.hosts, &host)
}

/// Whether the operation holds for a connection that is not HTTP. `strict` is an Allow's way: parts
/// of HTTP are missing; else they are ignored.
pub(super) fn holds_for_bytes(operation: &Operation, port: u16, strict: bool) -> bool {
    let http = !operation.methods.is_empty()
        || !operation.paths.is_empty()
        || !operation.grpc_methods.is_empty()
        || !operation.hosts.is_empty();
    holds_for_port(&operation.ports, port) && !(strict && http)
}

fn holds_for_port(ports: &Set<u16>, port: u16) -> bool {
    (ports.wanted.is_empty() || ports.wanted.contains(&port)) && !ports.unwanted.contains(&port)
}

fn method(methods: &Set<Method>, method: &Method) -> bool {
    (methods.wanted.is_empty() || methods.wanted.contains(method))
        && !methods.unwanted.contains(method)
}

fn text(globs: &Set<Glob>, text: &str) -> bool {
    (globs.wanted.is_empty() || globs.wanted.iter().any(|glob| glob.matches(text)))
        && !globs.unwanted.iter().any(|glob| glob.matches(text))
}
