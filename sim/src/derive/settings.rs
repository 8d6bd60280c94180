//! Configuration as settings: keys with their values, and the lines they stand at.
//!
//! Files of config maps are read line by line, which serves YAML, ini, properties, JSON, nginx and
//! shell alike: what matters is which key a value has, and which settings stand together.

use std::collections::BTreeMap;

/// Settings that belong together: of a host in one of them the port may stand in another.
pub(super) type Scope = Vec<Setting>;

/// A key and its value. Values may be secrets: they are never shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Setting {
    /// An environment variable, a flag, a key of a file; empty for text that has none.
    pub key: String,
    pub value: String,
    /// What to call it: `CART_ADDR (shop.yaml:12)`.
    pub place: String,
    /// Depth in its file, and the section: pairs have both in common.
    indent: usize,
    section: usize,
    /// What monitoring asks for; no request leads to it.
    pub scraped: bool,
}

/// The longest key of a line in a file; longer ones are prose.
const KEY_BYTES_MAX: usize = 128;

/// The longest value of an environment variable after references are filled in.
const EXPANDED_BYTES_MAX: usize = 64 * 1024;

/// Lines of one file that are looked at: configuration is shorter, and data is not configuration.
const LINES_MAX: usize = 20_000;

/// Settings between `host` and its `port`, where no prefix says that they belong together.
const DISTANCE_MAX: usize = 4;

/// Last words of keys whose value names a host.
const HOST_WORDS: [&str; 26] = [
    "HOST",
    "HOSTNAME",
    "HOSTS",
    "ADDR",
    "ADDRS",
    "ADDRESS",
    "ADDRESSES",
    "URL",
    "URLS",
    "URI",
    "URIS",
    "ENDPOINT",
    "ENDPOINTS",
    "SERVER",
    "SERVERS",
    "UPSTREAM",
    "UPSTREAMS",
    "BACKEND",
    "TARGET",
    "TARGETS",
    "SERVICE",
    "SVC",
    "BROKER",
    "BROKERS",
    "ORIGIN",
    "FQDN",
];

/// What stands in the place of such a word when the value is the port.
const PORT_WORDS: [&str; 3] = ["PORT", "PORT_VALUE", "PORT_NUMBER"];

/// Words of keys whose hosts are allowed, announced or left alone instead of called.
const NOT_CALLED: [&str; 13] = [
    "ADVERTISE",
    "ADVERTISED",
    "ALLOW",
    "ALLOWED",
    "ALLOWLIST",
    "CALLBACK",
    "COOKIE",
    "CORS",
    "REDIRECT",
    "REFERER",
    "TRUSTED",
    "VIRTUAL",
    "WHITELIST",
];

/// Last words of keys whose value is secret and no address, whatever it looks like.
const SECRET: [&str; 5] = ["KEY", "PASSWD", "PASSWORD", "SECRET", "TOKEN"];

/// Words of keys that say where telemetry goes.
const TELEMETRY: [&str; 9] = [
    "JAEGER",
    "METRICS",
    "OPENTELEMETRY",
    "OTEL",
    "OTLP",
    "STATSD",
    "TELEMETRY",
    "TRACING",
    "ZIPKIN",
];

// === impl Setting ===

impl Setting {
    pub(super) fn new(key: &str, value: &str, place: String) -> Self {
        Self {
            key: key.to_owned(),
            value: value.to_owned(),
            place,
            indent: 0,
            section: 0,
            scraped: false,
        }
    }

    /// Whether its hosts are not asked: `NO_PROXY`, `CORS_ORIGIN`, `ALLOWED_HOSTS`.
    pub(super) fn is_not_called(&self) -> bool {
        let key = normal(&self.key);
        let last = key.rsplit('_').next().unwrap_or_default();
        key == "NO_PROXY"
            || key == "SERVER_NAME"
            || SECRET.contains(&last)
            || has_word(&key, &NOT_CALLED)
    }

    /// Whether it says where traces and metrics go.
    pub(super) fn is_telemetry(&self) -> bool {
        has_word(&normal(&self.key), &TELEMETRY)
    }
}

fn has_word(key: &str, words: &[&str]) -> bool {
    key.split('_').any(|word| words.contains(&word))
}

/// Whether the value of such a key names hosts.
pub(super) fn names_host(key: &str) -> bool {
    let key = normal(key);
    let (prefix, last) = key.rsplit_once('_').unwrap_or(("", &key));
    // A bare `SERVICE` is what one calls oneself.
    HOST_WORDS.contains(&last) && !(prefix.is_empty() && last == "SERVICE")
}

/// The port that belongs to the host at `index`: of `DB_HOST` that in `DB_PORT`.
pub(super) fn port_of(scope: &Scope, index: usize) -> Option<u16> {
    let host = scope.get(index)?;
    let key = normal(&host.key);
    let prefix = match key.rsplit_once('_') {
        Some((prefix, last)) if HOST_WORDS.contains(&last) => format!("{prefix}_"),
        _ if HOST_WORDS.contains(&&*key) => String::new(),
        _ => return None,
    };
    let belongs = |(at, setting): &(usize, &Setting)| {
        let key = normal(&setting.key);
        let rest = key.strip_prefix(&prefix);
        let rest = rest.map(|rest| rest.strip_prefix("SERVICE_").unwrap_or(rest));
        rest.is_some_and(|rest| PORT_WORDS.contains(&rest))
            && (setting.indent, setting.section) == (host.indent, host.section)
            && (!prefix.is_empty() || at.abs_diff(index) <= DISTANCE_MAX)
    };
    let ports = scope.iter().enumerate().filter(belongs);
    // Of two at the same distance the one behind the host.
    let nearest = ports.min_by_key(|(at, _)| (at.abs_diff(index), *at < index))?;
    nearest.1.value.trim().parse().ok().filter(|port| *port > 0)
}

/// `backend.apiHost`, `--backend-api-host` → `BACKEND_API_HOST`.
fn normal(key: &str) -> String {
    let mut out = String::with_capacity(key.len() + 4);
    let mut small = false;
    for c in key.trim_start_matches('-').chars().take(KEY_BYTES_MAX) {
        if c.is_ascii_uppercase() && small {
            out.push('_');
        }
        small = c.is_ascii_lowercase() || c.is_ascii_digit();
        out.push(match c.is_ascii_alphanumeric() {
            true => c.to_ascii_uppercase(),
            false => '_',
        });
    }
    out
}

/// `$(NAME)` as the kubelet fills it in, and `${NAME}` as a shell does. Unknown names stay.
pub(super) fn expand(text: &str, known: &BTreeMap<String, String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let (before, reference) = rest.split_at(at);
        out.push_str(before);
        let end = match reference.as_bytes().get(1) {
            Some(b'(') => reference.find(')'),
            Some(b'{') => reference.find('}'),
            _ => None,
        };
        let value = end.and_then(|end| known.get(reference.get(2..end)?));
        match (value, end) {
            (Some(value), Some(end)) if out.len() + value.len() <= EXPANDED_BYTES_MAX => {
                out.push_str(value);
                rest = &reference[end + 1..];
            }
            _ => {
                out.push('$');
                rest = &reference[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

/// The settings of a file, line by line; comments are left out. `place` tells where the line with
/// an index stands.
pub(super) fn lines(text: &str, place: impl Fn(usize, &str) -> String) -> Scope {
    // The configuration of Prometheus names whom it watches.
    let scraped = text
        .lines()
        .any(|line| line.trim_end() == "scrape_configs:");
    let mut section = 0;
    let mut scope = Scope::new();
    for (index, line) in text.lines().enumerate().take(LINES_MAX) {
        let trimmed = line.trim_start();
        let indent = line.len() - trimmed.len();
        // The key behind a dash stands as deep as those below it.
        let indent = indent + if trimmed.starts_with("- ") { 2 } else { 0 };
        let line = trimmed.trim_end();
        let comment = ["#", ";", "//", "!"].iter();
        if line.is_empty() || comment.clone().any(|mark| line.starts_with(mark)) {
            continue;
        }
        if line.starts_with('[') && line.ends_with(']') && !line.contains(':') {
            section += 1;
            continue;
        }
        let line = line.split(" #").next().unwrap_or_default();
        let (key, value) = key_and_value(line);
        scope.push(Setting {
            indent,
            section,
            scraped,
            ..Setting::new(key, value, place(index, key))
        });
    }
    scope
}

fn key_and_value(line: &str) -> (&str, &str) {
    let quotes = ['"', '\'', ',', ';', ' ', '\t'];
    let equals = line.find('=');
    let colon = line.match_indices(':').map(|(at, _)| at);
    let colon = colon
        .filter(|at| matches!(line.as_bytes().get(at + 1), None | Some(b' ' | b'\t')))
        .min();
    // nginx: `server_name web.shop;`
    let directive = line
        .starts_with("server_name ")
        .then_some("server_name".len());
    let at = match (directive, equals, colon) {
        (Some(at), _, _) => at,
        (None, Some(a), Some(b)) => a.min(b),
        (None, Some(at), None) | (None, None, Some(at)) => at,
        (None, None, None) => return ("", line),
    };
    let key = line[..at].trim_start_matches("- ").trim_matches(quotes);
    let is_key = key.len() <= KEY_BYTES_MAX && !key.contains("://") && !key.contains(['{', ' ']);
    match is_key {
        true => (key, line[at + 1..].trim_matches(quotes)),
        false => ("", line),
    }
}

#[cfg(test)]
mod tests;
