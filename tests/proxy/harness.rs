//! A proxy, applications and clients on loopback, each on a port that the kernel chose.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::common::Place;

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running `meshctl proxy`; killed when dropped.
pub(crate) struct Proxy {
    child: Child,
    news: Arc<Mutex<String>>,
    pub(crate) outbound: SocketAddr,
    pub(super) inbound: Option<SocketAddr>,
    /// Of a gateway, by the port that the Gateway declares.
    pub(super) ports: BTreeMap<u16, SocketAddr>,
    pub(super) health: SocketAddr,
    pub(super) admin: SocketAddr,
}

/// What a server answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: String,
}

// === impl Proxy ===

impl Proxy {
    /// The proxy of `shop/web` with the manifests in `mesh`.
    pub(super) fn start(place: &Place, more: &[&str]) -> Self {
        Self::of(place, "shop/web", &[&["--inbound", "none"], more].concat())
    }

    pub(super) fn of(place: &Place, workload: &str, more: &[&str]) -> Self {
        let mut args = vec!["--workload", workload, "-f", "mesh"];
        for flag in ["--outbound", "--health", "--admin"] {
            if !more.contains(&flag) {
                args.extend([flag, "127.0.0.1:0"]);
            }
        }
        args.extend(more);
        Self::run(place, &args)
    }

    /// The proxy of the Gateway `infra/edge`, whose ports are bound on loopback.
    pub(super) fn gateway(place: &Place, ports: &[u16], more: &[&str]) -> Self {
        let listen: Vec<String> = ports.iter().map(|p| format!("{p}=127.0.0.1:0")).collect();
        let listen = listen.join(",");
        let args = ["--role", "gateway", "--gateway", "infra/edge", "-f", "mesh"];
        let own = [
            "--listen",
            &listen,
            "--health",
            "127.0.0.1:0",
            "--admin",
            "127.0.0.1:0",
        ];
        Self::run(place, &[&args[..], &own, more].concat())
    }

    fn run(place: &Place, args: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_meshctl"))
            .arg("proxy")
            .args(args)
            .current_dir(place.path(""))
            .env("COLUMNS", "100")
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let news = gather(child.stderr.take().unwrap());
        let nobody = ([0, 0, 0, 0], 0).into();
        let mut proxy = Self {
            child,
            news,
            outbound: nobody,
            inbound: None,
            ports: BTreeMap::new(),
            health: nobody,
            admin: nobody,
        };
        let news = proxy.wait_for("info: serving: ");
        let line = news.lines().find(|l| l.contains("serving: ")).unwrap();
        let (_, line) = line.split_once("serving: ").unwrap();
        for side in line.split(", ") {
            let (name, addresses) = side.split_once(' ').unwrap();
            if let Some((port, at)) = addresses.split_once(" at ") {
                proxy
                    .ports
                    .insert(port.parse().unwrap(), at.parse().unwrap());
                continue;
            }
            let first = addresses.split(' ').next().unwrap().parse().unwrap();
            match name {
                "outbound" => proxy.outbound = first,
                "inbound" => proxy.inbound = Some(first),
                "health" => proxy.health = first,
                _ => proxy.admin = first,
            }
        }
        proxy
    }

    /// Everything told so far.
    pub(super) fn news(&self) -> String {
        self.news.lock().unwrap().clone()
    }

    /// Waits until `text` was told; everything told by then.
    pub(super) fn wait_for(&self, text: &str) -> String {
        self.wait_for_times(text, 1)
    }

    pub(super) fn wait_for_times(&self, text: &str, times: usize) -> String {
        wait_in(&self.news, text, times)
    }

    /// Sends a signal by its name.
    pub(super) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(sent.unwrap().success());
    }

    /// Waits for the end; the exit code.
    pub(super) fn ends(&mut self) -> Option<i32> {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < until, "it does not end: {}", self.news());
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// A request for `host` through the outbound listener, as an application sends it.
    pub(super) fn get(&self, host: &str, path: &str) -> Answer {
        get(self.outbound, host, path)
    }

    /// Waits until it counts that many requests under way.
    pub(super) fn until_under_way(&self, requests: u32) {
        let until = Instant::now() + PATIENCE;
        let is_there = |page: &str| {
            page.lines()
                .filter(|line| line.starts_with("meshctl_service_requests_in_flight{"))
                .any(|line| line.ends_with(&format!(" {requests}")))
        };
        loop {
            let page = get(self.health, "h", "/metrics").body;
            if is_there(&page) {
                return;
            }
            assert!(
                Instant::now() < until,
                "{requests} are not under way: {page}"
            );
            thread::sleep(Duration::from_millis(5));
        }
    }

    pub(super) fn ask_admin(&self, method: &str, path: &str, body: &str) -> Answer {
        ask(self.admin, method, "127.0.0.1", path, body)
    }
}

/// Reads lines as they come.
fn gather(from: impl std::io::Read + Send + 'static) -> Arc<Mutex<String>> {
    let all = Arc::new(Mutex::new(String::new()));
    let sink = all.clone();
    thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            writeln!(sink.lock().unwrap(), "{line}").unwrap();
        }
    });
    all
}

fn wait_in(all: &Mutex<String>, text: &str, times: usize) -> String {
    let until = Instant::now() + PATIENCE;
    loop {
        let seen = all.lock().unwrap().clone();
        if seen.matches(text).count() >= times {
            return seen;
        }
        assert!(Instant::now() < until, "`{text}` never came, but: {seen}");
        thread::sleep(Duration::from_millis(5));
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

// === clients ===

pub(super) fn get(at: SocketAddr, host: &str, path: &str) -> Answer {
    ask(at, "GET", host, path, "")
}

pub(super) fn ask(at: SocketAddr, method: &str, host: &str, path: &str, body: &str) -> Answer {
    let length = body.len();
    exchange(
        at,
        &format!(
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\
             content-length: {length}\r\n\r\n{body}"
        ),
    )
}

/// Sends bytes and reads the answer to its end.
pub(super) fn exchange(at: SocketAddr, request: &str) -> Answer {
    let mut stream = connect(at);
    // A connection that is refused may be reset before the request is written, or after the answer:
    // what was read by then is the answer, and its status is 0 where nothing was.
    let _ = stream.write_all(request.as_bytes());
    let mut text = Vec::new();
    let _ = stream.read_to_end(&mut text);
    Answer::read(&String::from_utf8_lossy(&text))
}

pub(super) fn connect(at: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(at).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

impl Answer {
    fn read(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
        Self {
            status: status.unwrap_or(0),
            head: head.to_ascii_lowercase(),
            body: body.to_owned(),
        }
    }
}

/// A port that nobody listens on.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.local_addr().unwrap().port()
}

// === applications ===

/// An HTTP/1.1 application that answers `NAME METHOD PATH`; a path that begins with `/slow` half a
/// second later, one that begins with `/fail` with 503.
pub(super) fn app(name: &str) -> SocketAddr {
    app_that(name, false)
}

/// One that answers everything with 503.
pub(super) fn failing_app(name: &str) -> SocketAddr {
    app_that(name, true)
}

fn app_that(name: &str, fails: bool) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let at = listener.local_addr().unwrap();
    let name = name.to_owned();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let name = name.clone();
            thread::spawn(move || serve(&name, fails, stream));
        }
    });
    at
}

fn serve(name: &str, fails: bool, stream: TcpStream) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut write = stream.try_clone().ok()?;
    let mut read = BufReader::new(stream);
    loop {
        let mut first = String::new();
        read.read_line(&mut first).ok().filter(|n| *n > 0)?;
        let mut length = 0;
        let mut proven = String::new();
        loop {
            let mut line = String::new();
            read.read_line(&mut line).ok()?;
            let line = line.trim().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(n) = line.strip_prefix("content-length:") {
                length = n.trim().parse().ok()?;
            }
            if let Some(cert) = line.strip_prefix("x-forwarded-client-cert:") {
                proven = format!(" for {}", cert.trim());
            }
        }
        let mut body = vec![0; length];
        read.read_exact(&mut body).ok()?;
        let mut parts = first.split(' ');
        let (method, path) = (parts.next()?, parts.next()?);
        if path.starts_with("/slow") {
            thread::sleep(Duration::from_millis(500));
        }
        let status = match fails || path.starts_with("/fail") {
            true => "503 Service Unavailable",
            false => "200 OK",
        };
        let text = format!("{name} {method} {path}{proven}");
        let answer = format!(
            "HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{text}",
            text.len()
        );
        write.write_all(answer.as_bytes()).ok()?;
    }
}

/// An HTTP/1.1 application that answers with the head it got.
pub(super) fn listening() -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let at = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || hear(stream));
        }
    });
    at
}

fn hear(stream: TcpStream) -> Option<()> {
    let mut write = stream.try_clone().ok()?;
    let mut read = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        read.read_line(&mut head).ok().filter(|n| *n > 0)?;
    }
    let length = head.len();
    let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{head}");
    write.write_all(answer.as_bytes()).ok()
}

// === manifests ===

/// A Service `shop/NAME` on port 80 with these endpoints, as a Service and slices.
pub(super) fn service(name: &str, endpoints: &[SocketAddr]) -> String {
    let mut text = format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: shop}}\n\
         spec: {{ports: [{{name: http, port: 80}}]}}\n"
    );
    for endpoint in endpoints {
        let (ip, port) = (endpoint.ip(), endpoint.port());
        write!(
            text,
            "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n\
             metadata: {{name: {name}-{port}, namespace: shop, \
             labels: {{kubernetes.io/service-name: {name}}}}}\n\
             addressType: IPv4\nports: [{{name: http, port: {port}}}]\n\
             endpoints: [{{addresses: [{ip}]}}]\n"
        )
        .unwrap();
    }
    text
}
