//! `simulate --shrink`.

use super::place;

#[test]
fn the_smallest_scenario_that_fails_alike_is_written() {
    let place = place();
    let with_faults = super::SCENARIO.replace(
        "  expect:",
        "  events:
    - {at: 2s, for: 1s, slow: {target: shop/Deployment/web, factor: 2}}
    - {at: 3s, for: 2s, error: {target: shop/Deployment/web, rate: 80%}}
    - {at: 5s, reset: {target: shop/Deployment/web}}
  expect:",
    );
    place.file("faulty.yaml", with_faults);
    let out = place.run(&["simulate", "faulty.yaml", "--shrink"]);
    assert_eq!(out.code, 1, "{}", out.shown());
    insta::assert_snapshot!(out.shown());

    let args = [
        "simulate",
        "faulty.yaml",
        "--shrink",
        "--save",
        "least.yaml",
        "-j",
        "1",
    ];
    let saved = place.run(&args);
    assert_eq!((saved.code, &*saved.stdout), (1, ""), "{}", saved.shown());
    let body = |text: &str| text.split_once('\n').unwrap().1.to_owned();
    assert_eq!(
        body(&place.read("least.yaml")),
        body(&out.stdout),
        "with one core"
    );
    let again = place.run(&["simulate", "least.yaml"]);
    assert_eq!(again.code, 1, "{}", again.shown());
    assert!(again.stdout.contains("✗ it works"), "{}", again.stdout);
}

#[test]
fn a_scenario_that_does_not_fail_has_nothing_to_shrink() {
    let out = place().run(&["simulate", "small.yaml", "--shrink"]);
    assert_eq!((out.code, &*out.stdout), (0, ""), "{}", out.shown());
    assert!(out.stderr.contains("does not fail"), "{}", out.stderr);
}

#[test]
fn a_search_that_is_bounded_says_so_and_keeps_what_it_has() {
    let args = [
        "simulate",
        "small.yaml",
        "--counter",
        "it fails",
        "--shrink",
        "--tries",
        "2",
    ];
    let out = place().run(&args);
    assert_eq!(out.code, 1, "{}", out.shown());
    assert!(
        out.stderr.contains("stopped after --tries 2"),
        "{}",
        out.stderr
    );
    assert!(out.stdout.contains("kind: Scenario"), "{}", out.stdout);
}

#[test]
fn an_expectation_that_fails_where_nothing_happens_is_not_what_is_shrunk() {
    let place = place();
    let breaker = "  expect:
    - {name: it opens, metric: breakerOpen, of: service/shop/web, op: '>=', value: 1}";
    place.file("both.yaml", super::SCENARIO.replace("  expect:", breaker));
    let args = [
        "simulate",
        "both.yaml",
        "--set",
        "apps[0].errorRate=50%",
        "--shrink",
    ];
    let out = place.run(&args);
    assert_eq!(out.code, 1, "{}", out.shown());
    assert!(
        out.stderr.contains("shrinking: `it works`"),
        "{}",
        out.stderr
    );
}
