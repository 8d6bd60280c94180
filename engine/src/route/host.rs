//! Host names: exact, or `*.` and a suffix.

/// How specific a host name is: exact ones before wildcards, longer before shorter.
pub(crate) fn rank(host: Option<&str>) -> (u8, usize) {
    match host {
        None | Some("*") => (0, 0),
        Some(host) => match host.strip_prefix("*.") {
            Some(suffix) => (1, suffix.len()),
            None => (2, host.len()),
        },
    }
}

/// Whether `host`, as a client wrote it, is the one `wanted` (in lower case) stands for. `*.x`
/// holds for one or more labels before `.x`, not for `x` itself (Gateway API, `Hostname`). Case and
/// a trailing dot do not matter.
pub fn matches(wanted: &str, host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host).as_bytes();
    match wanted.strip_prefix('*').map(str::as_bytes) {
        None => host.eq_ignore_ascii_case(wanted.as_bytes()),
        Some(suffix) => {
            let labels = host.len().checked_sub(suffix.len());
            labels.is_some_and(|n| n > 0 && host[n..].eq_ignore_ascii_case(suffix))
        }
    }
}
