//! Filters, faults and mirrors of the rule, joined in the right order.

use super::*;
use crate::snapshot::route::{AbortWith, Fault, HeaderEdit, Mirror, PerTenThousand};
use crate::snapshot::{BackendTarget, Filter};

fn fault(delay: bool, abort: bool) -> Option<Fault> {
    let always = PerTenThousand(10_000);
    Some(Fault {
        delay: delay.then_some((ms(50), always)),
        abort: abort.then_some((AbortWith::Http(StatusCode::IM_A_TEAPOT), always)),
        bandwidth: None,
        active_max: None,
        origin: Origin::default_of("fault"),
    })
}

#[test]
fn a_delay_is_part_of_the_requests_time() {
    let rule = rule(|r| {
        r.fault = fault(true, false);
        r.timeouts.request = Some(ms(30));
    });
    let mut b = Bench::new(1, rule, |_| ());
    let mut session = b.session(request(Method::GET), at(0));
    assert_eq!(
        session.delay_until(),
        Some(at(30)),
        "not longer than the deadline"
    );
    assert_eq!(b.fails(&mut session, at(30)).flag, Flag::Timeout);
}

#[test]
fn an_abort_is_answered_after_the_delay_and_no_endpoint_is_touched() {
    let mut b = Bench::new(1, rule(|r| r.fault = fault(true, true)), |_| ());
    let Opened::Respond(answer) = b.open(request(Method::GET), at(0)) else {
        panic!("forwarded");
    };
    assert_eq!(answer.response.status, StatusCode::IM_A_TEAPOT);
    assert_eq!(answer.response.flag, Some(Flag::FaultInjected));
    assert_eq!(answer.not_before, at(50));
    assert_eq!(b.live.counts().attempts, 0);
}

#[test]
fn filters_of_rule_and_backend_change_the_response() {
    let add = |name: &'static str| {
        Filter::ResponseHeaders(HeaderEdit {
            add: vec![(
                http::HeaderName::from_static("x-by"),
                http::HeaderValue::from_static(name),
            )],
            ..HeaderEdit::default()
        })
    };
    let rule = rule(|r| {
        r.filters = vec![add("rule")];
        r.backends[0].filters = vec![add("backend")];
    });
    let mut b = Bench::new(1, rule, |_| ());
    let mut session = b.session(request(Method::GET), at(0));
    b.attempt(&mut session, at(0));
    let mut head = response(200);
    session.on_head(&mut head, true, at(1), &mut b.trail);
    let values: Vec<_> = head.headers.get_all("x-by").iter().collect();
    assert_eq!(values, ["backend", "rule"]);
}

#[test]
fn a_mirror_is_one_try_on_its_cluster() {
    let mirror = Filter::Mirror(Mirror {
        target: BackendTarget::Cluster(key()),
        numerator: 1,
        denominator: 1,
        origin: Origin::default_of("mirror"),
    });
    let rule = rule(|r| {
        r.filters = vec![mirror];
        r.retry = Some(retry());
    });
    let mut b = Bench::new(2, rule, |_| ());
    let session = b.session(request(Method::GET), at(0));
    let [to] = session.mirrors() else {
        panic!("{:?}", session.mirrors());
    };
    let head = request(Method::GET);
    let mirror = Session::alone(&to.cluster, &head, session.deadline(), &b.proxy, at(0));
    let mut mirror = mirror.unwrap();
    b.attempt(&mut mirror, at(0));
    assert!(matches!(
        b.head(&mut mirror, response(503), at(0)),
        OnHead::Pass
    ));
}

#[test]
fn a_limit_of_the_clients_side_refuses_before_anything_else() {
    let limit = |shadow| crate::snapshot::ratelimit::Policy {
        name: ObjectName::new("shop", "p"),
        version: 1,
        rules: vec![crate::snapshot::ratelimit::Rule {
            matches: Vec::new(),
            limit: crate::snapshot::ratelimit::Limit {
                requests: 1,
                per: Duration::from_secs(1),
                burst: 1,
            },
            per: crate::snapshot::ratelimit::Per::Total,
            overrides: Vec::new(),
            origin: Origin::default_of("limit"),
        }],
        global: None,
        shadow,
        headers: false,
    };
    let with = |shadow| {
        let rule = rule(|r| {
            r.fault = fault(true, true);
            r.limits = vec![Arc::new(limit(shadow))];
        });
        Bench::new(1, rule, |_| ())
    };
    let mut b = with(false);
    let flag = |b: &mut Bench| match b.open(request(Method::GET), at(0)) {
        Opened::Respond(answer) => answer.response,
        Opened::Forward(_) => panic!("forwarded"),
    };
    assert_eq!(flag(&mut b).flag, Some(Flag::FaultInjected));
    let over = flag(&mut b);
    assert_eq!(over.flag, Some(Flag::RateLimited));
    assert_eq!(over.headers["retry-after"], "1");
    let mut shadow = with(true);
    flag(&mut shadow);
    assert_eq!(flag(&mut shadow).flag, Some(Flag::FaultInjected));
}
