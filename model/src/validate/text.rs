//! Names, hosts, header fields and regular expressions inside resources.

use engine::snapshot::Pattern;
use engine::snapshot::pattern::BadPattern;

use super::check::Check;

/// RFC 1123: longest host name.
const HOST_LEN_MAX: usize = 253;
/// Gateway API: longest header name and value.
const HEADER_NAME_LEN_MAX: usize = 256;
pub(crate) const HEADER_VALUE_LEN_MAX: usize = 4096;

/// The value here has to be a regular expression.
pub(crate) fn check_regex(check: &mut Check, pattern: &str) {
    let Err(error) = Pattern::new(pattern) else {
        return;
    };
    let reason = match error {
        BadPattern::TooLong => error.to_string(),
        // The last line of the library's drawing names the cause.
        BadPattern::Syntax(error) => {
            let text = error.to_string();
            let last = text.lines().last().unwrap_or_default();
            last.strip_prefix("error: ").unwrap_or(last).to_owned()
        }
    };
    check.error(
        format!("`{}` is not a regular expression: {reason}", shown(pattern)),
        "the syntax is RE2's; look-around and back-references do not exist",
    );
}

/// True for a lower-case host name of RFC 1123 that is no IP address.
pub(crate) fn is_host(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= HOST_LEN_MAX
        && text.parse::<core::net::IpAddr>().is_err()
        && text.split('.').all(is_label)
}

fn is_label(label: &str) -> bool {
    let alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = label.as_bytes();
    let ends = [bytes.first(), bytes.last()];
    ends.iter().all(|end| end.is_some_and(|b| alphanumeric(*b)))
        && bytes.iter().all(|b| alphanumeric(*b) || *b == b'-')
}

/// The value here has to be a host name; `*.suffix` is allowed when `wildcard` is.
pub(crate) fn check_host(check: &mut Check, host: &str, wildcard: bool) {
    let name = match host.strip_prefix("*.") {
        Some(suffix) if wildcard => suffix,
        _ => host,
    };
    if is_host(name) {
        return;
    }
    let allowed = if wildcard {
        "allowed are lower-case host names such as `shop.example.com` or `*.example.com`, no IP \
         addresses and no ports"
    } else {
        "allowed are lower-case host names such as `shop.example.com`, no wildcards, no IP \
         addresses and no ports"
    };
    check.error(format!("`{}` is not a host name", shown(host)), allowed);
}

/// The value here has to be a header name (RFC 9110 §5.1).
pub(crate) fn check_header_name(check: &mut Check, name: &str) {
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if name.is_empty() || name.len() > HEADER_NAME_LEN_MAX || !name.bytes().all(token) {
        check.error(
            format!("`{}` is not a name of a header", shown(name)),
            format!("1 to {HEADER_NAME_LEN_MAX} letters, digits and !#$%&'*+-.^_`|~ are allowed"),
        );
    }
}

/// The value here has to be a value of a header to write (RFC 9110 §5.5).
pub(crate) fn check_header_value(check: &mut Check, value: &str) {
    check_len(check, value, 1, HEADER_VALUE_LEN_MAX);
    if http::HeaderValue::from_str(value).is_err() {
        check.error(
            "the value of a header must not have control characters",
            "visible characters, spaces and tabs are allowed",
        );
    }
}

/// The value here has `min..=max` bytes.
pub(crate) fn check_len(check: &mut Check, text: &str, min: usize, max: usize) {
    if text.len() < min {
        check.error(
            "the value is empty",
            format!("{min} to {max} characters are allowed"),
        );
    } else if text.len() > max {
        check.error(
            format!("the value has {} characters", text.len()),
            format!("at most {max} are allowed"),
        );
    }
}

/// The value here has to be a name that other objects can refer to (RFC 1123 subdomain).
pub(crate) fn check_section_name(check: &mut Check, name: &str) {
    if name.is_empty() || name.len() > HOST_LEN_MAX || !name.split('.').all(is_label) {
        check.error(
            format!("`{}` is not a valid name", shown(name)),
            "allowed are 1 to 253 lower-case letters, digits, `-` and `.`, starting and ending \
             with a letter or digit",
        );
    }
}

/// A user's text inside a message: one line, not too long.
pub(crate) fn shown(text: &str) -> String {
    const LEN_MAX: usize = 60;
    let mut line: String = text
        .chars()
        .take(LEN_MAX)
        .flat_map(char::escape_debug)
        .collect();
    if text.chars().count() > LEN_MAX {
        line.push('…');
    }
    line
}
