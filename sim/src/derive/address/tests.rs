use proptest::prelude::*;

use super::*;

const MANIFESTS: &str = "\
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: shop}
spec: {selector: {app: cart}, ports: [{name: grpc, port: 7070}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{name: http, port: 80}, {name: http-alt, port: 9000}, {name: metrics, port: 9102}]}
---
apiVersion: v1
kind: Service
metadata: {name: redis, namespace: shop}
spec: {selector: {app: redis}, ports: [{port: 6379}]}
---
apiVersion: v1
kind: Service
metadata: {name: payments, namespace: pay}
spec: {selector: {app: payments}, ports: [{port: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: peers, namespace: shop}
spec: {clusterIP: None, selector: {app: peers}, ports: [{port: 8080}]}
---
apiVersion: v1
kind: Service
metadata: {name: outer, namespace: shop}
spec: {type: ExternalName, externalName: api.example.com}
";

/// The addresses in a value, as `name:port/path`, with `!` for gRPC and why it is not asked.
#[track_caller]
fn check(key: &str, text: &str, expected: &[&str]) {
    let known = Known::of(&model::resource::read("m.yaml", MANIFESTS).resources);
    let seen: Vec<_> = find(key, text, None, "shop", &known)
        .into_iter()
        .map(|a| {
            let mark = match a.asked {
                Ok(UrlScheme::Grpc) => "!".to_owned(),
                Ok(UrlScheme::Http) => String::new(),
                Err(Unasked::Opaque) => "?".to_owned(),
                Err(why) => format!(" {why:?}"),
            };
            let path = a.path.unwrap_or_default();
            format!("{}:{}{path}{mark}", a.service.1, a.port)
        })
        .collect();
    assert_eq!(seen, expected, "{key}={text}");
}

#[test]
fn urls_are_addresses_wherever_they_stand() {
    check("", "http://web", &["web:80"]);
    check("", "http://web:9000/admin", &["web:9000/admin"]);
    check(
        "",
        "--backend=http://web/x --other=http://payments.pay:8080",
        &["web:80/x", "payments:8080"],
    );
    check(
        "",
        "proxy_pass http://web.shop.svc.cluster.local/;",
        &["web:80"],
    );
    check("", "grpc://cart:7070", &["cart:7070!"]);
    check("", "redis://user:secret@redis:6379/0", &["redis:6379?"]);
    check("", "http://web:81/", &["web:81 NoPort"]);
    check("", "http://web:9102/metrics", &["web:9102 Side"]);
    check("", "https://web:9000/", &["web:9000 Tls"]);
    check("", "https://web/", &["web:80 Tls"]);
    check("", "http://outer/", &["outer:80 External"]);
    check("", "http://peers-0.peers:8080/", &["peers:8080 OnePod"]);
    check("", "dns:///cart:7070", &["cart:7070!"]);
    check("", "jdbc:mysql://web:9000/db", &["web:9000?"]);
    check("", "http://webb/", &[]);
    check("", "http://web.example.com/", &[]);
}

#[test]
fn paths_of_urls_are_kept_without_queries_and_patterns() {
    check("", "http://web/api/v1?x=1", &["web:80/api/v1"]);
    check("", "'http://web/api'.", &["web:80/api"]);
    check("", "see http://web/api.", &["web:80/api"]);
    check("", "http://web/users/{id}", &["web:80"]);
    check("", "http://web/$TENANT/x", &["web:80"]);
}

#[test]
fn a_host_with_a_port_of_its_service_is_an_address() {
    check("ANY", "cart:7070", &["cart:7070!"]);
    check("ANY", "cart:7071", &[]);
    check("ANY", "a=1, cart:7070; web:80", &["cart:7070!", "web:80"]);
    check("ANY", "redis:6379", &["redis:6379?"]);
}

#[test]
fn a_name_with_its_namespace_is_an_address() {
    check("ANY", "payments.pay", &["payments:8080"]);
    check(
        "ANY",
        "payments.pay.svc.cluster.local:8080",
        &["payments:8080"],
    );
    check("ANY", "payments.shop", &[]);
}

#[test]
fn a_bare_name_is_an_address_only_where_its_key_says_so() {
    for key in [
        "CART_HOST",
        "CART_ADDR",
        "CART_SERVICE",
        "cart.url",
        "--cart-addr",
        "HOST",
    ] {
        check(key, "cart", &["cart:7070!"]);
    }
    for key in ["", "CART", "MODE", "GHOST", "LOG_BACKENDS", "SERVICE"] {
        check(key, "cart", &[]);
    }
    check(
        "app.properties",
        "mode=redis\ncart.host=cart\n",
        &["cart:7070!"],
    );
    check("config.yaml", "store: redis\nhost: web\n", &["web:80"]);
    check("WEB_HOSTS", "nobody,web", &["web:80"]);
    check("", "/etc/cart/web.conf", &[]);
    check("", "admin@web", &[]);
    check("IMAGE", "registry/cart:7070", &[]);
}

#[test]
fn the_port_is_the_one_beside_it_or_the_only_one() {
    let known = Known::of(&model::resource::read("m.yaml", MANIFESTS).resources);
    let port = |port| {
        find("WEB_HOST", "web", port, "shop", &known)
            .first()
            .map(|a| a.port)
    };
    assert_eq!(port(Some(9000)), Some(9000));
    assert_eq!(port(None), Some(80));
    assert_eq!(port(Some(1)), Some(1), "which is said to be no port of it");
}

proptest! {
    #[test]
    fn no_text_makes_the_search_panic_or_run_on(key in ".{0,12}", text in ".{0,200}") {
        let known = Known::of(&model::resource::read("m.yaml", MANIFESTS).resources);
        let _ = find(&key, &text, None, "shop", &known);
    }

    #[test]
    fn an_address_is_found_between_any_words(before in "[a-z ]{0,20}", after in "[a-z ]{0,20}") {
        let known = Known::of(&model::resource::read("m.yaml", MANIFESTS).resources);
        let text = format!("{before} http://web:9000/x {after}");
        let found = find("", &text, None, "shop", &known);
        prop_assert_eq!(found.len(), 1);
        prop_assert_eq!(found[0].port, 9000);
    }
}
