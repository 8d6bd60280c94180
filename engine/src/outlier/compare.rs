//! The two detectors that compare the hosts of a cluster over the last interval.

use super::{Bucket, HostRecord, Reason};
use crate::snapshot::Outlier;

/// Mean minus `factor` standard deviations (of the population) of the rates, in percent: hosts
/// below it are outliers. `rates` must not be empty.
pub fn success_rate_threshold(rates: &[f64], factor: f64) -> f64 {
    let n = rates.len() as f64;
    let mean = rates.iter().sum::<f64>() / n;
    let variance = rates.iter().map(|r| (r - mean) * (r - mean)).sum::<f64>() / n;
    mean - factor * libm::sqrt(variance)
}

/// Hosts whose success rate is below the crowd's, by external or by local-origin errors.
pub(super) fn success_rate(
    policy: &Outlier,
    hosts: &[&mut HostRecord],
    local: bool,
) -> Vec<(usize, Reason)> {
    let p = policy.success_rate;
    let rates = rates(hosts, local, p.request_volume);
    if rates.is_empty() || rates.len() < p.minimum_hosts as usize {
        return Vec::new();
    }
    let reason = match local {
        true => Reason::SuccessRateLocalOrigin,
        false => Reason::SuccessRate,
    };
    let values: Vec<f64> = rates.iter().map(|(_, rate)| *rate).collect();
    let threshold = success_rate_threshold(&values, f64::from(p.stdev_factor) / 1000.0);
    let low = rates.iter().filter(|(_, rate)| *rate < threshold);
    low.map(|(host, _)| (*host, reason)).collect()
}

/// Hosts whose share of failures is at or above a fixed threshold, by external or by local-origin
/// errors.
pub(super) fn failure_percentage(
    policy: &Outlier,
    hosts: &[&mut HostRecord],
    local: bool,
) -> Vec<(usize, Reason)> {
    let p = policy.failure_percentage;
    let rates = rates(hosts, local, p.request_volume);
    if rates.is_empty() || rates.len() < p.minimum_hosts as usize {
        return Vec::new();
    }
    let reason = match local {
        true => Reason::FailurePercentageLocalOrigin,
        false => Reason::FailurePercentage,
    };
    let high = rates
        .iter()
        .filter(|(_, rate)| 100.0 - rate >= f64::from(p.threshold));
    high.map(|(host, _)| (*host, reason)).collect()
}

/// Success rates of the last interval, of hosts that are not ejected and had enough requests.
fn rates(hosts: &[&mut HostRecord], local: bool, volume: u32) -> Vec<(usize, f64)> {
    let bucket = |host: &HostRecord| -> Option<Bucket> {
        match local {
            true => host.local.as_deref().copied(),
            false => Some(host.external),
        }
    };
    hosts
        .iter()
        .enumerate()
        .filter(|(_, host)| !host.is_ejected())
        .filter_map(|(index, host)| Some((index, bucket(host)?)))
        .filter(|(_, b)| b.last_total > 0 && b.last_total >= volume)
        .map(|(index, b)| (index, b.last_rate()))
        .collect()
}
