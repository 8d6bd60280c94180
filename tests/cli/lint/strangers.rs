//! Manifests of strangers: every finding is true, and there is no other.

use insta::assert_snapshot;

use crate::common::{Place, repository};

/// The findings in `path` of the repository, one a line.
fn findings(path: &str, complete: bool) -> String {
    let place = Place::at(repository("."));
    let mut args = vec!["lint", "-f", path, "-o", "json", "--fail-on", "never"];
    args.extend(complete.then_some("--complete"));
    let out = place.run(&args);
    assert_eq!(out.code, 0, "{}", out.shown());
    let report: serde_json::Value = serde_json::from_str(&out.stdout).unwrap();
    let findings = report["findings"].as_array().unwrap().iter();
    let lines = findings.map(|f| {
        let text = |key: &str| f[key].as_str().unwrap().to_owned();
        let file = text("file");
        let file = file.rsplit('/').next().unwrap();
        let (code, message) = (text("code"), text("message"));
        format!("{code} {file}:{} {message}\n", f["line"])
    });
    lines.collect()
}

#[test]
fn what_is_found_in_each_of_them_is_true() {
    let dir = repository("tests/data/strangers");
    let mut names: Vec<_> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let found = names
        .iter()
        .map(|name| findings(&format!("tests/data/strangers/{name}"), false));
    assert_snapshot!(found.collect::<String>());
}

#[test]
fn the_shop_is_whole() {
    assert_snapshot!(findings("sim/scenarios/shop", true));
}
