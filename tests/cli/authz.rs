//! `meshctl authz check` as its user sees it: exit, stdout, stderr.

use insta::assert_snapshot;

use crate::common::{Output, Place, repository};

fn check(args: &[&str]) -> Output {
    let mut all = vec!["authz", "check", "-f", "mesh.yaml"];
    all.extend(args);
    Place::at(repository("tests/data/authz")).run(&all)
}

#[test]
fn the_answer_names_the_rule_and_its_line() {
    let charge = ["--to", "pay/payments", "POST", "/charges"];
    let of = |from| [&["--from", from][..], &charge[..]].concat();
    assert_snapshot!(check(&of("shop/checkout")).shown());
    assert_snapshot!(check(&of("outside")).shown());
    let pay = "spiffe://cluster.local/ns/pay/sa/payments";
    assert_snapshot!(check(&[&of(pay)[..], &["-v"]].concat()).shown());
}

#[test]
fn a_connection_that_is_not_http_matches_no_rule_about_http() {
    let out = check(&["--from", "shop/checkout", "--to", "payments:80", "--tcp"]);
    assert_eq!(out.code, 1, "{}", out.shown());
    assert!(
        out.stdout.starts_with("denied: a connection of"),
        "{}",
        out.stdout
    );
}

#[test]
fn json_has_what_the_text_says() {
    let args = [
        "--from",
        "outside",
        "--to",
        "payments",
        "GET",
        "/quotes/1",
        "-o",
        "json",
    ];
    let out = check(&args);
    assert_eq!(out.code, 0, "{}", out.shown());
    let report: serde_json::Value = serde_json::from_str(&out.stdout).unwrap();
    assert_eq!(report["allowed"], true);
    let workload = &report["workloads"][0];
    assert_eq!(workload["workload"], "pay/Deployment/payments");
    assert_eq!(workload["at"], "mesh.yaml:38");
    assert_eq!(workload["audits"].as_array().unwrap().len(), 1);
}

#[test]
fn a_question_that_cannot_be_asked_has_no_answer() {
    let refused = |args: &[&str], expected: &str| {
        let out = check(args);
        assert_eq!((out.code, out.stdout.as_str()), (2, ""), "{}", out.shown());
        assert!(out.stderr.contains(expected), "{}", out.stderr);
    };
    refused(
        &["--from", "nobody", "--to", "payments"],
        "there is no workload nobody",
    );
    refused(
        &["--from", "outside", "--to", "paymnts"],
        "there is no Service paymnts",
    );
    refused(
        &["--from", "outside", "--to", "payments:81"],
        "has no port 81",
    );
    refused(
        &["--from", "spiffe:x", "--to", "payments"],
        "is not a SPIFFE id",
    );
    refused(
        &["--from", "outside", "--to", "payments", "/charges"],
        "write a method",
    );
    refused(
        &["--from", "outside", "--to", "payments", "-H", "x"],
        "is no header",
    );
}
