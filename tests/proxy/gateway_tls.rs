//! TLS at a gateway: certificates by server name, passed through by server name, and bytes.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection};
use rustls::{Stream, StreamOwned};

use super::gateway::{gateway, listener, route, services};
use super::harness::{Proxy, connect, service};
use crate::common::Place;

/// A certificate that signs itself, for some names.
pub(super) struct Pair {
    pub(super) cert: CertificateDer<'static>,
    pub(super) cert_pem: String,
    pub(super) key: PrivateKeyDer<'static>,
    key_pem: String,
}

type Tls = StreamOwned<ClientConnection, TcpStream>;

pub(super) fn pair(names: &[&str]) -> Pair {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    Pair {
        cert: made.cert.der().clone(),
        cert_pem: made.cert.pem(),
        key: PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into()),
        key_pem: made.signing_key.serialize_pem(),
    }
}

/// A Secret `NAMESPACE/NAME`.
pub(super) fn secret(name: &str, namespace: &str, pair: &Pair) -> String {
    let block = |pem: &str| {
        pem.lines()
            .map(|l| format!("    {l}\n"))
            .collect::<String>()
    };
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: {name}, namespace: {namespace}}}\n\
         type: kubernetes.io/tls\nstringData:\n  tls.crt: |\n{}  tls.key: |\n{}---\n",
        block(&pair.cert_pem),
        block(&pair.key_pem)
    )
}

/// An HTTPS listener for a host.
fn https(name: &str, host: &str, secrets: &str) -> String {
    let more = format!(", hostname: '{host}', tls: {{certificateRefs: [{secrets}]}}");
    listener(name, 443, "HTTPS", &more)
}

/// Shakes hands, asking for `name`; the error is the alert.
fn shake(at: SocketAddr, name: Option<&str>, trusted: &[&Pair]) -> Result<Tls, String> {
    let mut roots = RootCertStore::empty();
    for pair in trusted {
        roots.add(pair.cert.clone()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.enable_sni = name.is_some();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let server = ServerName::try_from(name.unwrap_or("a.com").to_owned()).unwrap();
    let mut connection = ClientConnection::new(Arc::new(config), server).unwrap();
    let mut io = connect(at);
    while connection.is_handshaking() {
        if let Err(e) = connection.complete_io(&mut io) {
            return Err(e.to_string());
        }
    }
    Ok(StreamOwned::new(connection, io))
}

fn shown(stream: &Tls) -> &CertificateDer<'static> {
    &stream.conn.peer_certificates().unwrap()[0]
}

/// The status line and the body of an answer on this connection.
fn ask(stream: &mut Tls, host: &str) -> (u16, String) {
    write!(stream, "GET /x HTTP/1.1\r\nhost: {host}\r\n\r\n").unwrap();
    let mut text = String::new();
    let mut buffer = [0; 4096];
    loop {
        let n = stream.read(&mut buffer).unwrap();
        text.push_str(std::str::from_utf8(&buffer[..n]).unwrap());
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let head = head.to_ascii_lowercase();
        let (_, length) = head.split_once("content-length: ").unwrap();
        let length: usize = length.split("\r\n").next().unwrap().parse().unwrap();
        if body.len() == length {
            return (head[9..12].parse().unwrap(), body.to_owned());
        }
    }
}

/// HTTPRouteHTTPSListener, GatewayHTTPSListenerDetectMisdirectedRequests
#[test]
fn the_server_name_chooses_the_listener_and_its_certificate() {
    let (a, wide, exact) = (pair(&["a.com"]), pair(&["*.b.com"]), pair(&["x.b.com"]));
    let place = Place::new();
    let listeners = [
        https("a", "a.com", "{name: a}"),
        https("b", "*.b.com", "{name: wide}, {name: exact}"),
    ];
    let manifests = [
        gateway(&listeners.concat()),
        services(&["a", "b"]),
        route("HTTPRoute", "a", ", sectionName: a", "", "a"),
        route("HTTPRoute", "b", ", sectionName: b", "", "b"),
        secret("a", "infra", &a),
        secret("wide", "infra", &wide),
        secret("exact", "infra", &exact),
    ];
    place.file("mesh/all.yaml", manifests.concat());
    let proxy = Proxy::gateway(&place, &[443], &[]);
    let at = proxy.ports[&443];
    let all = [&a, &wide, &exact];
    let check = |name: &str, certificate: &Pair, host: &str, expected: (u16, &str)| {
        let mut stream = shake(at, Some(name), &all).unwrap();
        assert_eq!(*shown(&stream), certificate.cert, "{name}");
        assert_eq!(stream.conn.alpn_protocol(), Some(&b"http/1.1"[..]));
        let (status, body) = ask(&mut stream, host);
        assert_eq!(status, expected.0, "{name} {host}: {body}");
        assert!(body.contains(expected.1), "{name} {host}: {body}");
    };
    check("a.com", &a, "a.com", (200, "a GET /x"));
    check("x.b.com", &exact, "x.b.com", (200, "b GET /x"));
    check("y.b.com", &wide, "y.b.com", (200, "b GET /x"));
    check("y.b.com", &wide, "x.b.com", (200, "b GET /x"));
    check("a.com", &a, "x.b.com", (421, "another listener's"));
    check("a.com", &a, "c.com", (404, "no listener of port 443"));
    for name in [Some("c.com"), Some("b.com"), None] {
        let alert = shake(at, name, &all).unwrap_err();
        assert!(alert.contains("UnrecognisedName"), "{name:?}: {alert}");
    }
}

#[test]
fn a_renewed_certificate_is_shown_from_then_on_and_cuts_no_connection() {
    let (old, new) = (pair(&["a.com"]), pair(&["a.com"]));
    let place = Place::new();
    let manifests = [
        gateway(&https("a", "a.com", "{name: a}")),
        services(&["a"]),
        route("HTTPRoute", "a", "", "", "a"),
    ];
    place.file("mesh/all.yaml", manifests.concat());
    place.file("mesh/secret.yaml", secret("a", "infra", &old));
    let proxy = Proxy::gateway(&place, &[443], &[]);
    let at = proxy.ports[&443];
    let mut kept = shake(at, Some("a.com"), &[&old]).unwrap();
    assert_eq!(ask(&mut kept, "a.com").0, 200);
    // A key of another certificate is refused, and the old pair stays.
    let mixed = Pair {
        key_pem: old.key_pem.clone(),
        ..pair(&["a.com"])
    };
    place.file("mesh/secret.yaml", secret("a", "infra", &mixed));
    proxy.wait_for("the certificate infra/a cannot be used");
    assert!(shake(at, Some("a.com"), &[&old]).is_ok());
    place.file("mesh/secret.yaml", secret("a", "infra", &new));
    proxy.wait_for("the configuration is now");
    let stream = shake(at, Some("a.com"), &[&old, &new]).unwrap();
    assert_eq!(*shown(&stream), new.cert);
    assert_eq!(ask(&mut kept, "a.com").0, 200);
}

/// GatewaySecretMissingReferenceGrant, GatewaySecretReferenceGrantSpecific
#[test]
fn a_listener_without_a_certificate_lets_nobody_in_and_the_others_serve() {
    let (a, b) = (pair(&["a.com"]), pair(&["b.com"]));
    let place = Place::new();
    let listeners = [
        https("a", "a.com", "{name: a, namespace: shop}"),
        https("b", "b.com", "{name: b, namespace: shop}"),
    ];
    let grant = "apiVersion: gateway.networking.k8s.io/v1\nkind: ReferenceGrant\n\
                 metadata: {name: edge, namespace: shop}\nspec:\n  \
                 from: [{group: gateway.networking.k8s.io, kind: Gateway, namespace: infra}]\n  \
                 to: [{group: '', kind: Secret, name: a}]\n---\n";
    let manifests = [
        gateway(&listeners.concat()),
        services(&["a"]),
        route("HTTPRoute", "a", "", "", "a"),
        secret("a", "shop", &a),
        secret("b", "shop", &b),
        grant.to_owned(),
    ];
    place.file("mesh/all.yaml", manifests.concat());
    let proxy = Proxy::gateway(&place, &[443], &[]);
    let told = "the listener b has no certificate, and lets nobody in";
    assert!(proxy.news().contains(told), "{}", proxy.news());
    let at = proxy.ports[&443];
    let mut stream = shake(at, Some("a.com"), &[&a]).unwrap();
    assert_eq!(ask(&mut stream, "a.com").0, 200);
    let alert = shake(at, Some("b.com"), &[&a, &b]).unwrap_err();
    assert!(alert.contains("HandshakeFailure"), "{alert}");
}

/// A TLS server that answers every line with its name.
fn tls_app(name: &str, pair: &Pair) -> SocketAddr {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![pair.cert.clone()], pair.key.clone_key())
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let at = listener.local_addr().unwrap();
    let name = name.to_owned();
    thread::spawn(move || {
        for mut io in listener.incoming().map_while(Result::ok) {
            let mut connection = ServerConnection::new(config.clone()).unwrap();
            let name = name.clone();
            thread::spawn(move || {
                let mut stream = Stream::new(&mut connection, &mut io);
                let mut line = [0; 64];
                while let Ok(n @ 1..) = stream.read(&mut line) {
                    let said = [name.as_bytes(), b" ", &line[..n]].concat();
                    if stream.write_all(&said).is_err() {
                        break;
                    }
                }
            });
        }
    });
    at
}

/// TLSRouteSimpleSameNamespace, TLSRouteHostnameIntersection
#[test]
fn tls_is_passed_through_by_its_server_name() {
    let (a, b) = (pair(&["a.com"]), pair(&["x.b.com", "b.com"]));
    let place = Place::new();
    let pass = ", tls: {mode: Passthrough}";
    let wide = format!(", hostname: '*.com'{pass}");
    let manifests = [
        gateway(&listener("pass", 443, "TLS", &wide)),
        service("a", &[tls_app("a", &a)]) + "---\n",
        service("b", &[tls_app("b", &b)]) + "---\n",
        route("TLSRoute", "a", "", "  hostnames: [a.com]\n", "a"),
        route(
            "TLSRoute",
            "b",
            "",
            "  hostnames: ['*.b.com', c.org]\n",
            "b",
        ),
    ];
    place.file("mesh/all.yaml", manifests.concat());
    let proxy = Proxy::gateway(&place, &[443], &[]);
    let at = proxy.ports[&443];
    for (name, certificate, who) in [("a.com", &a, "a hello"), ("x.b.com", &b, "b hello")] {
        let mut stream = shake(at, Some(name), &[&a, &b]).unwrap();
        assert_eq!(*shown(&stream), certificate.cert, "{name}");
        stream.write_all(b"hello").unwrap();
        let mut heard = [0; 7];
        stream.read_exact(&mut heard).unwrap();
        assert_eq!(std::str::from_utf8(&heard).unwrap(), who);
    }
    for name in [Some("b.com"), Some("d.com"), Some("c.org"), None] {
        let alert = shake(at, name, &[&a, &b]).unwrap_err();
        assert!(alert.contains("UnrecognisedName"), "{name:?}: {alert}");
    }
}

/// An application that reads to the end before it answers, and then ends its own side.
fn half_closing() -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let at = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut io in listener.incoming().map_while(Result::ok) {
            let mut heard = Vec::new();
            if io.read_to_end(&mut heard).is_ok() {
                let _ = io.write_all(&[&b"heard "[..], &heard].concat());
            }
        }
    });
    at
}

/// TCPRoute, TLSRouteTerminateSimpleSameNamespace
#[test]
fn bytes_go_to_the_route_of_their_listener_and_each_side_ends_by_itself() {
    let a = pair(&["a.com"]);
    let place = Place::new();
    let ended = ", hostname: a.com, tls: {certificateRefs: [{name: a}]}";
    let listeners = [
        listener("tcp", 9000, "TCP", ""),
        listener("none", 9001, "TCP", ""),
        listener("tls", 9443, "TLS", ended),
    ];
    let manifests = [
        gateway(&listeners.concat()),
        service("a", &[half_closing()]) + "---\n",
        route("TCPRoute", "a", ", sectionName: tcp", "", "a"),
        route("TLSRoute", "b", "", "  hostnames: [a.com]\n", "a"),
        secret("a", "infra", &a),
    ];
    place.file("mesh/all.yaml", manifests.concat());
    let proxy = Proxy::gateway(&place, &[9000, 9001, 9443], &[]);
    let mut plain = connect(proxy.ports[&9000]);
    plain.write_all(b"all of it").unwrap();
    plain.shutdown(Shutdown::Write).unwrap();
    let mut heard = String::new();
    plain.read_to_string(&mut heard).unwrap();
    assert_eq!(heard, "heard all of it");
    let mut stream = shake(proxy.ports[&9443], Some("a.com"), &[&a]).unwrap();
    stream.write_all(b"inside").unwrap();
    stream.conn.send_close_notify();
    stream.flush().unwrap();
    let mut heard = String::new();
    stream.read_to_string(&mut heard).unwrap();
    assert_eq!(heard, "heard inside");
    // No route: nobody is there.
    let mut nobody = connect(proxy.ports[&9001]);
    assert_ne!(nobody.read(&mut [0]).unwrap_or(0), 1);
}

#[test]
fn clients_choose_http2_inside_tls() {
    let a = pair(&["a.com"]);
    let place = Place::new();
    let manifests = [
        gateway(&https("a", "a.com", "{name: a}")),
        services(&["a"]),
        route("HTTPRoute", "a", "", "", "a"),
        secret("a", "infra", &a),
    ];
    place.file("mesh/all.yaml", manifests.concat());
    let proxy = Proxy::gateway(&place, &[443], &[]);
    let root = reqwest::Certificate::from_pem(a.cert_pem.as_bytes()).unwrap();
    let at = proxy.ports[&443];
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(async {
        let client = reqwest::Client::builder()
            .tls_certs_only([root])
            .resolve("a.com", at)
            .build()
            .unwrap();
        let url = format!("https://a.com:{}/x", at.port());
        let answer = client.get(url).send().await.unwrap();
        assert_eq!(answer.version(), reqwest::Version::HTTP_2);
        assert_eq!(answer.text().await.unwrap(), "a GET /x");
    });
}

/// What `openssl s_client` says, given these flags.
fn openssl(at: SocketAddr, more: &[&str]) -> String {
    let to = at.to_string();
    let args = [&["s_client", "-connect", &to][..], more].concat();
    let output = std::process::Command::new("openssl")
        .args(args)
        .output()
        .unwrap();
    let all = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&all).into_owned()
}

#[test]
#[ignore = "needs curl and openssl"]
fn curl_and_openssl_agree() {
    let (a, b) = (pair(&["a.com"]), pair(&["b.com"]));
    let place = Place::new();
    let listeners = [
        https("a", "a.com", "{name: a}"),
        https("b", "b.com", "{name: b}"),
        listener("http", 80, "HTTP", ""),
    ];
    let manifests = [
        gateway(&listeners.concat()),
        services(&["a"]),
        route("HTTPRoute", "a", "", "", "a"),
        secret("a", "infra", &a),
        secret("b", "infra", &b),
    ];
    place.file("mesh/all.yaml", manifests.concat());
    place.file("a.pem", &a.cert_pem);
    let proxy = Proxy::gateway(&place, &[443, 80], &[]);
    let at = proxy.ports[&443];
    let (ca, port) = (place.path("a.pem").display().to_string(), at.port());
    let resolve = format!("a.com:{port}:127.0.0.1");
    let url = format!("https://a.com:{port}/x");
    for version in ["--http1.1", "--http2"] {
        for newest in ["1.3", "1.2"] {
            let tls = [
                "--tls-max",
                newest,
                "--cacert",
                &ca,
                "--resolve",
                &resolve,
                &url,
            ];
            let args = [&["-sS", version][..], &tls].concat();
            let output = std::process::Command::new("curl")
                .args(&args)
                .output()
                .unwrap();
            let told = String::from_utf8_lossy(&output.stdout);
            assert_eq!(told, "a GET /x", "{args:?} {output:?}");
        }
    }
    let old = openssl(at, &["-servername", "a.com", "-tls1_2"]);
    assert!(old.contains("TLSv1.2") && old.contains("CN"), "{old}");
    let unknown = openssl(at, &["-servername", "c.com"]);
    assert!(unknown.contains("unrecognized name"), "{unknown}");
    let b_shown = openssl(at, &["-servername", "b.com", "-showcerts"]);
    let body = b.cert_pem.lines().nth(1).unwrap();
    assert!(b_shown.contains(body), "{b_shown}");
}
