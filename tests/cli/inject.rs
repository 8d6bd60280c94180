//! `meshctl inject` and `uninject` as their user sees them.

use std::fs;

use insta::assert_snapshot;

use crate::common::{Place, deployment, repository};

mod corpus;
mod schema;

/// A Deployment and a DaemonSet that cannot have a sidecar.
const TWO: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: web, image: x, ports: [{containerPort: 8080, name: http}]}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent, namespace: shop}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec:
      hostNetwork: true
      containers: [{name: agent, image: x}]
";

fn place() -> Place {
    let place = Place::new();
    place.file("two.yaml", TWO);
    place
}

#[test]
fn strict_says_no_when_a_workload_is_left_out() {
    let place = place();
    let lenient = place.run(&["inject", "two.yaml"]);
    assert_eq!(lenient.code, 0, "{}", lenient.shown());
    let strict = place.run(&["inject", "two.yaml", "--strict"]);
    assert_eq!(strict.code, 1, "{}", strict.shown());
    assert_eq!(strict.stdout, lenient.stdout);
    let out = TWO.replace("hostNetwork: true", "hostNetwork: false");
    let all = place.run_with(&["inject", "-f", "-", "--strict"], &out);
    assert_eq!(all.code, 0, "{}", all.shown());
}

#[test]
fn explain_tells_who_gets_a_sidecar() {
    let place = place();
    let table = place.run(&["inject", "two.yaml", "--explain"]);
    assert_snapshot!(table.shown());
    let json = place.run(&["inject", "two.yaml", "--explain", "--report", "json"]);
    assert_snapshot!(json.shown());
}

#[test]
fn files_are_written_in_place_and_only_when_all_are_good() {
    let place = place();
    place.file("other.yaml", TWO.replace("web", "other"));
    place.file(
        "untouched.yaml",
        "kind: Namespace\napiVersion: v1\nmetadata: {name: shop}\n",
    );
    let out = place.run(&["inject", "-f", ".", "--in-place"]);
    assert_eq!((out.code, out.stdout.as_str()), (0, ""), "{}", out.shown());
    let injected = place.read("two.yaml");
    assert!(injected.contains("meshctl-proxy"), "{injected}");
    assert!(place.read("other.yaml").contains("meshctl-proxy"));

    let back = place.run(&["uninject", "two.yaml", "--in-place"]);
    assert_eq!(back.code, 0, "{}", back.shown());
    assert_eq!(place.read("two.yaml"), TWO);

    place.file("zz-bad.yaml", "a: [\n");
    let bad = place.run(&["inject", "-f", ".", "--in-place"]);
    assert_eq!((bad.code, bad.stdout.as_str()), (2, ""), "{}", bad.shown());
    assert_eq!(place.read("two.yaml"), TWO);
    let mut names: Vec<_> = fs::read_dir(place.path("."))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(
        names,
        ["other.yaml", "two.yaml", "untouched.yaml", "zz-bad.yaml"]
    );
}

#[test]
#[cfg(unix)]
fn a_file_keeps_its_permissions_and_a_link_stays_a_link() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let place = place();
    fs::set_permissions(place.path("two.yaml"), fs::Permissions::from_mode(0o640)).unwrap();
    symlink("two.yaml", place.path("link.yaml")).unwrap();
    let out = place.run(&["inject", "link.yaml", "--in-place"]);
    assert_eq!(out.code, 0, "{}", out.shown());
    let link = fs::symlink_metadata(place.path("link.yaml")).unwrap();
    assert!(link.file_type().is_symlink());
    let mode = fs::metadata(place.path("two.yaml")).unwrap().permissions();
    assert_eq!(mode.mode() & 0o777, 0o640);
    assert!(place.read("two.yaml").contains("meshctl-proxy"));
}

#[test]
fn several_files_become_one_stream() {
    let place = Place::new();
    let pod = |name: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec: {{containers: [{{name: a}}]}}"
        )
    };
    place
        .file("a.yaml", pod("a"))
        .file("b.yaml", format!("\u{FEFF}# comment\n---\n{}\n", pod("b")))
        .file("c.yaml", format!("{}\n---\n", pod("c")))
        .file(
            "d.json",
            r#"{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "d"}}"#,
        )
        .file(
            "e.json",
            r#"{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "e"}}"#,
        );
    let plain = place.run(&["uninject", "-f", "."]);
    assert_snapshot!(plain.shown());
    let all = place.run(&["inject", "-f", "."]);
    let back = place.run_with(&["uninject", "-f", "-"], &all.stdout);
    assert_eq!(back.stdout, plain.stdout);
    let json = place.run(&["uninject", "-f", ".", "-o", "json"]);
    let values = serde_json::Deserializer::from_str(&json.stdout).into_iter::<serde_json::Value>();
    let names: Vec<String> = values
        .map(|value| value.unwrap()["metadata"]["name"].to_string())
        .collect();
    assert_eq!(names, [r#""a""#, r#""b""#, r#""c""#, r#""d""#, r#""e""#]);
    let yaml = place.run(&["uninject", "d.json", "e.json", "-o", "yaml"]);
    assert_snapshot!(yaml.stdout);
}

#[test]
fn what_is_asked_wrongly_is_answered_with_what_is_right() {
    let place = place();
    place
        .file(
            "annotation.yaml",
            TWO.replace(
                "labels: {app: web}}\n    spec",
                "annotations: {meshctl.dev/ports: eighty}}\n    spec",
            ),
        )
        .file("broken.yaml", "apiVersion: v1\nkind: Pod\n  metadata: {}\n");
    let cases: [&[&str]; 8] = [
        &["inject"],
        &["inject", "missing.yaml"],
        &["inject", "broken.yaml", "two.yaml"],
        &["inject", "annotation.yaml"],
        &["inject", "two.yaml", "--skip-inbound-ports", "x"],
        &["inject", "two.yaml", "--pod-template-path", "Rollout"],
        &["inject", "-f", "-", "--in-place"],
        &["inject", "two.yaml", "--in-place", "--diff"],
    ];
    let mut text = String::new();
    for args in cases {
        let out = place.run(args);
        text.push_str(&format!("$ meshctl {}\n{}\n", args.join(" "), out.shown()));
    }
    assert_snapshot!(text);
}

#[test]
fn the_simulator_takes_injected_and_plain_manifests_alike() {
    let shop = repository("sim/scenarios/shop");
    let place = Place::at(repository(""));
    let simulate = |manifests: &str| {
        let out = place.run_with(
            &["simulate", "-f", "-", "--duration", "3s", "-o", "json"],
            manifests,
        );
        assert_eq!(out.code, 0, "{}", out.stderr);
        let report: serde_json::Value = serde_json::from_str(&out.stdout).unwrap();
        report["totals"].clone()
    };
    let files = ["-f", shop.to_str().unwrap()];
    let plain = place.run(&[&["uninject"][..], &files].concat());
    let injected = place.run(&[&["inject"][..], &files].concat());
    assert_ne!(plain.stdout, injected.stdout);
    assert_eq!(simulate(&injected.stdout), simulate(&plain.stdout));
}

#[test]
fn the_simulator_leaves_alone_the_ports_that_annotations_name() {
    let place = Place::new();
    let manifests = "\
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: x, ports: [{containerPort: 8080}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080, name: http}]}
---
apiVersion: meshctl.dev/v1alpha1
kind: TrafficPolicy
metadata: {name: slow, namespace: shop}
spec:
  targetRefs: [{group: '', kind: Service, name: web}]
  fault: {abort: {httpStatus: 503, percentage: 100}}
";
    let manifests = format!("{manifests}---\n{}", deployment("client"));
    let scenario = "\
apiVersion: sim.meshctl.dev/v1alpha1
kind: Scenario
metadata: {name: skip}
spec:
  manifests: [x.yaml]
  duration: 3s
  mesh: Annotated
  load: [{name: visit, from: shop/Deployment/client, to: http://web/, rate: 20}]
  expect: [{name: it works, metric: successRate, of: load/visit, op: '>=', value: 99%}]
";
    place
        .file("plain.yaml", &manifests)
        .file("skip.yaml", scenario);
    // Exit 1: the fault that the client's proxy injects is seen. Exit 0: nothing stands in the way.
    let check = |flags: &[&str], code: i32| {
        let injected = place.run(&[&["inject", "plain.yaml"][..], flags].concat());
        place.file("x.yaml", &injected.stdout);
        let out = place.run(&["simulate", "skip.yaml"]);
        assert_eq!(out.code, code, "{flags:?}: {}", out.shown());
    };
    check(&[], 1);
    check(&["--skip-outbound-ports", "80"], 0);
    check(&["--opaque-ports", "80"], 1);
    // Not meshed at all: the mode is Annotated, and nothing was injected.
    place.file("x.yaml", &manifests);
    assert_eq!(place.run(&["simulate", "skip.yaml"]).code, 0);
    // The server's proxy steps aside, and its clients know that they will not meet it there.
    let healthy = manifests.replace("percentage: 100", "percentage: 0");
    place.file("plain.yaml", healthy);
    check(&["--skip-inbound-ports", "8080"], 0);
    check(&["--ports", "9000"], 0);
    // The same, said by the namespace.
    let said = "metadata: {name: shop, annotations: {meshctl.dev/skip-outbound-ports: '80'}}";
    place.file(
        "plain.yaml",
        manifests.replace("metadata: {name: shop}\n", &format!("{said}\n")),
    );
    check(&[], 0);
}

#[test]
fn the_page_on_injection_has_the_table_of_annotations() {
    let path = repository("docs/injection.md");
    let page = fs::read_to_string(&path).unwrap();
    let (start, end) = ("<!-- annotations: generated -->\n", "<!-- end -->");
    let from = page.find(start).unwrap() + start.len();
    let to = from + page[from..].find(end).unwrap();
    let table = model::inject::annotations::markdown();
    if std::env::var_os("MESHCTL_BLESS").is_some() {
        let fresh = format!("{}{table}{}", &page[..from], &page[to..]);
        fs::write(&path, fresh).unwrap();
        return;
    }
    assert!(
        page[from..to] == table,
        "docs/injection.md is stale; run MESHCTL_BLESS=1 cargo test injection"
    );
}
