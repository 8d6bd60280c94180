//! What happens on a terminal: the program runs on a pseudo-terminal that `script` (util-linux)
//! gives it.

use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::json;

use super::prometheus::{Prometheus, version};
use super::shift::{note, target, weights};
use super::target::Target;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A program on a terminal.
struct Terminal {
    script: Child,
    screen: Arc<Mutex<Vec<u8>>>,
    /// How much of the screen was read.
    seen: usize,
}

impl Terminal {
    /// None where there is no `script`.
    fn run(command: &Command) -> Option<Self> {
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        let quoted = words.map(|word| format!("'{}'", word.to_str().unwrap()));
        // The shell of `script` has to make way: dash would die of Ctrl-C itself, and its status
        // would hide ours.
        let line = format!("exec {}", quoted.collect::<Vec<_>>().join(" "));
        let mut script = Command::new("script")
            .args(["-qefc", &line, "/dev/null"])
            .env("NO_COLOR", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .ok()?;
        let screen = Arc::new(Mutex::new(Vec::new()));
        let (mut out, shared) = (script.stdout.take().unwrap(), Arc::clone(&screen));
        std::thread::spawn(move || {
            let mut bytes = [0; 1024];
            while let Ok(n @ 1..) = out.read(&mut bytes) {
                shared.lock().unwrap().extend_from_slice(&bytes[..n]);
            }
        });
        Some(Self {
            script,
            screen,
            seen: 0,
        })
    }

    fn types(&mut self, keys: &str) {
        let stdin = self.script.stdin.as_mut().unwrap();
        stdin.write_all(keys.as_bytes()).unwrap();
        stdin.flush().unwrap();
    }

    /// Waits until something new on the screen says this.
    #[track_caller]
    fn shows(&mut self, words: &str) {
        let began = Instant::now();
        loop {
            let text = String::from_utf8_lossy(&self.screen.lock().unwrap()).into_owned();
            let new = text.get(self.seen..).unwrap_or_default();
            if let Some(at) = new.find(words) {
                self.seen += at + words.len();
                return;
            }
            assert!(began.elapsed() < PATIENCE, "`{words}` is not in: {text}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn exit(mut self) -> i32 {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            if let Some(status) = self.script.try_wait().unwrap() {
                return status.code().unwrap();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("it does not end");
    }
}

const QUESTION: &str = "return the traffic (r), keep it and resume later (k), or continue (c)?";

/// A shift whose first step lasts a minute, so that nothing but the keys ends it.
#[expect(clippy::print_stderr, reason = "whoever runs the tests has to know")]
fn shift(target: &Target, prometheus: &Prometheus, more: &[&str]) -> Option<Terminal> {
    let url = prometheus.url();
    let mut args = vec!["route", "shift", "reviews", "--prometheus", &url];
    args.extend(more);
    let terminal = Terminal::run(&target.command(&args));
    if terminal.is_none() {
        eprintln!("not tested: there is no `script` on this machine");
    }
    terminal
}

fn good() -> Prometheus {
    Prometheus::start(|query| version(query, 500.0, 1.0, 20.0))
}

#[test]
fn ctrl_c_on_a_terminal_asks_and_does_what_is_answered() {
    let (target, prometheus) = (target(), good());
    let Some(mut terminal) = shift(&target, &prometheus, &["--to", "v2"]) else {
        return;
    };
    terminal.shows("10% of the traffic to reviews-v2");
    terminal.types("\x03");
    terminal.shows(QUESTION);
    terminal.types("what?\n");
    terminal.shows(QUESTION);
    terminal.types("c\n");
    terminal.shows("10% wanted");
    terminal.types("\x03");
    terminal.shows(QUESTION);
    terminal.types("k\n");
    terminal.shows("reviews-v2 keeps 10% of the traffic");
    assert_eq!(terminal.exit(), 2);
    assert_eq!(weights(&target), [json!(90), json!(10)]);
    assert!(note(&target).is_some(), "it can be resumed");
    let mut terminal = shift(&target, &prometheus, &["--resume"]).unwrap();
    terminal.shows("resuming at 10%");
    terminal.types("\x03");
    terminal.shows(QUESTION);
    terminal.types("r\n");
    terminal.shows("reviews-v2 has 0% of the traffic again: it was asked for");
    assert_eq!(terminal.exit(), 1);
    assert_eq!(weights(&target), [json!(1), json!(0)]);
    assert_eq!(note(&target), None);
}

#[test]
fn a_second_ctrl_c_is_an_answer() {
    let (target, prometheus) = (target(), good());
    let Some(mut terminal) = shift(&target, &prometheus, &["--to", "v2"]) else {
        return;
    };
    terminal.shows("10% of the traffic to reviews-v2");
    terminal.types("\x03");
    terminal.shows(QUESTION);
    terminal.types("\x03");
    terminal.shows("has 0% of the traffic again");
    assert_eq!(terminal.exit(), 1);
    assert_eq!(weights(&target), [json!(1), json!(0)]);
}

#[test]
fn a_version_that_does_badly_is_not_left_alone_for_an_open_question() {
    let bad = Arc::new(Mutex::new(false));
    let is_bad = Arc::clone(&bad);
    let prometheus = Prometheus::start(move |query| {
        let success = if *is_bad.lock().unwrap() { 0.5 } else { 1.0 };
        version(query, 500.0, success, 20.0)
    });
    let target = target();
    let every = ["--to", "v2", "--every", "3s"];
    let Some(mut terminal) = shift(&target, &prometheus, &every) else {
        return;
    };
    terminal.shows("10% of the traffic to reviews-v2");
    terminal.types("\x03");
    terminal.shows(QUESTION);
    *bad.lock().unwrap() = true;
    terminal.shows("has 0% of the traffic again: success<99%");
    assert_eq!(terminal.exit(), 1);
    assert_eq!(weights(&target), [json!(1), json!(0)]);
}
