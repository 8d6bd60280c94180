//! `meshctl route split` on the files of a mesh that runs.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use super::harness::{Proxy, app, connect, get, service};
use crate::common::{Output, Place};

/// A mesh of one client whose Service `reviews` has two versions.
pub(super) struct Mesh {
    pub(super) place: Place,
    pub(super) proxy: Proxy,
    /// How many configurations the proxy was given.
    changes: usize,
}

pub(super) const ROUTE: &str = "\
# Who gets the reviews.
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: reviews, namespace: shop}
spec:
  parentRefs: [{group: '', kind: Service, name: reviews, port: 80}]
  rules:
    - backendRefs:
        - {name: reviews-v1, port: 80, weight: 100} # the old one
        - {name: reviews-v2, port: 80, weight: 0}
";

/// The route's proxy is asked for the reviews by some clients, over and over.
pub(super) struct Load {
    stop: Arc<AtomicBool>,
    clients: Vec<JoinHandle<()>>,
}

/// An HTTP/1.1 client that keeps its connection.
struct Client {
    write: TcpStream,
    read: BufReader<TcpStream>,
}

// === impl Mesh ===

impl Mesh {
    pub(super) fn new(v2: SocketAddr) -> Self {
        let place = Place::new();
        place.file("mesh/services.yaml", service("reviews", &[]));
        place.file("mesh/v1.yaml", service("reviews-v1", &[app("v1")]));
        place.file("mesh/v2.yaml", service("reviews-v2", &[v2]));
        place.file("mesh/route.yaml", ROUTE);
        let proxy = Proxy::start(&place, &[]);
        Self {
            place,
            proxy,
            changes: 0,
        }
    }

    /// Runs `meshctl route COMMAND` on the files, in place, and waits until the proxy knows.
    fn change(&mut self, command: &str) {
        let out = self.route(command);
        assert_eq!(out.code, 0, "{}", out.shown());
        self.changes += 1;
        let news = "the configuration is now ";
        self.proxy.wait_for_times(news, self.changes);
    }

    fn route(&self, command: &str) -> Output {
        let mut args = vec!["route"];
        args.extend(command.split(' '));
        args.extend(["-f", "mesh", "--in-place"]);
        self.place.run(&args)
    }

    /// How many of `n` requests the second version answers; the first answers the others.
    fn of_second(&self, n: usize) -> usize {
        let mut client = Client::connect(self.proxy.outbound);
        let answers: Vec<String> = (0..n).map(|_| client.get("reviews")).collect();
        let by = |name: &str| answers.iter().filter(|a| a.starts_with(name)).count();
        assert_eq!(by("v1 ") + by("v2 "), n, "{answers:?}");
        by("v2 ")
    }
}

// === impl Load ===

impl Load {
    pub(super) fn on(proxies: &[&Proxy]) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let clients = proxies.iter().map(|proxy| {
            let (at, stop) = (proxy.outbound, stop.clone());
            thread::spawn(move || {
                let mut client = Client::connect(at);
                while !stop.load(Ordering::Relaxed) {
                    client.get("reviews");
                    thread::sleep(std::time::Duration::from_millis(1));
                }
            })
        });
        let clients = clients.collect();
        Self { stop, clients }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for client in self.clients.drain(..) {
            // A client that failed has told why.
            let _ = client.join();
        }
    }
}

// === impl Client ===

impl Client {
    fn connect(at: SocketAddr) -> Self {
        let write = connect(at);
        write.set_nodelay(true).unwrap();
        let read = BufReader::new(write.try_clone().unwrap());
        Self { write, read }
    }

    /// The body of the answer.
    fn get(&mut self, host: &str) -> String {
        let request = format!("GET / HTTP/1.1\r\nhost: {host}\r\n\r\n");
        self.write.write_all(request.as_bytes()).unwrap();
        let mut length = 0;
        loop {
            let mut line = String::new();
            assert!(self.read.read_line(&mut line).unwrap() > 0, "it is closed");
            let line = line.trim().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(n) = line.strip_prefix("content-length:") {
                length = n.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        self.read.read_exact(&mut body).unwrap();
        String::from_utf8(body).unwrap()
    }
}

#[test]
fn a_split_of_the_files_is_a_split_of_the_requests() {
    const N: usize = 2000;
    let mut mesh = Mesh::new(app("v2"));
    assert_eq!(mesh.of_second(100), 0, "a weight of zero gets nothing");
    mesh.change("split reviews v1=90 v2=10");
    // Three standard deviations of a binomial distribution, 40 of 200. A right proxy fails once in
    // 370 times, and twice in a row never in practice.
    let sigma = (N as f64 * 0.1 * 0.9).sqrt();
    let mut seen = (0..2).map(|_| mesh.of_second(N));
    let is_right = |n: &usize| (*n as f64 - 0.1 * N as f64).abs() <= 3.0 * sigma;
    assert!(seen.any(|n| is_right(&n)), "twice in a row");
    mesh.change("split reviews v1=0 v2=1");
    assert_eq!(mesh.of_second(100), 100, "a weight of zero gets nothing");
}

#[test]
fn a_backend_that_is_removed_finishes_what_it_has() {
    let mut mesh = Mesh::new(app("v2"));
    mesh.change("split reviews v2=1");
    let at = mesh.proxy.outbound;
    let ask = move |i| thread::spawn(move || get(at, "reviews", &format!("/slow/{i}")));
    let slow: Vec<_> = (0..8).map(ask).collect();
    mesh.proxy.until_under_way(8);
    mesh.change("split reviews v1=1 --prune");
    assert!(!mesh.place.read("mesh/route.yaml").contains("reviews-v2"));
    std::fs::remove_file(mesh.place.path("mesh/v2.yaml")).unwrap();
    assert_eq!(mesh.of_second(20), 0);
    for (i, slow) in slow.into_iter().enumerate() {
        let answer = slow.join().unwrap();
        let expected = (200, format!("v2 GET /slow/{i}"));
        assert_eq!((answer.status, answer.body), expected);
    }
}
