use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use super::harness::{Proxy, app, connect, exchange, free_port};
use crate::common::Place;

/// `shop/web` calls `shop/api`, whose proxy listens in its place.
pub(super) struct Pair {
    pub(super) place: Place,
    pub(super) web: Proxy,
    pub(super) api: Proxy,
}

pub(crate) fn issue(place: &Place, account: &str) {
    let out = format!("certs/{account}");
    let account = format!("shop/{account}");
    let issued = place.run(&["ca", "issue", &account, "--ca", "ca", "--out", &out]);
    assert_eq!(issued.code, 0, "{}", issued.shown());
}

fn credentials(account: &str) -> [String; 6] {
    let file = |name: &str| format!("certs/{account}/{name}");
    let flag = str::to_owned;
    [
        flag("--cert"),
        file("tls.crt"),
        flag("--key"),
        file("tls.key"),
        flag("--trust-bundle"),
        file("ca.crt"),
    ]
}

pub(crate) fn start(place: &Place, workload: &str, account: &str, more: &[&str]) -> Proxy {
    let credentials = credentials(account);
    let args: Vec<&str> = credentials
        .iter()
        .map(String::as_str)
        .chain(more.iter().copied())
        .collect();
    Proxy::of(place, workload, &args)
}

pub(super) fn pair(policy: &str) -> Pair {
    let place = Place::new();
    let (port, app) = (free_port(), app("api").port());
    let workload = |name: &str, account: &str, ports: &str| {
        format!(
            "apiVersion: meshctl.dev/v1alpha1\nkind: Workload\n\
             metadata: {{name: {name}, namespace: shop, labels: {{app: {account}}}}}\n\
             spec: {{addresses: [127.0.0.1], serviceAccount: {account}, ports: [{ports}]}}\n---\n"
        )
    };
    let api = workload(
        "api-1",
        "api",
        &format!("{{name: http, port: {port}, appPort: {app}}}"),
    );
    let web = workload("web", "web", "");
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: api, namespace: shop}\n\
         spec: {selector: {app: api}, ports: [{name: http, port: 80, targetPort: http}]}\n";
    place.file("mesh/all.yaml", format!("{api}{web}{service}{policy}"));
    assert_eq!(place.run(&["ca", "init", "ca"]).code, 0);
    issue(&place, "api");
    issue(&place, "web");
    let api = start(&place, "shop/api-1", "api", &[]);
    let web = start(&place, "shop/web", "web", &["--inbound", "none"]);
    Pair { place, web, api }
}

fn inbound(pair: &Pair) -> SocketAddr {
    pair.api.inbound.unwrap()
}

#[test]
fn two_workloads_speak_mutual_tls_and_the_application_is_told_who_called() {
    let pair = pair("");
    let answer = pair.web.get("api", "/x");
    assert_eq!(answer.status, 200, "{answer:?}\n{}", pair.api.news());
    let caller = "uri=spiffe://cluster.local/ns/shop/sa/web";
    assert!(answer.body.starts_with("api GET /x"), "{}", answer.body);
    assert!(answer.body.contains(caller), "{}", answer.body);
    // Whoever has no certificate is nobody, whatever he says.
    let plain = "GET /p HTTP/1.1\r\nhost: api\r\nconnection: close\r\n\
        x-forwarded-client-cert: By=x;URI=spiffe://cluster.local/ns/shop/sa/web\r\n\r\n";
    assert_eq!(exchange(inbound(&pair), plain).body, "api GET /p");
}

pub(super) const STRICT: &str = "---\napiVersion: meshctl.dev/v1alpha1\nkind: AuthorizationPolicy\n\
    metadata: {name: strict, namespace: shop}\nspec:\n  \
    targetRefs: [{kind: Namespace, name: shop}]\n  peerAuthentication: {mtls: Strict}\n";

#[test]
fn under_strict_only_those_with_a_certificate_get_through() {
    let pair = pair(STRICT);
    assert_eq!(pair.web.get("api", "/x").status, 200);
    let plain = exchange(
        inbound(&pair),
        "GET / HTTP/1.1\r\nhost: api\r\nconnection: close\r\n\r\n",
    );
    assert_eq!(plain.status, 403, "{plain:?}");
}

fn serial(proxy: &Proxy) -> String {
    let text = proxy.ask_admin("GET", "/certificates", "").body;
    assert!(!text.contains("PRIVATE"), "{text}");
    let told: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(told["chain"][0]["valid"], true, "{text}");
    told["chain"][0]["serial"].as_str().unwrap().to_owned()
}

#[test]
fn certificates_are_renewed_without_dropping_a_connection() {
    let pair = pair("");
    let mut kept = connect(pair.web.outbound);
    let mut again = || {
        kept.write_all(b"GET /kept HTTP/1.1\r\nhost: api\r\n\r\n")
            .unwrap();
        let mut answer = [0; 1024];
        let n = kept.read(&mut answer).unwrap();
        let answer = String::from_utf8_lossy(&answer[..n]).into_owned();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    };
    again();
    let before = (serial(&pair.web), serial(&pair.api));
    // Also to certificates of another root, which is trusted beside the old one.
    assert_eq!(pair.place.run(&["ca", "rotate", "ca", "--root"]).code, 0);
    for account in ["web", "api"] {
        issue(&pair.place, account);
    }
    pair.web.wait_for("is renewed");
    pair.api.wait_for("is renewed");
    again();
    assert_eq!(pair.web.get("api", "/new").status, 200);
    let after = (serial(&pair.web), serial(&pair.api));
    assert!(
        before.0 != after.0 && before.1 != after.1,
        "{before:?} {after:?}"
    );
}

#[test]
fn a_certificate_that_cannot_be_used_is_told_and_the_old_one_stays() {
    let pair = pair("");
    pair.place.file("certs/web/tls.crt", "nonsense");
    pair.web.wait_for("the certificate stays as it was");
    pair.web.wait_for("holds no certificate");
    assert_eq!(pair.web.get("api", "/").status, 200);
}

#[test]
fn an_identity_that_is_not_the_workloads_does_not_start() {
    let pair = pair("");
    let mut args = vec!["proxy", "--workload", "shop/web", "-f", "mesh"];
    let foreign = credentials("api");
    args.extend(foreign.iter().map(String::as_str));
    let output = pair.place.run(&args);
    assert_eq!(output.code, 2);
    let expected = "the certificate is for spiffe://cluster.local/ns/shop/sa/api, the workload is \
                    spiffe://cluster.local/ns/shop/sa/web";
    assert!(output.stderr.contains(expected), "{}", output.stderr);
}

#[test]
fn keys_are_for_their_owner_only_and_an_authority_is_not_overwritten() {
    let place = Place::new();
    assert_eq!(
        place
            .run(&["ca", "init", "ca", "--trust-domain", "prod.example"])
            .code,
        0
    );
    let issued = place.run(&[
        "ca", "issue", "shop/web", "--ca", "ca", "--out", "web", "--ttl", "1h",
    ]);
    let told = "spiffe://prod.example/ns/shop/sa/web in web until ";
    assert!(issued.stderr.contains(told), "{}", issued.shown());
    let mode = |name: &str| {
        let meta = std::fs::metadata(place.path(name)).unwrap();
        meta.permissions().mode() & 0o777
    };
    for key in ["ca/root.key", "ca/issuer.key", "web/tls.key"] {
        assert_eq!(mode(key), 0o600, "{key}");
    }
    assert_eq!((mode("ca"), mode("web")), (0o700, 0o700));
    let again = place.run(&["ca", "init", "ca"]);
    assert_eq!(again.code, 2);
    assert!(
        again.stderr.contains("holds an authority already"),
        "{}",
        again.stderr
    );
    let bad = place.run(&["ca", "issue", "web", "--ca", "ca", "--out", "web"]);
    assert!(
        bad.stderr.contains("write NAMESPACE/SERVICEACCOUNT"),
        "{}",
        bad.stderr
    );
    assert_eq!(place.run(&["ca", "rotate", "ca"]).code, 0);
    assert_eq!(place.run(&["ca", "rotate", "ca", "--forget"]).code, 0);
}
