use serde_json::json;

use super::*;
use crate::scenario::{Event, event};

const DEPLOYMENT: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: app, image: x, ports: [{containerPort: 8080}]}]}
";

fn read(text: &str) -> Vec<Resource> {
    let reading = resource::read("web.yaml", text);
    assert!(!reading.has_errors(), "{:?}", reading.diagnostics);
    reading.resources
}

#[test]
fn what_is_written_into_a_scenario_reads_back() {
    let mut resources = read(DEPLOYMENT);
    // As a derived run with too many pods has it.
    if let Manifest::Workload(workload) = &mut resources[0].spec {
        workload.replicas = 2;
    }
    let applies = Event {
        apply: Some(event::Apply {
            manifests: vec!["more.yaml".into()],
            ..event::Apply::default()
        }),
        ..Event::default()
    };
    let spec = Spec {
        manifests: vec!["web.yaml".into()],
        events: vec![applies],
        ..Spec::default()
    };
    let applied = BTreeMap::from([(0, read(DEPLOYMENT))]);
    let bundled = bundle(&spec, &resources, &applied);
    assert!(bundled.manifests.is_empty());
    assert_eq!(bundled.objects[0]["spec"]["replicas"], json!(2));
    let again = unbundle(&bundled, &str::to_owned).unwrap();
    assert_eq!(again.resources[0].object.name(), "web");
    assert_eq!(again.applied[&0][0].object.kind, "Deployment");
    assert_eq!(bundle(&bundled, &again.resources, &again.applied), bundled);
}

#[test]
fn an_object_that_cannot_be_read_is_named_by_its_place() {
    let wrong = json!({"apiVersion": "apps/v1", "kind": "Deployment",
                       "metadata": {"name": "web"}, "spec": {"replicas": "many"}});
    let Value::Object(wrong) = wrong else {
        unreachable!()
    };
    let spec = Spec {
        objects: vec![wrong],
        ..Spec::default()
    };
    let errors = unbundle(&spec, &|path| format!("small.yaml {path}")).unwrap_err();
    let shown = errors[0].to_string();
    assert!(shown.contains("small.yaml objects[0]"), "{shown}");
}
