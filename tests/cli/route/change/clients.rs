//! `--clients`: routes that the clients of a namespace have for themselves.

use super::{data, refused, route};
use crate::common::Place;

fn mesh() -> Place {
    let place = Place::new();
    place.file("mesh.yaml", data("mesh.yaml"));
    place
}

/// The backend of a request from a client of a namespace.
fn backends(place: &Place, from: &str) -> String {
    let command = format!("explain GET http://reviews.shop/x --from {from} -o json");
    let out = route(place, &command);
    assert_eq!(out.code, 0, "{}", out.shown());
    out.stdout
}

#[test]
fn routes_of_clients_are_edited_and_those_of_everybody_stay() {
    let place = mesh();
    let before = place.read("mesh.yaml");
    let out = route(
        &place,
        "split shop/reviews v2=1 --prune --clients partner --in-place",
    );
    assert_eq!(out.code, 0, "{}", out.shown());
    let after = place.read("mesh.yaml");
    let changed: Vec<&str> = after.lines().filter(|l| !before.contains(l)).collect();
    let changed = changed.concat();
    assert!(
        changed.contains("name: reviews-v2") && changed.len() < 200,
        "{changed}"
    );
    assert!(backends(&place, "partner/importer").contains("shop/reviews-v2:80"));
}

#[test]
fn a_change_for_everybody_says_for_whom_it_does_not_hold() {
    let out = route(&mesh(), "timeout shop/reviews --request 3s --diff");
    assert_eq!(out.code, 0, "{}", out.shown());
    let words =
        "clients in partner have routes of their own for shop/reviews, which stay as they are";
    assert!(out.stderr.contains(words), "{}", out.stderr);
    assert_eq!(out.stderr.matches(words).count(), 1, "{}", out.stderr);
}

#[test]
fn a_first_route_of_clients_is_made_in_their_namespace() {
    let place = mesh();
    let out = route(
        &place,
        "split shop/reviews-v1 shop/reviews-v2=1 --clients partner --in-place",
    );
    assert_eq!(out.code, 0, "{}", out.shown());
    assert!(
        out.stderr.contains("made the HTTPRoute partner/reviews-v1"),
        "{}",
        out.stderr
    );
    let list = route(&place, "list -o wide").stdout;
    let line = list
        .lines()
        .find(|l| l.contains("partner/reviews-v1"))
        .unwrap_or(&list);
    assert!(
        line.contains("clients in partner") || line.contains("partner"),
        "{line}"
    );
}

#[test]
fn whose_routes_are_meant_has_to_be_clear() {
    let place = mesh();
    let text = place.read("mesh.yaml");
    refused(
        &route(&place, "split shop/reviews v1=1 --clients nobody"),
        &["nothing of the input is in the namespace nobody"],
    );
    refused(
        &route(&place, "split shop/reviews v1=1 --clients shop"),
        &["routes there hold for all clients", "leave out --clients"],
    );
    // Only the partner has a route.
    let place = Place::new();
    let documents = text.split("---\n").filter(|d| {
        let is_route = d.contains("kind: HTTPRoute") && !d.contains("namespace: partner}");
        !is_route && !d.contains("Policy")
    });
    place.file("mesh.yaml", documents.collect::<Vec<_>>().join("---\n"));
    refused(
        &route(&place, "split shop/reviews v1=1 v2=1"),
        &[
            "only clients in partner have some",
            "--clients partner",
            "--clients all",
        ],
    );
    let out = route(
        &place,
        "split shop/reviews v1=1 v2=1 --clients all --in-place",
    );
    assert_eq!(out.code, 0, "{}", out.shown());
}
