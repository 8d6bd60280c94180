//! Amounts of processors and memory: `100m`, `1.5`, `512Mi`, `1e3`.
//!
//! k8s.io/apimachinery `pkg/api/resource/quantity.go`.

use core::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

/// An amount, in thousandths, rounded up as Kubernetes rounds. Amounts beyond 2^127 thousandths
/// saturate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quantity {
    milli: i128,
}

/// Digits that are read: 2^63 has 19, and Kubernetes caps amounts there.
const DIGITS_MAX: usize = 30;

struct Text;

// === impl Quantity ===

impl Quantity {
    /// Reads `text`; `None` when it is not an amount.
    pub fn parse(text: &str) -> Option<Self> {
        let (negative, rest) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let number_end = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        let (number, suffix) = rest.split_at(number_end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.len() + fraction.len() == 0
            || whole.len() + fraction.len() > DIGITS_MAX
            || fraction.contains('.')
        {
            return None;
        }
        let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
        let scale = i32::try_from(fraction.len()).ok()?;
        let (binary, decimal) = multiplier(suffix)?;
        // digits * 2^binary * 10^(decimal - scale), in thousandths.
        let amount = digits.saturating_mul(1_i128 << binary);
        let exponent = decimal.saturating_sub(scale).saturating_add(3);
        let milli = scaled(amount, exponent);
        Some(Self {
            milli: if negative { -milli } else { milli },
        })
    }

    /// In thousandths of the unit: of a processor, of a byte.
    pub fn milli(self) -> i128 {
        self.milli
    }

    /// In whole units, rounded up.
    pub fn value(self) -> i128 {
        let whole = self.milli.div_euclid(1000);
        if self.milli.rem_euclid(1000) == 0 {
            whole
        } else {
            whole + 1
        }
    }
}

/// `amount * 10^exponent`, rounded up, saturating.
fn scaled(amount: i128, exponent: i32) -> i128 {
    let power = exponent.unsigned_abs();
    match 10_i128.checked_pow(power) {
        Some(factor) if exponent >= 0 => amount.saturating_mul(factor),
        Some(factor) => amount / factor + i128::from(amount % factor != 0),
        None if exponent >= 0 && amount != 0 => i128::MAX,
        None => i128::from(amount != 0),
    }
}

/// The powers of 2 and of 10 that a suffix stands for.
fn multiplier(suffix: &str) -> Option<(u32, i32)> {
    Some(match suffix {
        "" => (0, 0),
        "n" => (0, -9),
        "u" => (0, -6),
        "m" => (0, -3),
        "k" => (0, 3),
        "M" => (0, 6),
        "G" => (0, 9),
        "T" => (0, 12),
        "P" => (0, 15),
        "E" => (0, 18),
        "Ki" => (10, 0),
        "Mi" => (20, 0),
        "Gi" => (30, 0),
        "Ti" => (40, 0),
        "Pi" => (50, 0),
        "Ei" => (60, 0),
        _ => {
            let exponent = suffix.strip_prefix(['e', 'E'])?;
            let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            (0, exponent.parse().ok()?)
        }
    })
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Text)
    }
}

// === impl Text ===

impl Visitor<'_> for Text {
    type Value = Quantity;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an amount such as 100m, 1.5 or 512Mi")
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Quantity, E> {
        Ok(Quantity {
            milli: i128::from(value) * 1000,
        })
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Quantity, E> {
        Ok(Quantity {
            milli: i128::from(value) * 1000,
        })
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Quantity, E> {
        self.visit_str(&value.to_string())
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Quantity, E> {
        Quantity::parse(value).ok_or_else(|| E::invalid_value(de::Unexpected::Str(value), &self))
    }
}
