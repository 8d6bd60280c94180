//! `meshctl lint`: what it says about manifests, in all its formats.

use std::fs;

use insta::assert_snapshot;

use crate::common::{Place, repository};

const ROUTE: &str = "\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web, namespace: shop}
spec:
  parentRefs: [{group: '', kind: Service, name: web}]
  rules:
    - backendRefs:
        - {name: web, port: 80, weight: 10}
";

const SERVICE: &str = "\
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {ports: [{port: 8080}]}
";

/// Judges `ROUTE` and `SERVICE`, each in a file of its own.
fn place() -> Place {
    let place = Place::new();
    place
        .file("m/route.yaml", ROUTE)
        .file("m/service.yaml", SERVICE);
    place
}

#[test]
fn findings_are_shown_with_their_lines() {
    let out = place().run(&["lint", "-f", "m"]);
    assert_snapshot!(out.shown());
}

#[test]
fn a_file_alone_is_not_the_whole_world() {
    let out = place().run(&["lint", "m/route.yaml", "--ignore", "MC0214"]);
    assert_snapshot!(out.shown());
    let out = place().run(&["lint", "m/route.yaml", "--complete"]);
    assert_snapshot!(out.shown());
}

#[test]
fn the_level_decides_the_exit_status() {
    let check = |level: &str, ignore: &str, code: i32| {
        let args = ["lint", "m", "--fail-on", level, "--ignore", ignore];
        let out = place().run(&args);
        assert_eq!(out.code, code, "{level} {ignore}: {}", out.shown());
    };
    check("error", "MC9999", 2);
    check("error", "MC0214", 1);
    check("never", "MC0214", 0);
    check("error", "MC0206", 0);
    check("warning", "MC0206", 1);
    check("info", "MC0206=shop/other", 1);
    check("error", "MC0206=sh*/web", 0);
}

#[test]
fn an_annotation_spares_its_object() {
    let place = place();
    let annotated = ROUTE.replace(
        "namespace: shop}",
        "namespace: shop, annotations: {meshctl.dev/lint-ignore: 'MC0206, MC0214'}}",
    );
    place.file("m/route.yaml", annotated);
    let out = place.run(&["lint", "m", "--fail-on", "info"]);
    assert_snapshot!(out.shown());
}

#[test]
fn other_objects_are_judged_beside_a_broken_one() {
    let place = place();
    place.file("m/broken.yaml", "a: {b\n");
    place.file(
        "m/unknown.yaml",
        ROUTE.replace("rules:", "rulez:").replace("web, n", "w, n"),
    );
    let out = place.run(&["lint", "m", "--complete"]);
    assert_snapshot!(out.shown());
}

#[test]
fn what_cannot_be_read_is_no_answer() {
    let check = |args: &[&str], expected: &str| {
        let out = place().run(&[&["lint"], args].concat());
        assert_eq!(out.code, 2, "{}", out.shown());
        assert_eq!(out.stdout, "");
        assert!(out.stderr.contains(expected), "{}", out.stderr);
    };
    check(&[], "nothing to judge");
    check(&["gone.yaml"], "cannot read gone.yaml");
    check(&["-"], "the manifests hold no object");
    check(&["--explain", "MC0000"], "codes are written like MC0101");
    check(&["m", "--ignore", "MC0206=web"], "NAMESPACE/NAME");
    check(
        &["m", "--fail-on", "warn"],
        "possible values: error, warning, info, never",
    );
    check(&["m", "--list"], "cannot be used with");
}

#[test]
fn standard_input_and_lists_are_read() {
    let list = "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Service, metadata: \
                {name: a}, spec: {ports: [{name: gprc, port: 1}]}}\n";
    let out = Place::new().run_with(&["lint", "-"], list);
    assert_snapshot!(out.shown());
}

#[test]
fn json_is_for_programs() {
    let out = place().run(&["lint", "m", "-o", "json"]);
    assert_eq!(out.code, 1);
    assert_snapshot!(out.stdout);
}

#[test]
fn github_shows_findings_beside_lines() {
    let out = place().run(&["lint", "m", "-o", "github"]);
    assert_snapshot!(out.stdout);
}

#[test]
fn a_code_is_explained_with_examples() {
    let out = Place::new().run(&["lint", "--explain", "mc0601"]);
    assert_snapshot!(out.shown());
}

#[test]
fn all_codes_are_listed() {
    let out = Place::new().run(&["lint", "--list"]);
    assert_eq!(out.code, 0, "{}", out.shown());
    let codes = model::check::Code::ALL.iter();
    for code in codes {
        let line = out.stdout.lines().find(|line| line.contains(code.id()));
        assert!(line.is_some_and(|l| l.contains(code.name())), "{code}");
    }
}

/// The committed catalogue is what the program says; `MESHCTL_BLESS=1 cargo test` writes it anew.
#[test]
fn the_committed_catalogue_is_fresh() {
    let path = repository("docs/lint.md");
    let page = model::check::page();
    if std::env::var_os("MESHCTL_BLESS").is_some() {
        fs::write(&path, &page).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == page,
        "docs/lint.md is stale; run MESHCTL_BLESS=1 cargo test lint"
    );
}

mod sarif;
mod strangers;
