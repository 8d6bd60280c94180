//! Traffic divided by weights over groups of localities (Envoy's locality-weighted balancing, with
//! the weights written as Istio's `distribute`).

use crate::health::OVERPROVISIONING_PERCENT;
use crate::snapshot::Locality;
use crate::snapshot::balance::Distribution;

/// How clients at `here` divide their traffic; none = nothing is said of them.
pub fn of<'a>(all: &'a [Distribution], here: &Locality) -> Option<&'a Distribution> {
    all.iter().find(|entry| entry.from.matches(here))
}

/// The group that an endpoint belongs to; none = it gets nothing.
pub fn group(distribution: &Distribution, endpoint: &Locality) -> Option<usize> {
    let mut groups = distribution.to.iter();
    groups.position(|(pattern, _)| pattern.matches(endpoint))
}

/// The weight of a group of which `usable` of `total` hosts may be picked: a group keeps its whole
/// weight until more than a fraction of its hosts are gone that overprovisioning cannot make up
/// for.
pub fn effective(weight: u32, usable: u32, total: u32) -> f64 {
    if total == 0 {
        return 0.0;
    }
    let capacity = OVERPROVISIONING_PERCENT as f64 / 100.0 * f64::from(usable) / f64::from(total);
    f64::from(weight) * capacity.min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::balance::LocalityPattern;
    use crate::testing::assert_close;

    #[track_caller]
    fn check(weight: u32, usable: u32, total: u32, expected: f64) {
        let seen = effective(weight, usable, total);
        assert_close(seen, expected);
    }

    #[test]
    fn a_group_keeps_its_weight_down_to_five_sevenths_of_its_hosts() {
        check(80, 10, 10, 80.0);
        check(80, 8, 10, 80.0);
        check(80, 5, 10, 56.0);
        check(80, 0, 10, 0.0);
        check(80, 0, 0, 0.0);
    }

    #[test]
    fn the_first_pattern_that_matches_decides() {
        let pattern = |region: Option<&str>, zone: Option<&str>| LocalityPattern {
            region: region.map(Into::into),
            zone: zone.map(Into::into),
        };
        let at = |region: &str, zone: &str| Locality {
            region: region.into(),
            zone: zone.into(),
        };
        let from_a = Distribution {
            from: pattern(Some("eu"), Some("a")),
            to: vec![
                (pattern(Some("eu"), Some("a")), 80),
                (pattern(Some("eu"), None), 20),
            ],
        };
        let all = [from_a];
        assert_eq!(of(&all, &at("eu", "b")), None);
        let found = of(&all, &at("eu", "a")).unwrap();
        assert_eq!(group(found, &at("eu", "a")), Some(0));
        assert_eq!(group(found, &at("eu", "b")), Some(1));
        assert_eq!(group(found, &at("us", "c")), None);
    }
}
