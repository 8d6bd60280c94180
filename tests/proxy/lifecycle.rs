use std::io::{Read as _, Write as _};
use std::thread;
use std::time::{Duration, Instant};

use super::harness::{Proxy, app, connect, get, service};
use crate::common::Place;

fn mesh() -> Place {
    let place = Place::new();
    place.file("mesh/api.yaml", service("api", &[app("api")]));
    place
}

#[test]
fn a_signal_finishes_what_was_accepted_and_then_ends_the_proxy() {
    let place = mesh();
    let mut proxy = Proxy::start(&place, &[]);
    let at = proxy.outbound;
    let slow: Vec<_> = (0..8)
        .map(|i| thread::spawn(move || get(at, "api", &format!("/slow/{i}"))))
        .collect();
    proxy.until_under_way(8);
    proxy.signal("TERM");
    proxy.wait_for("SIGTERM: draining");
    assert_eq!(get(proxy.health, "h", "/ready").status, 503);
    assert_eq!(get(proxy.health, "h", "/live").status, 200);
    for (i, slow) in slow.into_iter().enumerate() {
        let answer = slow.join().unwrap();
        assert_eq!(
            (answer.status, answer.body),
            (200, format!("api GET /slow/{i}"))
        );
    }
    assert_eq!(proxy.ends(), Some(0));
    proxy.wait_for("drained: nothing was lost");
}

#[test]
fn connections_that_are_idle_hold_no_drain_up() {
    let place = mesh();
    let mut proxy = Proxy::start(&place, &[]);
    let mut idle = connect(proxy.outbound);
    idle.write_all(b"GET / HTTP/1.1\r\nhost: api\r\n\r\n")
        .unwrap();
    let mut answer = [0; 256];
    assert!(idle.read(&mut answer).unwrap() > 0);
    proxy.signal("INT");
    let began = Instant::now();
    assert_eq!(proxy.ends(), Some(0));
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_drain_is_bounded_and_a_second_signal_cuts_it_short() {
    let check = |timeout: &str, again: bool| {
        let place = mesh();
        let mut proxy = Proxy::start(&place, &["--drain-timeout", timeout]);
        let mut stuck = connect(proxy.outbound);
        let head = b"POST / HTTP/1.1\r\nhost: api\r\ncontent-length: 10\r\n\r\nhalf";
        stuck.write_all(head).unwrap();
        proxy.until_under_way(1);
        proxy.signal("TERM");
        proxy.wait_for("SIGTERM: draining");
        if again {
            proxy.signal("TERM");
        }
        assert_eq!(proxy.ends(), Some(1), "{}", proxy.news());
        proxy.wait_for("1 connections were cut");
    };
    check("300ms", false);
    check("10m", true);
}

#[test]
fn wait_ends_when_the_proxy_is_ready_and_not_before() {
    let place = mesh();
    let proxy = Proxy::start(&place, &[]);
    let health = proxy.health.to_string();
    let wait = |timeout| place.run(&["proxy", "wait", "--timeout", timeout, "--health", &health]);
    assert_eq!(wait("5s").code, 0);
    drop(proxy);
    let late = wait("300ms");
    assert_eq!(late.code, 1, "{}", late.shown());
    assert!(late.stderr.contains("is not ready"), "{}", late.stderr);
}

#[test]
fn flags_may_be_variables_of_the_environment() {
    let place = mesh();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_meshctl"))
        .arg("proxy")
        .current_dir(place.path(""))
        .env("MESHCTL_WORKLOAD", "shop/web")
        .env("MESHCTL_FILENAME", "mesh")
        .env("MESHCTL_OUTBOUND", "nonsense")
        .output()
        .unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("`nonsense` is no address"), "{told}");
}
