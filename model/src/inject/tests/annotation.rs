//! The table of annotations.

use super::super::annotations::{Place, TABLE, find, read};
use super::super::misplaced::{Misplaced, annotations as misplaced};
use super::*;

fn texts(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let owned = |(key, text): &(&str, &str)| ((*key).to_owned(), (*text).to_owned());
    pairs.iter().map(owned).collect()
}

#[test]
fn values_are_read_or_refused() {
    let good = |key: &str, text: &str| {
        let row = find(&format!("meshctl.dev/{key}")).unwrap();
        assert_eq!(
            row.apply(&mut Settings::default(), text),
            Ok(()),
            "{key}: {text}"
        );
    };
    let bad = |key: &str, text: &str| {
        let row = find(&format!("meshctl.dev/{key}")).unwrap();
        assert!(
            row.apply(&mut Settings::default(), text).is_err(),
            "{key}: {text}"
        );
    };
    for text in ["enabled", "disabled", "true", "false"] {
        good("inject", text);
    }
    for text in ["", "maybe", "Enabled", "on"] {
        bad("inject", text);
    }
    for text in ["", "80", "80, 443", "7000-7010,1"] {
        good("opaque-ports", text);
    }
    for text in ["x", "0", "65536", "9-8", "1-2-3", "+80", "80;81", "-"] {
        bad("opaque-ports", text);
    }
    for text in ["100m", "1", "0.5", "64Mi"] {
        good("proxy-cpu-limit", text);
    }
    for text in ["", "-1", "1cpu", "x"] {
        bad("proxy-cpu-limit", text);
    }
    for text in ["collector.observe:4317", "[::1]:4317"] {
        good("tracing", text);
    }
    for text in ["collector", ":4317", "a b:1", "a:0", "http://a:1/x"] {
        bad("tracing", text);
    }
    for text in ["control-plane", "secret/web-cert"] {
        good("identity", text);
    }
    for text in ["secret/", "secret/A_b", "vault"] {
        bad("identity", text);
    }
    good("image", "registry.example:5000/meshctl@sha256:aa");
    bad("image", "");
    bad("image", "two words");
    good("log-level", "debug");
    bad("log-level", "loud");
}

#[test]
fn every_bad_value_is_told() {
    let annotations = texts(&[
        ("meshctl.dev/ports", "x"),
        ("meshctl.dev/log-level", "loud"),
        ("meshctl.dev/image", "good"),
    ]);
    let bad = read(&BTreeMap::new(), &annotations).unwrap_err();
    let keys: Vec<&str> = bad.iter().map(|bad| bad.key).collect();
    assert_eq!(keys, ["meshctl.dev/ports", "meshctl.dev/log-level"]);
}

#[test]
fn a_label_says_inject_and_nothing_else() {
    let labels = texts(&[
        ("meshctl.dev/inject", "enabled"),
        ("meshctl.dev/ports", "1"),
    ]);
    let settings = read(&labels, &BTreeMap::new()).unwrap();
    assert_eq!(settings.inject, Some(Inject::Enabled));
    assert_eq!(settings.ports, None);
    let disabled = texts(&[("meshctl.dev/inject", "disabled")]);
    let settings = read(&labels, &disabled).unwrap();
    assert_eq!(settings.inject, Some(Inject::Disabled));
}

#[test]
fn the_pod_wins_over_its_namespace_and_that_over_flags() {
    let layer = |level: Option<&str>| {
        let pairs: Vec<(&str, &str)> = level
            .map(|l| ("meshctl.dev/log-level", l))
            .into_iter()
            .collect();
        read(&BTreeMap::new(), &texts(&pairs)).unwrap()
    };
    let check = |pod, namespace, flag, expected| {
        let joined = layer(pod).or(&layer(namespace)).or(&layer(flag));
        assert_eq!(joined.log_level, expected);
    };
    check(Some("error"), Some("warn"), Some("debug"), Some("error"));
    check(None, Some("warn"), Some("debug"), Some("warn"));
    check(None, None, Some("debug"), Some("debug"));
    check(None, None, None, None);
}

#[test]
fn a_flag_is_not_written_down_over_what_the_pod_or_namespace_says() {
    let mut config = config();
    let row = annotations::of_flag("opaque-ports").unwrap();
    config.say(row, "9000").unwrap();
    let namespace = texts(&[("meshctl.dev/opaque-ports", "7000")]);
    let namespace = read(&BTreeMap::new(), &namespace).unwrap();
    let pod = value(WEB);
    let Decision::Edit { edits, .. } = ask(&pod, "Deployment", &namespace, &config) else {
        panic!("skipped");
    };
    let mut after = pod;
    apply(&mut after, &edits).unwrap();
    let annotations = after["metadata"]["annotations"].as_object().unwrap();
    assert_eq!(annotations.len(), 1, "{annotations:?}");
}

#[test]
fn a_request_above_its_limit_is_refused() {
    let text = "\
metadata:
  annotations: {meshctl.dev/proxy-cpu-request: '2', meshctl.dev/proxy-cpu-limit: 500m}
spec: {containers: [{name: a}]}
";
    let pod = value(text);
    let question = Question {
        pod: PodView::new(&pod),
        owner: Owner {
            kind: "Pod",
            namespace: "shop",
        },
        namespace: &Settings::default(),
        form: &form(&pod),
    };
    let bad = decide(&question, &config()).unwrap_err();
    assert_eq!(bad[0].key, "meshctl.dev/proxy-cpu-request");
}

#[test]
fn a_key_that_means_nothing_is_found() {
    let keys = [
        "app.kubernetes.io/name",
        "meshctl.dev/opaque-ports",
        "meshctl.dev/opaqe-ports",
        "meshctl.dev/lint-ignore",
        "meshctl.dev/image",
    ];
    let found = misplaced(Some(Place::Service), keys);
    assert_eq!(
        found,
        [
            Misplaced::Unknown {
                key: "meshctl.dev/opaqe-ports",
                near: Some("meshctl.dev/opaque-ports")
            },
            Misplaced::Elsewhere {
                key: "meshctl.dev/image",
                on: &[Place::Pod, Place::Namespace]
            },
        ]
    );
    assert_eq!(misplaced(None, ["meshctl.dev/inject"]).len(), 1);
}

#[test]
fn the_table_names_each_key_and_each_flag_once() {
    for (index, row) in TABLE.iter().enumerate() {
        let others = &TABLE[index + 1..];
        assert!(
            others.iter().all(|other| other.key != row.key),
            "{}",
            row.key
        );
        assert!(
            row.flag.is_none() || others.iter().all(|other| other.flag != row.flag),
            "{:?}",
            row.flag
        );
        assert!(row.key.starts_with(annotations::PREFIX));
    }
}
