use proptest::prelude::*;

use super::*;

mod shapes;
mod strangers;
use crate::scenario::read::read;
use crate::scenario::validate::validate;

/// Manifests in shorthand, one object a line: `deploy NAME env…`, `svc NAME PORT[/PORTNAME]`,
/// `job NAME env…`. An env is `KEY=VALUE`.
fn manifests(short: &str) -> String {
    let mut out = String::new();
    for line in short.lines().map(str::trim).filter(|l| !l.is_empty()) {
        let mut words = line.split(' ');
        let (kind, name) = (words.next().unwrap(), words.next().unwrap());
        let (namespace, name) = name.split_once('/').unwrap_or(("shop", name));
        let meta = format!("metadata: {{name: {name}, namespace: {namespace}}}");
        if kind == "svc" {
            let (port, port_name) = words.next().unwrap().split_once('/').unwrap_or(("80", ""));
            out += &format!(
                "apiVersion: v1\nkind: Service\n{meta}\nspec:\n  selector: {{app: {name}}}\n  \
                 ports: [{{port: {port}, name: \"{port_name}\"}}]\n---\n"
            );
            continue;
        }
        let env: String = words
            .map(|var| {
                let (key, value) = var.split_once('=').unwrap();
                format!("\n            - {{name: {key}, value: \"{value}\"}}")
            })
            .collect();
        let env = if env.is_empty() { " []".into() } else { env };
        let (api, kind, selector) = match kind {
            "job" => ("batch/v1", "Job", String::new()),
            _ => (
                "apps/v1",
                "Deployment",
                format!("  selector: {{matchLabels: {{app: {name}}}}}\n"),
            ),
        };
        let restart = if kind == "Job" {
            "      restartPolicy: Never\n"
        } else {
            ""
        };
        out += &format!(
            "apiVersion: {api}\nkind: {kind}\n{meta}\nspec:\n{selector}  template:\n    \
             metadata: {{labels: {{app: {name}}}}}\n    spec:\n{restart}      containers:\n        \
             - name: app\n          image: app\n          env:{env}\n---\n"
        );
    }
    out
}

fn derived_from(text: &str) -> Derived {
    let reading = model::resource::read("shop.yaml", text);
    let errors: Vec<_> = reading
        .diagnostics
        .iter()
        .map(ToString::to_string)
        .collect();
    assert!(!reading.has_errors(), "{errors:#?}");
    let derived = derive(&reading.resources, &["shop.yaml".into()]).unwrap();
    // Whatever is derived can run, and is what its file says.
    let known = Known::of(&reading.resources);
    assert_eq!(validate(&derived.scenario.spec, Some(&known)), []);
    let text = write(&derived.scenario).unwrap();
    let back = read("init.yaml", &text).unwrap_or_else(|e| panic!("{e}\n{text}"));
    assert_eq!(back.scenario, derived.scenario, "{text}");
    derived
}

/// Calls as `from>to:port` and loads as `from>url`, of manifests in shorthand.
#[track_caller]
fn check(short: &str, calls: &[&str], loads: &[&str]) {
    let spec = derived_from(&manifests(short)).scenario.spec;
    let seen_calls: Vec<_> = spec
        .apps
        .iter()
        .flat_map(|a| {
            a.calls
                .iter()
                .map(|c| format!("{}>{}", a.workload.name, c.to))
        })
        .collect();
    let seen_loads: Vec<_> = spec
        .load
        .iter()
        .map(|l| format!("{}>{}", l.from, l.to))
        .collect();
    assert_eq!(seen_calls, calls);
    assert_eq!(seen_loads, loads);
}

#[test]
fn calls_follow_the_addresses_and_load_comes_to_what_nobody_calls() {
    check(
        "deploy front CART_ADDR=cart:7070 WEB_URL=http://web\n svc front 80/http\n\
         deploy cart REDIS_ADDR=redis:6379\n svc cart 7070/grpc\n deploy web\n svc web 80/http\n\
         deploy redis\n svc redis 6379/tcp-redis",
        &[
            "front>grpc://cart:7070/meshctl.Derived/Call",
            "front>http://web/",
        ],
        &["outside>http://front.shop/"],
    );
}

#[test]
fn what_nobody_can_call_sends_load_itself() {
    check(
        "deploy loadgenerator FRONTEND_ADDR=front:80\n deploy front\n svc front 80/http",
        &[],
        &["shop/Deployment/loadgenerator>http://front/"],
    );
}

#[test]
fn names_cross_namespaces() {
    check(
        "deploy front PAY=http://payments.pay:8080\n svc front 80/http\n\
         deploy pay/payments\n svc pay/payments 8080/http",
        &["front>http://payments.pay:8080/"],
        &["outside>http://front.shop/"],
    );
}

#[test]
fn the_edge_that_closes_a_cycle_is_dropped_in_a_fixed_order_and_said() {
    let short = "deploy a NEXT_URL=http://b\n svc a 80/http\n deploy b NEXT_URL=http://c\n\
                 svc b 80/http\n deploy c NEXT_URL=http://a\n svc c 80/http";
    check(
        short,
        &["a>http://b/", "b>http://c/"],
        &["outside>http://a.shop/"],
    );
    let derived = derived_from(&manifests(short));
    let notes = &derived.scenario.spec.inputs;
    let note = notes
        .iter()
        .find(|n| n.why.contains("would close a cycle"))
        .unwrap();
    assert_eq!(note.path, "apps[2]");
    assert!(
        note.why.contains("Service shop/a (NEXT_URL (shop.yaml:"),
        "{}",
        note.why
    );
}

#[test]
fn what_a_route_leads_to_is_no_entry_and_its_paths_are_used() {
    let route = "\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web, namespace: shop}
spec:
  parentRefs: [{group: \"\", kind: Service, name: web}]
  rules:
    - matches: [{path: {type: PathPrefix, value: /api}}]
      backendRefs: [{name: v1, port: 80, weight: 9}, {name: v2, port: 80, weight: 1}]
";
    let short = "svc web 80/http\n deploy v1 SELF_URL=http://web\n svc v1 80/http\n deploy v2\n\
                 svc v2 80/http\n deploy web";
    let spec = derived_from(&(manifests(short) + route)).scenario.spec;
    let loads: Vec<_> = spec.load.iter().map(|l| l.to.to_string()).collect();
    assert_eq!(loads, ["http://web.shop/api"]);
    let calls = spec.apps.iter().flat_map(|a| &a.calls).count();
    assert_eq!(
        calls, 0,
        "v1 is behind the route of web: its call to web closes a cycle"
    );
}

#[test]
fn each_call_says_at_which_line_it_was_found() {
    let text = manifests(
        "deploy front CART_ADDR=cart:7070\n svc front 80/http\n deploy cart\n svc cart 7070/grpc",
    );
    let line = text.lines().position(|l| l.contains("CART_ADDR")).unwrap() + 1;
    let derived = derived_from(&text);
    let notes = &derived.scenario.spec.inputs;
    let note = notes.iter().find(|n| n.path == "apps[1].calls[0]").unwrap();
    assert_eq!(
        note.why,
        format!("once per request, since CART_ADDR (shop.yaml:{line}) names it")
    );
    assert!(notes.iter().all(|n| n.source == Source::Assumed));
}

#[test]
fn config_maps_and_secrets_are_looked_into_and_secrets_not_told() {
    let text = manifests("deploy cart\n svc cart 7070/grpc\n deploy web\n svc web 80/http")
        + "\
apiVersion: v1
kind: ConfigMap
metadata: {name: conf, namespace: shop}
data:
  app.properties: |
    cart.host=cart
---
apiVersion: v1
kind: Secret
metadata: {name: keys, namespace: shop}
stringData: {WEB_URL: \"http://user:hunter2@web/\"}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: front, namespace: shop}
spec:
  selector: {matchLabels: {app: front}}
  template:
    metadata: {labels: {app: front}}
    spec:
      containers:
        - name: app
          image: app
          envFrom: [{secretRef: {name: keys}}]
      volumes:
        - name: conf
          configMap: {name: conf}
---
apiVersion: v1
kind: Service
metadata: {name: front, namespace: shop}
spec: {selector: {app: front}, ports: [{port: 80}]}
";
    let derived = derived_from(&text);
    let front = derived
        .scenario
        .spec
        .apps
        .iter()
        .find(|a| a.workload.name == "front")
        .unwrap();
    let calls: Vec<_> = front.calls.iter().map(|c| c.to.to_string()).collect();
    assert_eq!(
        calls,
        ["grpc://cart:7070/meshctl.Derived/Call", "http://web/"]
    );
    let written = write(&derived.scenario).unwrap();
    assert!(written.contains("WEB_URL of Secret keys"), "{written}");
    assert!(!written.contains("hunter2"), "a secret was written out");
}

#[test]
fn what_is_not_simulated_is_listed() {
    let derived = derived_from(&manifests(
        "deploy front DB=postgres://db:5432/x\n svc front 80/http\n deploy db\n svc db 5432/\n\
         deploy queue\n svc queue 5672/amqp\n job import CART=http://front",
    ));
    let listed: Vec<_> = derived
        .not_modelled
        .iter()
        .map(|n| n.what.as_str())
        .collect();
    let about = |what: &str| listed.iter().any(|l| l.contains(what));
    assert!(about("Job shop/import"), "{listed:?}");
    assert!(
        about("calls of shop/Deployment/front to Service shop/db port 5432"),
        "{listed:?}"
    );
    assert!(about("Service shop/queue"), "{listed:?}");
    assert!(
        derived
            .scenario
            .spec
            .apps
            .iter()
            .all(|a| a.workload.name != "import")
    );
}

#[test]
fn manifests_in_which_nothing_runs_are_refused() {
    let resources = model::resource::read("m.yaml", &manifests("svc a 80/http")).resources;
    let error = derive(&resources, &[]).unwrap_err();
    assert!(error.message.contains("no workload"), "{error}");
}

#[test]
fn the_written_scenario_explains_itself() {
    let short = "deploy front CART_ADDR=cart:7070\n svc front 80/http\n deploy cart\n\
                 svc cart 7070/grpc";
    let derived = derived_from(&manifests(short));
    insta::assert_snapshot!(write(&derived.scenario).unwrap(), @r##"
    # A scenario for `meshctl simulate`, derived. What is marked `assumed` is a guess.
    # Replace a guess by what you know and remove its entry from `inputs` at the end.
    # Paths of manifests are relative to this file.
    apiVersion: sim.meshctl.dev/v1alpha1
    kind: Scenario
    metadata:
      name: derived
    spec:
      description: "Derived: who calls whom, how fast and how often are guesses."
      manifests:
        - shop.yaml
      warmup: 5s
      apps:
        # assumed: its configuration names no Service to ask over HTTP or gRPC
        - workload: shop/Deployment/cart
          # assumed: no measurement; a usual value
          serviceTime:
            lognormal:
              p50: 5ms
              p99: 25ms
        - workload: shop/Deployment/front
          # assumed: no measurement; a usual value
          serviceTime:
            lognormal:
              p50: 5ms
              p99: 25ms
          calls:
            # assumed: once per request, since CART_ADDR (shop.yaml:13) names it
            - to: grpc://cart:7070/meshctl.Derived/Call
      load:
        - name: front
          to: http://front.shop/
          # assumed: nobody is seen to call it (shop.yaml:15), so users are taken to; the rate is a guess
          rate: 10.0
      inputs:
        - path: "apps[0].serviceTime"
          source: assumed
          why: "no measurement; a usual value"
        - path: "apps[0]"
          source: assumed
          why: "its configuration names no Service to ask over HTTP or gRPC"
        - path: "apps[1].serviceTime"
          source: assumed
          why: "no measurement; a usual value"
        - path: "apps[1].calls[0]"
          source: assumed
          why: "once per request, since CART_ADDR (shop.yaml:13) names it"
        - path: "load[0].rate"
          source: assumed
          why: "nobody is seen to call it (shop.yaml:15), so users are taken to; the rate is a guess"

    # Nothing is expected yet, so a run ends `not tested`. Take away the first `#` of these lines:
    # ---
    #  expect:
    #    - name: nearly every request succeeds
    #      metric: successRate
    #      of: load/front
    #      op: ">="
    #      value: 99.9%
    #    - name: answers are quick
    #      metric: p99
    #      of: load/front
    #      op: "<="
    #      value: 250ms
    #  events:
    #    - at: 10s
    #      for: 10s
    #      crash:
    #        target: shop/Deployment/front
    #        pods: 1
    "##);
}

#[test]
fn the_shop_of_the_repository_is_derived() {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/shop");
    let mut files: Vec<_> = std::fs::read_dir(dir)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    files.sort();
    let text: Vec<_> = files
        .iter()
        .map(|f| std::fs::read_to_string(f).unwrap())
        .collect();
    let derived = derived_from(&text.join("\n---\n"));
    let spec = derived.scenario.spec;
    assert!(spec.apps.len() >= 10, "{}", spec.apps.len());
    let checkout = spec
        .apps
        .iter()
        .find(|a| a.workload.name == "checkout")
        .unwrap();
    let calls: Vec<_> = checkout.calls.iter().map(|c| c.to.to_string()).collect();
    assert!(
        calls.contains(&"http://payments.pay/".to_owned()),
        "{calls:?}"
    );
    assert!(
        calls
            .iter()
            .any(|c| c.starts_with("grpc://shipping:50051/")),
        "{calls:?}"
    );
    assert!(!spec.load.is_empty());
}

proptest! {
    #[test]
    fn any_name_and_reason_is_read_back(text in ".{0,40}", name in "\\PC{0,20}") {
        let mut spec = Spec { description: Some(text.clone()), ..Spec::default() };
        spec.inputs.push(InputNote {
            path: "description".into(),
            source: Source::Measured,
            why: text,
        });
        let mut scenario = Scenario::new("x", spec);
        scenario.metadata.labels.insert("a".into(), name);
        let written = write(&scenario).unwrap();
        let back = read("x.yaml", &written).map_err(|e| e.to_string());
        prop_assert_eq!(back.map(|l| l.scenario), Ok(scenario), "{}", written);
    }

    #[test]
    fn whatever_calls_whatever_no_cycle_is_left(
        edges in prop::collection::vec((0..6_u8, 0..6_u8), 0..20),
    ) {
        let name = |n: u8| char::from(b'a' + n);
        let mut short = String::new();
        for n in 0..6 {
            let mine = edges.iter().enumerate().filter(|(_, (from, _))| *from == n);
            let var = |(i, (_, to)): (usize, &(_, u8))| format!(" V{i}_URL=http://{}", name(*to));
            let env: String = mine.map(var).collect();
            short += &format!("deploy {0}{env}\nsvc {0} 80/http\n", name(n));
        }
        // `derived_from` validates: calls that never end would be a finding.
        derived_from(&manifests(&short));
    }
}
