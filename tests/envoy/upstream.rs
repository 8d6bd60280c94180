//! Upstreams on loopback that answer as they are told.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What one upstream does with a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Behaviour {
    pub(crate) status: u16,
    pub(crate) delay: Duration,
}

/// Upstreams and what they do; cheap to clone.
#[derive(Clone)]
pub(crate) struct Upstreams {
    addresses: Vec<SocketAddr>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    behaviour: BTreeMap<SocketAddr, Behaviour>,
    requests: BTreeMap<SocketAddr, usize>,
}

// === impl Upstreams ===

impl Upstreams {
    /// `n` upstreams that answer 200.
    pub(crate) fn start(n: usize) -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let mut addresses = Vec::new();
        for _ in 0..n {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            addresses.push(address);
            let state = state.clone();
            thread::spawn(move || {
                for stream in listener.incoming().map_while(Result::ok) {
                    let state = state.clone();
                    thread::spawn(move || serve(&stream, address, &state));
                }
            });
        }
        // The engine orders endpoints by address; so does every test.
        addresses.sort();
        Self { addresses, state }
    }

    pub(crate) fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    pub(crate) fn set(&self, upstream: usize, status: u16, delay: Duration) {
        let behaviour = Behaviour { status, delay };
        let address = self.addresses[upstream];
        self.state
            .lock()
            .unwrap()
            .behaviour
            .insert(address, behaviour);
    }

    /// What an upstream would answer.
    pub(crate) fn status(&self, address: SocketAddr) -> u16 {
        let state = self.state.lock().unwrap();
        state.behaviour.get(&address).map_or(200, |b| b.status)
    }

    /// Requests that reached all of them.
    pub(crate) fn requests(&self) -> usize {
        self.state.lock().unwrap().requests.values().sum()
    }
}

fn serve(stream: &TcpStream, me: SocketAddr, state: &Mutex<State>) {
    stream.set_nodelay(true).unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    loop {
        // Requests of the tests have no body: a head ends with an empty line.
        let mut line = String::new();
        let mut head = String::new();
        while reader.read_line(&mut line).is_ok_and(|n| n > 0) && line != "\r\n" {
            head.push_str(&line);
            line.clear();
        }
        if head.is_empty() {
            return;
        }
        let behaviour = {
            let mut state = state.lock().unwrap();
            *state.requests.entry(me).or_default() += 1;
            state.behaviour.get(&me).copied()
        };
        let Behaviour { status, delay } = behaviour.unwrap_or(Behaviour {
            status: 200,
            delay: Duration::ZERO,
        });
        thread::sleep(delay);
        let answer =
            format!("HTTP/1.1 {status} x\r\ncontent-length: 0\r\nx-upstream: {me}\r\n\r\n");
        if (&mut &*stream).write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}
