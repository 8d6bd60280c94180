use http::header::{HOST, HeaderName, LOCATION, VARY};
use http::uri::{Authority, PathAndQuery};
use http::{Method, StatusCode};

use super::*;
use crate::head::Scheme;
use crate::snapshot::ClusterKey;
use crate::snapshot::ObjectName;
use crate::snapshot::route::{
    BackendTarget, Cors, HeaderEdit, PathRewrite, Redirect, Rewrite, RouteTable,
};

mod cors;
mod properties;
mod url;

fn head(method: Method, host: &str, path: &str) -> RequestHead {
    let authority = (!host.is_empty()).then(|| host.parse::<Authority>().unwrap());
    RequestHead::new(method, authority, path.parse::<PathAndQuery>().unwrap())
}

fn get(host: &str, path: &str) -> RequestHead {
    head(Method::GET, host, path)
}

/// `name:value` pairs separated by blanks.
fn pairs(notation: &str) -> Vec<(HeaderName, HeaderValue)> {
    let pair = |p: &str| {
        let (name, value) = p.split_once(':').unwrap();
        (name.parse().unwrap(), HeaderValue::from_str(value).unwrap())
    };
    notation.split_whitespace().map(pair).collect()
}

fn header_map(notation: &str) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in pairs(notation) {
        map.append(name, value);
    }
    map
}

fn edit(set: &str, add: &str, remove: &str) -> HeaderEdit {
    HeaderEdit {
        set: pairs(set),
        add: pairs(add),
        remove: remove
            .split_whitespace()
            .map(|n| n.parse().unwrap())
            .collect(),
    }
}

/// The headers as `name:value` pairs, sorted by name.
fn shown(headers: &HeaderMap) -> String {
    let mut all: Vec<_> = headers
        .iter()
        .map(|(n, v)| format!("{n}:{}", v.to_str().unwrap()))
        .collect();
    all.sort();
    all.join(" ")
}

fn run(filters: &[Filter], head: &mut RequestHead, prefix: Option<&str>) -> Option<LocalResponse> {
    let origin = Origin::default_of("rule");
    let context = Context {
        prefix,
        port: 8080,
        origin: &origin,
    };
    on_request(filters, head, &context, &mut Trail::off())
}

#[test]
fn headers_are_removed_then_set_then_added() {
    let check = |before: &str, edit: &HeaderEdit, after: &str| {
        let mut headers = header_map(before);
        headers::edit(edit, &mut headers);
        assert_eq!(shown(&headers), after, "{edit:?}");
    };
    check("", &edit("a:1", "", ""), "a:1");
    check("a:0 a:1", &edit("A:2", "", ""), "a:2");
    check("a:0", &edit("", "a:1", ""), "a:0 a:1");
    check("a:0 b:0", &edit("", "", "A c"), "b:0");
    check("a:0", &edit("", "a:1", "a"), "a:1");
    check("a:0", &edit("a:1", "a:2", "a"), "a:1 a:2");
}

#[test]
fn headers_that_frame_a_message_are_not_edited() {
    let before = "connection:close content-length:3 host:h transfer-encoding:x";
    let mut headers = header_map(before);
    let values = "transfer-encoding:chunked content-length:0 connection:x te:x host:x upgrade:x";
    let evil = edit(
        values,
        values,
        "content-length host connection transfer-encoding",
    );
    headers::edit(&evil, &mut headers);
    assert_eq!(shown(&headers), before);
    assert!(headers::may_edit(&HOST) && !headers::may_edit(&http::header::TE));
}

#[test]
fn a_set_host_becomes_the_authority() {
    let filters = [Filter::RequestHeaders(edit(
        "host:other.org:81 a:1",
        "",
        "",
    ))];
    let mut request = get("web:80", "/");
    assert!(run(&filters, &mut request, None).is_none());
    assert_eq!(request.authority.as_ref().unwrap(), "other.org:81");
    assert_eq!(shown(&request.headers), "a:1");
    let filters = [Filter::RequestHeaders(edit("host:no/host", "", ""))];
    let answer = run(&filters, &mut request, None).unwrap();
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
}

#[test]
fn request_and_response_filters_do_not_touch_each_other() {
    let filters = [
        Filter::RequestHeaders(edit("q:1", "", "")),
        Filter::ResponseHeaders(edit("r:1", "", "")),
    ];
    let mut request = get("web", "/");
    run(&filters, &mut request, None);
    assert_eq!(shown(&request.headers), "q:1");
    let mut response = header_map("server:x");
    on_response(&filters, None, &mut response);
    assert_eq!(shown(&response), "r:1 server:x");
}

#[test]
fn filters_are_applied_as_they_are_listed() {
    let rewrite = |to: &str| {
        Filter::Rewrite(Rewrite {
            hostname: Some(to.into()),
            path: None,
        })
    };
    let mut request = get("web", "/");
    run(&[rewrite("a.org"), rewrite("b.org")], &mut request, None);
    assert_eq!(request.host(), "b.org");
}

#[test]
fn mirrors_are_drawn_each_for_itself() {
    let mirror = |name: &str, numerator, denominator| {
        Filter::Mirror(Mirror {
            target: BackendTarget::Cluster(ClusterKey {
                service: ObjectName::new("shop", name),
                port: 80,
            }),
            numerator,
            denominator,
            origin: Origin::default_of(name),
        })
    };
    let filters = [
        mirror("none", 0, 100),
        mirror("half", 1, 2),
        mirror("all", 100, 100),
        mirror("broken", 1, 0),
        mirror("more", 3, 2),
    ];
    let mut rng = Entropy::from_seed(4);
    let mut seen = [0; 5];
    for _ in 0..10_000 {
        for mirror in mirrors(&filters, &mut rng) {
            let names = ["none", "half", "all", "broken", "more"];
            let BackendTarget::Cluster(key) = &mirror.target else {
                unreachable!()
            };
            let index = names.iter().position(|n| **n == *key.service.name);
            seen[index.unwrap()] += 1;
        }
    }
    assert_eq!((seen[0], seen[2], seen[3], seen[4]), (0, 10_000, 0, 10_000));
    assert!(
        (4_800..=5_200).contains(&seen[1]),
        "four sigma around a half: {seen:?}"
    );
}

#[test]
fn the_trail_says_what_filters_did() {
    let filters = [
        Filter::RequestHeaders(edit("a:1", "b:2", "c")),
        Filter::Rewrite(Rewrite {
            hostname: None,
            path: Some(PathRewrite::Full("/new".into())),
        }),
    ];
    let origin = Origin::default_of("rule");
    let context = Context {
        prefix: None,
        port: 80,
        origin: &origin,
    };
    let mut trail = Trail::on();
    on_request(&filters, &mut get("web", "/old?x"), &context, &mut trail);
    let steps: Vec<_> = trail.steps().iter().map(ToString::to_string).collect();
    assert_eq!(
        steps,
        [
            "filter: request headers: -c =a +b [default rule]",
            "filter: rewritten to web/new?x [default rule]",
        ]
    );
}

#[test]
fn of_two_edits_of_the_same_header_the_first_one_counts() {
    let mut table = RouteTable::to_service(
        ClusterKey {
            service: ObjectName::new("shop", "web"),
            port: 80,
        },
        Origin::default_of("web"),
    );
    let mut rule = (*table.rules()[0]).clone();
    rule.filters = vec![Filter::RequestHeaders(edit("a:1 A:2", "b:1 B:2", ""))];
    table = RouteTable::new(table.kind(), vec![rule]);
    let mut request = get("web", "/");
    run(&table.rules()[0].filters, &mut request, None);
    assert_eq!(shown(&request.headers), "a:1 b:1");
}
