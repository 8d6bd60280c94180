use super::*;
use crate::record::{Observations, sample};
use crate::scenario::Share;

fn expectation(yaml: serde_json::Value) -> Expectation {
    let mut value = serde_json::json!({ "name": "x" });
    let object = value.as_object_mut().unwrap();
    object.extend(yaml.as_object().unwrap().clone());
    serde_json::from_value(value).unwrap()
}

fn spec(expect: Expectation) -> Spec {
    Spec {
        duration: crate::scenario::Span::from_secs(10),
        expect: vec![expect],
        ..Spec::default()
    }
}

fn judged_in(run: &Observations, expect: Expectation) -> Judged {
    let scenario = Scenario::new("test", spec(expect));
    judge(&scenario, run).judged.remove(0)
}

/// Judges an expectation about the sample run: what is seen, and whether it passes.
#[track_caller]
fn check(metric: &str, of: &str, more: serde_json::Value, condition: (&str, &str), seen: &str) {
    let mut json = serde_json::json!({
        "metric": metric, "of": of, "op": condition.0, "value": condition.1,
    });
    json.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    let judged = judged_in(&sample::run(), expectation(json));
    let (seen, pass) = match seen.strip_prefix('!') {
        Some(seen) => (seen, false),
        None => (seen, true),
    };
    assert_eq!(
        (judged.seen.as_str(), judged.pass),
        (seen, pass),
        "{judged:?}"
    );
}

fn none() -> serde_json::Value {
    serde_json::json!({})
}

fn within(what: &str) -> serde_json::Value {
    serde_json::json!({ "in": what })
}

fn window(from: &str, to: &str) -> serde_json::Value {
    serde_json::json!({ "window": { "from": from, "to": to } })
}

#[test]
fn counts_and_rates_are_those_of_the_window() {
    check("rate", "load/browse", none(), (">=", "10"), "10");
    check("requests", "load/browse", none(), ("==", "100"), "100");
    check(
        "requests",
        "load/browse",
        window("4s", "6s"),
        ("==", "20"),
        "20",
    );
    check("successRate", "load/browse", none(), (">=", "92%"), "92%");
    check(
        "successRate",
        "load/browse",
        window("4s", "6s"),
        (">=", "90%"),
        "!60%",
    );
    check(
        "successRate",
        "load/browse",
        window("6s", "10s"),
        (">=", "100%"),
        "100%",
    );
    check(
        "errorRate",
        "load/browse",
        window("4s", "6s"),
        ("<", "50%"),
        "40%",
    );
    check("errorRate", "mesh", none(), ("<=", "0.08"), "0.08");
    check("failures", "load/browse", none(), ("==", "8"), "8");
    check(
        "failures",
        "load/browse",
        serde_json::json!({"flag": "UR"}),
        ("==", "8"),
        "8",
    );
    check(
        "failures",
        "load/browse",
        serde_json::json!({"flag": "UT"}),
        ("==", "0"),
        "0",
    );
    check(
        "requestsDenied",
        "service/shop/web",
        none(),
        ("==", "0"),
        "0",
    );
}

#[test]
fn latencies_are_given_in_units_that_people_read() {
    check(
        "p50",
        "load/browse",
        window("0s", "1s"),
        ("<=", "25ms"),
        "20.09ms",
    );
    check("max", "load/browse", none(), ("<", "29ms"), "!29.05ms");
    check(
        "p50",
        "service/shop/web",
        window("0s", "1s"),
        ("<", "1s"),
        "20.09ms",
    );
}

#[test]
fn shares_are_of_the_whole_that_is_named() {
    let route = within("route/shop/web");
    check(
        "share",
        "backend/shop/web-v2",
        route.clone(),
        ("==", "10%"),
        "10%",
    );
    check(
        "share",
        "backend/shop/web-v2:81",
        route,
        ("==", "0"),
        "!nothing: no request ever concerned it",
    );
    let by_rule = within("route/shop/web/rules[0]");
    check(
        "share",
        "backend/shop/web-v1:80",
        by_rule,
        ("<", "95%"),
        "90%",
    );
    let service = within("service/shop/web");
    check(
        "share",
        "backend/shop/web-v1",
        service,
        ("==", "0.9"),
        "0.9",
    );
}

#[test]
fn retries_are_counted_by_route_and_rule() {
    check(
        "retriesPerRequest",
        "route/shop/web",
        none(),
        ("<=", "0.1"),
        "0.08",
    );
    check(
        "retriesPerRequest",
        "route/shop/web/web[0]",
        none(),
        ("<=", "10%"),
        "8%",
    );
}

#[test]
fn edges_are_as_the_clients_count_them() {
    check(
        "requests",
        "edge/shop/front->shop/web",
        none(),
        ("==", "100"),
        "100",
    );
    check(
        "requests",
        "edge/shop/back->shop/web",
        none(),
        ("==", "0"),
        "0",
    );
}

#[test]
fn gauges_have_a_largest_a_smallest_and_a_last_value() {
    let pick = |pick: &str| serde_json::json!({ "pick": pick });
    check("ejected", "service/shop/web-v1", none(), ("==", "1"), "1");
    check(
        "ejected",
        "service/shop/web-v1",
        pick("last"),
        ("==", "0"),
        "0",
    );
    check(
        "ejected",
        "endpoint/shop/web-v1-1",
        none(),
        ("==", "0"),
        "0",
    );
    check(
        "ejected",
        "service/shop/web-v1",
        window("0s", "4s"),
        ("==", "0"),
        "0",
    );
    check("breakerOpen", "mesh", none(), ("==", "0"), "0");
    check(
        "healthyEndpoints",
        "service/shop/web-v1",
        none(),
        ("==", "1"),
        "1",
    );
    check(
        "healthyEndpoints",
        "service/shop/web-v1",
        pick("max"),
        ("==", "2"),
        "2",
    );
    check(
        "connections",
        "service/shop/web-v1",
        none(),
        ("==", "4"),
        "4",
    );
    check(
        "healthyEndpoints",
        "service/shop/none",
        none(),
        (">", "0"),
        "!nothing: no request ever concerned it",
    );
}

#[test]
fn an_ejection_shorter_than_a_slice_is_seen_by_its_event() {
    let mut run = sample::run();
    for frame in &mut run.frames {
        for row in frame.endpoints.0.values_mut() {
            row.set_state(engine::report::EndpointState::default());
        }
    }
    let json = serde_json::json!({
        "metric": "ejected", "of": "service/shop/web-v1", "op": ">=", "value": 1,
        "window": { "from": "4s", "to": "5s" },
    });
    assert!(judged_in(&run, expectation(json)).pass);
}

#[test]
fn a_window_without_requests_has_no_rate_of_success() {
    let mut run = sample::run();
    for slice in &mut run.loads[0].slices {
        *slice = engine::report::Counters::default();
    }
    let json = serde_json::json!({
        "metric": "successRate", "of": "load/browse", "op": "<=", "value": "100%",
    });
    let judged = judged_in(&run, expectation(json));
    assert!(!judged.pass, "nothing measured must not pass");
    assert_eq!(judged.seen, "nothing: no requests in this window");
}

#[test]
fn a_run_that_ended_early_fails_what_it_did_not_reach() {
    let mut run = sample::run();
    run.ended_at = Duration::from_secs(5);
    let json = |to: &str| {
        expectation(serde_json::json!({
            "metric": "rate", "of": "load/browse", "op": ">", "value": 1,
            "window": { "from": "0s", "to": to },
        }))
    };
    assert!(judged_in(&run, json("5s")).pass);
    assert!(!judged_in(&run, json("6s")).pass);
}

#[test]
fn a_margin_is_positive_on_the_good_side() {
    for (op, value, sign) in [
        (">=", "90%", 1.0),
        (">=", "99%", -1.0),
        ("<=", "99%", 1.0),
        ("<", "90%", -1.0),
        ("!=", "50%", 1.0),
    ] {
        let json = serde_json::json!({
            "metric": "successRate", "of": "load/browse", "op": op, "value": value,
        });
        let judged = judged_in(&sample::run(), expectation(json));
        assert_eq!(judged.margin.unwrap().signum(), sign, "{judged:?}");
    }
    let json = serde_json::json!({
        "metric": "successRate", "of": "load/browse", "op": "==", "value": "90%",
        "tolerance": "2%",
    });
    let judged = judged_in(&sample::run(), expectation(json));
    assert!(judged.pass && judged.margin.unwrap() < 1e-9, "{judged:?}");
    assert_eq!(judged.expected, "== 90% ± 2%");
}

#[test]
fn an_expectation_says_on_which_guesses_it_rests() {
    let of = |metric: &str| {
        let json = serde_json::json!({
            "metric": metric, "of": "load/browse", "op": ">",
            "value": if metric == "p99" { "1ms" } else { "0" },
        });
        judged_in(&sample::run(), expectation(json)).rests_on_assumed
    };
    assert_eq!(of("p99"), ["serviceTime of app shop/Deployment/web-v1"]);
    assert!(of("rate").is_empty());
}

#[test]
fn the_verdict_is_of_the_share_of_seeds_that_passed() {
    let json = serde_json::json!({
        "metric": "successRate", "of": "load/browse", "op": ">=", "value": "92%",
    });
    let mut scenario = Scenario::new("test", spec(expectation(json)));
    let good = judge(&scenario, &sample::run());
    let mut bad = good.clone();
    bad.judged[0].pass = false;
    let results = [good.clone(), good.clone(), good.clone(), bad];
    assert_eq!(Verdict::of(&scenario.spec, &results), Verdict::Failed);
    scenario.spec.pass = Share(0.75);
    assert_eq!(Verdict::of(&scenario.spec, &results), Verdict::Passed);
    let mut broken = good;
    broken.breaches.push(Breach {
        invariant: "x".into(),
        at_ns: 0,
        seen: "y".into(),
    });
    let results = [
        results[0].clone(),
        results[1].clone(),
        results[2].clone(),
        broken,
    ];
    assert_eq!(
        Verdict::of(&scenario.spec, &results),
        Verdict::Failed,
        "breaches always fail"
    );
}

#[test]
fn without_expectations_nothing_is_tested() {
    let scenario = Scenario::new("test", Spec::default());
    let result = judge(&scenario, &sample::run());
    assert_eq!(Verdict::of(&scenario.spec, &[result]), Verdict::NotTested);
}

#[test]
fn a_spread_names_the_seed_that_came_nearest_to_failing() {
    let json = serde_json::json!({
        "metric": "successRate", "of": "load/browse", "op": ">=", "value": "90%",
    });
    let scenario = Scenario::new("test", spec(expectation(json)));
    let results: Vec<_> = (1..=3)
        .map(|seed| {
            let mut result = judge(&scenario, &sample::run());
            result.seed = seed;
            let value = [0.95, 0.91, 0.99][seed as usize - 1];
            result.judged[0].value = Some(value);
            result.judged[0].margin = Some(value - 0.9);
            result
        })
        .collect();
    let spread = Spread::over(&results).remove(0);
    assert_eq!((spread.passed, spread.seeds, spread.worst_seed), (3, 3, 2));
    assert_eq!(
        (spread.min, spread.median, spread.max),
        (Some(0.91), Some(0.95), Some(0.99))
    );
}

#[test]
fn numbers_are_rounded_for_people() {
    for (value, text) in [
        (0.08, "0.08"),
        (1234.56, "1235"),
        (99.98765, "99.99"),
        (100.0, "100"),
    ] {
        assert_eq!(rounded(value), text);
    }
    for (us, text) in [
        (870.0, "870us"),
        (12_345.0, "12.35ms"),
        (1_250_000.0, "1.25s"),
    ] {
        assert_eq!(latency(us), text);
    }
}
