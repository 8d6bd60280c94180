//! The ways out of the mesh: hosts by name with TLS of their own, networks that are denied, and
//! backends that are told who the client is.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread;

use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use super::gateway::{gateway, listener, route};
use super::gateway_tls::{Pair, pair, secret};
use super::harness::{Proxy, app, connect, get, service};
use crate::common::Place;

/// An HTTPS server that answers with the server name it was asked for, the Host, and whether the
/// client showed a certificate; `clients` is the one that it wants to see.
fn https_app(own: &Pair, clients: Option<&Pair>) -> SocketAddr {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(clients) => {
            let mut roots = RootCertStore::empty();
            roots.add(clients.cert.clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
            builder.with_client_cert_verifier(verifier.build().unwrap())
        }
    };
    let config = builder.with_single_cert(vec![own.cert.clone()], own.key.clone_key());
    let config = Arc::new(config.unwrap());
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let at = listener.local_addr().unwrap();
    thread::spawn(move || {
        for io in listener.incoming().map_while(Result::ok) {
            let connection = ServerConnection::new(config.clone()).unwrap();
            thread::spawn(move || answer(StreamOwned::new(connection, io)));
        }
    });
    at
}

fn answer(stream: StreamOwned<ServerConnection, std::net::TcpStream>) -> Option<()> {
    let mut read = BufReader::new(stream);
    let mut host = String::new();
    loop {
        let mut line = String::new();
        read.read_line(&mut line).ok().filter(|n| *n > 0)?;
        let line = line.trim().to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("host: ") {
            value.clone_into(&mut host);
        }
        if line.is_empty() {
            break;
        }
    }
    let stream = read.get_mut();
    let asked = stream.conn.server_name().unwrap_or("nobody").to_owned();
    let proven = stream.conn.peer_certificates().is_some();
    let text = format!("{asked} {host} {proven}");
    let length = text.len();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{text}"
    )
    .ok()?;
    stream.flush().ok()
}

/// An XBackend `shop/NAME` for `localhost` at this port.
fn backend(name: &str, port: u16, tls: &str) -> String {
    format!(
        "apiVersion: gateway.networking.x-k8s.io/v1alpha1\nkind: XBackend\n\
         metadata: {{name: {name}, namespace: shop}}\n\
         spec:\n  type: ExternalHostname\n  port: {{number: {port}}}\n  \
         externalHostname: {{hostname: localhost}}\n{tls}---\n"
    )
}

/// Its TLS: whose certificates are believed, and for which name.
fn validated(name: &str, bundle: &str, more: &str) -> String {
    format!(
        "  tls:\n    mode: {}\n{more}    validation:\n      hostname: {name}\n      \
         caCertificateRefs: [{{group: '', kind: ConfigMap, name: {bundle}}}]\n",
        if more.is_empty() {
            "ServerOnly"
        } else {
            "ClientAndServer"
        }
    )
}

fn bundle(name: &str, pair: &Pair) -> String {
    let pem: String = pair
        .cert_pem
        .lines()
        .map(|l| format!("    {l}\n"))
        .collect();
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: shop}}\n\
         data:\n  ca.crt: |\n{pem}---\n"
    )
}

/// A route to an XBackend.
fn to_backend(name: &str) -> String {
    let spec = format!("  hostnames: [{name}.com]\n");
    let kind = "kind: XBackend, group: gateway.networking.x-k8s.io";
    route("HTTPRoute", name, "", &spec, name).replace(
        &format!("{{name: {name}, port: 80}}"),
        &format!("{{name: {name}, {kind}}}"),
    )
}

#[test]
fn a_gateway_begins_tls_towards_hosts_outside_and_judges_who_they_are() {
    let (server, client) = (pair(&["api.example.com"]), pair(&["us"]));
    let (plain, mutual) = (https_app(&server, None), https_app(&server, Some(&client)));
    let own = "    clientCertificateRef: {name: us}\n";
    let manifests = [
        gateway(&listener("http", 80, "HTTP", "")),
        bundle("good", &server),
        bundle("other", &client),
        secret("us", "shop", &client),
        backend(
            "tls",
            plain.port(),
            &validated("api.example.com", "good", ""),
        ),
        backend(
            "mutual",
            mutual.port(),
            &validated("api.example.com", "good", own),
        ),
        backend(
            "stranger",
            plain.port(),
            &validated("api.example.com", "other", ""),
        ),
        backend(
            "name",
            plain.port(),
            &validated("other.example.com", "good", ""),
        ),
        backend(
            "nobody",
            plain.port(),
            &validated("api.example.com", "missing", ""),
        ),
        to_backend("tls"),
        to_backend("mutual"),
        to_backend("stranger"),
        to_backend("name"),
        to_backend("nobody"),
    ];
    let place = Place::new();
    place.file("mesh/all.yaml", manifests.concat());
    let proxy = Proxy::gateway(&place, &[80], &[]);
    let check = |host: &str, status: u16, body: &str| {
        let answer = get(proxy.ports[&80], host, "/x");
        assert_eq!(answer.status, status, "{host}: {answer:?}");
        assert!(answer.body.contains(body), "{host}: {answer:?}");
        if status != 200 {
            assert!(answer.head.contains("x-meshctl-flag: tls"), "{answer:?}");
        }
    };
    check("tls.com", 200, "api.example.com tls.com false");
    check("mutual.com", 200, "api.example.com mutual.com true");
    check("stranger.com", 503, "TLS");
    check("name.com", 503, "TLS");
    check(
        "nobody.com",
        503,
        "the ConfigMap shop/missing with `ca.crt` is not there",
    );
}

#[test]
fn a_workload_reaches_a_host_outside_by_its_name() {
    let server = pair(&["localhost"]);
    let at = https_app(&server, None);
    let manifests = [
        bundle("good", &server),
        backend("api", at.port(), &validated("localhost", "good", "")),
    ];
    let place = Place::new();
    place.file("mesh/all.yaml", manifests.concat());
    let proxy = Proxy::start(&place, &[]);
    let named = format!("localhost:{}", at.port());
    assert_eq!(
        proxy.get(&named, "/x").body,
        format!("localhost {named} false")
    );
    // Its application speaks plain HTTP, at plain HTTP's port; the proxy begins TLS.
    assert_eq!(
        proxy.get("localhost", "/x").body,
        "localhost localhost false"
    );
    assert_eq!(proxy.get("localhost:1", "/x").status, 404);
}

#[test]
fn networks_outside_are_denied_where_an_egress_network_says_so() {
    let at = app("outside");
    let deny = |networks: &str| {
        format!(
            "apiVersion: meshctl.dev/v1alpha1\nkind: EgressNetwork\n\
             metadata: {{name: all, namespace: shop}}\n\
             spec:\n  trafficPolicy: Deny\n{networks}"
        )
    };
    let check = |networks: &str, status: u16| {
        let place = Place::new();
        place.file("mesh/all.yaml", deny(networks));
        let proxy = Proxy::start(&place, &[]);
        let answer = proxy.get(&at.to_string(), "/x");
        assert_eq!(answer.status, status, "{networks}: {answer:?}");
        let connect = format!("CONNECT {at} HTTP/1.1\r\nhost: {at}\r\n\r\n");
        let mut stream = super::harness::connect(proxy.outbound);
        stream.write_all(connect.as_bytes()).unwrap();
        let mut head = [0; 12];
        stream.read_exact(&mut head).unwrap();
        let expected = format!("HTTP/1.1 {status}");
        assert_eq!(std::str::from_utf8(&head).unwrap(), expected, "{networks}");
        if status != 200 {
            assert!(
                answer.body.contains("denied by EgressNetwork shop/all"),
                "{answer:?}"
            );
        }
    };
    check("", 404);
    check("  networks: [{cidr: 127.0.0.0/8}]\n", 404);
    check(
        "  networks: [{cidr: 127.0.0.0/8, except: [127.0.0.1]}]\n",
        200,
    );
    check("  networks: [{cidr: 10.0.0.0/8}]\n", 200);
}

/// An application behind a load balancer's protocol: it answers with the header it got.
fn introduced_app() -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let at = listener.local_addr().unwrap();
    thread::spawn(move || {
        for io in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || {
                let mut write = io.try_clone().unwrap();
                let mut read = BufReader::new(io);
                let mut first = String::new();
                read.read_line(&mut first).unwrap();
                let mut line = String::new();
                while read.read_line(&mut line).is_ok_and(|n| n > 0) {
                    if line == "\r\n" {
                        let length = first.len();
                        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n");
                        let _ = write.write_all(format!("{head}{first}").as_bytes());
                    }
                    line.clear();
                }
            });
        }
    });
    at
}

#[test]
fn a_backend_is_told_who_the_client_is_before_the_first_byte() {
    let policy = "---\napiVersion: meshctl.dev/v1alpha1\nkind: BackendPolicy\n\
                  metadata: {name: told, namespace: shop}\nspec:\n  \
                  targetRefs: [{kind: Service, name: api}]\n  connection: {proxyHeader: V1}\n";
    let place = Place::new();
    place.file(
        "mesh/all.yaml",
        service("api", &[introduced_app()]) + policy,
    );
    let proxy = Proxy::start(&place, &[]);
    let to = proxy.outbound;
    // Requests of two clients on connections of their own, and a tunnel of bytes.
    for _ in 0..2 {
        let mut stream = connect(to);
        let from = stream.local_addr().unwrap();
        let request = "GET /x HTTP/1.1\r\nhost: api\r\n\r\n";
        let expected = format!(
            "PROXY TCP4 127.0.0.1 127.0.0.1 {} {}\r\n",
            from.port(),
            to.port()
        );
        for _ in 0..2 {
            stream.write_all(request.as_bytes()).unwrap();
            let mut heard = String::new();
            while !heard.ends_with(&expected) {
                let mut buffer = [0; 512];
                let n = stream.read(&mut buffer).unwrap();
                assert!(n > 0, "{heard}");
                heard.push_str(std::str::from_utf8(&buffer[..n]).unwrap());
            }
        }
    }
    let tunnel = "CONNECT api:80 HTTP/1.1\r\nhost: api:80\r\n\r\n";
    let mut stream = connect(to);
    let from = stream.local_addr().unwrap();
    stream.write_all(tunnel.as_bytes()).unwrap();
    let mut heard = [0; 12];
    stream.read_exact(&mut heard).unwrap();
    assert_eq!(&heard, b"HTTP/1.1 200");
    stream.write_all(b"\r\n").unwrap();
    let mut rest = String::new();
    while !rest.contains("PROXY TCP4") || !rest.ends_with("\r\n") {
        let mut buffer = [0; 512];
        let n = stream.read(&mut buffer).unwrap();
        assert!(n > 0, "{rest}");
        rest.push_str(std::str::from_utf8(&buffer[..n]).unwrap());
    }
    assert!(rest.contains(&format!(" {} ", from.port())), "{rest}");
}

/// BackendTLSPolicy, BackendTLSPolicySANValidation, BackendTLSPolicyInvalidCACertificateRef
#[test]
fn a_service_with_tls_of_its_own_is_judged_by_its_policy() {
    let server = pair(&["abc.example.com", "other.example.com"]);
    let at = https_app(&server, None);
    let policy = |name: &str, validation: &str| {
        format!(
            "---\napiVersion: gateway.networking.k8s.io/v1\nkind: BackendTLSPolicy\n\
             metadata: {{name: {name}, namespace: shop}}\n\
             spec:\n  targetRefs: [{{group: '', kind: Service, name: {name}}}]\n  \
             validation: {{{validation}}}\n"
        )
    };
    let ca = "caCertificateRefs: [{group: '', kind: ConfigMap, name: good}]";
    let missing = "caCertificateRefs: [{group: '', kind: ConfigMap, name: missing}]";
    let names = "subjectAltNames: [{type: Hostname, hostname: other.example.com}]";
    let no_name = "subjectAltNames: [{type: URI, uri: 'spiffe://other'}]";
    let mut manifests = bundle("good", &server);
    let services = [
        ("good", format!("hostname: abc.example.com, {ca}")),
        ("wrong", format!("hostname: wrong.example.com, {ca}")),
        ("named", format!("hostname: any.example.com, {ca}, {names}")),
        (
            "unnamed",
            format!("hostname: abc.example.com, {ca}, {no_name}"),
        ),
        ("missing", format!("hostname: abc.example.com, {missing}")),
    ];
    for (name, validation) in services {
        let route = route(
            "HTTPRoute",
            name,
            "",
            &format!("  hostnames: [{name}.com]\n"),
            name,
        );
        let service = service(name, &[at]) + &policy(name, &validation);
        write!(manifests, "{service}---\n{route}").unwrap();
    }
    let place = Place::new();
    let edge = gateway(&listener("http", 80, "HTTP", ""));
    place.file("mesh/all.yaml", edge + &manifests);
    let proxy = Proxy::gateway(&place, &[80], &[]);
    let check = |host: &str, status: u16, body: &str| {
        let answer = get(proxy.ports[&80], host, "/x");
        assert_eq!(answer.status, status, "{host}: {answer:?}");
        assert!(answer.body.contains(body), "{host}: {answer:?}");
    };
    check("good.com", 200, "abc.example.com good.com false");
    check("wrong.com", 503, "TLS");
    check("named.com", 200, "any.example.com named.com false");
    check("unnamed.com", 503, "TLS");
    check(
        "missing.com",
        503,
        "the ConfigMap shop/missing with `ca.crt` is not there",
    );
}
