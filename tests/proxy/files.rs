use std::fs;
use std::os::unix::fs::symlink;

use super::harness::{Proxy, app, service};
use crate::common::Place;

const APPLIED: &str = "info: the configuration is now ";
const REFUSED: &str = "the configuration stays as it was";

#[test]
fn an_edit_holds_from_the_next_request_on_and_a_bad_one_changes_nothing() {
    let place = Place::new();
    let (old, new) = (app("old"), app("new"));
    place.file("mesh/api.yaml", service("api", &[old]));
    let proxy = Proxy::start(&place, &[]);
    assert_eq!(proxy.get("api", "/").body, "old GET /");

    place.file("mesh/api.yaml", service("api", &[new]));
    proxy.wait_for_times(APPLIED, 1);
    assert_eq!(proxy.get("api", "/").body, "new GET /");

    place.file(
        "mesh/api.yaml",
        service("api", &[old]).replace("port: 80", "port: 80000"),
    );
    let news = proxy.wait_for(REFUSED);
    assert!(news.contains("mesh/api.yaml:4"), "{news}");
    assert_eq!(proxy.get("api", "/").body, "new GET /");

    place.file("mesh/api.yaml", service("api", &[old]));
    proxy.wait_for_times(APPLIED, 2);
    assert_eq!(proxy.get("api", "/").body, "old GET /");
}

#[test]
fn a_directory_that_disappears_takes_nothing_along() {
    let place = Place::new();
    let at = app("api");
    place.file("mesh/api.yaml", service("api", &[at]));
    let proxy = Proxy::start(&place, &[]);
    fs::remove_dir_all(place.path("mesh")).unwrap();
    proxy.wait_for(REFUSED);
    assert_eq!(proxy.get("api", "/").body, "api GET /");
    assert_eq!(super::harness::get(proxy.health, "h", "/ready").status, 200);
    place.file("mesh/api.yaml", service("api", &[app("again")]));
    proxy.wait_for(APPLIED);
    assert_eq!(proxy.get("api", "/").body, "again GET /");
}

/// Kubernetes swaps a ConfigMap whole, by a symbolic link in the directory.
#[test]
fn a_configmap_that_is_swapped_is_read_anew() {
    let place = Place::new();
    let swap = |version: &str, text: String| {
        place.file(&format!("mesh/..{version}/api.yaml"), text);
        symlink(format!("..{version}"), place.path("mesh/..new")).unwrap();
        fs::rename(place.path("mesh/..new"), place.path("mesh/..data")).unwrap();
    };
    swap("1", service("api", &[app("one")]));
    symlink("..data/api.yaml", place.path("mesh/api.yaml")).unwrap();
    let proxy = Proxy::start(&place, &[]);
    assert_eq!(proxy.get("api", "/").body, "one GET /");
    swap("2", service("api", &[app("two")]));
    proxy.wait_for(APPLIED);
    assert_eq!(proxy.get("api", "/").body, "two GET /");
}

#[test]
fn a_proxy_that_cannot_start_says_why() {
    let place = Place::new();
    place.file(
        "mesh/bad.yaml",
        "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ports: [{port: 99999}]}\n",
    );
    place.file("empty/readme.txt", "");
    let check = |args: &[&str], expected: &[&str]| {
        let mut all = vec!["proxy"];
        all.extend(args);
        let output = place.run(&all);
        assert_eq!(output.code, 2, "{}", output.shown());
        assert_eq!(output.stdout, "");
        for part in expected {
            assert!(output.stderr.contains(part), "{part}: {}", output.stderr);
        }
    };
    check(
        &["-f", "mesh"],
        &["whose proxy is it?", "--workload NAMESPACE/NAME"],
    );
    check(
        &["--workload", "shop/web"],
        &["there is no configuration", "-f DIRECTORY"],
    );
    check(
        &["--workload", "web", "-f", "mesh"],
        &["write NAMESPACE/NAME"],
    );
    check(
        &["--workload", "shop/web", "-f", "mesh"],
        &["mesh/bad.yaml:4", "99999"],
    );
    check(
        &["--workload", "shop/web", "-f", "nowhere"],
        &["cannot read nowhere"],
    );
    check(
        &["--workload", "shop/web", "-f", "empty"],
        &["holds no .yaml"],
    );
    check(
        &["--workload", "shop/web", "-f", "-"],
        &["standard input cannot be watched"],
    );
    let control = ["--workload", "shop/web", "--control-plane", "mesh:15012"];
    check(
        &control,
        &[
            "the control plane at mesh:15012 cannot be asked",
            "-f DIRECTORY",
        ],
    );
    check(&["--role", "waypoint"], &["gateway", "sidecar"]);
}
