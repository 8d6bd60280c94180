use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use engine::origin::Origin;
use engine::snapshot::route::{Mirror, StatusRange};
use engine::snapshot::{BackendTarget, Filter};

use super::super::testing::*;
use crate::net::Rt;

fn reply(status: u16, body: impl Into<String>) -> Reply {
    Reply {
        status,
        body: body.into(),
        delay: Duration::ZERO,
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_answer_is_retried_with_the_whole_body() {
    let mesh = Mesh::new();
    let web = with_rule("web", &[at(API, 8080)], |rule| {
        let mut policy = retries(3);
        policy.on.statuses = vec![StatusRange { from: 503, to: 503 }];
        rule.retry = Some(policy);
    });
    let web = mesh.pod(WEB, "web", web).await;
    let api = mesh.pod(API, "api", snapshot("api")).await;
    let calls = Arc::new(AtomicUsize::new(0));
    let seen = calls.clone();
    app(&api.app, at(API, 8080), move |_, body| {
        match seen.fetch_add(1, Ordering::Relaxed) {
            0 | 1 => reply(503, "not yet"),
            _ => reply(200, body),
        }
    })
    .await;
    let mut client = Client::connect(&web.app, SERVICE).await;
    let body = "x".repeat(40_000);
    let answer = client.send("PUT", "/", &body).await.unwrap();
    assert_eq!((answer.status, answer.body == body), (200, true));
    assert_eq!(calls.load(Ordering::Relaxed), 3);
    let total = web.proxy.frame().services.total();
    assert_eq!((total.requests, total.success, total.retries), (1, 1, 2));
}

#[tokio::test(start_paused = true)]
async fn a_body_above_the_limit_is_sent_once() {
    let mesh = Mesh::new();
    let web = with_rule("web", &[at(API, 8080)], |rule| {
        let mut policy = retries(3);
        policy.on.statuses = vec![StatusRange { from: 503, to: 503 }];
        policy.body_bytes_max = 10;
        rule.retry = Some(policy);
    });
    let web = mesh.pod(WEB, "web", web).await;
    let api = mesh.pod(API, "api", snapshot("api")).await;
    app(&api.app, at(API, 8080), |_, _| reply(503, "no")).await;
    let mut client = Client::connect(&web.app, SERVICE).await;
    let answer = client.send("PUT", "/", "eleven bytes").await.unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (503, "no"));
    assert_eq!(web.proxy.frame().services.total().retries, 0);
}

#[tokio::test(start_paused = true)]
async fn a_mirror_gets_a_copy_and_its_failures_are_nobodys() {
    let mesh = Mesh::new();
    let key = with_service("web", &[])
        .outbound
        .clusters
        .keys()
        .next()
        .cloned()
        .unwrap();
    let web = with_rule("web", &[at(API, 8080)], |rule| {
        rule.filters.push(Filter::Mirror(Mirror {
            target: BackendTarget::Cluster(key),
            numerator: 100,
            denominator: 100,
            origin: Origin::default_of("test"),
        }));
    });
    let web = mesh.pod(WEB, "web", web).await;
    let api = mesh.pod(API, "api", snapshot("api")).await;
    let heard = Arc::new(Mutex::new(Vec::new()));
    let log = heard.clone();
    app(&api.app, at(API, 8080), move |_, body| {
        let mut heard = log.lock().unwrap();
        heard.push(body);
        match heard.len() {
            1 => reply(200, "first"),
            _ => reply(200, "second"),
        }
    })
    .await;
    let mut client = Client::connect(&web.app, SERVICE).await;
    let answer = client.send("POST", "/", "copied").await.unwrap();
    assert_eq!(answer.status, 200);
    let rt = mesh.world.node(WEB, false);
    rt.sleep_until(rt.now() + Duration::from_secs(1)).await;
    assert_eq!(*heard.lock().unwrap(), ["copied", "copied"]);
    let total = web.proxy.frame().services.total();
    assert_eq!((total.requests, total.mirrored, total.success), (1, 1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_while_it_waits_ends_the_attempt() {
    let mesh = Mesh::new();
    let web = mesh
        .pod(WEB, "web", with_service("web", &[at(API, 8080)]))
        .await;
    let api = mesh.pod(API, "api", snapshot("api")).await;
    app(&api.app, at(API, 8080), |_, _| Reply {
        status: 200,
        body: String::new(),
        delay: Duration::from_secs(60),
    })
    .await;
    let rt = mesh.world.node(WEB, false);
    let mut client = Client::connect(&web.app, SERVICE).await;
    tokio::select! {
        biased;
        _ = client.get("/") => panic!("the answer comes later"),
        () = rt.sleep_until(rt.now() + Duration::from_secs(1)) => {}
    }
    drop(client);
    rt.sleep_until(rt.now() + Duration::from_secs(1)).await;
    let frame = web.proxy.frame();
    let total = frame.services.total();
    assert_eq!((total.in_flight, total.ignored), (0, 1));
    assert_eq!(frame.endpoints.total().counters.in_flight, 0);
}

/// Futures live as long as their connections: what they weigh is paid per idle connection.
#[tokio::test(start_paused = true)]
async fn the_tasks_of_connections_are_small() {
    let mesh = Mesh::new();
    let web = mesh
        .pod(WEB, "web", with_service("web", &[at(API, 8080)]))
        .await;
    let (outbound, inbound) = web.proxy.task_sizes().await;
    assert!(outbound <= 8 * 1024, "outbound: {outbound} bytes");
    assert!(inbound <= 8 * 1024, "inbound: {inbound} bytes");
}
