//! The CustomResourceDefinitions in `templates/crds` are those that the types give, and the policies
//! of the scenarios fit them.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::common::repository;

#[test]
fn the_files_are_what_the_types_give() {
    let bless = std::env::var_os("MESHCTL_BLESS").is_some();
    let folder = repository("templates/crds");
    let mut expected: Vec<String> = Vec::new();
    for definition in model::crd::definitions() {
        let text = format!(
            "# Generated from the types in model/src/policy; `MESHCTL_BLESS=1 cargo test` writes it.\n{}",
            serde_yaml::to_string(&definition.object).unwrap()
        );
        let path = folder.join(&definition.file);
        if bless {
            fs::create_dir_all(&folder).unwrap();
            fs::write(&path, &text).unwrap();
        }
        let written = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            written == text,
            "{} is stale; run MESHCTL_BLESS=1 cargo test",
            path.display()
        );
        expected.push(definition.file);
    }
    let names = fs::read_dir(&folder)
        .unwrap()
        .map(|e| e.unwrap().file_name());
    let mut names: Vec<String> = names.map(|n| n.into_string().unwrap()).collect();
    names.sort();
    expected.sort();
    assert_eq!(names, expected, "a file that no kind gives");
}

/// Every policy of our own below `sim/scenarios`, with its file.
fn policies() -> Vec<(PathBuf, Value)> {
    let mut found = Vec::new();
    let mut folders = vec![repository("sim/scenarios")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            for document in serde_yaml::Deserializer::from_str(&text) {
                let value: Value = serde::Deserialize::deserialize(document).unwrap();
                if value["apiVersion"] == "meshctl.dev/v1alpha1" {
                    found.push((path.clone(), value));
                }
            }
        }
    }
    found
}

#[test]
fn the_policies_of_the_scenarios_fit() {
    let definitions = model::crd::definitions();
    let policies = policies();
    assert!(policies.len() > 10, "{}", policies.len());
    for (path, policy) in policies {
        let kind = &policy["kind"];
        let of = |d: &&model::crd::Definition| d.object["spec"]["names"]["kind"] == *kind;
        let definition = definitions.iter().find(of);
        let definition = definition.unwrap_or_else(|| panic!("{kind} has no definition"));
        let schema = &definition.object["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        let validator = jsonschema::validator_for(schema).unwrap();
        let errors: Vec<_> = validator
            .iter_errors(&policy)
            .map(|e| e.to_string())
            .collect();
        assert!(errors.is_empty(), "{} {kind}: {errors:#?}", path.display());
    }
}

#[test]
fn what_is_out_of_bounds_does_not_fit() {
    let check = |kind: &str, spec: Value| {
        let definitions = model::crd::definitions();
        let of = |d: &&model::crd::Definition| d.object["spec"]["names"]["kind"] == kind;
        let definition = definitions.iter().find(of).unwrap();
        let schema = &definition.object["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        let policy = serde_json::json!({"spec": spec});
        assert!(!jsonschema::is_valid(schema, &policy), "{kind} {policy}");
    };
    let target = serde_json::json!([{"group": "", "kind": "Service", "name": "web"}]);
    check("BackendPolicy", serde_json::json!({}));
    check("BackendPolicy", serde_json::json!({"targetRefs": []}));
    check(
        "BackendPolicy",
        serde_json::json!({"targetRefs": target, "panicThresholdPercent": 101}),
    );
    check(
        "TrafficPolicy",
        serde_json::json!({"targetRefs": target, "timeouts": {"request": "soon"}}),
    );
    check(
        "AuthorizationPolicy",
        serde_json::json!({"targetRefs": target, "action": "Perhaps"}),
    );
}

#[test]
fn the_examples_of_the_documentation_have_no_errors() {
    let text = fs::read_to_string(repository("docs/policies.md")).unwrap();
    let blocks = text.split("```yaml\n").skip(1);
    let mut read = 0;
    for block in blocks {
        let example = block.split("```").next().unwrap();
        // Others show a part of one.
        if !example.starts_with("apiVersion") {
            continue;
        }
        let reading = model::resource::read("docs/policies.md", example);
        assert!(
            !reading.has_errors(),
            "{example}\n{:?}",
            reading.diagnostics
        );
        for resource in &reading.resources {
            let mut found = model::validate::validate(resource);
            found.retain(|found| found.level == model::diagnostic::Level::Error);
            assert!(found.is_empty(), "{example}\n{found:?}");
            read += 1;
        }
    }
    assert!(read >= 5, "{read}");
}
