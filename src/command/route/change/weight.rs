//! Weights in any scale: `90` and `10`, `90%` and `10%`, `0.9` and `0.1`.

use crate::error::Error;

/// The greatest weight of the Gateway API.
const WEIGHT_MAX: u64 = 1_000_000;
/// Digits behind the point that are told apart: a millionth is the smallest share of a weight.
const DIGITS_MAX: usize = 6;

/// A backend as it was named, and its weight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Share {
    pub(crate) name: String,
    pub(crate) weight: u32,
}

/// A number with up to [`DIGITS_MAX`] digits behind the point.
struct Number {
    /// Without the point.
    digits: u64,
    /// Digits behind the point.
    behind: usize,
    percent: bool,
}

/// Reads `NAME=WEIGHT` of all backends of a split.
///
/// Whole numbers are taken as they are. Percentages have to add up to 100 and fractions to 1, since
/// anything else is a mistake; they become whole numbers of the same proportions.
pub(crate) fn parse(words: &[String]) -> Result<Vec<Share>, Error> {
    let mut names: Vec<&str> = Vec::new();
    let mut numbers = Vec::new();
    for word in words {
        let Some((name, weight)) = word.split_once('=') else {
            return Err(Error::new(format!("`{word}` has no weight"))
                .hint("write NAME=WEIGHT, as v1=90 v2=10, v1=90% v2=10% or v1=0.9 v2=0.1"));
        };
        if name.is_empty() {
            return Err(Error::new(format!("`{word}` names no backend")));
        }
        if names.contains(&name) {
            return Err(Error::new(format!("{name} is named twice")));
        }
        names.push(name);
        numbers.push(number(weight).ok_or_else(|| {
            Error::new(format!("`{weight}` of {name} is no weight")).hint(format!(
                "write a whole number from 0 to {WEIGHT_MAX}, a percentage as 12.5%, or a fraction \
                 as 0.125"
            ))
        })?);
    }
    let weights = weights(&numbers)?;
    if weights.iter().all(|weight| *weight == 0) {
        return Err(
            Error::new("all weights are 0: every request would be answered with 500")
                .hint("give one of them a weight; `meshctl route delete` takes a route away"),
        );
    }
    let shares = names.into_iter().zip(weights);
    Ok(shares
        .map(|(name, weight)| Share {
            name: name.to_owned(),
            weight,
        })
        .collect())
}

fn number(text: &str) -> Option<Number> {
    let (text, percent) = match text.strip_suffix('%') {
        Some(text) => (text, true),
        None => (text, false),
    };
    let (whole, behind) = text.split_once('.').unwrap_or((text, ""));
    let digits_only = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let fits = !whole.is_empty()
        && whole.len() <= 7
        && digits_only(whole)
        && digits_only(behind)
        && behind.len() <= DIGITS_MAX
        && (behind.is_empty() != text.contains('.'));
    let behind = behind.trim_end_matches('0');
    let digits = format!("{whole}{behind}").parse().ok()?;
    fits.then_some(Number {
        digits,
        behind: behind.len(),
        percent,
    })
}

fn weights(numbers: &[Number]) -> Result<Vec<u32>, Error> {
    let percents = numbers.iter().filter(|n| n.percent).count();
    if percents > 0 && percents < numbers.len() {
        return Err(Error::new("some weights are percentages and some are not")
            .hint("write all of them in one scale"));
    }
    let behind = numbers.iter().map(|n| n.behind).max().unwrap_or_default();
    let scaled = |n: &Number| n.digits * 10u64.pow((behind - n.behind) as u32);
    let sum: u64 = numbers.iter().map(scaled).sum();
    let one = 10u64.pow(behind as u32);
    let (of, unit) = match percents > 0 {
        true => (100 * one, "%"),
        false => (one, ""),
    };
    let is_share = percents > 0 || behind > 0;
    if is_share && sum != of {
        let text = |n: u64| {
            let text = format!("{:.*}", behind, n as f64 / one as f64);
            match text.contains('.') {
                true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
                false => text,
            }
        };
        let (sum, of) = (text(sum), text(of));
        return Err(
            Error::new(format!("the weights add up to {sum}{unit}, not {of}{unit}"))
                .hint("whole numbers without % may have any sum"),
        );
    }
    // Fractions read best as percentages: 0.9 is 90, not 9.
    let factor = match is_share && percents == 0 && behind < 2 {
        true => 10u64.pow(2 - behind as u32),
        false => 1,
    };
    let weight = |n: &Number| {
        let weight = scaled(n) * factor;
        u32::try_from(weight)
            .ok()
            .filter(|_| weight <= WEIGHT_MAX)
            .ok_or_else(|| Error::new(format!("a weight is greater than {WEIGHT_MAX}")))
    };
    numbers.iter().map(weight).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<u32>, Error> {
        let words: Vec<String> = text.split(' ').map(str::to_owned).collect();
        let shares = parse(&words)?;
        Ok(shares.into_iter().map(|share| share.weight).collect())
    }

    #[test]
    fn weights_keep_their_proportions_in_every_scale() {
        for (text, expected) in [
            ("a=90 b=10", [90, 10]),
            ("a=1 b=3", [1, 3]),
            ("a=0 b=1000000", [0, 1_000_000]),
            ("a=90% b=10%", [90, 10]),
            ("a=99.5% b=0.5%", [995, 5]),
            ("a=0.9 b=0.1", [90, 10]),
            ("a=0.90 b=0.10", [90, 10]),
            ("a=0.125 b=0.875", [125, 875]),
            ("a=0.999999 b=0.000001", [999_999, 1]),
        ] {
            assert_eq!(read(text).unwrap(), expected, "{text}");
        }
        assert_eq!(read("a=100%").unwrap(), [100]);
        assert_eq!(read("a=1.0").unwrap(), [1]);
    }

    #[test]
    fn malformed_weights_are_refused() {
        for bad in [
            "a",
            "a=",
            "=1",
            "a=-1",
            "a=x",
            "a=1e3",
            "a=1.",
            "a=.5",
            "a=50% b=49%",
            "a=0.5 b=0.4",
            "a=50% b=50",
            "a=0 b=0",
            "a=1000001",
            "a=1 a=2",
            "a=0.0000001 b=0.9999999",
            "a=+1",
            "a=101%",
            "a=1.5",
            "a=50%%",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
