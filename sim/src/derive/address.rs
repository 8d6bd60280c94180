//! Addresses of known Services in text.
//!
//! A word that happens to be a Service's name is not yet an address: `redis` may be the name of a
//! backend to choose. So one of these forms is required:
//!
//! * `scheme://host[:port]/…`
//! * `host:port` with a port that the Service has
//! * a name with its namespace, `cart.shop` or longer
//! * the name alone, as the value of a key that says so (`CART_HOST`, `--cart-addr`, `cart.url`)

use crate::scenario::known::{Known, KnownService};
use crate::scenario::{Url, UrlScheme};

/// An address in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    /// Namespace and name.
    pub service: (String, String),
    pub port: u16,
    pub grpc: bool,
    /// It speaks neither HTTP nor gRPC.
    pub opaque: bool,
}

/// Ends of keys whose value is an address.
const KEYS: [&str; 12] = [
    "HOST", "HOSTNAME", "ADDR", "ADDRESS", "URL", "URI", "ENDPOINT", "SERVER", "SERVICE", "TARGET",
    "BACKEND", "UPSTREAM",
];

/// Text looked at in one value: configuration files are smaller, and data is not configuration.
const TEXT_BYTES_MAX: usize = 1 << 20;

/// Schemes of what is not HTTP.
const OPAQUE_SCHEMES: [&str; 12] = [
    "redis",
    "rediss",
    "postgres",
    "postgresql",
    "mysql",
    "mongodb",
    "amqp",
    "amqps",
    "kafka",
    "nats",
    "tcp",
    "memcached",
];

/// All addresses in the value of a key (empty if there is none), in the order in which they stand.
/// `port` is the value of the key that belongs to it (`CART_PORT` to `CART_HOST`).
pub(super) fn find(
    key: &str,
    text: &str,
    port: Option<u16>,
    namespace: &str,
    known: &Known,
) -> Vec<Address> {
    let mut out = Vec::new();
    let mut end = text.len().min(TEXT_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let text = &text[..end];
    let mut from = 0;
    while let Some(word) = next_word(text, from) {
        from = word.end;
        let address = address(text, &word, key, port, namespace, known);
        if let Some(address) = address
            && !out.contains(&address)
        {
            out.push(address);
        }
    }
    out
}

/// Whether a key says that its value is an address.
fn is_key(key: &str) -> bool {
    let key = key
        .trim_start_matches('-')
        .to_ascii_uppercase()
        .replace(['-', '.'], "_");
    KEYS.iter()
        .any(|end| key == *end || key.ends_with(&format!("_{end}")))
}

fn address(
    text: &str,
    word: &core::ops::Range<usize>,
    key: &str,
    port: Option<u16>,
    namespace: &str,
    known: &Known,
) -> Option<Address> {
    let host = text[word.clone()]
        .trim_end_matches('.')
        .to_ascii_lowercase();
    let (before, after) = (&text[..word.start], &text[word.end..]);
    let scheme = scheme(before);
    // A file, an e-mail address or a part of a path is no host.
    if scheme.is_none() && before.ends_with(['/', '@', '\\', '$', '%']) {
        return None;
    }
    let (service, found) = service(&host, namespace, known)?;
    let written = after.strip_prefix(':').and_then(leading_port);
    let alone = text.trim() == text[word.clone()].trim() && is_key(key);
    let line = before.trim_end_matches(' ');
    let named = line.rsplit(['\n', ' ', ',', ';', '"', '\'']).next();
    let named = named
        .and_then(|key| key.strip_suffix(['=', ':']))
        .is_some_and(is_key);
    let qualified = host.contains('.');
    if scheme.is_none() && written.is_none() && !qualified && !alone && !named {
        return None;
    }
    let default = match scheme {
        Some("https") => Some(443),
        Some("http") => Some(80),
        _ => None,
    };
    let fallback = || {
        default
            .filter(|p| found.ports.contains(p))
            .or_else(|| only(found))
    };
    let port = written.or(port).or_else(fallback)?;
    if !found.ports.contains(&port) {
        return None;
    }
    let opaque =
        found.opaque.contains(&port) || scheme.is_some_and(|s| OPAQUE_SCHEMES.contains(&s));
    Some(Address {
        grpc: !opaque && (found.grpc.contains(&port) || scheme == Some("grpc")),
        service,
        port,
        opaque,
    })
}

/// The Service a host names, and itself.
fn service<'k>(
    host: &str,
    namespace: &str,
    known: &'k Known,
) -> Option<((String, String), &'k KnownService)> {
    let url = Url::new(UrlScheme::Http, host, 80, "/");
    let key = url.service(namespace)?;
    let service = known.service(&key.0, &key.1)?;
    Some((key, service))
}

/// The scheme that stands right before a host, with user and password skipped.
fn scheme(before: &str) -> Option<&str> {
    let authority = match before.rsplit_once('@') {
        Some((front, "")) => front,
        _ => before,
    };
    let (front, user) = authority.rsplit_once("://")?;
    let direct = user.is_empty() || before.ends_with('@') && !user.contains(['/', ' ', '\n']);
    if !direct {
        return None;
    }
    let start = front
        .rfind(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '+' | '-' | '.'))
        .map_or(0, |at| {
            at + front[at..].chars().next().map_or(1, char::len_utf8)
        });
    Some(&front[start..]).filter(|s| !s.is_empty())
}

/// The lowest port, if the choice is clear: port 80, or the only one.
fn only(service: &KnownService) -> Option<u16> {
    match service.ports.len() {
        1 => service.ports.first().copied(),
        _ => service.ports.get(&80).copied(),
    }
}

fn leading_port(text: &str) -> Option<u16> {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    text[..end].parse().ok().filter(|port| *port > 0)
}

/// The next run of characters of a host name at or after `from`.
fn next_word(text: &str, from: usize) -> Option<core::ops::Range<usize>> {
    let is_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    let start = from + text[from..].find(is_host)?;
    let length = text[start..]
        .find(|c| !is_host(c))
        .unwrap_or(text.len() - start);
    // Dashes before a flag's name do not belong to it.
    let dashes = text[start..start + length].len()
        - text[start..start + length]
            .trim_start_matches(['-', '.'])
            .len();
    match dashes == length {
        true => next_word(text, start + length),
        false => Some(start + dashes..start + length),
    }
}

#[cfg(test)]
mod tests;
