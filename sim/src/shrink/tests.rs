use model::resource::read;
use serde_json::json;

use super::*;

/// Says of each candidate whether it fails, as a rule has it, and stops after so many.
struct Rule<F> {
    fails: F,
    left: usize,
}

impl<F: Fn(&Spec) -> bool> Runner for Rule<F> {
    fn first_failing(&mut self, candidates: &[Candidate]) -> Result<Option<usize>, String> {
        for (i, candidate) in candidates.iter().enumerate() {
            self.left = self.left.checked_sub(1).ok_or("enough")?;
            if (self.fails)(&candidate.ready.spec) {
                return Ok(Some(i));
            }
        }
        Ok(None)
    }
}

fn start() -> Scenario {
    let text = include_str!("../swarm/tests/mesh.yaml");
    let reading = read("mesh.yaml", text);
    assert!(!reading.has_errors(), "{:?}", reading.diagnostics);
    let scenario: Scenario = serde_json::from_value(json!({
        "apiVersion": "sim.meshctl.dev/v1alpha1", "kind": "Scenario",
        "metadata": {"name": "large"},
        "spec": {
            "duration": "60s", "warmup": "5s", "seeds": 3,
            "apps": [
                {"workload": "shop/Deployment/web", "serviceTime": "1ms", "workers": 10,
                 "calls": [{"to": "http://api/", "timeout": "1s"}]},
                {"workload": "shop/Deployment/api", "errorRate": "1%"},
            ],
            "load": [
                {"name": "visit", "to": "http://web.shop/", "rate": 200, "timeout": "2s"},
                {"name": "other", "to": "http://api.shop/", "rate": 100},
            ],
            "events": [
                {"at": "10s", "for": "8s", "slow": {"target": "shop/api", "factor": 3.0}},
                {"at": "12s", "for": "9s", "crash": {"target": "shop/web", "silent": true}},
                {"at": "14s", "reset": {"target": "shop/web"}},
            ],
            "expect": [
                {"name": "visited", "metric": "successRate", "of": "load/visit",
                 "op": ">=", "value": "99%"},
                {"name": "else", "metric": "p99", "of": "load/other",
                 "op": "<=", "value": "1s"},
            ],
            "counterChanges": [
                {"name": "x", "set": {"load[0].rate": 1}, "fails": ["visited"]}],
        }
    }))
    .unwrap();
    let spec = bundle::bundle(&scenario.spec, &reading.resources, &BTreeMap::new());
    Scenario { spec, ..scenario }
}

fn shrunk(left: usize, fails: impl Fn(&Spec) -> bool) -> Shrunk {
    let failure = Failure::Expectation {
        name: "visited".into(),
        measured: true,
    };
    let all = |spec: &Spec| !spec.load.is_empty() && fails(spec);
    shrink(&start(), &failure, &mut Rule { fails: all, left }).unwrap()
}

fn crashes(spec: &Spec) -> bool {
    let mut events = spec.events.iter();
    events.any(|e| e.crash.is_some() && e.lasts.is_some_and(|l| l.0.as_secs() >= 2))
}

#[test]
fn what_the_failure_needs_is_left_and_nothing_else() {
    let result = shrunk(10_000, crashes);
    assert!(result.minimal);
    let names = |kind: &str| -> Vec<String> {
        let objects = result.scenario.spec.objects.iter();
        let some = objects.filter(|o| o["kind"] == json!(kind));
        some.map(|o| o["metadata"]["name"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(names("Deployment"), ["web"]);
    assert_eq!(names("Service"), ["web"]);
    assert_eq!(names("BackendPolicy"), [""; 0]);
    let mut spec = serde_json::to_value(&result.scenario.spec).unwrap();
    let spec = spec.as_object_mut().unwrap();
    spec.remove("objects");
    assert_eq!(
        json!(spec),
        json!({
            "description": "The smallest of large that still fails: `visited` does not hold.",
            "duration": "1m", "warmup": "5s",
            "load": [{"name": "visit", "to": "http://web.shop/", "rate": 1.0}],
            "events": [{"at": "1ms", "for": "2.25s", "crash": {"target": "shop/web"}}],
            "expect": [{"name": "visited", "metric": "successRate", "of": "load/visit",
                        "op": ">=", "value": "99%"}],
        })
    );
    assert_eq!(result.scenario.metadata.name, "large-small");
}

#[test]
fn a_search_that_is_stopped_keeps_what_it_has() {
    let result = shrunk(3, crashes);
    assert!(!result.minimal);
    assert!(crashes(&result.scenario.spec));
    assert!(result.steps.len() <= 3);
}

#[test]
fn each_step_is_told_with_what_it_is_about() {
    let steps = shrunk(10_000, crashes).steps;
    let has = |text: &str| steps.iter().any(|s| s.contains(text));
    assert!(has("without objects["), "{steps:#?}");
    assert!(has("load[0].rate 100"), "{steps:#?}");
    assert!(has("without events"), "{steps:#?}");
}

#[test]
fn fields_of_our_policies_go_one_by_one_and_of_other_objects_only_replicas() {
    let ejects = |spec: &Spec| {
        let count = "/outlierDetection/detectors/consecutive5xx/consecutive";
        let has = |o: &Map<String, Value>| o["spec"].pointer(count).is_some();
        let is_web = |o: &Map<String, Value>| {
            o["kind"] == json!("Deployment") && o["metadata"]["name"] == json!("web")
        };
        spec.objects.iter().any(has) && spec.objects.iter().any(is_web)
    };
    let result = shrunk(10_000, ejects);
    let objects = &result.scenario.spec.objects;
    let policy = objects.iter().find(|o| o["kind"] == json!("BackendPolicy"));
    assert_eq!(
        policy.unwrap()["spec"]["outlierDetection"],
        json!({"detectors": {"consecutive5xx": {"consecutive": 1}}})
    );
    let web = objects.iter().find(|o| o["kind"] == json!("Deployment"));
    let web = &web.unwrap()["spec"];
    assert_eq!(web["replicas"], json!(1));
    assert_eq!(
        web["template"]["spec"]["containers"][0]["image"],
        json!("x")
    );
}

#[test]
fn a_failure_is_the_first_thing_that_failed() {
    let breach = crate::record::Breach {
        invariant: "bytes in = bytes out".into(),
        at_ns: 1,
        seen: "x".into(),
    };
    let mut result = SeedResult {
        seed: 1,
        judged: Vec::new(),
        breaches: vec![breach],
        partial: None,
        trace_hash: 0,
    };
    let first = Failure::of(&result);
    assert_eq!(first, Some(Failure::Breach("bytes in = bytes out".into())));
    result.breaches.clear();
    assert_eq!(Failure::of(&result), None);
}
