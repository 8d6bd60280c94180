use super::*;
use crate::resource;

/// Addresses as the examples write them: `http://NAME` in the environment of a workload.
fn calls(resources: &[Resource]) -> Vec<Call> {
    let mut calls = Vec::new();
    for resource in resources {
        let object = &resource.object;
        let name = |name: &str| ObjectName::new(object.namespace(), name);
        let spec = resource.workload().map(|workload| workload.template.spec);
        let variables = spec
            .iter()
            .flat_map(|spec| &spec.containers)
            .flat_map(|c| &c.env);
        for variable in variables {
            let host = variable
                .value
                .as_deref()
                .and_then(|url| url.strip_prefix("http://"));
            calls.extend(host.map(|host| Call {
                from: (object.kind.clone(), name(object.name())),
                to: name(host),
                port: 80,
                found: variable.name.clone(),
            }));
        }
    }
    calls
}

/// What is found in `text`, as `MC0214 web.yaml:7: message`.
fn judged(text: &str, complete: bool) -> Vec<(Option<Code>, String)> {
    let readings = [resource::read("m.yaml", text)];
    let report = check(&Input {
        readings: &readings,
        complete,
        calls: &calls(&readings[0].resources),
        ignore: &[],
    });
    let findings = report.findings.iter();
    findings.map(|f| (f.code, f.to_string())).collect()
}

#[test]
fn every_code_has_an_entry_whose_examples_say_what_it_says() {
    let entries = catalogue();
    let codes: Vec<Code> = entries.iter().map(|entry| entry.code).collect();
    let missing: Vec<&Code> = Code::ALL.iter().filter(|c| !codes.contains(c)).collect();
    assert!(missing.is_empty(), "without an entry: {missing:?}");
    assert_eq!(codes.len(), Code::ALL.len(), "an entry is there twice");
    let mut wrong = Vec::new();
    for entry in &entries {
        let bad = judged(&entry.bad.text, entry.bad.complete);
        if bad.is_empty() || bad.iter().any(|(code, _)| *code != Some(entry.code)) {
            wrong.push(format!("{} bad: {bad:#?}", entry.code));
        }
        let good = judged(&entry.good.text, entry.good.complete);
        if !good.is_empty() {
            wrong.push(format!("{} good: {good:#?}", entry.code));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_code_that_needs_everything_is_silent_about_a_part() {
    for entry in catalogue() {
        assert_eq!(
            entry.bad.complete,
            entry.code.needs_everything(),
            "{}",
            entry.code
        );
        if entry.bad.complete {
            let seen = judged(&entry.bad.text, false);
            assert!(seen.is_empty(), "{}: {seen:?}", entry.code);
        }
    }
}

#[test]
fn a_workload_that_cannot_be_read_is_not_missed_by_its_service() {
    let text = "\
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}, annotations: {meshctl.dev/inject: maybe}}
    spec: {containers: [{name: web, image: web}]}
";
    let seen = judged(text, true);
    let codes: Vec<_> = seen.iter().map(|(code, _)| *code).collect();
    assert_eq!(codes, [Some(Code::AnnotationValue)], "{seen:?}");
    assert!(seen[0].1.starts_with("m.yaml:12:"), "{seen:?}");
}
