//! Names and selectors as the API server judges them.

use super::*;

type Rule = fn(&str) -> Result<(), name::Problem>;

#[track_caller]
fn check(rule: Rule, good: &[&str], bad: &[&str]) {
    for text in good {
        assert!(rule(text).is_ok(), "{text:?} is good");
    }
    for text in bad {
        assert!(rule(text).is_err(), "{text:?} is bad");
    }
}

#[test]
fn names_follow_the_rules_of_their_kind() {
    let long = "a".repeat(64);
    let label = &long[..63];
    check(
        name::dns_label,
        &["a", "1a", "a-b", label],
        &["", "A", "-a", "a-", "a.b", "a_b", &long],
    );
    check(name::service_name, &["a", "a1"], &["1a", "", "a-", "a.b"]);
    check(
        name::subdomain,
        &["a.b", "1.2", "a", &long],
        &["", "a..b", ".a", "a.", "a.-b", "A"],
    );
    check(name::subdomain, &[], &[&"a.".repeat(127), "a_b", "é"]);
    check(
        name::port_name,
        &["http", "h-1"],
        &["", "80", "a--b", "averylongportname", "Http"],
    );
    check(
        name::label_key,
        &["app", "app.kubernetes.io/name", "A_b.c", "x/Y"],
        &["", "/a", "a/", "a/b/c", "A/b", "-a", "a b", &long],
    );
    check(
        name::label_value,
        &["", "v1.0", "A_b"],
        &["-", "a ", "a/b", "a.", &long],
    );
}

#[test]
fn selectors_join_their_conditions_with_and() {
    let labels = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(key, value)| ((*key).into(), (*value).into()))
            .collect()
    };
    let requirement = |key: &str, operator, values: &[&str]| Requirement {
        key: key.into(),
        operator,
        values: values.iter().map(|value| (*value).into()).collect(),
    };
    let web = labels(&[("app", "web"), ("tier", "front")]);
    let mut selector = LabelSelector::from(labels(&[("app", "web")]));
    assert!(selector.matches(&web));
    assert!(!selector.matches(&labels(&[("app", "api")])));
    assert!(LabelSelector::default().matches(&web));
    for (requirement, expected) in [
        (requirement("tier", Operator::In, &["front", "x"]), true),
        (requirement("tier", Operator::NotIn, &["front"]), false),
        (requirement("zone", Operator::NotIn, &["a"]), true),
        (requirement("tier", Operator::Exists, &[]), true),
        (requirement("tier", Operator::DoesNotExist, &[]), false),
        (requirement("zone", Operator::In, &["a"]), false),
    ] {
        selector.match_expressions = vec![requirement];
        assert_eq!(selector.matches(&web), expected, "{selector:?}");
    }
}

#[test]
fn selectors_are_read_as_kubectl_reads_them() {
    let labels = BTreeMap::from([("app".to_owned(), "web".to_owned())]);
    for (text, expected) in [
        ("app=web", true),
        ("app==web", true),
        ("app=api", false),
        ("app!=api, app", true),
        ("!app", false),
        ("tier!=x", true),
        ("app in (api, web),!tier", true),
        ("app notin (web)", false),
        ("app.kubernetes.io/name", false),
    ] {
        let selector: LabelSelector = text.parse().unwrap();
        assert_eq!(selector.matches(&labels), expected, "{text}");
    }
    for bad in [
        "", "a=b,", "a b", "=b", "a in b", "a on (b)", "a=b c", "a in (b", "é=1",
    ] {
        assert!(bad.parse::<LabelSelector>().is_err(), "{bad:?}");
    }
}
