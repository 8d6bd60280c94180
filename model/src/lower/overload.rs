//! `adaptiveConcurrency` and `admissionControl` → the engine's controllers.

use engine::origin::Origin;
use engine::snapshot::{AdaptiveConcurrency, AdmissionControl};
use http::StatusCode;

use super::cluster::set;
use crate::policy;

pub(super) fn adaptive(spec: &policy::AdaptiveConcurrency) -> AdaptiveConcurrency {
    let mut adaptive = AdaptiveConcurrency::default();
    let rtt = spec.min_rtt.clone().unwrap_or_default();
    set(&mut adaptive.update_interval, spec.update_interval);
    set(&mut adaptive.min_rtt_interval, rtt.interval);
    let pairs = [
        (
            &mut adaptive.sample_percentile,
            spec.sample_percentile.map(|n| n.u32()),
        ),
        (
            &mut adaptive.max_concurrency,
            spec.max_concurrency.map(|n| n.u32()),
        ),
        (
            &mut adaptive.min_concurrency,
            spec.min_concurrency.map(|n| n.u32()),
        ),
        (
            &mut adaptive.min_rtt_request_count,
            rtt.request_count.map(|n| n.u32()),
        ),
        (
            &mut adaptive.min_rtt_jitter_percent,
            rtt.jitter_percent.map(|n| n.u32()),
        ),
        (
            &mut adaptive.min_rtt_buffer_percent,
            rtt.buffer_percent.map(|n| n.u32()),
        ),
    ];
    for (field, value) in pairs {
        *field = value.unwrap_or(*field);
    }
    let status = spec.status.map(|status| status.u16());
    if let Some(status) = status.and_then(|status| StatusCode::from_u16(status).ok()) {
        adaptive.status = status;
    }
    adaptive
}

pub(super) fn admission(spec: &policy::AdmissionControl, origin: Origin) -> AdmissionControl {
    let mut admission = AdmissionControl::with_defaults(origin);
    set(&mut admission.sampling_window, spec.sampling_window);
    if let Some(percent) = spec.success_rate_threshold {
        admission.success_rate_threshold = percent / 100.0;
    }
    admission.aggression = spec.aggression.unwrap_or(admission.aggression);
    if let Some(rps) = spec.rps_threshold {
        admission.rps_threshold = rps.u32();
    }
    if let Some(percent) = spec.max_rejection_probability {
        admission.max_rejection_probability = percent / 100.0;
    }
    admission
}
