use super::*;

#[test]
fn an_empty_spec_is_the_default() {
    let empty: Spec = serde_json::from_str("{}").unwrap();
    assert_eq!(empty, Spec::default());
    assert_eq!(
        serde_json::to_string(&empty).unwrap(),
        "{}",
        "defaults are not written"
    );
}

#[test]
fn a_run_is_sampled_each_second_and_at_each_bound_of_a_window() {
    let json = serde_json::json!({
        "duration": "3500ms", "warmup": "250ms",
        "expect": [{
            "name": "x", "metric": "rate", "of": "mesh", "op": ">", "value": 1,
            "window": { "from": "1200ms", "to": "9s" },
        }],
    });
    let spec: Spec = serde_json::from_value(json).unwrap();
    let instants: Vec<_> = spec.instants().iter().map(Duration::as_millis).collect();
    assert_eq!(instants, [0, 250, 1000, 1200, 2000, 3000, 3500]);
}

#[test]
fn an_expectation_without_window_begins_after_the_warm_up() {
    let json = serde_json::json!({
        "duration": "20s", "warmup": "5s",
        "expect": [{ "name": "x", "metric": "rate", "of": "mesh", "op": ">", "value": 1 }],
    });
    let spec: Spec = serde_json::from_value(json).unwrap();
    let (from, to) = spec.window(&spec.expect[0]);
    assert_eq!((from.as_secs(), to.as_secs()), (5, 20));
}
