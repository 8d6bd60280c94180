use std::sync::Arc;
use std::time::Duration;

use engine::snapshot::InboundPort;

use super::super::testing::*;
use crate::Drained;
use crate::net::Rt;
use crate::observe::Role;
use crate::tls::testing::identity;

fn ok(body: String) -> Reply {
    Reply {
        status: 200,
        body,
        delay: Duration::ZERO,
    }
}

#[tokio::test(start_paused = true)]
async fn requests_go_through_both_proxies_and_connections_are_kept() {
    let mesh = Mesh::new();
    let web = mesh
        .pod(WEB, "web", with_service("web", &[at(API, 8080)]))
        .await;
    let mut served = snapshot("api");
    served.inbound = inbound(strict());
    let api = mesh.pod(API, "api", served).await;
    app(&api.app, at(API, 8080), |head, body| {
        let heard = |name: &str| {
            let value = head
                .headers
                .get(name)
                .map(|v| v.to_str().unwrap().to_owned());
            value.unwrap_or_default()
        };
        assert_eq!(heard("x-request-id").len(), 36);
        assert_eq!(heard("x-meshctl-orig-proto"), "");
        ok(format!(
            "{} {} {body} {}",
            head.method,
            head.path,
            heard("x-forwarded-client-cert")
        ))
    })
    .await;

    let mut client = Client::connect(&web.app, SERVICE).await;
    for n in 0..3 {
        let seen = client
            .send("POST", &format!("/{n}"), "hello")
            .await
            .unwrap();
        let by =
            "By=spiffe://cluster.local/ns/shop/sa/api;URI=spiffe://cluster.local/ns/shop/sa/web";
        assert_eq!(
            (seen.status, seen.body),
            (200, format!("POST /{n} hello {by}"))
        );
        assert!(seen.headers.contains_key("date"));
        assert!(!seen.headers.contains_key("x-meshctl-flag"));
    }
    assert_eq!(mesh.world.connects("10.0.0.2:14006"), 1);
    assert_eq!(mesh.world.connects("10.0.0.2:8080"), 1);

    let frame = web.proxy.frame();
    let totals = frame.services.total();
    assert_eq!(
        (totals.requests, totals.success, totals.in_flight),
        (3, 3, 0)
    );
    let endpoints = frame.endpoints.total();
    assert_eq!(endpoints.counters.success, 3);
    let connections = endpoints.connections;
    assert_eq!((connections.opened, connections.open), (1, 1));
    assert_eq!(api.proxy.frame().edges.total().success, 3);
}

fn strict() -> InboundPort {
    InboundPort {
        tls: engine::snapshot::InboundTls::Strict,
        probe_paths: vec!["/healthz".into()],
        ..InboundPort::default()
    }
}

#[tokio::test(start_paused = true)]
async fn strict_answers_requests_in_the_clear_with_the_reason_and_admits_probes() {
    let mesh = Mesh::new();
    let mut served = snapshot("api");
    served.inbound = inbound(strict());
    let api = mesh.pod(API, "api", served).await;
    app(&api.app, at(API, 8080), |_, _| ok("fine".to_owned())).await;
    let outside = mesh.world.node("10.9.9.9", false);
    let mut client = Client::connect(&outside, "10.0.0.2:8080").await;
    let seen = client.get("/healthz").await.unwrap();
    assert_eq!((seen.status, seen.body.as_str()), (200, "fine"));
    let seen = client.get("/other").await.unwrap();
    assert_eq!(seen.status, 403);
    assert!(seen.body.contains("mutual TLS only"), "{}", seen.body);
    assert_eq!(seen.headers["x-meshctl-flag"], "AUTHZ");
}

#[tokio::test(start_paused = true)]
async fn without_an_original_address_requests_go_by_their_authority() {
    let mesh = Mesh::new();
    let web = mesh
        .pod(WEB, "web", with_service("web", &[at(API, 8080)]))
        .await;
    let api = mesh.pod(API, "api", snapshot("api")).await;
    app(&api.app, at(API, 8080), |_, _| ok("by name".to_owned())).await;
    let inside = mesh.world.node(WEB, false);
    let mut client = Client::connect(&inside, "10.0.0.1:14001").await;
    assert_eq!(client.get("/").await.unwrap().body, "by name");
    drop(web);
}

#[tokio::test(start_paused = true)]
async fn a_refused_connect_is_retried_on_another_endpoint() {
    let mesh = Mesh::new();
    let dead = at("10.0.0.3", 8080);
    let retry = |rule: &mut engine::snapshot::Rule| {
        rule.retry = Some(retries(2));
    };
    let snapshot_web = with_rule("web", &[at(API, 8080), dead], retry);
    let web = mesh.pod(WEB, "web", snapshot_web).await;
    let api = mesh.pod(API, "api", snapshot("api")).await;
    app(&api.app, at(API, 8080), |_, body| ok(body)).await;
    let mut client = Client::connect(&web.app, SERVICE).await;
    for _ in 0..4 {
        let seen = client.send("POST", "/", "again").await.unwrap();
        assert_eq!((seen.status, seen.body.as_str()), (200, "again"));
    }
    let frame = web.proxy.frame();
    assert!(frame.services.total().retries >= 1);
    assert!(mesh.world.connects("10.0.0.3:8080") >= 1);
}

#[tokio::test(start_paused = true)]
async fn a_request_timeout_is_a_504_with_its_flag() {
    let mesh = Mesh::new();
    let slow = with_rule("web", &[at(API, 8080)], |rule| {
        rule.timeouts.request = Some(Duration::from_millis(100));
    });
    let web = mesh.pod(WEB, "web", slow).await;
    let api = mesh.pod(API, "api", snapshot("api")).await;
    app(&api.app, at(API, 8080), |_, _| Reply {
        status: 200,
        body: String::new(),
        delay: Duration::from_secs(5),
    })
    .await;
    let began = web.app.now();
    let mut client = Client::connect(&web.app, SERVICE).await;
    let seen = client.get("/").await.unwrap();
    assert_eq!(seen.status, 504);
    assert_eq!(seen.headers["x-meshctl-flag"], "UT");
    assert_eq!(web.app.now().since(began).as_millis(), 100);
    let frame = web.proxy.frame();
    assert_eq!(frame.services.total().timeouts, 1);
}

#[tokio::test(start_paused = true)]
async fn an_expired_peer_is_a_failure_that_names_it() {
    let mesh = Mesh::new();
    let web = mesh
        .pod(WEB, "web", with_service("web", &[at(API, 8080)]))
        .await;
    let expired = mesh.ca.issue_until(&identity("api"), 2025);
    let _api = mesh.pod_with(API, snapshot("api"), expired).await;
    let mut client = Client::connect(&web.app, SERVICE).await;
    let seen = client.get("/").await.unwrap();
    assert_eq!(
        (seen.status, &seen.headers["x-meshctl-flag"]),
        (503, &"TLS".parse().unwrap())
    );
    let named = "certificate of spiffe://cluster.local/ns/shop/sa/api expired at 2025-01-01";
    assert!(seen.body.contains(named), "{}", seen.body);
}

#[tokio::test(start_paused = true)]
async fn a_drain_finishes_the_request_under_way_and_closes_the_connection() {
    let mesh = Mesh::new();
    let web = mesh
        .pod(WEB, "web", with_service("web", &[at(API, 8080)]))
        .await;
    let api = mesh.pod(API, "api", snapshot("api")).await;
    app(&api.app, at(API, 8080), |_, _| Reply {
        status: 200,
        body: "late".to_owned(),
        delay: Duration::from_secs(2),
    })
    .await;
    let mut idle = Client::connect(&web.app, SERVICE).await;
    let mut busy = Client::connect(&web.app, SERVICE).await;
    assert_eq!(idle.get("/").await.unwrap().body, "late");
    let rt = mesh.world.node(WEB, false);
    let deadline = rt.now() + Duration::from_secs(10);
    let drain = async {
        rt.sleep_until(rt.now() + Duration::from_secs(1)).await;
        web.proxy.drain(deadline).await
    };
    let (seen, drained) = tokio::join!(busy.get("/"), drain);
    assert_eq!(seen.unwrap().body, "late");
    assert_eq!(drained, Drained::Clean);
    assert!(rt.now() < deadline);
    assert!(idle.get("/").await.is_err());
    assert!(busy.get("/").await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_new_configuration_holds_for_the_next_request_of_a_connection() {
    let mesh = Mesh::new();
    let web = mesh
        .pod(WEB, "web", with_service("web", &[at(API, 8080)]))
        .await;
    let api = mesh.pod(API, "api", snapshot("api")).await;
    app(&api.app, at(API, 8080), |_, _| ok("old".to_owned())).await;
    app(&api.app, at(API, 9090), |_, _| ok("new".to_owned())).await;
    let mut client = Client::connect(&web.app, SERVICE).await;
    assert_eq!(client.get("/").await.unwrap().body, "old");
    web.snapshots
        .send_replace(Arc::new(with_service("web", &[at(API, 9090)])));
    tokio::task::yield_now().await;
    assert_eq!(client.get("/").await.unwrap().body, "new");
}

#[tokio::test(start_paused = true)]
async fn an_own_certificate_that_expired_is_a_failure_that_says_so() {
    let mesh = Mesh::new();
    let expired = mesh.ca.issue_until(&identity("web"), 2025);
    let snapshot_web = with_service("web", &[at(API, 8080)]);
    let web = mesh.pod_with(WEB, snapshot_web, expired).await;
    let api = mesh.pod(API, "api", snapshot("api")).await;
    app(&api.app, at(API, 8080), |_, _| ok("never".to_owned())).await;
    let mut client = Client::connect(&web.app, SERVICE).await;
    let seen = client.get("/").await.unwrap();
    assert_eq!((seen.status, flag(&seen)), (503, "TLS"), "{}", seen.body);
    assert!(seen.body.contains("our certificate"), "{}", seen.body);
    let refused = api.proxy.frame().edges.total();
    assert_eq!(refused.flags.get(engine::failure::Flag::Tls), 1);

    web.tls.send_replace(mesh.ca.issue("web"));
    assert_eq!(client.get("/").await.unwrap().body, "never");
}

fn flag(seen: &Seen) -> &str {
    seen.headers["x-meshctl-flag"].to_str().unwrap()
}

#[tokio::test(start_paused = true)]
async fn observers_see_one_request_on_both_sides_under_one_id_with_its_reasons() {
    let mesh = Mesh::new();
    let dead = at("10.0.0.3", 8080);
    let web = with_rule("web", &[dead, at(API, 8080)], |rule| {
        rule.retry = Some(retries(3));
    });
    let web = mesh.pod(WEB, "web", web).await;
    let api = mesh.pod(API, "api", snapshot("api")).await;
    app(&api.app, at(API, 8080), |_, _| ok(String::new())).await;
    let mut client = Client::connect(&web.app, SERVICE).await;
    client.get("/a").await.unwrap();
    client.get("/b").await.unwrap();
    let records = mesh.seen.0.lock().unwrap();
    let (inbound, outbound): (Vec<_>, Vec<_>) =
        records.iter().partition(|r| r.role == Role::Inbound);
    assert_eq!((inbound.len(), outbound.len()), (2, 2));
    for (there, here) in inbound.iter().zip(&outbound) {
        assert_eq!((&there.id, there.status), (&here.id, Some(200)));
        assert_eq!(there.peer, Some(identity("web")));
        assert!(
            here.trail.iter().any(|s| s.starts_with("pick")),
            "{:?}",
            here.trail
        );
    }
    // In turn, from a random start: at least one of them met the dead endpoint first.
    let tries: Vec<usize> = outbound.iter().map(|r| r.attempts.len()).collect();
    assert!(tries.contains(&2), "{tries:?}");
}
