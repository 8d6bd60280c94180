//! Weights and shares: which weights give a backend a share of the traffic.

/// The largest weight of the Gateway API.
const WEIGHT_MAX: u64 = 1_000_000;

/// The share of backend `target` in percent, to the nearest; none when all weights are zero.
pub fn percent_of(weights: &[u32], target: usize) -> Option<u32> {
    let sum: u64 = weights.iter().map(|w| u64::from(*w)).sum();
    let mine = u64::from(*weights.get(target)?);
    let percent = (mine * 100 + sum / 2).checked_div(sum)?;
    u32::try_from(percent).ok()
}

/// Weights that give backend `target` `percent` of the traffic and leave the others in proportion
/// to each other; none when there are no others that have any weight.
///
/// Two backends get weights that add up to 100, which is how people write them.
pub fn with_percent(weights: &[u32], target: usize, percent: u32) -> Option<Vec<u32>> {
    let percent = u64::from(percent.min(100));
    let others = || {
        let all = weights.iter().enumerate();
        all.filter(move |(i, _)| *i != target)
            .map(|(_, w)| u64::from(*w))
    };
    if target >= weights.len() {
        return None;
    }
    let unit = others().fold(0, gcd);
    let sum: u64 = others().sum::<u64>().checked_div(unit)?;
    // What does not fit is rounded, but nobody who had traffic is left without.
    let shrink = (sum * 100).div_ceil(WEIGHT_MAX).max(1);
    let scaled = |(i, weight): (usize, &u32)| {
        let exact = match i == target {
            true => sum * percent,
            false => u64::from(*weight) / unit * (100 - percent),
        };
        u32::try_from(exact.div_ceil(shrink)).unwrap_or(u32::MAX)
    };
    Some(weights.iter().enumerate().map(scaled).collect())
}

/// Greatest common divisor; `gcd(0, n)` is `n`.
fn gcd(a: u64, b: u64) -> u64 {
    match b {
        0 => a,
        b => gcd(b, a % b),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn weights_are_those_that_a_person_would_write() {
        for (weights, target, percent, expected) in [
            (&[90, 10][..], 1, 30, &[70, 30][..]),
            (&[1, 0], 1, 10, &[90, 10]),
            (&[1_000_000, 0], 1, 25, &[75, 25]),
            (&[0, 7], 0, 0, &[0, 100]),
            (&[0, 7], 0, 100, &[100, 0]),
            (&[70, 0, 30], 1, 50, &[350, 500, 150]),
            (&[5, 5, 0], 2, 20, &[80, 80, 40]),
        ] {
            let found = with_percent(weights, target, percent);
            assert_eq!(
                found.as_deref(),
                Some(expected),
                "{weights:?} {target} {percent}"
            );
        }
        assert_eq!(
            with_percent(&[0, 10], 1, 50),
            None,
            "nobody else has weight"
        );
        assert_eq!(with_percent(&[10], 0, 50), None);
        assert_eq!(with_percent(&[10], 1, 50), None);
    }

    #[test]
    fn shares_are_percent_of_the_sum() {
        for (weights, target, expected) in [
            (&[90, 10][..], 1, Some(10)),
            (&[2, 1], 1, Some(33)),
            (&[0, 1], 0, Some(0)),
            (&[0, 0], 0, None),
            (&[1], 1, None),
        ] {
            assert_eq!(
                percent_of(weights, target),
                expected,
                "{weights:?} {target}"
            );
        }
    }

    proptest! {
        #[test]
        fn a_share_that_is_set_is_the_share_that_is_read(
            weights in proptest::collection::vec(0_u32..=1_000_000, 2..6),
            target in 0_usize..2,
            percent in 0_u32..=100,
        ) {
            let others: u64 = weights.iter().map(|w| u64::from(*w)).sum::<u64>()
                - u64::from(weights[target]);
            let Some(new) = with_percent(&weights, target, percent) else {
                prop_assert_eq!(others, 0);
                return Ok(());
            };
            prop_assert!(new.iter().all(|w| u64::from(*w) <= WEIGHT_MAX + 100));
            prop_assert_eq!(percent_of(&new, target), Some(percent));
            for (i, (old, new)) in weights.iter().zip(&new).enumerate() {
                let silent = i != target && (*old == 0 || percent == 100);
                prop_assert!(i == target || (*new == 0) == silent, "{} {}", i, new);
            }
        }
    }
}
