//! Filters never panic, and what they make is valid, whatever manifests and clients say.

use proptest::prelude::*;

use super::*;

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z/*.:?#%]{0,8}", "\\PC{0,6}", "[\\x00-\\x20/a]{0,4}"]
}

fn path_rewrite() -> impl Strategy<Value = PathRewrite> {
    (text(), any::<bool>()).prop_map(|(text, full)| {
        if full {
            PathRewrite::Full(text.as_str().into())
        } else {
            PathRewrite::Prefix(text.as_str().into())
        }
    })
}

fn filter() -> impl Strategy<Value = Filter> {
    let path = || proptest::option::of(path_rewrite());
    let host = || proptest::option::of(text().prop_map(|t| t.as_str().into()));
    let redirect = (host(), host(), path(), proptest::option::of(any::<u16>())).prop_map(
        |(scheme, hostname, path, port)| {
            Filter::Redirect(Redirect {
                scheme,
                hostname,
                path,
                port,
                status: StatusCode::FOUND,
            })
        },
    );
    let rewrite =
        (host(), path()).prop_map(|(hostname, path)| Filter::Rewrite(Rewrite { hostname, path }));
    let cors = (proptest::collection::vec(text(), 0..3), any::<bool>()).prop_map(
        |(list, allow_credentials)| {
            let list: Vec<_> = list.iter().map(|t| t.as_str().into()).collect();
            Filter::Cors(Cors {
                allow_origins: list.clone(),
                allow_methods: list.clone(),
                allow_headers: list.clone(),
                expose_headers: list,
                allow_credentials,
                max_age_seconds: 5,
            })
        },
    );
    prop_oneof![redirect, rewrite, cors]
}

fn request() -> impl Strategy<Value = RequestHead> {
    let path = prop_oneof![Just("*".to_owned()), text().prop_map(|t| format!("/{t}"))];
    let headers = proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..6), 3);
    (
        path,
        proptest::option::of("[a-z.:@]{1,6}"),
        any::<bool>(),
        headers,
    )
        .prop_filter_map("not a head", |(path, host, options, values)| {
            let path = PathAndQuery::try_from(path).ok()?;
            let authority = host.and_then(|h| Authority::try_from(h).ok());
            let method = if options {
                Method::OPTIONS
            } else {
                Method::GET
            };
            let mut head = RequestHead::new(method, authority, path);
            let names = ["origin", "access-control-request-method", "vary"];
            for (name, value) in names.into_iter().zip(values) {
                if let Ok(value) = HeaderValue::from_bytes(&value) {
                    head.headers.insert(name, value);
                }
            }
            Some(head)
        })
}

proptest! {
    #[test]
    fn arbitrary_filters_and_heads_never_panic(
        filters in proptest::collection::vec(filter(), 0..4),
        mut head in request(),
        prefix in proptest::option::of(text()),
    ) {
        let kept = cors_origin(&filters, &head);
        if let Some(answer) = run(&filters, &mut head, prefix.as_deref()) {
            if let Some(location) = answer.headers.get(LOCATION) {
                prop_assert!(!location.as_bytes().starts_with(b"//"));
            }
        } else {
            let path = head.path.path();
            prop_assert!(path == "*" || path.starts_with('/'));
        }
        let mut response = head.headers.clone();
        on_response(&filters, kept.as_ref(), &mut response);
    }

    #[test]
    fn edits_leave_exactly_what_they_set(
        before in proptest::collection::vec(("[a-e]", "[a-z]{1,3}"), 0..8),
        set in proptest::collection::btree_map("[a-e]", "[a-z]{1,3}", 0..3),
        add in proptest::collection::btree_map("[a-e]", "[a-z]{1,3}", 0..3),
        remove in proptest::collection::btree_set("[a-e]", 0..3),
    ) {
        let name = |n: &str| n.parse::<HeaderName>().unwrap();
        let value = |v: &str| HeaderValue::from_str(v).unwrap();
        let mut headers = HeaderMap::new();
        for (n, v) in &before {
            headers.append(name(n), value(v));
        }
        headers::edit(
            &HeaderEdit {
                set: set.iter().map(|(n, v)| (name(n), value(v))).collect(),
                add: add.iter().map(|(n, v)| (name(n), value(v))).collect(),
                remove: remove.iter().map(|n| name(n)).collect(),
            },
            &mut headers,
        );
        for n in ["a", "b", "c", "d", "e"] {
            let old = before.iter().filter(|(b, _)| b == n).map(|(_, v)| v);
            let mut expected: Vec<&String> = old.collect();
            if remove.contains(n) {
                expected.clear();
            }
            if let Some(v) = set.get(n) {
                expected = vec![v];
            }
            expected.extend(add.get(n));
            let seen: Vec<_> = headers.get_all(n).iter().collect();
            prop_assert_eq!(seen, expected);
        }
    }
}
