//! The commands that change routes: what they make of files, and what they refuse.

use insta::assert_snapshot;

use super::refused;
use crate::common::{Output, Place, repository};

mod clients;
mod faces;
mod refusals;

fn data(name: &str) -> String {
    std::fs::read_to_string(repository("tests/data/routes").join(name)).unwrap()
}

/// A place with a Service of two versions and no route.
fn plain() -> Place {
    let place = Place::new();
    place.file("app.yaml", data("app.yaml"));
    place
}

/// The same with a route.
fn routed() -> Place {
    let place = plain();
    place.file("route.yaml", data("route.yaml"));
    place
}

/// Runs `meshctl route COMMAND -f . ARGS`.
fn route(place: &Place, command: &str) -> Output {
    let mut all = vec!["route"];
    all.extend(command.split(' '));
    all.extend(["-f", "."]);
    place.run(&all)
}

/// What a command would change where there is a route.
#[track_caller]
fn diff(command: &str) -> String {
    let out = route(&routed(), &format!("{command} --diff"));
    assert_eq!(out.code, 0, "{}", out.shown());
    out.shown()
}

/// What it would change where there is none.
#[track_caller]
fn new(command: &str) -> String {
    let out = route(&plain(), &format!("{command} --diff"));
    assert_eq!(out.code, 0, "{}", out.shown());
    out.shown()
}

#[test]
fn a_split_edits_the_rule_for_everything() {
    assert_snapshot!(diff("split reviews v1=90 v2=10"));
    assert_snapshot!(diff("split shop/reviews v2=100% --prune"));
}

#[test]
fn a_split_with_conditions_edits_or_adds_the_rule_for_exactly_these() {
    assert_snapshot!(diff("split reviews v1=1 v2=1 --match path:/edit"));
    assert_snapshot!(diff(
        "split reviews v2=1 --match header:x-canary=on --match method:get"
    ));
    assert_snapshot!(diff("split reviews v2=1 --rule editors"));
}

#[test]
fn a_first_split_makes_a_route_and_services_for_versions() {
    assert_snapshot!(new("split reviews v1=0.9 v2=0.1"));
    assert_snapshot!(new(
        "split reviews canary=1 --subset canary=track=canary --match query:beta=1"
    ));
}

#[test]
fn a_split_that_is_so_already_changes_nothing() {
    let place = routed();
    let first = route(&place, "split reviews v1=90 v2=10 --in-place");
    assert_eq!(first.code, 0, "{}", first.shown());
    let files = (place.read("app.yaml"), place.read("route.yaml"));
    for again in ["split reviews v1=90 v2=10", "split reviews v1=90% v2=10%"] {
        let out = route(&place, &format!("{again} --in-place"));
        assert_eq!(
            out.shown(),
            "exit: 0\n--- stderr\nnothing to change: it is so already\n"
        );
    }
    assert_eq!(files, (place.read("app.yaml"), place.read("route.yaml")));
}

#[test]
fn mirrors_come_change_and_go() {
    assert_snapshot!(diff("mirror reviews --to v1 --percent 5 --rule everybody"));
    assert_snapshot!(new("mirror reviews --to v1 --percent 5 --match path:/list"));
    let place = routed();
    let before = place.read("route.yaml");
    for step in ["--percent 5", "--percent 50", "--off"] {
        let out = route(&place, &format!("mirror reviews --to v1 {step} --in-place"));
        assert_eq!(out.code, 0, "{}", out.shown());
        let percent = format!("percent: {}", step.trim_start_matches("--percent "));
        assert_eq!(
            place.read("route.yaml").matches(&percent).count(),
            if step == "--off" { 0 } else { 2 }
        );
    }
    assert_eq!(place.read("route.yaml"), before);
}

#[test]
fn timeouts_and_retries_come_change_and_go() {
    assert_snapshot!(diff(
        "timeout reviews --request 2s --backend-request 500ms --match path:/edit"
    ));
    assert_snapshot!(diff("timeout reviews --request 1s --match path:/slow"));
    assert_snapshot!(diff(
        "retry reviews --attempts 2 --codes 502,503 --backoff 50ms"
    ));
    let place = routed();
    let before = place.read("route.yaml");
    for step in [
        "timeout reviews --request 2s",
        "retry reviews --attempts 2",
        "retry reviews --codes 503",
        "timeout reviews --off",
        "retry reviews --off",
    ] {
        let out = route(&place, &format!("{step} --in-place"));
        assert_eq!(out.code, 0, "{step}: {}", out.shown());
    }
    assert_eq!(place.read("route.yaml"), before);
}

#[test]
fn headers_are_set_and_stopped() {
    assert_snapshot!(diff(
        "set reviews --header x-version=1 --remove-header x-debug --rule editors"
    ));
    let place = routed();
    for step in [
        "--header a=1",
        "--header A=2",
        "--remove-header a --response-header b=1",
    ] {
        let out = route(
            &place,
            &format!("set reviews --rule editors {step} --in-place"),
        );
        assert_eq!(out.code, 0, "{step}: {}", out.shown());
    }
    assert_snapshot!(place.read("route.yaml"));
}

#[test]
fn what_is_set_is_rewritten_added_to_and_taken_back() {
    let place = plain();
    let before = place.read("app.yaml");
    for (flags, expected) in [
        (
            "--add-header a=1 --rewrite-host x.example",
            "hostname: x.example",
        ),
        (
            "--rewrite-path /one --add-header a=2",
            "replaceFullPath: /one",
        ),
        ("--rewrite-prefix /two", "replacePrefixMatch: /two"),
        ("--header A=3", "set:"),
    ] {
        let out = route(&place, &format!("set reviews {flags} --in-place"));
        assert_eq!(out.code, 0, "{flags}: {}", out.shown());
        let text = place.read("app.yaml");
        assert!(text.contains(expected), "{flags}: {text}");
    }
    let text = place.read("app.yaml");
    for gone in ["/one", "add:", "replaceFullPath"] {
        assert!(!text.contains(gone), "{gone} is still there: {text}");
    }
    let out = route(&place, "explain GET http://reviews.shop/api");
    assert!(out.stdout.contains("x.example"), "{}", out.shown());
    let out = route(&place, "set reviews --clear --in-place");
    assert_eq!(out.code, 0, "{}", out.shown());
    let text = place.read("app.yaml");
    assert!(!text.contains("filters"), "{text}");
    assert!(text.starts_with(&before), "{text}");
    let out = route(&place, "set reviews --clear");
    assert!(out.stderr.contains("it is so already"), "{}", out.stderr);
    refused(
        &route(&place, "set reviews --rewrite-path one"),
        &["begins with `/`"],
    );
    refused(
        &route(&place, "set reviews --clear --header a=1"),
        &["cannot be used with"],
    );
}

#[test]
fn routes_rules_and_backends_are_deleted() {
    assert_snapshot!(diff("delete reviews"));
    assert_snapshot!(diff("delete reviews --rule editors"));
    let place = routed();
    let out = route(&place, "delete reviews --in-place");
    assert_eq!(
        out.stderr,
        "HTTPRoute shop/reviews goes\nwrote ./route.yaml\n"
    );
    assert!(
        !place.path("route.yaml").exists(),
        "an empty file is no manifest"
    );
    let place = routed();
    route(&place, "split reviews v1=90 v2=10 --in-place");
    let out = route(
        &place,
        "delete reviews --backend v2 --rule everybody --in-place",
    );
    assert_eq!(out.code, 0, "{}", out.shown());
    assert!(
        !place.read("route.yaml").contains("reviews-v2"),
        "{}",
        place.read("route.yaml")
    );
}

#[test]
fn a_route_of_several_ports_changes_for_all_of_them_and_is_detached_from_one() {
    let place = routed();
    let ports = "    - name: http\n      port: 80\n      targetPort: 8080\n";
    let two = format!("{ports}    - {{name: admin, port: 81, targetPort: 8080}}\n");
    let app = data("app.yaml").replacen("      nodePort: 30080\n", "", 1);
    place.file("app.yaml", app.replacen(ports, &two, 1));
    let parents = "{group: \"\", kind: Service, name: reviews, port: 80}";
    let both = format!("{parents}, {}", parents.replace("80}", "81}"));
    place.file("route.yaml", data("route.yaml").replace(parents, &both));
    let split = route(&place, "split reviews v1=1 --port http --diff");
    let note = "HTTPRoute shop/reviews governs shop/reviews:80, shop/reviews:81: the change holds";
    assert!(split.stderr.contains(note), "{}", split.shown());
    let delete = route(&place, "delete reviews --port admin --in-place");
    assert!(delete.stderr.contains("is detached"), "{}", delete.shown());
    assert_eq!(place.read("route.yaml"), data("route.yaml"));
}
