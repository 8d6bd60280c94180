//! Nearer endpoints first (Istio `LocalityLoadBalancerSetting.failoverPriority`): places become
//! priority levels, and [`crate::health`] spills over from one to the next.

use crate::snapshot::Locality;
use crate::snapshot::balance::Topology;

/// The level of an endpoint as seen from `here`: 0 when all of `by` agree, one more for each from
/// the first that differs. A place that is not known agrees with none.
pub fn level(by: &[Topology], here: &Locality, endpoint: &Locality) -> usize {
    let agrees = |topology: &&Topology| {
        let (mine, its) = match topology {
            Topology::Region => (&here.region, &endpoint.region),
            Topology::Zone => (&here.zone, &endpoint.zone),
        };
        !mine.is_empty() && mine == its
    };
    by.len() - by.iter().take_while(agrees).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(region: &str, zone: &str) -> Locality {
        Locality {
            region: region.into(),
            zone: zone.into(),
        }
    }

    #[track_caller]
    fn check(by: &[Topology], here: (&str, &str), endpoint: (&str, &str), expected: usize) {
        let seen = level(by, &at(here.0, here.1), &at(endpoint.0, endpoint.1));
        assert_eq!(seen, expected, "{by:?} from {here:?} to {endpoint:?}");
    }

    #[test]
    fn the_first_difference_decides() {
        let both = [Topology::Region, Topology::Zone];
        check(&both, ("eu", "a"), ("eu", "a"), 0);
        check(&both, ("eu", "a"), ("eu", "b"), 1);
        check(&both, ("eu", "a"), ("us", "c"), 2);
        // A zone of that name in another region is not near.
        check(&both, ("eu", "a"), ("us", "a"), 2);
        check(&[Topology::Zone], ("eu", "a"), ("eu", "b"), 1);
        check(&[], ("eu", "a"), ("us", "b"), 0);
    }

    #[test]
    fn an_unknown_place_is_far() {
        let both = [Topology::Region, Topology::Zone];
        check(&both, ("", ""), ("", ""), 2);
        check(&both, ("eu", ""), ("eu", ""), 1);
    }
}
