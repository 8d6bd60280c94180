//! Addresses of known Services in text.
//!
//! A word that happens to be a Service's name is not yet an address: `redis` may be the name of a
//! backend to choose. So one of these forms is required:
//!
//! * `scheme://host[:port]/…`
//! * `host:port` with a port that the Service has
//! * a name with its namespace, `cart.shop` or longer
//! * the name alone, as the value of a key that says so (`CART_HOST`, `--cart-addr`, `cart.url`)

use super::settings::names_host;
use crate::scenario::known::{Known, KnownService};
use crate::scenario::{Url, UrlScheme};

/// An address in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    /// Namespace and name.
    pub service: (String, String),
    pub port: u16,
    /// How it is asked, or why it is not.
    pub asked: Result<UrlScheme, Unasked>,
    /// Behind the host of an HTTP URL, if there is more than a slash.
    pub path: Option<String>,
}

/// Why an address is known and not asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Unasked {
    Opaque,
    Tls,
    Side,
    External,
    /// One pod of a headless Service.
    OnePod,
    NoPort,
    NoPods,
    Telemetry,
    Scraped,
}

/// Text looked at in one value: configuration files are smaller, and data is not configuration.
const TEXT_BYTES_MAX: usize = 1 << 20;

/// The longest path that is kept: those of base URLs are short.
const PATH_BYTES_MAX: usize = 256;

/// Schemes of what is not HTTP.
const OPAQUE_SCHEMES: [&str; 15] = [
    "ldap",
    "mqtt",
    "smtp",
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
    let (service, found, one_pod) = service(&host, namespace, known)?;
    let written = after.strip_prefix(':').and_then(leading_port);
    let mut parts = text.split([',', ';']);
    let alone = names_host(key) && parts.any(|part| part.trim() == text[word.clone()].trim());
    let line = before.trim_end_matches(' ');
    let named = line.rsplit(['\n', ' ', ',', ';', '"', '\'']).next();
    let named = named
        .and_then(|key| key.strip_suffix(['=', ':']))
        .is_some_and(names_host);
    let qualified = host.contains('.');
    if scheme.is_none() && written.is_none() && !qualified && !alone && !named {
        return None;
    }
    let usual = match scheme {
        Some("https" | "wss") => Some(443),
        Some("http" | "ws") => Some(80),
        _ => None,
    };
    let fallback = || {
        usual
            .filter(|p| found.ports.contains(p))
            .or_else(|| only(found))
            .or_else(|| usual.filter(|_| found.external))
    };
    let port = written.or(port).or_else(fallback)?;
    let is_port = found.ports.contains(&port) || found.external;
    // Something else has the name: an image, a key of a map.
    if !is_port && scheme.is_none() && !alone {
        return None;
    }
    let asked = match is_port {
        true => asked(found, port, scheme, one_pod),
        false => Err(Unasked::NoPort),
    };
    Some(Address {
        path: path(after).filter(|_| scheme.is_some() && asked == Ok(UrlScheme::Http)),
        service,
        port,
        asked,
    })
}

/// How a port of a Service is asked.
fn asked(
    service: &KnownService,
    port: u16,
    scheme: Option<&str>,
    one_pod: bool,
) -> Result<UrlScheme, Unasked> {
    let opaque = service.opaque.contains(&port);
    if service.external {
        Err(Unasked::External)
    } else if opaque || scheme.is_some_and(|s| OPAQUE_SCHEMES.contains(&s)) {
        Err(Unasked::Opaque)
    } else if matches!(scheme, Some("https" | "wss" | "grpcs"))
        || service.tls.contains(&port) && !matches!(scheme, Some("http" | "ws" | "grpc"))
    {
        Err(Unasked::Tls)
    } else if service.side.contains(&port) {
        Err(Unasked::Side)
    } else if one_pod {
        Err(Unasked::OnePod)
    } else if service.grpc.contains(&port)
        || matches!(scheme, Some("grpc" | "h2c" | "dns" | "passthrough" | "xds"))
    {
        Ok(UrlScheme::Grpc)
    } else {
        Ok(UrlScheme::Http)
    }
}

/// The path behind `host[:port]`, without query.
fn path(after: &str) -> Option<String> {
    let rest = match after.strip_prefix(':') {
        Some(port) => port.trim_start_matches(|c: char| c.is_ascii_digit()),
        None => after,
    };
    let is_path = |c: char| c.is_ascii_alphanumeric() || "/._~%+@:-".contains(c);
    let end = rest.find(|c| !is_path(c)).unwrap_or(rest.len());
    // What goes on with a placeholder is a pattern and no path.
    let whole = !rest[end..].starts_with(['{', '$', '<', '*', '(', '[']);
    let path = rest[..end].trim_end_matches(['.', ':']);
    let good = path.starts_with('/') && (2..=PATH_BYTES_MAX).contains(&path.len()) && whole;
    good.then(|| path.to_owned())
}

/// The Service a host names, itself, and whether the host is one of its pods.
fn service<'k>(
    host: &str,
    namespace: &str,
    known: &'k Known,
) -> Option<((String, String), &'k KnownService, bool)> {
    let find = |host: &str| {
        let url = Url::new(UrlScheme::Http, host, 80, "/");
        let key = url.service(namespace)?;
        let service = known.service(&key.0, &key.1)?;
        Some((key, service))
    };
    if let Some((key, service)) = find(host) {
        return Some((key, service, false));
    }
    let (_, parent) = host.split_once('.')?;
    let (key, service) = find(parent).filter(|(_, service)| service.headless)?;
    Some((key, service, true))
}

/// The scheme that stands right before a host, with user and password skipped.
fn scheme(before: &str) -> Option<&str> {
    let authority = match before.rsplit_once('@') {
        Some((front, "")) => front,
        _ => before,
    };
    // gRPC's name resolvers may have an empty authority: `dns:///web:80`.
    let resolver = authority.strip_suffix('/').filter(|front| {
        let mut all = ["dns://", "passthrough://", "xds://"].iter();
        all.any(|resolver| front.ends_with(resolver))
    });
    let (front, user) = resolver.unwrap_or(authority).rsplit_once("://")?;
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

// === impl Unasked ===

impl Unasked {
    /// Ends of sentences: "calls … are not made: …".
    pub(super) fn why(self) -> &'static str {
        match self {
            Self::Opaque => "it speaks neither HTTP nor gRPC; its latency and failures are missing",
            Self::Tls => "the application encrypts by itself, so no proxy sees requests",
            Self::Side => "the port is for metrics, health or administration",
            Self::External => "it stands for a name outside of the cluster",
            Self::OnePod => "the address is that of one pod",
            Self::NoPort => "the Service has no such TCP port",
            Self::NoPods => "no pod of the manifests answers for it",
            Self::Telemetry => "telemetry is sent beside requests",
            Self::Scraped => "it is watched, not asked",
        }
    }
}

#[cfg(test)]
mod tests;
