//! A server that is slow, overloaded, forbidding, forgetful or broken.

use std::time::Duration;

use super::api::{Api, Deny, Fault, What};
use super::target::Target;
use crate::common::Output;

fn target() -> Target {
    let target = Target::own(Api::start());
    target.store(super::simulate::APP);
    target
}

fn simulate(target: &Target) -> Output {
    target.run(&["simulate", "--duration", "1s"])
}

/// What a fault makes of a command: the exit code, words of stderr, and how often the question was
/// asked.
#[track_caller]
fn check(fault: Fault, code: i32, words: &[&str], asked: usize) {
    let target = target();
    let on = fault.on;
    target.api().fail(fault);
    let out = simulate(&target);
    assert_eq!(out.code, code, "{}", out.shown());
    for part in words {
        assert!(
            out.stderr.contains(part),
            "`{part}` is missing: {}",
            out.stderr
        );
    }
    let all = target.api().requests(on);
    let same = |r: &&String| r.len() == on.len() || r[on.len()..].starts_with('?');
    assert_eq!(all.iter().filter(same).count(), asked, "{on}");
}

const LIST: &str = "GET /api/v1/namespaces/shop/services";

#[test]
fn a_server_that_asks_for_time_gets_it() {
    check(Fault::status(LIST, 1, 429, Some(1)), 0, &[], 2);
    check(Fault::status(LIST, 2, 503, None), 0, &[], 3);
    check(
        Fault::status("GET /apis/meshctl.dev/v1alpha1", 1, 504, Some(0)),
        0,
        &[],
        2,
    );
}

#[test]
fn a_server_that_stays_overloaded_is_left_alone() {
    check(
        Fault::status(LIST, 9, 503, None),
        2,
        &[
            "is not available (503)",
            "asked 4 times",
            "list services in namespace shop",
        ],
        4,
    );
    check(
        Fault::status(LIST, 9, 429, Some(3600)),
        2,
        &["overloaded (429)", "left alone for 3600 s"],
        1,
    );
}

#[test]
fn a_server_that_fails_is_not_asked_again() {
    check(
        Fault::status(LIST, 9, 500, None),
        2,
        &["the API server failed (500)"],
        1,
    );
    check(
        Fault::new(LIST, 9, What::Nonsense),
        2,
        &["answers no JSON", "something else at the address"],
        1,
    );
}

#[test]
fn a_field_that_the_kind_of_the_cluster_does_not_have_is_said_so() {
    let target = target();
    target.store(&super::simulate::ROUTE.replace("NAME", "web"));
    let said = "failed to create typed patch object (shop/web): .spec.rules: field not declared in \
                schema";
    let what = What::Status(500, None, said);
    target.api().fail(Fault::new("PATCH", 9, what));
    let out = target.run(&["route", "retry", "web", "--attempts", "1"]);
    let words = [
        "has no such field",
        "install a newer one",
        "field not declared in schema",
    ];
    crate::common::refused(&out, &words);
}

#[test]
fn a_cut_connection_is_opened_again() {
    check(Fault::new(LIST, 1, What::Cut), 0, &[], 2);
    check(Fault::new(LIST, 1, What::CutBody), 0, &[], 2);
    check(
        Fault::new(LIST, 9, What::Cut),
        2,
        &["cut", "asked 4 times"],
        4,
    );
}

#[test]
fn a_slow_answer_has_a_bound() {
    let target = target();
    target
        .api()
        .fail(Fault::new(LIST, 9, What::Slow(Duration::from_secs(60))));
    let out = target.run(&["simulate", "--request-timeout", "200ms"]);
    assert_eq!(out.code, 2, "{}", out.shown());
    for part in ["did not answer within 200ms", "--request-timeout"] {
        assert!(out.stderr.contains(part), "{}", out.stderr);
    }
}

#[test]
fn what_may_not_be_read_is_named_when_it_is_needed() {
    let target = target();
    target.api().deny(Deny {
        verb: "list",
        resource: "httproutes",
        but_in: None,
    });
    let out = simulate(&target);
    assert_eq!(out.code, 2, "{}", out.shown());
    let rbac = "User \"admin\" cannot list resource \"httproutes\" in API group \
                \"gateway.networking.k8s.io\" in the namespace \"shop\"";
    assert!(out.stderr.contains(rbac), "{}", out.stderr);
}

#[test]
fn what_may_not_be_read_and_is_not_needed_is_a_warning() {
    let target = target();
    for resource in ["configmaps", "namespaces"] {
        target.api().deny(Deny {
            verb: "*",
            resource,
            but_in: None,
        });
    }
    let out = simulate(&target);
    assert_eq!(out.code, 0, "{}", out.shown());
    assert!(
        out.stderr.contains("addresses written in config maps"),
        "{}",
        out.stderr
    );
}

#[test]
fn a_cluster_without_the_gateway_api_is_simulated_without_routes() {
    let target = target();
    target.api().uninstall("gateway.networking.k8s.io");
    target.api().uninstall("meshctl.dev");
    let out = simulate(&target);
    assert_eq!(out.code, 0, "{}", out.shown());
}

#[test]
fn policies_of_other_meshes_in_the_cluster_are_not_overlooked() {
    let target = target();
    target.install_another_mesh();
    target.store(
        "---\n{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: web}, spec: {}}",
    );
    let out = simulate(&target);
    assert_eq!(out.code, 2, "{}", out.shown());
    assert!(
        out.stderr
            .contains("VirtualService shop/web is policy of Istio"),
        "{}",
        out.stderr
    );
}

#[test]
fn long_lists_come_in_pages_and_begin_anew_when_they_are_forgotten() {
    let target = target();
    for i in 0..501 {
        target.store(&format!(
            "---\n{{apiVersion: v1, kind: ServiceAccount, metadata: {{name: a{i}}}}}"
        ));
    }
    let pages = "GET /api/v1/namespaces/shop/serviceaccounts";
    assert_eq!(simulate(&target).code, 0);
    assert_eq!(target.api().requests(pages).len(), 2);
    target.api().fail(Fault::status("continue=", 1, 410, None));
    assert_eq!(simulate(&target).code, 0);
    assert_eq!(target.api().requests(pages).len(), 2 + 4);
    target.api().fail(Fault::status("continue=", 99, 410, None));
    let out = simulate(&target);
    assert_eq!(out.code, 2);
    assert!(
        out.stderr.contains("changes faster than it can be read"),
        "{}",
        out.stderr
    );
}
