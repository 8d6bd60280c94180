//! Applications on loopback that behave as those of the scenario: the same draw of service times
//! and errors, the same events, in real time.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use engine::entropy::Entropy;
use engine::time::Instant;
use sim::app::AppSpec;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time;

use super::log::Pod;
use super::scenario::Truth;

/// The header that numbers requests.
pub(super) const NUMBER: &str = "x-number";

/// The header in which an application says how long it meant to take.
pub(super) const TAKES: &str = "x-takes-ns";

/// The longest head of a request.
const HEAD_MAX: usize = 16 << 10;

/// When requests reached which pod: number, pod, time since the start.
pub(super) type Arrivals = Arc<Mutex<Vec<(usize, Pod, Duration)>>>;

/// Everything that applications of one run share.
pub(super) struct World {
    pub(super) truth: Truth,
    pub(super) start: time::Instant,
    pub(super) arrivals: Arrivals,
    pub(super) seed: u64,
}

/// One pod's application.
struct App {
    world: Arc<World>,
    spec: AppSpec,
    pod: Pod,
    apart: bool,
    rng: Mutex<Entropy>,
}

/// Starts an application apart on a port that the kernel chooses: one that no event reaches and
/// whose requests nobody counts.
pub(super) async fn apart(world: &Arc<World>, spec: &AppSpec, name: &str) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let at = listener.local_addr().unwrap();
    spawn(world, spec, (name.to_owned(), 0), true, listener);
    at
}

/// Starts the application of a pod.
pub(super) fn serve(world: &Arc<World>, spec: &AppSpec, pod: Pod, listener: TcpListener) {
    spawn(world, spec, pod, false, listener);
}

fn spawn(world: &Arc<World>, spec: &AppSpec, pod: Pod, apart: bool, listener: TcpListener) {
    let owner = format!("{} {} {apart}", pod.0, pod.1);
    let app = Arc::new(App {
        world: Arc::clone(world),
        spec: spec.clone(),
        pod,
        apart,
        rng: Mutex::new(Entropy::keyed(world.seed, &owner, "app")),
    });
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let app = Arc::clone(&app);
            tokio::spawn(async move { drop(app.connection(stream).await) });
        }
    });
}

// === impl App ===

impl App {
    /// Requests without bodies, one after the other.
    async fn connection(&self, mut stream: TcpStream) -> std::io::Result<()> {
        stream.set_nodelay(true)?;
        let mut head = Vec::new();
        loop {
            while !head.ends_with(b"\r\n\r\n") {
                let n = stream.read_buf(&mut head).await?;
                if n == 0 || head.len() > HEAD_MAX {
                    return Ok(());
                }
            }
            let began = time::Instant::now();
            let at = began.saturating_duration_since(self.world.start);
            self.arrived(&String::from_utf8_lossy(&head), at);
            head.clear();
            let draw = {
                let (name, index) = &self.pod;
                let behaviour = match self.apart {
                    true => Default::default(),
                    false => self.world.truth.behaviour(name, *index, at),
                };
                let now = Instant::ZERO + at;
                self.spec
                    .draw(&behaviour, now, &mut self.rng.lock().unwrap())
            };
            time::sleep_until(began + draw.takes).await;
            let status = draw.error.map_or(200, |status| status.as_u16());
            let answer = format!(
                "HTTP/1.1 {status} x\r\ncontent-length: 2\r\n{TAKES}: {}\r\n\r\nok",
                draw.takes.as_nanos()
            );
            stream.write_all(answer.as_bytes()).await?;
        }
    }

    fn arrived(&self, head: &str, at: Duration) {
        let number = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            let mine = name.eq_ignore_ascii_case(NUMBER);
            mine.then(|| value.trim().parse::<usize>().ok())?
        });
        if let (Some(number), false) = (number, self.apart) {
            let mut all = self.world.arrivals.lock().unwrap();
            all.push((number, self.pod.clone(), at));
        }
    }
}
