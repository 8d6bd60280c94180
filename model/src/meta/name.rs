//! What may be a name, a label, a namespace: the API server's own rules
//! (k8s.io/apimachinery `pkg/util/validation`).

/// Longest DNS label, RFC 1123.
const LABEL_BYTES_MAX: usize = 63;
/// Longest DNS name as Kubernetes takes it.
const SUBDOMAIN_BYTES_MAX: usize = 253;
/// Longest name of a port, of IANA services (RFC 6335).
const PORT_NAME_BYTES_MAX: usize = 15;

/// A rule that a text breaks, in words.
pub type Problem = &'static str;

/// Names of namespaces and containers.
///
/// # Errors
/// The rule that is broken.
pub fn dns_label(text: &str) -> Result<(), Problem> {
    let good = !text.is_empty()
        && text.len() <= LABEL_BYTES_MAX
        && text
            .bytes()
            .all(|byte| is_lower_alphanumeric(byte) || byte == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-');
    good.then_some(()).ok_or(
        "at most 63 lower case letters, digits or `-`, starting and ending with a letter or digit",
    )
}

/// Names of Services: as [`dns_label`], and the first character is a letter.
///
/// # Errors
/// The rule that is broken.
pub fn service_name(text: &str) -> Result<(), Problem> {
    let letter = text
        .bytes()
        .next()
        .is_some_and(|byte| byte.is_ascii_lowercase());
    let good = letter && dns_label(text).is_ok();
    good.then_some(()).ok_or(
        "at most 63 lower case letters, digits or `-`, starting with a letter and not ending \
         with `-`",
    )
}

/// Names of nearly everything else.
///
/// # Errors
/// The rule that is broken.
pub fn subdomain(text: &str) -> Result<(), Problem> {
    let part = |part: &str| {
        let edge = |byte: Option<u8>| byte.is_some_and(is_lower_alphanumeric);
        edge(part.bytes().next())
            && edge(part.bytes().next_back())
            && part
                .bytes()
                .all(|byte| is_lower_alphanumeric(byte) || byte == b'-')
    };
    let good = text.len() <= SUBDOMAIN_BYTES_MAX && text.split('.').all(part);
    good.then_some(()).ok_or(
        "at most 253 lower case letters, digits, `-` or `.`, with a letter or digit at both ends \
         of each part",
    )
}

/// Names of container ports: they appear in Services and probes.
///
/// # Errors
/// The rule that is broken.
pub fn port_name(text: &str) -> Result<(), Problem> {
    let good = text.len() <= PORT_NAME_BYTES_MAX
        && dns_label(text).is_ok()
        && !text.contains("--")
        && text.bytes().any(|byte| byte.is_ascii_lowercase());
    good.then_some(()).ok_or(
        "at most 15 lower case letters, digits or single `-`, with at least one letter, starting \
         and ending with a letter or digit",
    )
}

/// Keys of annotations: those of labels, in any case.
///
/// # Errors
/// The rule that is broken.
pub fn annotation_key(text: &str) -> Result<(), Problem> {
    label_key(&text.to_ascii_lowercase())
}

/// Keys of labels: `name` or `prefix.example/name`.
///
/// # Errors
/// The rule that is broken.
pub fn label_key(text: &str) -> Result<(), Problem> {
    let (prefix, name) = match text.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, text),
    };
    let good = prefix.is_none_or(|prefix| subdomain(prefix).is_ok())
        && !name.is_empty()
        && is_qualified(name);
    good.then_some(()).ok_or(
        "at most 63 letters, digits, `-`, `_` or `.` with a letter or digit at both ends, after an \
         optional DNS prefix and `/`",
    )
}

/// Values of labels.
///
/// # Errors
/// The rule that is broken.
pub fn label_value(text: &str) -> Result<(), Problem> {
    let good = text.is_empty() || is_qualified(text);
    good.then_some(()).ok_or(
        "at most 63 letters, digits, `-`, `_` or `.`, with a letter or digit at both ends, or \
         nothing",
    )
}

fn is_lower_alphanumeric(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

fn is_qualified(text: &str) -> bool {
    let edge = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    text.len() <= LABEL_BYTES_MAX
        && edge(text.bytes().next())
        && edge(text.bytes().next_back())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}
