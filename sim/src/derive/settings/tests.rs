use super::*;

fn shown(scope: &Scope) -> Vec<String> {
    scope
        .iter()
        .map(|s| format!("{} {}={}", s.place, s.key, s.value))
        .collect()
}

#[track_caller]
fn check_lines(text: &str, expected: &[&str]) {
    assert_eq!(
        shown(&lines(text, |i, _| (i + 1).to_string())),
        expected,
        "{text}"
    );
}

#[test]
fn files_are_read_line_by_line() {
    check_lines(
        "[backend]\nurl = http://web\n# docs = http://x\n; y = 1\n\nport=80",
        &["2 url=http://web", "6 port=80"],
    );
    check_lines(
        "a:\n  - host: web # mine\n    port: 80\n",
        &["1 a=", "2 host=web", "3 port=80"],
    );
    check_lines("{\n \"host\": \"web\",\n}", &["1 ={", "2 host=web", "3 =}"]);
    check_lines("proxy_pass http://web;", &["1 =proxy_pass http://web;"]);
    check_lines("http://web:80", &["1 =http://web:80"]);
    check_lines("u: http://a/?b=c", &["1 u=http://a/?b=c"]);
}

#[track_caller]
fn check_port(text: &str, host: usize, expected: Option<u16>) {
    let scope = lines(text, |i, _| i.to_string());
    assert_eq!(port_of(&scope, host), expected, "{text}");
}

#[test]
fn a_host_finds_its_port() {
    check_port("DB_HOST=db\nDB_PORT=5432", 0, Some(5432));
    check_port("DB_PORT=5432\nDB_HOST=db", 1, Some(5432));
    check_port("WEB_SERVICE_HOST=web\nWEB_SERVICE_PORT=80", 0, Some(80));
    check_port("db.host=db\ndb.port=5432", 0, Some(5432));
    check_port("dbHost: db\ndbPort: 5432", 0, Some(5432));
    check_port("address: web\nport_value: 80", 0, Some(80));
    check_port("host=a\nport=1\nhost=b\nport=2", 2, Some(2));
    check_port("a:\n  host: a\nport: 1", 1, None);
    check_port("[a]\nhost=a\n[b]\nport=1", 0, None);
    check_port("A_HOST=a\nB_PORT=1", 0, None);
    check_port("A_HOST=a\nA_PORT=http", 0, None);
    check_port("A_HOST=a\nA_PORT=0", 0, None);
}

#[test]
fn keys_say_whether_their_value_is_a_host() {
    let check = |key: &str, expected: bool| assert_eq!(names_host(key), expected, "{key}");
    for key in [
        "HOST",
        "DB_HOST",
        "db.host",
        "backendUrl",
        "--cart-addr",
        "CART_SERVICE",
    ] {
        check(key, true);
    }
    for key in [
        "",
        "SERVICE",
        "NAME",
        "SERVICE_NAME",
        "GHOST",
        "APP_MODE",
        "HOST_PATH",
    ] {
        check(key, false);
    }
}

#[test]
fn references_are_filled_in() {
    let known = BTreeMap::from([("A".to_owned(), "web".to_owned())]);
    let check = |text: &str, expected: &str| assert_eq!(expand(text, &known), expected);
    check("http://$(A):80", "http://web:80");
    check("${A}${A}", "webweb");
    check("$(B) $A $ $( ${", "$(B) $A $ $( ${");
    check("$$(A)é", "$webé");
}

#[test]
fn references_do_not_grow_without_bound() {
    let known = BTreeMap::from([("A".to_owned(), "x".repeat(EXPANDED_BYTES_MAX))]);
    assert!(expand(&"$(A)".repeat(100), &known).len() < 2 * EXPANDED_BYTES_MAX);
}

#[test]
fn some_keys_name_hosts_that_are_not_asked() {
    let setting = |key: &str| Setting::new(key, "web", String::new());
    for key in [
        "NO_PROXY",
        "no_proxy",
        "CORS_ORIGIN",
        "allowedHosts",
        "server_name",
        "DB_PASSWORD",
    ] {
        assert!(setting(key).is_not_called(), "{key}");
    }
    for key in ["OTEL_EXPORTER_OTLP_ENDPOINT", "jaeger.url", "STATSD_HOST"] {
        assert!(setting(key).is_telemetry(), "{key}");
    }
    for key in ["", "WEB_URL", "PROXY_URL", "HOTEL_HOST"] {
        let setting = setting(key);
        assert!(!setting.is_not_called() && !setting.is_telemetry(), "{key}");
    }
}

#[test]
fn whom_prometheus_watches_is_scraped() {
    let file = "scrape_configs:\n  - job_name: x\n    static_configs:\n      - targets: ['web:80']";
    assert!(lines(file, |i, _| i.to_string()).iter().all(|s| s.scraped));
}
