use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};

use super::harness::{Proxy, app, connect, exchange, service};
use crate::common::Place;

/// A mesh of two services, `api` and `other`, with a proxy before them.
fn mesh() -> (Place, Proxy) {
    let place = Place::new();
    place.file("mesh/api.yaml", service("api", &[app("api")]));
    place.file("mesh/other.yaml", service("other", &[app("other")]));
    let proxy = Proxy::start(&place, &[]);
    (place, proxy)
}

#[test]
fn a_request_is_routed_by_the_name_that_it_is_for() {
    let (_place, proxy) = mesh();
    let check = |host: &str, expected: &str| {
        let answer = proxy.get(host, "/x");
        assert_eq!((answer.status, &*answer.body), (200, expected), "{host}");
        let absolute =
            format!("GET http://{host}/x HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        assert_eq!(
            exchange(proxy.outbound, &absolute).body,
            expected,
            "http://{host}"
        );
    };
    check("api", "api GET /x");
    check("api:80", "api GET /x");
    check("api.shop", "api GET /x");
    check("api.shop.svc", "api GET /x");
    check("api.shop.svc.cluster.local", "api GET /x");
    check("API.Shop.svc.cluster.local.:80", "api GET /x");
    check("other.shop", "other GET /x");
}

#[test]
fn a_name_that_nobody_knows_is_not_found_and_the_answer_says_so() {
    let (_place, proxy) = mesh();
    for host in ["nobody", "api:81", "api.elsewhere", "example.com"] {
        let answer = proxy.get(host, "/");
        assert_eq!(answer.status, 404, "{host}: {answer:?}");
        assert!(answer.head.contains("x-meshctl-flag: nr"), "{answer:?}");
    }
}

#[test]
fn connect_opens_a_tunnel_to_the_service_that_it_names() {
    let (_place, proxy) = mesh();
    for authority in ["api:80", "api.shop:80", "api.shop.svc.cluster.local:80"] {
        let mut stream = connect(proxy.outbound);
        let connect = format!("CONNECT {authority} HTTP/1.1\r\nhost: {authority}\r\n\r\n");
        stream.write_all(connect.as_bytes()).unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{authority}: {head}");
        stream
            .write_all(b"GET /in HTTP/1.1\r\nhost: whatever\r\n\r\n")
            .unwrap();
        let mut answer = [0; 128];
        let n = stream.read(&mut answer).unwrap();
        let answer = String::from_utf8_lossy(&answer[..n]);
        assert!(answer.ends_with("api GET /in"), "{answer}");
    }
}

#[test]
fn endpoints_of_one_machine_with_ports_of_their_own_share_the_requests() {
    let place = Place::new();
    let apps = [app("a"), app("b"), app("c")];
    place.file("mesh/api.yaml", service("api", &apps));
    let proxy = Proxy::start(&place, &["--workers", "2"]);
    let seen: BTreeSet<String> = (0..30).map(|_| proxy.get("api", "/").body).collect();
    let all = ["a GET /", "b GET /", "c GET /"];
    assert_eq!(seen, all.into_iter().map(String::from).collect());
}
