//! HAProxy, nginx and Envoy, each with one worker and the plainest configuration that does the same.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::contender::Shape;
use crate::mesh::{self, Certificate};
use crate::process::{self, PROXIES};
use crate::{Started, free};

fn write(directory: &Path, name: &str, text: &str) -> String {
    let file = directory.join(name);
    fs::write(&file, text).unwrap();
    file.to_str().unwrap().to_owned()
}

pub(crate) fn haproxy(shape: Shape, backend: SocketAddr, directory: &Path) -> Option<Started> {
    let program = program("haproxy")?;
    let start = |name: &str, bind: &str, server: &str| {
        let text = format!(
            "global\n  nbthread 1\n  maxconn 4096\ndefaults\n  mode http\n  timeout connect 5s\n  \
             timeout client 60s\n  timeout server 60s\nlisten proxy\n  bind {bind}\n  \
             server one {server}\n"
        );
        let file = write(directory, name, &text);
        process::start(PROXIES, &[&program, "-db", "-f", &file])
    };
    let at = free();
    if shape != Shape::Sidecars {
        let bind = if shape.clients_are_http2() {
            "proto h2"
        } else {
            ""
        };
        let server = if shape.backend_is_http2() {
            "proto h2"
        } else {
            ""
        };
        let bind = format!("{at} {bind}");
        let server = format!("{backend} {server}");
        return Some((at, vec![start("haproxy.cfg", &bind, &server)]));
    }
    let between = free();
    let [web, api] = mesh::certificates(directory).map(|own| {
        let both = [&own.certificate, &own.key].map(|file| fs::read_to_string(file).unwrap());
        let both = write(
            directory,
            &format!("haproxy-{}.pem", own.name),
            &both.concat(),
        );
        format!(
            "ssl crt {both} ca-file {} alpn h2 verify required",
            own.bundle.display()
        )
    });
    // HTTP/2 has no reason phrases; h2load takes no status without one.
    let reason = "http-response set-status 200 reason OK";
    let to = format!("{between} {web}\n  {reason}");
    let client = start("client.cfg", &at.to_string(), &to);
    let bind = format!("{between} {api}");
    let server = start("server.cfg", &bind, &backend.to_string());
    process::wait_for(between);
    Some((at, vec![client, server]))
}

pub(crate) fn nginx(shape: Shape, backend: SocketAddr, directory: &Path) -> Option<Started> {
    let program = program("nginx")?;
    let at = free();
    let http2 = if shape.clients_are_http2() {
        "http2"
    } else {
        ""
    };
    let here = directory.display();
    let text = format!(
        "daemon off; worker_processes 1; pid {here}/nginx.pid; error_log {here}/nginx.log;\n\
         events {{ worker_connections 4096; }}\n\
         http {{ access_log off; keepalive_requests 1000000000; client_body_temp_path {here}/b;\n\
         proxy_temp_path {here}/p; fastcgi_temp_path {here}/f; uwsgi_temp_path {here}/u;\n\
         scgi_temp_path {here}/s;\n\
         upstream one {{ server {backend}; keepalive 256; keepalive_requests 1000000000; }}\n\
         server {{ listen {at} {http2}; location / {{ proxy_pass http://one;\n\
         proxy_http_version 1.1; proxy_set_header Connection \"\"; }} }} }}\n"
    );
    let file = write(directory, "nginx.conf", &text);
    Some((at, vec![process::start(PROXIES, &[&program, "-c", &file])]))
}

pub(crate) fn envoy(shape: Shape, backend: SocketAddr, directory: &Path) -> Option<Started> {
    let program = match std::env::var("MESHCTL_TEST_ENVOY") {
        Ok(program) => program,
        Err(_) => program("envoy")?,
    };
    let start = |name: &str, listener: Value, cluster: Value| {
        let text = json!({"static_resources": {"listeners": [listener], "clusters": [cluster]}});
        let file = write(directory, name, &text.to_string());
        let args = [&program, "--concurrency", "1", "-l", "error"];
        let more = ["--use-dynamic-base-id", "-c", &file];
        process::start(PROXIES, &[&args[..], &more].concat())
    };
    let at = free();
    if shape != Shape::Sidecars {
        let cluster = cluster(backend, shape.backend_is_http2(), None);
        return Some((at, vec![start("envoy.json", listener(at, None), cluster)]));
    }
    let between = free();
    let [web, api] = mesh::certificates(directory);
    let cluster_out = cluster(between, true, Some(transport(&web, "Upstream")));
    let client = start("envoy-client.json", listener(at, None), cluster_out);
    let inbound = listener(between, Some(transport(&api, "Downstream")));
    let server = start("envoy-server.json", inbound, cluster(backend, false, None));
    process::wait_for(between);
    Some((at, vec![client, server]))
}

fn listener(at: SocketAddr, transport: Option<Value>) -> Value {
    let manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network\
                  .http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "proxy",
        "route_config": {"name": "r", "virtual_hosts": [{"name": "v", "domains": ["*"],
            "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "one"}}]}]},
        "http_filters": [{"name": "envoy.filters.http.router", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
        }}],
    });
    let name = "envoy.filters.network.http_connection_manager";
    let mut chain = json!({"filters": [{"name": name, "typed_config": manager}]});
    if let Some(transport) = transport {
        chain["transport_socket"] = transport;
    }
    json!({"address": address(at), "filter_chains": [chain]})
}

fn cluster(to: SocketAddr, http2: bool, transport: Option<Value>) -> Value {
    let endpoint = json!({"endpoint": {"address": address(to)}});
    let mut cluster = json!({
        "name": "one",
        "type": "STATIC",
        "connect_timeout": "5s",
        "load_assignment": {"cluster_name": "one",
            "endpoints": [{"lb_endpoints": [endpoint]}]},
    });
    if http2 {
        let key = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
        cluster["typed_extension_protocol_options"] = json!({key: {
            "@type": format!("type.googleapis.com/{key}"),
            "explicit_http_config": {"http2_protocol_options": {}},
        }});
    }
    if let Some(transport) = transport {
        cluster["transport_socket"] = transport;
    }
    cluster
}

fn transport(own: &Certificate, side: &str) -> Value {
    let file = |file: &PathBuf| json!({"filename": file});
    let kind = format!("envoy.extensions.transport_sockets.tls.v3.{side}TlsContext");
    let mut context = json!({
        "@type": format!("type.googleapis.com/{kind}"),
        "common_tls_context": {
            "tls_params": {"tls_minimum_protocol_version": "TLSv1_3"},
            "alpn_protocols": ["h2"],
            "tls_certificates": [{
                "certificate_chain": file(&own.certificate),
                "private_key": file(&own.key),
            }],
            "validation_context": {"trusted_ca": file(&own.bundle)},
        },
    });
    if side == "Downstream" {
        context["require_client_certificate"] = json!(true);
    }
    json!({"name": "envoy.transport_sockets.tls", "typed_config": context})
}

fn address(of: SocketAddr) -> Value {
    json!({"socket_address": {"address": of.ip().to_string(), "port_value": of.port()}})
}

fn program(name: &str) -> Option<String> {
    Some(process::find(name)?.to_str()?.to_owned())
}
