//! The examples of docs/routing.md, in their order.

use crate::common::{Place, repository};

const RUSH: &str = "\
apiVersion: sim.meshctl.dev/v1alpha1
kind: Scenario
metadata: {name: rush}
spec:
  manifests: [shop.yaml, client.yaml]
  duration: 2s
  load:
    - {name: readers, from: shop/Deployment/web, to: http://reviews/, rate: 50}
  expect:
    - {name: served, metric: successRate, of: load/readers, op: '>=', value: 99%}
";

const TESTS: &str = "\
kind: RouteTests
tests:
  - name: readers get the old version
    request: GET http://reviews.shop/list
    expect: {backends: {reviews-v1: 100%}, timeout: 2s, retries: 1}
";

#[test]
fn every_example_of_the_page_on_routing_works() {
    let place = Place::new();
    place.file("client.yaml", super::client());
    let app = std::fs::read_to_string(repository("tests/data/routes/app.yaml")).unwrap();
    place.file(
        "partner.yaml",
        super::client().replace("namespace: shop", "namespace: partner"),
    );
    place
        .file("shop.yaml", app)
        .file("rush.yaml", RUSH)
        .file("tests.yaml", TESTS);
    let page = std::fs::read_to_string(repository("docs/routing.md")).unwrap();
    let mut run = 0;
    for line in page
        .lines()
        .filter_map(|line| line.strip_prefix("meshctl "))
    {
        let words = words(line);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let out = place.run(&words);
        assert_eq!(out.code, 0, "{line}\n{}", out.shown());
        run += 1;
    }
    assert!(run >= 20, "only {run} examples");
}

/// Splits as a shell does, single quotes included.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (i, part) in line.split('\'').enumerate() {
        match i % 2 {
            0 => words.extend(part.split_whitespace().map(str::to_owned)),
            _ => words.push(part.to_owned()),
        }
    }
    words
}
