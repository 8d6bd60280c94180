//! Where the screen gets its frames.

use std::fs::File;
use std::io::{BufWriter, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::mesh::Mesh;
use super::{Case, From};

pub(crate) struct Source {
    place: Place,
    /// Of the largest frame.
    bytes: Arc<AtomicUsize>,
}

enum Place {
    Proxies(Vec<SocketAddr>),
    Recording(PathBuf),
}

// === impl Source ===

impl Source {
    pub(crate) fn start(case: &Case) -> Self {
        let bytes = Arc::new(AtomicUsize::new(0));
        let mut meshes = case.meshes();
        let place = match case.from {
            From::Recording => Place::Recording(recording(meshes.next().unwrap(), case, &bytes)),
            From::Proxy => {
                let apart = interval(case) / u32::try_from(case.proxies).unwrap();
                let late = (0u32..).map(|i| apart * i);
                let start = |(mesh, late)| proxy(mesh, case, late, bytes.clone());
                Place::Proxies(meshes.zip(late).map(start).collect())
            }
        };
        Self { place, bytes }
    }

    /// What looks at it.
    pub(crate) fn command(&self) -> String {
        let program = env!("CARGO_BIN_EXE_meshctl");
        match &self.place {
            Place::Proxies(all) => {
                let all: Vec<String> = all.iter().map(ToString::to_string).collect();
                format!("{program} top {}", all.join(" "))
            }
            Place::Recording(path) => format!("{program} top --replay {}", path.display()),
        }
    }

    pub(crate) fn frame_bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        if let Place::Recording(path) = &self.place {
            let _ = std::fs::remove_file(path);
        }
    }
}

fn recording(mut mesh: Mesh, case: &Case, bytes: &AtomicUsize) -> PathBuf {
    let name = format!("meshctl-bench-{}.jsonl", std::process::id());
    let path = std::env::temp_dir().join(name);
    let mut out = BufWriter::new(File::create(&path).unwrap());
    for _ in 0..case.seconds() * case.frames {
        mesh.serve(case.requests_per_frame(), interval(case));
        let line = serde_json::to_vec(&mesh.since()).unwrap();
        bytes.fetch_max(line.len(), Ordering::Relaxed);
        out.write_all(&line).unwrap();
        out.write_all(b"\n").unwrap();
    }
    out.flush().unwrap();
    path
}

fn interval(case: &Case) -> Duration {
    Duration::from_secs(1) / u32::try_from(case.frames).unwrap()
}

/// An admin endpoint whose frames come so much later than those of the first.
fn proxy(mesh: Mesh, case: &Case, late: Duration, bytes: Arc<AtomicUsize>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    let (every, requests) = (interval(case), case.requests_per_frame());
    thread::spawn(move || {
        let mut mesh = Some(mesh);
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = [0; 4096];
            let n = stream.read(&mut head).unwrap();
            match mesh.take() {
                // The first line of the request: others ask for faults.
                Some(mesh) if head[..n].starts_with(b"GET /frames") => {
                    let bytes = bytes.clone();
                    thread::spawn(move || {
                        thread::sleep(late);
                        frames(stream, mesh, every, requests, &bytes);
                    });
                }
                kept => {
                    mesh = kept;
                    let none = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n";
                    stream.write_all(none).unwrap();
                }
            }
        }
    });
    at
}

/// Until the screen is gone.
fn frames(
    mut stream: TcpStream,
    mut mesh: Mesh,
    every: Duration,
    requests: usize,
    bytes: &AtomicUsize,
) {
    let head = b"HTTP/1.1 200 OK\r\ncontent-type: application/jsonl\r\nconnection: close\r\n\r\n";
    stream.write_all(head).unwrap();
    let mut due = Instant::now();
    loop {
        mesh.serve(requests, every);
        let mut line = serde_json::to_vec(&mesh.cumulative()).unwrap();
        line.push(b'\n');
        bytes.fetch_max(line.len(), Ordering::Relaxed);
        if stream.write_all(&line).is_err() {
            return;
        }
        due += every;
        thread::sleep(due.saturating_duration_since(Instant::now()));
    }
}
