//! `adaptiveConcurrency` of a BackendPolicy, `admissionControl` of a TrafficPolicy.

use core::time::Duration;

use super::backend_policy::{number, positive};
use super::check::Check;
use crate::policy::{AdaptiveConcurrency, AdmissionControl};

/// Envoy keeps samples by the second.
const SAMPLING_WINDOW_MIN: Duration = Duration::from_secs(1);
/// Beyond it the smallest loss of success sheds everything.
const AGGRESSION_MAX: f64 = 100.0;

pub(super) fn adaptive(check: &mut Check, adaptive: &AdaptiveConcurrency) {
    positive(check, "updateInterval", adaptive.update_interval);
    if let Some(rtt) = &adaptive.min_rtt {
        check.field("minRtt", |check| positive(check, "interval", rtt.interval));
    }
    let least = adaptive.min_concurrency.map_or(3, |n| n.get());
    let most = adaptive.max_concurrency.map_or(1000, |n| n.get());
    if most < least {
        check.error(
            format!("maxConcurrency ({most}) is less than minConcurrency ({least})"),
            "the limit moves between the two (defaults 3 and 1000)",
        );
    }
}

pub(super) fn admission(check: &mut Check, admission: &AdmissionControl) {
    let window = admission.sampling_window;
    if window.is_some_and(|window| window.get() < SAMPLING_WINDOW_MIN) {
        check.field("samplingWindow", |check| {
            check.error(
                "the window is too short",
                format!("at least {SAMPLING_WINDOW_MIN:?} is allowed"),
            );
        });
    }
    let threshold = admission.success_rate_threshold;
    number(check, "successRateThreshold", threshold, 1.0, 100.0);
    number(
        check,
        "aggression",
        admission.aggression,
        1.0,
        AGGRESSION_MAX,
    );
    let most = admission.max_rejection_probability;
    number(check, "maxRejectionProbability", most, 0.0, 100.0);
}
