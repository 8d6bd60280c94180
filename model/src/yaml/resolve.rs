//! Scalar text to value as go-yaml v2 resolves it: YAML 1.1 with its own corners.
//!
//! Follows `resolve` of sigs.k8s.io/yaml `goyaml.v2/resolve.go`. What differs from YAML 1.2, and
//! bites: `y`, `yes`, `on` are booleans; `0644` and `0o644` are octal; `0b101` and `1_000` are
//! numbers; `1e400`, `12:30` and dates are strings; `1.0` reaches the API server as the integer 1,
//! because Go prints it so.

/// The value of a scalar. The text of a string is kept beside it, in the node.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scalar {
    Null,
    Bool(bool),
    Int(i64),
    /// Above `i64::MAX`.
    UInt(u64),
    /// As written; [`Scalar::as_json`] makes integers of those that are whole.
    Float(f64),
    Str,
}

/// A type that an explicit tag asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Want {
    Bool,
    Int,
    Float,
    Null,
    Timestamp,
}

// === impl Scalar ===

impl Scalar {
    /// The value of `text` written plain, without a tag.
    #[must_use]
    pub fn of(text: &str) -> Self {
        plain(text)
    }

    /// The value as it reaches the API server: Go prints a whole float without its point, so the
    /// other side reads an integer.
    #[must_use]
    pub fn as_json(self) -> Self {
        const I64_LIMIT: f64 = 9_223_372_036_854_775_808.0;
        const U64_LIMIT: f64 = 18_446_744_073_709_551_616.0;
        match self {
            Self::Float(value) if value.fract() != 0.0 => self,
            Self::Float(value) if (-I64_LIMIT..I64_LIMIT).contains(&value) => {
                Self::Int(value as i64)
            }
            Self::Float(value) if (0.0..U64_LIMIT).contains(&value) => Self::UInt(value as u64),
            _ => self,
        }
    }
}

/// The value of plain, untagged `text`.
pub(super) fn plain(text: &str) -> Scalar {
    let Some(first) = text.bytes().next() else {
        return Scalar::Null;
    };
    match first {
        b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' | b'~' => word(text),
        b'.' => match text {
            ".nan" | ".NaN" | ".NAN" => Scalar::Float(f64::NAN),
            ".inf" | ".Inf" | ".INF" => Scalar::Float(f64::INFINITY),
            _ => go_float(text).map_or(Scalar::Str, Scalar::Float),
        },
        b'+' | b'-' | b'0'..=b'9' => number(text),
        _ => Scalar::Str,
    }
}

/// The value of `text` under an explicit tag; `None` when it is not of that type.
pub(super) fn tagged(want: Want, text: &str) -> Option<Scalar> {
    let value = plain(text);
    match (want, value) {
        (Want::Bool, Scalar::Bool(_))
        | (Want::Int, Scalar::Int(_) | Scalar::UInt(_))
        | (Want::Float, Scalar::Float(_))
        | (Want::Null, Scalar::Null) => Some(value),
        (Want::Float, Scalar::Int(whole)) => Some(Scalar::Float(whole as f64)),
        (Want::Timestamp, Scalar::Str) => is_date(text).then_some(Scalar::Str),
        _ => None,
    }
}

/// `value` as a JSON key, as sigs.k8s.io/yaml prints keys that are not strings; `None` for null,
/// which it refuses.
pub(super) fn key(value: Scalar, text: &str) -> Option<String> {
    Some(match value {
        Scalar::Null => return None,
        Scalar::Bool(value) => value.to_string(),
        Scalar::Int(value) => value.to_string(),
        Scalar::UInt(value) => value.to_string(),
        Scalar::Float(value) => shortest(value),
        Scalar::Str => text.to_owned(),
    })
}

/// Decodes standard base64 with padding, line breaks ignored, as Go's decoder does.
pub(crate) fn base64(text: &str) -> Option<Vec<u8>> {
    let bytes: Vec<u8> = text
        .bytes()
        .filter(|byte| !matches!(byte, b'\r' | b'\n'))
        .collect();
    if !bytes.len().is_multiple_of(4) {
        return None;
    }
    let padding = bytes.iter().rev().take_while(|byte| **byte == b'=').count();
    if padding > 2 {
        return None;
    }
    let mut out = Vec::with_capacity(bytes.len() / 4 * 3);
    let (mut word, mut bits) = (0_u32, 0_u32);
    for byte in &bytes[..bytes.len() - padding] {
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        word = (word << 6) | u32::from(digit);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            out.push(u8::try_from((word >> bits) & 0xFF).unwrap_or(0));
        }
    }
    Some(out)
}

fn word(text: &str) -> Scalar {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Scalar::Bool(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Scalar::Bool(false)
        }
        "~" | "null" | "Null" | "NULL" => Scalar::Null,
        _ => Scalar::Str,
    }
}

fn number(text: &str) -> Scalar {
    match text {
        "+.inf" | "+.Inf" | "+.INF" => return Scalar::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Scalar::Float(f64::NEG_INFINITY),
        _ => {}
    }
    let stripped;
    let digits = if text.contains('_') {
        stripped = text.replace('_', "");
        &stripped
    } else {
        text
    };
    if let Some(value) = go_int(digits) {
        return value;
    }
    if is_yaml_float(digits)
        && let Some(value) = go_float(digits)
    {
        return Scalar::Float(value);
    }
    Scalar::Str
}

/// `strconv.ParseInt(s, 0, 64)`, then `strconv.ParseUint(s, 0, 64)`.
fn go_int(text: &str) -> Option<Scalar> {
    let (negative, signed, rest) = match text.as_bytes().first()? {
        b'-' => (true, true, &text[1..]),
        b'+' => (false, true, &text[1..]),
        _ => (false, false, text),
    };
    let (radix, digits) = match rest.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &rest[2..]),
        [b'0', b'o' | b'O', ..] => (8, &rest[2..]),
        [b'0', b'b' | b'B', ..] => (2, &rest[2..]),
        [b'0', _, ..] => (8, &rest[1..]),
        _ => (10, rest),
    };
    // Rust's parser would take a second sign.
    if !digits.bytes().next()?.is_ascii_alphanumeric() {
        return None;
    }
    let magnitude = u64::from_str_radix(digits, radix).ok()?;
    match (negative, i64::try_from(magnitude)) {
        (false, Ok(value)) => Some(Scalar::Int(value)),
        (true, Ok(value)) => Some(Scalar::Int(-value)),
        (true, Err(_)) => (magnitude == i64::MIN.unsigned_abs()).then_some(Scalar::Int(i64::MIN)),
        (false, Err(_)) => (!signed).then_some(Scalar::UInt(magnitude)),
    }
}

/// go-yaml's `^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`.
fn is_yaml_float(text: &str) -> bool {
    let rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match rest.find(['e', 'E']) {
        Some(at) => (&rest[..at], Some(&rest[at + 1..])),
        None => (rest, None),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let good_mantissa = match mantissa.split_once('.') {
        None => digits(mantissa),
        Some(("", after)) => digits(after),
        Some((before, after)) => digits(before) && (after.is_empty() || digits(after)),
    };
    let good_exponent = exponent
        .is_none_or(|exponent| digits(exponent.strip_prefix(['-', '+']).unwrap_or(exponent)));
    good_mantissa && good_exponent
}

/// `strconv.ParseFloat`: out of range is an error there, and the text stays a string; underscores
/// between digits are allowed.
fn go_float(text: &str) -> Option<f64> {
    let parse = |text: &str| text.parse().ok().filter(|value: &f64| value.is_finite());
    if !text.contains('_') {
        return parse(text);
    }
    let between_digits = |at: usize| {
        let bytes = text.as_bytes();
        let digit = |at: Option<usize>| {
            at.and_then(|at| bytes.get(at))
                .is_some_and(u8::is_ascii_digit)
        };
        digit(at.checked_sub(1)) && digit(Some(at + 1))
    };
    let good = text.match_indices('_').all(|(at, _)| between_digits(at));
    if good {
        parse(&text.replace('_', ""))
    } else {
        None
    }
}

/// `strconv.FormatFloat(f, 'g', -1, 32)`, with YAML's words for what is not finite.
fn shortest(value: f64) -> String {
    if value.is_nan() {
        return ".nan".into();
    }
    let narrow = value as f32;
    if narrow.is_infinite() {
        return if value > 0.0 { ".inf" } else { "-.inf" }.into();
    }
    let scientific = format!("{narrow:e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else {
        return scientific;
    };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..6).contains(&exponent) {
        return format!("{narrow}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

/// Whether `text` starts as all dates of go-yaml do: four digits and a dash.
fn is_date(text: &str) -> bool {
    matches!(text.as_bytes(), [a, b, c, d, b'-', e, ..]
        if [a, b, c, d, e].iter().all(|byte| byte.is_ascii_digit()))
}
