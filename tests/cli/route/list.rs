//! `meshctl route list` and `get`.

use insta::assert_snapshot;

use super::{in_data, refused};
use crate::common::Place;

#[test]
fn routes_are_listed_by_service_with_what_never_holds() {
    assert_snapshot!(in_data(&["list", "mesh.yaml"]).shown());
}

#[test]
fn wide_tables_say_what_happens_and_where_it_stands() {
    assert_snapshot!(
        in_data(&["list", "-f", "mesh.yaml", "-o", "wide", "-l", "tier=back"]).shown()
    );
}

#[test]
fn services_without_routes_are_shown_on_request_and_namespaces_narrow() {
    let args = ["list", "-f", "mesh.yaml", "--all-services", "-l", "!tier"];
    assert_snapshot!(in_data(&args).shown());
    let none = in_data(&["list", "-f", "mesh.yaml", "-n", "nowhere"]);
    assert_eq!(none.shown(), "exit: 0\n--- stderr\nno routes\n");
}

#[test]
fn json_and_yaml_have_the_same_facts() {
    let json = in_data(&[
        "get",
        "svc/reviews",
        "-n",
        "shop",
        "-f",
        "mesh.yaml",
        "-o",
        "json",
    ]);
    let yaml = in_data(&["get", "shop/reviews", "-f", "mesh.yaml", "-o", "yaml"]);
    let json: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    let yaml: serde_json::Value = serde_yaml::from_str(&yaml.stdout).unwrap();
    assert_eq!(json, yaml);
    let rows = json["routes"].as_array().unwrap();
    assert_eq!(rows.len(), 5);
    assert_eq!(rows[2]["backends"][1]["to"], "shop/reviews-v2:80");
    assert_eq!(rows[2]["backends"][1]["weight"], 10);
    assert_eq!(rows[4]["clients"], "clients in partner");
}

#[test]
fn one_service_is_shown_in_full() {
    assert_snapshot!(in_data(&["get", "reviews", "-f", "mesh.yaml"]).shown());
    assert_snapshot!(in_data(&["get", "cart", "-f", "mesh.yaml", "--port", "grpc"]).shown());
}

#[test]
fn what_cannot_be_asked_is_refused() {
    let place = Place::new();
    let service = |ns: &str| {
        format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: web, namespace: {ns}}}\nspec: {{ports: [{{port: 80}}]}}\n"
        )
    };
    place.file("two.yaml", format!("{}---\n{}", service("a"), service("b")));
    let several = place.run(&["route", "get", "web", "-f", "two.yaml"]);
    refused(
        &several,
        &["several Services named web: a/web, b/web", "-n NAMESPACE"],
    );
    let absent = place.run(&["route", "get", "wep", "-f", "two.yaml"]);
    refused(&absent, &["no Service wep", "Services are a/web, b/web"]);
    let elsewhere = place.run(&["route", "get", "web", "-n", "c", "-f", "two.yaml"]);
    refused(
        &elsewhere,
        &["no Service web in the namespace c", "there is a/web"],
    );
    refused(
        &place.run(&["route", "list"]),
        &["nothing to look at", "-f FILE"],
    );
    refused(
        &in_data(&["get", "cart", "-f", "mesh.yaml", "--port", "1"]),
        &["no port 1", "7070 (grpc)"],
    );
    let selector = ["list", "-f", "mesh.yaml", "-l", "a b"];
    refused(&in_data(&selector), &["`a b` is no condition on a label"]);
}
