//! Local rate limits: how many requests a bucket admits at once, and how many in a time.

use std::time::{Duration, Instant};

use engine::ratelimit::{Asking, Limiter};
use engine::snapshot::ratelimit::RateLimits;
use engine::trace::Trail;
use http::Method;
use serde_json::{Value, json};

use super::ours::{head, inbound};
use super::peer::Envoy;

/// A bucket, written for both.
struct Case {
    name: &'static str,
    theirs: Value,
    ours: &'static str,
}

/// Envoy with this bucket, which answers by itself.
fn envoy(case: &Case) -> Envoy {
    let all = json!({"numerator": 100, "denominator": "HUNDRED"});
    let always = json!({"runtime_key": "none", "default_value": all});
    let limit = json!({
        "name": "envoy.filters.http.local_ratelimit",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.local_ratelimit\
                      .v3.LocalRateLimit",
            "stat_prefix": "limit",
            "token_bucket": case.theirs,
            "filter_enabled": always,
            "filter_enforced": always,
        },
    });
    let router = json!({
        "name": "envoy.filters.http.router",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
        },
    });
    let route = json!({"match": {"prefix": "/"}, "direct_response": {"status": 200}});
    let manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network\
                  .http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "test",
        "route_config": {
            "name": "r",
            "virtual_hosts": [{"name": "v", "domains": ["*"], "routes": [route]}],
        },
        "http_filters": [limit, router],
    });
    Envoy::start_with(case.name, &[], manager)
}

fn limits(case: &Case) -> std::sync::Arc<RateLimits> {
    let policy = format!(
        "apiVersion: meshctl.dev/v1alpha1\nkind: RateLimitPolicy\n\
         metadata: {{name: web, namespace: shop}}\n\
         spec:\n  targetRefs: [{{group: \"\", kind: Service, name: web}}]\n  \
         local: {{rules: [{{limit: {}}}]}}\n---\n",
        case.ours
    );
    inbound(&policy).limits
}

/// Sends a request each `pace`, and asks ours at the times between which Envoy decided.
fn check(case: &Case, requests: u32, pace: Duration) {
    let envoy = envoy(case);
    let mut client = envoy.client();
    let limits = limits(case);
    let start = Instant::now();
    let (mut earlier, mut later) = (Limiter::default(), Limiter::default());
    let admit = |limiter: &mut Limiter, at: Instant| {
        let now = engine::time::Instant::ZERO + at.duration_since(start);
        let request = head(Method::GET, "/", &[]);
        let asking = Asking {
            peer: None,
            head: Some(&request),
        };
        let about = limits.about(asking);
        let verdict = limiter.check(about, asking, now, &mut Trail::off());
        u32::from(verdict.refused.is_none())
    };
    let (mut theirs, mut least, mut most) = (0, 0, 0);
    for i in 0..requests {
        let due = start + pace * i;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let asked = Instant::now();
        theirs += u32::from(client.get("/", &[]).status == 200);
        least += admit(&mut earlier, asked);
        most += admit(&mut later, Instant::now());
    }
    let limited = envoy.stat("limit.http_local_rate_limit.rate_limited");
    assert_eq!(u64::from(requests - theirs), limited, "{}", case.name);
    // One token may be on its way in one world and there in the other.
    let (low, high) = (least.min(most), least.max(most));
    assert!(
        (low.saturating_sub(1)..=high + 1).contains(&theirs),
        "{}: Envoy admits {theirs} of {requests}, we between {low} and {high}",
        case.name
    );
    assert!(theirs < requests, "{}: nothing is refused", case.name);
}

#[test]
#[ignore = "needs envoy"]
fn a_full_bucket_admits_as_many_at_once() {
    // No token comes within the test.
    let bucket = json!({"max_tokens": 10, "tokens_per_fill": 1, "fill_interval": "3600s"});
    check(
        &Case {
            name: "limit-burst",
            theirs: bucket,
            ours: "{requests: 1, unit: Hour, burst: 10}",
        },
        30,
        Duration::ZERO,
    );
}

#[test]
#[ignore = "needs envoy"]
fn a_bucket_fills_as_fast() {
    check(
        &Case {
            name: "limit-rate",
            theirs: json!({"max_tokens": 5, "tokens_per_fill": 1, "fill_interval": "0.1s"}),
            ours: "{requests: 10, burst: 5}",
        },
        100,
        Duration::from_millis(20),
    );
    // Slower than it fills, with a burst before: it is never more than full.
    check(
        &Case {
            name: "limit-full",
            theirs: json!({"max_tokens": 2, "tokens_per_fill": 1, "fill_interval": "0.05s"}),
            ours: "{requests: 20, burst: 2}",
        },
        40,
        Duration::from_millis(30),
    );
}
