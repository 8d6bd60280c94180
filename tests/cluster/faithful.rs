//! The API server of the tests does what a real one does: the same questions to whichever is there.

use serde_json::{Value, json};

use super::api::Api;
use super::target::Target;

const ROUTES: (&str, &str) = ("gateway.networking.k8s.io/v1", "httproutes");
const MERGE: &str = "application/merge-patch+json";
const JSON: &str = "application/json-patch+json";
const STRATEGIC: &str = "application/strategic-merge-patch+json";
const APPLY: &str = "application/apply-patch+yaml";

const ROUTE: &str = "
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web, labels: {app: web}}
spec:
  parentRefs: [{group: '', kind: Service, name: web, port: 80}]
  rules: [{backendRefs: [{name: web, port: 80}], unheardOf: true}]
";

const SERVICE: &str = "
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{name: http, port: 80}, {name: admin, port: 81}]}
";

fn route(target: &Target) -> String {
    target.path(ROUTES.0, ROUTES.1, "web")
}

/// The refusal of a request: code and reason.
#[track_caller]
fn refusal(
    target: &Target,
    method: &str,
    path: &str,
    content: &str,
    body: &Value,
) -> (u16, String) {
    let (code, status) = target
        .answer(method, path, content, Some(body))
        .unwrap_err();
    assert_eq!(status["kind"], "Status", "{status}");
    assert_eq!(status["code"], code, "{status}");
    (
        code,
        status["reason"].as_str().unwrap_or_default().to_owned(),
    )
}

fn is(code: u16, reason: &str) -> (u16, String) {
    (code, reason.to_owned())
}

fn managers(object: &Value) -> Vec<String> {
    let entries = object["metadata"]["managedFields"]
        .as_array()
        .unwrap()
        .iter();
    let mut all: Vec<String> = entries
        .map(|e| {
            format!(
                "{} {}",
                e["manager"].as_str().unwrap(),
                e["operation"].as_str().unwrap()
            )
        })
        .collect();
    all.sort();
    all
}

#[test]
fn custom_resources_get_defaults_and_lose_what_is_unknown() {
    let target = Target::new().stored(ROUTE);
    let found = target.send("GET", &route(&target), "", None);
    let rule = &found["spec"]["rules"][0];
    assert!(rule.get("unheardOf").is_none(), "{rule}");
    assert_eq!(rule["backendRefs"][0]["weight"], 1);
    assert_eq!(rule["matches"][0]["path"]["value"], "/");
    assert_eq!(found["metadata"]["generation"], 1);
    assert_eq!(managers(&found), ["kubectl-create Update"]);
    let labels = json!({"metadata": {"labels": {"a": "b"}}});
    let labelled = target.merge(&route(&target), labels);
    assert_eq!(
        labelled["metadata"]["generation"], 1,
        "only the spec counts"
    );
}

#[test]
fn refusals_have_codes_and_reasons() {
    let target = Target::new().stored(ROUTE);
    let path = route(&target);
    let patch = |content: &str, body: Value| refusal(&target, "PATCH", &path, content, &body);
    let bad = |weight: i64| {
        let backend = json!({"name": "web", "port": 80, "weight": weight});
        json!({"spec": {"rules": [{"backendRefs": [backend]}]}})
    };
    assert_eq!(patch(MERGE, bad(-1)), is(422, "Invalid"));
    assert_eq!(patch(STRATEGIC, json!({})), is(415, "UnsupportedMediaType"));
    let old = json!({"metadata": {"resourceVersion": "1"}});
    assert_eq!(patch(MERGE, old), is(409, "Conflict"));
    let gone = target.path(ROUTES.0, ROUTES.1, "gone");
    let merged = refusal(&target, "PATCH", &gone, MERGE, &json!({}));
    assert_eq!(merged, is(404, "NotFound"));
    let all = target.path(ROUTES.0, ROUTES.1, "");
    let again = json!({"apiVersion": ROUTES.0, "kind": "HTTPRoute", "metadata": {"name": "web"},
                       "spec": {}});
    let made = refusal(
        &target,
        "POST",
        all.trim_end_matches('/'),
        "application/json",
        &again,
    );
    assert_eq!(made, is(409, "AlreadyExists"));
    let options = json!({"kind": "DeleteOptions", "apiVersion": "v1",
                         "preconditions": {"uid": "not-this-one"}});
    let deleted = refusal(&target, "DELETE", &path, "application/json", &options);
    assert_eq!(deleted, is(409, "Conflict"));
    let nowhere = format!(
        "/apis/{}/namespaces/{}/nothings",
        ROUTES.0, target.namespace
    );
    assert_eq!(target.answer("GET", &nowhere, "", None).unwrap_err().0, 404);
}

#[test]
fn three_kinds_of_patches_change_what_they_say() {
    let target = Target::new().stored(SERVICE);
    let path = target.path("v1", "services", "web");
    let patch = |content: &str, body: Value| target.send("PATCH", &path, content, Some(&body));
    let ports = |object: &Value| -> Vec<Value> {
        let ports = object["spec"]["ports"].as_array().unwrap().iter();
        ports.map(|p| json!([p["name"], p["port"]])).collect()
    };
    let merged = patch(
        STRATEGIC,
        json!({"spec": {"ports": [{"port": 81, "name": "metrics"}]}}),
    );
    assert_eq!(
        ports(&merged),
        [json!(["http", 80]), json!(["metrics", 81])]
    );
    let less = patch(
        STRATEGIC,
        json!({"spec": {"ports": [{"port": 81, "$patch": "delete"}]}}),
    );
    assert_eq!(ports(&less), [json!(["http", 80])]);
    let stepped = patch(
        JSON,
        json!([
            {"op": "test", "path": "/spec/ports/0/port", "value": 80},
            {"op": "add", "path": "/spec/ports/-", "value": {"name": "grpc", "port": 90}},
            {"op": "remove", "path": "/spec/selector/app"},
            {"op": "add", "path": "/spec/selector/tier", "value": "a"},
        ]),
    );
    assert_eq!(ports(&stepped), [json!(["http", 80]), json!(["grpc", 90])]);
    assert_eq!(stepped["spec"]["selector"], json!({"tier": "a"}));
    let replaced = patch(
        MERGE,
        json!({"spec": {"ports": [{"port": 82}], "selector": {"tier": null, "x": "y"}}}),
    );
    assert_eq!(ports(&replaced), [json!([null, 82])]);
    assert_eq!(replaced["spec"]["selector"], json!({"x": "y"}));
    let failed = json!([{"op": "test", "path": "/spec/ports/0/port", "value": 1}]);
    let (code, _) = target
        .answer("PATCH", &path, JSON, Some(&failed))
        .unwrap_err();
    assert_eq!(code, 422);
}

#[test]
fn an_apply_owns_what_it_says_and_names_whom_it_meets() {
    let target = Target::new();
    let path = target.path("v1", "services", "web");
    let apply = |manager: &str, force: bool, ports: Value| {
        let path = format!("{path}?fieldManager={manager}&force={force}");
        let object = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
                            "spec": {"ports": ports}});
        target.answer("PATCH", &path, APPLY, Some(&object))
    };
    let port = |number: u16, name: &str| json!({"port": number, "protocol": "TCP", "name": name, "targetPort": number});
    apply("one", false, json!([port(80, "http")])).unwrap();
    // Items with other keys are nobody's conflict.
    let both = apply("two", false, json!([port(81, "admin")])).unwrap();
    assert_eq!(both["spec"]["ports"].as_array().unwrap().len(), 2, "{both}");
    assert_eq!(managers(&both), ["one Apply", "two Apply"]);
    let (code, status) = apply("two", false, json!([port(80, "web")])).unwrap_err();
    assert_eq!(
        (code, &status["reason"]),
        (409, &json!("Conflict")),
        "{status}"
    );
    let cause = &status["details"]["causes"][0];
    assert_eq!(cause["reason"], "FieldManagerConflict");
    assert_eq!(cause["field"], ".spec.ports[port=80,protocol=\"TCP\"].name");
    assert!(
        cause["message"].as_str().unwrap().contains("\"one\""),
        "{cause}"
    );
    let forced = apply("two", true, json!([port(80, "web")])).unwrap();
    let ports = forced["spec"]["ports"].as_array().unwrap();
    assert_eq!(
        ports.len(),
        1,
        "what it wanted and wants no more goes: {ports:?}"
    );
    assert_eq!(ports[0]["name"], "web");
    let unnamed = format!("{path}?force=true");
    let object = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}});
    assert!(
        target
            .answer("PATCH", &unnamed, APPLY, Some(&object))
            .is_err()
    );
}

#[test]
fn an_apply_with_an_unknown_field_is_refused() {
    let target = Target::new();
    let object = json!({"apiVersion": ROUTES.0, "kind": "HTTPRoute", "metadata": {"name": "web"},
                        "spec": {"rules": [{"unheardOf": true}]}});
    let path = format!("{}?fieldManager=meshctl", route(&target));
    let (code, status) = target
        .answer("PATCH", &path, APPLY, Some(&object))
        .unwrap_err();
    let message = status["message"].as_str().unwrap();
    assert!(
        message.contains("field not declared in schema"),
        "{code}: {message}"
    );
}

#[test]
fn a_dry_run_answers_and_stores_nothing() {
    let target = Target::new();
    let all = target.path(ROUTES.0, ROUTES.1, "");
    let object = json!({"apiVersion": ROUTES.0, "kind": "HTTPRoute", "metadata": {"name": "dry"},
                        "spec": {"rules": [{"backendRefs": [{"name": "web", "port": 80}]}]}});
    let path = format!("{}?dryRun=All", all.trim_end_matches('/'));
    let made = target.send("POST", &path, "application/json", Some(&object));
    assert_eq!(made["spec"]["rules"][0]["backendRefs"][0]["weight"], 1);
    let path = target.path(ROUTES.0, ROUTES.1, "dry");
    assert_eq!(target.answer("GET", &path, "", None).unwrap_err().0, 404);
    let applied = format!("{path}?dryRun=All&fieldManager=meshctl");
    target.send("PATCH", &applied, APPLY, Some(&object));
    assert_eq!(target.answer("GET", &path, "", None).unwrap_err().0, 404);
    target.store(ROUTE);
    let delete = |path: &str, body: Value| {
        target.send("DELETE", path, "application/json", Some(&body));
    };
    let options =
        |dry: &[&str]| json!({"kind": "DeleteOptions", "apiVersion": "v1", "dryRun": dry});
    delete(&route(&target), options(&["All"]));
    target.send(
        "DELETE",
        &format!("{}?dryRun=All", route(&target)),
        "",
        None,
    );
    target.send("GET", &route(&target), "", None);
    // With a body the query says nothing.
    delete(&format!("{}?dryRun=All", route(&target)), options(&[]));
    assert_eq!(
        target
            .answer("GET", &route(&target), "", None)
            .unwrap_err()
            .0,
        404
    );
}

#[test]
fn a_watch_tells_what_happens_from_a_version_on() {
    let target = Target::new().stored(ROUTE);
    let all = target.path(ROUTES.0, ROUTES.1, "");
    let all = all.trim_end_matches('/');
    let list = target.send("GET", all, "", None);
    let version = list["metadata"]["resourceVersion"].as_str().unwrap();
    let labels = json!({"metadata": {"labels": {"app": "other"}}});
    target.merge(&route(&target), labels);
    target.send("DELETE", &route(&target), "", None);
    let watch = |more: &str| {
        let path = format!("{all}?watch=1&timeoutSeconds=1&resourceVersion={version}{more}");
        let lines = target.lines(&path);
        let kinds = lines.iter().map(|l| l["type"].as_str().unwrap().to_owned());
        kinds.filter(|kind| kind != "BOOKMARK").collect::<Vec<_>>()
    };
    assert_eq!(watch(""), ["MODIFIED", "DELETED"]);
    // For who looks at a label only, it goes with the label.
    assert_eq!(watch("&labelSelector=app%3Dweb"), ["DELETED"]);
    target.store(ROUTE);
    let lines = target.lines(&format!("{all}?watch=1&timeoutSeconds=1"));
    assert_eq!(
        lines[0]["type"], "ADDED",
        "what is there comes first: {lines:?}"
    );
    assert_eq!(lines[0]["object"]["metadata"]["name"], "web");
}

#[test]
fn lists_come_in_pages_of_one_version() {
    let target = Target::new();
    let all = target.path("v1", "configmaps", "");
    let all = all.trim_end_matches('/');
    let make = |name: &str| {
        let meta = json!({"name": name, "labels": {"test": "pages"}});
        target.create(
            all,
            &json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta}),
        );
    };
    for name in ["a", "b", "c"] {
        make(name);
    }
    let page = |more: &str| {
        target.send(
            "GET",
            &format!("{all}?labelSelector=test%3Dpages{more}"),
            "",
            None,
        )
    };
    let names = |list: &Value| -> Vec<String> {
        let items = list["items"].as_array().unwrap().iter();
        items
            .map(|i| i["metadata"]["name"].as_str().unwrap().to_owned())
            .collect()
    };
    let first = page("&limit=2");
    assert_eq!(names(&first), ["a", "b"]);
    assert!(
        first["items"][0].get("kind").is_none(),
        "items carry no kind"
    );
    make("bb");
    let token = first["metadata"]["continue"].as_str().unwrap();
    let token = token.replace('+', "%2B").replace('=', "%3D");
    let second = page(&format!("&limit=2&continue={token}"));
    assert_eq!(names(&second), ["c"], "not what was made since");
    assert_eq!(names(&page("")), ["a", "b", "bb", "c"]);
}

#[test]
fn a_status_is_changed_on_its_own() {
    let target = Target::new().stored(ROUTE);
    let path = route(&target);
    let wanted = json!({"status": {"parents": []}, "spec": {"hostnames": ["x.example"]}});
    let whole = target.merge(&path, wanted);
    assert!(whole.get("status").is_none(), "{whole}");
    assert_eq!(whole["spec"]["hostnames"][0], "x.example");
    let other = json!({"status": {"parents": []}, "spec": {"hostnames": ["y.example"]}});
    let half = target.merge(&format!("{path}/status"), other);
    assert_eq!(half["status"]["parents"], json!([]));
    assert_eq!(half["spec"]["hostnames"][0], "x.example");
}

#[test]
fn versions_that_are_forgotten_are_gone() {
    // A real server forgets after minutes.
    let target = Target::own(Api::start()).stored(ROUTE);
    target.store(&ROUTE.replace("name: web", "name: other"));
    let all = target.path(ROUTES.0, ROUTES.1, "");
    let all = all.trim_end_matches('/');
    let first = target.send("GET", &format!("{all}?limit=1"), "", None);
    let meta = &first["metadata"];
    let (version, token) = (&meta["resourceVersion"], meta["continue"].as_str().unwrap());
    target.send("DELETE", &route(&target), "", None);
    target.api().compact();
    let next = format!("{all}?limit=1&continue={token}");
    let (code, status) = target.answer("GET", &next, "", None).unwrap_err();
    assert_eq!((code, &status["reason"]), (410, &json!("Expired")));
    let version = version.as_str().unwrap();
    let exact = format!("{all}?resourceVersion={version}&resourceVersionMatch=Exact");
    assert_eq!(target.answer("GET", &exact, "", None).unwrap_err().0, 410);
    let lines = target.lines(&format!(
        "{all}?watch=1&timeoutSeconds=5&resourceVersion={version}"
    ));
    assert_eq!(
        (&lines[0]["type"], &lines[0]["object"]["code"]),
        (&json!("ERROR"), &json!(410))
    );
}

#[test]
fn a_quiet_watch_says_how_far_it_is() {
    // A real server says so once a minute.
    let target = Target::own(Api::start());
    let all = target.path(ROUTES.0, ROUTES.1, "");
    let watch = "?watch=1&timeoutSeconds=1&allowWatchBookmarks=true";
    let lines = target.lines(&format!("{}{watch}", all.trim_end_matches('/')));
    assert_eq!(lines[0]["type"], "BOOKMARK");
    assert!(lines[0]["object"]["metadata"]["resourceVersion"].is_string());
}

#[test]
fn a_kind_that_breaks_its_own_schema_is_refused() {
    let target = Target::new();
    let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    let crd = |group: &str, least: u64| {
        json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": format!("oddities.{group}")},
            "spec": {
                "group": group, "scope": "Namespaced",
                "names": {"kind": "Oddity", "listKind": "OddityList", "plural": "oddities",
                          "singular": "oddity"},
                "versions": [{"name": "v1", "served": true, "storage": true, "schema": {
                    "openAPIV3Schema": {"type": "object", "properties": {"spec": {
                        "type": "object", "properties": {"list": {
                            "type": "array", "items": {"type": "string"}, "minItems": least,
                            "default": [],
                        }},
                    }}},
                }}],
            },
        })
    };
    let dry = format!("{path}?dryRun=All");
    let make = |crd: Value| target.answer("POST", &dry, "application/json", Some(&crd));
    assert!(make(crd("test.meshctl.dev", 0)).is_ok());
    assert_eq!(
        make(crd("test.meshctl.dev", 1)).unwrap_err().0,
        422,
        "a default that is invalid"
    );
    assert_eq!(
        make(crd("test.k8s.io", 0)).unwrap_err().0,
        422,
        "a group that is not ours"
    );
}
