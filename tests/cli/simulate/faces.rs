//! The faces of a report: JSON, JUnit, HTML, stories, comparison.

use super::place;
use crate::common::repository;

#[test]
fn json_is_what_the_published_schema_says() {
    let out = place().run(&["simulate", "small.yaml", "-o", "json"]);
    assert_eq!(out.code, 0, "{}", out.shown());
    let report: serde_json::Value = serde_json::from_str(&out.stdout).unwrap();
    let schema = std::fs::read_to_string(repository("templates/schemas/report.json")).unwrap();
    let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<_> = validator
        .iter_errors(&report)
        .map(|e| e.to_string())
        .collect();
    assert!(errors.is_empty(), "{errors:?}");
    assert_eq!(report["verdict"], "passed");
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_does_not() {
    let place = place();
    let first = place.run(&["simulate", "small.yaml", "-o", "json"]);
    let again = place.run(&["simulate", "small.yaml", "-o", "json"]);
    assert!(
        first.stdout == again.stdout,
        "two runs with one seed differ"
    );
    let other = place.run(&["simulate", "small.yaml", "-o", "json", "--seed", "2"]);
    let hash = |text: &str| {
        let report: serde_json::Value = serde_json::from_str(text).unwrap();
        report["trace_hash"].as_str().unwrap().to_owned()
    };
    assert_ne!(hash(&first.stdout), hash(&other.stdout));
}

#[test]
fn many_seeds_show_their_spread() {
    let out = place().run(&["simulate", "small.yaml", "--seeds", "5", "-o", "json"]);
    assert_eq!(out.code, 0, "{}", out.shown());
    let report: serde_json::Value = serde_json::from_str(&out.stdout).unwrap();
    assert_eq!(report["seeds"]["run"], 5);
    assert_eq!(report["seeds"]["passed"], 5);
    assert_eq!(report["seeds"]["spread"][0]["seeds"], 5);
}

#[test]
fn reports_go_into_files() {
    let place = place();
    let args = [
        "simulate",
        "small.yaml",
        "--junit",
        "r.xml",
        "--html",
        "r.html",
    ];
    let out = place.run(&args);
    assert_eq!(out.code, 0, "{}", out.shown());
    assert!(place.read("r.xml").contains("<testcase name=\"it works\""));
    let page = place.read("r.html");
    assert!(page.contains("<svg"), "it has plots");
    assert!(
        !page.contains("http://www") || page.contains("xmlns"),
        "it loads nothing"
    );
    let nowhere = place.run(&["simulate", "small.yaml", "--html", "no/such/place.html"]);
    assert_eq!(nowhere.code, 2);
    assert!(
        nowhere.stderr.contains("cannot write no/such/place.html"),
        "{}",
        nowhere.stderr
    );
}

#[test]
fn a_story_goes_across_hops_and_names_the_manifests() {
    let place = place();
    let caller = super::APP.replace("web", "front");
    place.file("front.yaml", caller);
    let scenario = super::SCENARIO
        .replace("[app.yaml]", "[app.yaml, front.yaml]")
        .replace(
            "to: http://web.shop/,",
            "from: shop/Deployment/front, to: http://web.shop/,",
        );
    place.file("story.yaml", scenario);
    let out = place.run(&["simulate", "story.yaml", "--trace", "1"]);
    assert_eq!(out.code, 0, "{}", out.shown());
    for part in ["shop/front-", "shop/web-", "(app.yaml:"] {
        assert!(
            out.stdout.contains(part),
            "`{part}` is missing:\n{}",
            out.stdout
        );
    }
}

#[test]
fn a_comparison_says_what_became_worse() {
    let place = place();
    let before = place.run(&["simulate", "small.yaml", "-o", "json"]);
    place.file("before.json", &before.stdout);
    let args = [
        "simulate",
        "small.yaml",
        "--set",
        "apps[0].errorRate=40%",
        "--compare",
        "before.json",
    ];
    let worse = place.run(&args);
    assert_eq!(worse.code, 1, "{}", worse.shown());
    let text = format!("{}{}", worse.stdout, worse.stderr);
    assert!(
        text.contains("it works") && text.contains("worse"),
        "{text}"
    );
    let same = place.run(&["simulate", "small.yaml", "--compare", "before.json"]);
    assert_eq!(same.code, 0, "{}", same.shown());
}
