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

/// The codes found in `text` when the namespace says `annotation` of its ports.
fn codes_in_namespace(annotation: &str, text: &str) -> Vec<Code> {
    let namespace = format!(
        "apiVersion: v1\nkind: Namespace\nmetadata: {{name: shop, annotations: {{{annotation}}}}}\n"
    );
    let seen = judged(&format!("{namespace}---\n{text}"), false);
    seen.iter().filter_map(|(code, _)| *code).collect()
}

#[test]
fn ports_that_a_namespace_calls_opaque_are_opaque_to_every_analyzer() {
    let check = |text: &str, plain: &[Code], opaque: &[Code]| {
        assert_eq!(codes_in_namespace("", text), plain, "{text}");
        let said = "meshctl.dev/opaque-ports: '9000'";
        assert_eq!(codes_in_namespace(said, text), opaque, "{text}");
    };
    let service = |name: &str, port: &str| {
        format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: shop}}\n\
             spec: {{selector: {{app: web}}, ports: [{{port: 9000{port}}}]}}\n---\n"
        )
    };
    // An Allow that asks bytes for a method.
    let rule = service("web", "")
        + "\
apiVersion: meshctl.dev/v1alpha1
kind: AuthorizationPolicy
metadata: {name: web, namespace: shop}
spec:
  targetRefs: [{group: '', kind: Service, name: web}]
  rules: [{from: [{serviceAccounts: [shop/a]}], to: [{methods: [GET]}]}]
";
    check(&rule, &[], &[Code::HttpRuleOnBytes]);
    // Retries of what is not a request.
    let retries = service("web", "")
        + "\
apiVersion: meshctl.dev/v1alpha1
kind: TrafficPolicy
metadata: {name: web, namespace: shop}
spec:
  targetRefs: [{group: '', kind: Service, name: web}]
  retry: {attempts: 2, codes: [503]}
";
    check(
        &retries,
        &[Code::RetryNotIdempotent],
        &[Code::PolicyOnOpaquePort],
    );
    // Two Services that disagree about one port of the pods.
    let two = service("web", ", appProtocol: http")
        + &service("bytes", "")
        + "\
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec:
  containers: [{name: web, image: web, readinessProbe: {httpGet: {port: 9000}}}]
";
    check(&two, &[], &[Code::PortConflict]);
}

#[test]
fn an_annotation_is_judged_by_where_it_stands() {
    let check = |text: &str, expected: &[&str]| {
        let seen = judged(text, false);
        let said: Vec<String> = seen
            .iter()
            .map(|(code, text)| {
                let line = text.split(':').nth(1).unwrap_or_default();
                format!("{line} {}", code.map_or("", Code::id))
            })
            .collect();
        assert_eq!(said, expected, "{text}\n{seen:?}");
    };
    let cron = "\
apiVersion: batch/v1
kind: CronJob
metadata: {name: a, labels: {meshctl.dev/lint-ignore: MC0310}}
spec:
  schedule: '* * * * *'
  jobTemplate:
    metadata:
      annotations:
        meshctl.dev/inject: enabled
    spec:
      template:
        metadata:
          annotations:
            meshctl.dev/inject: enabled
            meshctl.dev/log_level: info
          labels:
            meshctl.dev/inject: enabled
            meshctl.dev/ports: '80'
        spec: {restartPolicy: Never, containers: [{name: a, image: a}]}
";
    check(cron, &["3 MC0114", "9 MC0114", "15 MC0115", "18 MC0114"]);
    // The key of a merge stands where it is written.
    let merged = "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: a
  annotations: &common
    meshctl.dev/log-level: debug
spec:
  selector: {matchLabels: {app: a}}
  template:
    metadata:
      labels: {app: a}
      annotations: {<<: *common}
    spec: {containers: [{name: a, image: a}]}
";
    check(merged, &["6 MC0114"]);
    // Of other people's kinds nobody knows what becomes of their metadata.
    let foreign = "\
apiVersion: example.com/v1
kind: App
metadata:
  name: a
  annotations:
    meshctl.dev/inject: enabled
    meshctl.dev/injekt: enabled
";
    check(foreign, &["7 MC0115"]);
    let right = "\
apiVersion: v1
kind: Namespace
metadata: {name: a, labels: {meshctl.dev/inject: enabled}, annotations: {meshctl.dev/ports: '1'}}
---
apiVersion: v1
kind: Service
metadata: {name: a, annotations: {meshctl.dev/opaque-ports: '1', meshctl.dev/lint-ignore: MC0310}}
spec: {ports: [{port: 1}]}
---
apiVersion: v1
kind: Pod
metadata: {name: a, annotations: {meshctl.dev/endpoint-weight: '2', meshctl.dev/injected: '{}'}}
spec: {containers: [{name: a, image: a}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: a, annotations: {example.com/meshctl.dev: x}}
";
    check(right, &[]);
}

#[test]
fn a_policy_of_clients_in_another_namespace_and_of_a_second_port_is_judged() {
    let of = |policy: &str| {
        let text = format!(
            "\
apiVersion: v1
kind: Service
metadata: {{name: web, namespace: shop}}
spec: {{selector: {{app: web}}, ports: [{{name: a, port: 80}}, {{name: b, port: 81}}]}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web, namespace: shop}}
spec:
  replicas: 3
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec: {{containers: [{{name: a, image: a, readinessProbe: {{httpGet: {{port: 80}}}}}}]}}
---
apiVersion: meshctl.dev/v1alpha1
kind: BackendPolicy
{policy}
"
        );
        let seen = judged(&text, false);
        seen.iter().filter_map(|(c, _)| *c).collect::<Vec<_>>()
    };
    let consumer = "\
metadata: {name: p, namespace: client}
spec:
  targetRefs: [{group: '', kind: Service, name: web, namespace: shop}]
  outlierDetection: {maxEjectionPercent: 10}";
    assert_eq!(of(consumer), [Code::NeverEjects]);
    let second = "\
metadata: {name: p, namespace: shop}
spec:
  targetRefs: [{group: '', kind: Service, name: web, sectionName: b}]
  outlierDetection: {maxEjectionPercent: 10}";
    assert_eq!(of(second), [Code::NeverEjects]);
    let accrual = "\
metadata: {name: p, namespace: shop}
spec:
  targetRefs: [{group: '', kind: Service, name: web}]
  circuitBreaker: {type: FailureAccrual, failureAccrual: {breakerCapPercent: 20}}";
    assert_eq!(of(accrual), [Code::BreakerCapTooLow]);
}
