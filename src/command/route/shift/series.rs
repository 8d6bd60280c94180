//! What Prometheus knows of a version, in the words of the mesh that reports it.
//!
//! * Istio: `istio_requests_total` and `istio_request_duration_milliseconds` (Standard Metrics), as
//!   reported by clients, so that requests which never arrived count as well.
//! * Linkerd: `response_total` and `response_latency_ms` (Proxy Metrics), outbound.

use engine::rollout::{Guard, Metric, Observed};
use std::collections::BTreeMap;
use std::time::Duration;

use clap::ValueEnum;

use super::metrics::Of;
use super::prometheus::Prometheus;

/// Whose names metrics have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Dialect {
    Istio,
    Linkerd,
}

/// The metrics of a mesh in Prometheus.
pub(super) struct Series<'a> {
    prometheus: Prometheus<'a>,
    /// The one that was asked for, or the first that had an answer.
    dialect: Option<Dialect>,
}

/// Below this, functions over a window have no two samples to work with, whatever is scraped.
const WINDOW_MIN: Duration = Duration::from_secs(1);

// === impl Dialect ===

impl Dialect {
    const ALL: [Self; 2] = [Self::Istio, Self::Linkerd];

    /// Requests, by their labels.
    fn requests(self, of: Of<'_>, more: &str) -> String {
        let (series, labels) = self.series(of);
        let window = seconds(of.window);
        format!("sum(increase({series}{{{labels}{more}}}[{window}]))")
    }

    /// Requests that succeeded.
    fn successes(self, of: Of<'_>) -> String {
        // A response code of 0 is a connection that broke; gRPC has its codes in a label of its
        // own, of which these are the server's fault.
        let good = match self {
            Self::Istio => ",response_code!~\"5..|0\",grpc_response_status!~\"2|4|12|13|14|15\"",
            Self::Linkerd => ",classification=\"success\"",
        };
        self.requests(of, good)
    }

    /// A quantile of the latency, in milliseconds.
    fn quantile(self, of: Of<'_>, quantile: f64) -> String {
        let (_, labels) = self.series(of);
        let window = seconds(of.window);
        let buckets = match self {
            Self::Istio => "istio_request_duration_milliseconds_bucket",
            Self::Linkerd => "response_latency_ms_bucket",
        };
        format!(
            "histogram_quantile({quantile}, sum(rate({buckets}{{{labels}}}[{window}])) by (le))"
        )
    }

    fn series(self, of: Of<'_>) -> (&'static str, String) {
        let Of {
            namespace, service, ..
        } = of;
        match self {
            Self::Istio => (
                "istio_requests_total",
                format!(
                    "reporter=\"source\",destination_service_name=\"{service}\",\
                     destination_service_namespace=\"{namespace}\""
                ),
            ),
            Self::Linkerd => (
                "response_total",
                format!(
                    "direction=\"outbound\",dst_service=\"{service}\",dst_namespace=\"{namespace}\""
                ),
            ),
        }
    }
}

/// A range of PromQL, which has no fractions.
fn seconds(window: Duration) -> String {
    format!("{}ms", window.max(WINDOW_MIN).as_millis())
}

// === impl Series ===

impl<'a> Series<'a> {
    pub(super) fn new(prometheus: Prometheus<'a>, dialect: Option<Dialect>) -> Self {
        Self {
            prometheus,
            dialect,
        }
    }

    /// What happened to a version; none when no mesh reports anything about it.
    ///
    /// # Errors
    /// Why there is no answer, in a line.
    pub(super) fn observe(
        &mut self,
        of: Of<'_>,
        guards: &[Guard],
    ) -> Result<Option<Observed>, String> {
        let Some((dialect, samples)) = self.samples(of)? else {
            return Ok(None);
        };
        let mut values = BTreeMap::new();
        for guard in guards {
            if let Some(value) = self.value(dialect, of, guard.metric, samples)? {
                values.insert(guard.metric, value);
            }
        }
        // Whole requests: `increase` extrapolates.
        let samples = samples.round().max(0.0) as u64;
        Ok(Some(Observed { samples, values }))
    }

    /// Requests to a Service; none when nobody reports any.
    ///
    /// # Errors
    /// Why there is no answer, in a line.
    pub(super) fn requests(&self, of: Of<'_>) -> Result<Option<f64>, String> {
        match self.dialect {
            Some(dialect) => self.prometheus.number(&dialect.requests(of, "")),
            None => Ok(None),
        }
    }

    fn samples(&mut self, of: Of<'_>) -> Result<Option<(Dialect, f64)>, String> {
        let all = || Dialect::ALL.to_vec();
        let dialects = self.dialect.map_or_else(all, |dialect| vec![dialect]);
        for dialect in dialects {
            if let Some(requests) = self.prometheus.number(&dialect.requests(of, ""))? {
                self.dialect = Some(dialect);
                return Ok(Some((dialect, requests)));
            }
        }
        Ok(None)
    }

    fn value(
        &self,
        dialect: Dialect,
        of: Of<'_>,
        metric: Metric,
        samples: f64,
    ) -> Result<Option<f64>, String> {
        match metric {
            Metric::Success if samples <= 0.0 => Ok(None),
            Metric::Success => {
                // Without a single success there is no such series.
                let good = self
                    .prometheus
                    .number(&dialect.successes(of))?
                    .unwrap_or(0.0);
                Ok(Some((good / samples).clamp(0.0, 1.0)))
            }
            Metric::Latency(quantile) => {
                let query = dialect.quantile(of, quantile.as_share());
                Ok(self
                    .prometheus
                    .number(&query)?
                    .map(|millis| millis * 1000.0))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_ask_for_the_version_alone() {
        let of = Of {
            namespace: "shop",
            service: "reviews-v2",
            window: Duration::from_secs(90),
        };
        let istio = "reporter=\"source\",destination_service_name=\"reviews-v2\",\
                     destination_service_namespace=\"shop\"";
        assert_eq!(
            Dialect::Istio.requests(of, ""),
            format!("sum(increase(istio_requests_total{{{istio}}}[90000ms]))")
        );
        assert_eq!(
            Dialect::Istio.quantile(of, 0.99),
            format!(
                "histogram_quantile(0.99, sum(rate(istio_request_duration_milliseconds_bucket\
                 {{{istio}}}[90000ms])) by (le))"
            )
        );
        let linkerd = "direction=\"outbound\",dst_service=\"reviews-v2\",dst_namespace=\"shop\"";
        assert_eq!(
            Dialect::Linkerd.successes(of),
            format!(
                "sum(increase(response_total{{{linkerd},classification=\"success\"}}[90000ms]))"
            )
        );
    }
}
