//! The live screen in a real terminal: tmux gives one, presses its keys and reads its picture.

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::common::repository;

/// How long a picture may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A tmux server of its own with one window; killed when dropped.
struct Terminal {
    server: String,
}

impl Terminal {
    /// A shell in a terminal of that size.
    fn new(name: &str, width: u16, height: u16) -> Self {
        let server = format!("meshctl-{name}-{}", std::process::id());
        let terminal = Self { server };
        let (width, height) = (width.to_string(), height.to_string());
        let size = ["-x", &width, "-y", &height];
        let new = ["-f", "/dev/null", "new-session", "-d", "-s", "t"];
        terminal.tmux(&[&new[..], &size, &["env", "PS1=$ ", "sh"]].concat());
        terminal
    }

    fn tmux(&self, args: &[&str]) -> String {
        let out = Command::new("tmux")
            .args(["-L", &self.server])
            .args(args)
            .output();
        let out = out.expect("tmux is there: apt-get install tmux");
        assert!(
            out.status.success(),
            "tmux {args:?}: {}",
            String::from_utf8_lossy(&out.stderr)
        );
        String::from_utf8_lossy(&out.stdout).into_owned()
    }

    fn keys(&self, keys: &[&str]) {
        self.tmux(&[&["send-keys", "-t", "t"], keys].concat());
    }

    /// Types a command line.
    fn run(&self, line: &str) {
        self.tmux(&["send-keys", "-t", "t", "-l", line]);
        self.keys(&["Enter"]);
    }

    fn picture(&self) -> String {
        self.tmux(&["capture-pane", "-p", "-t", "t"])
    }

    /// Waits for a picture with all of these words.
    #[track_caller]
    fn wait(&self, words: &[&str]) -> String {
        self.wait_for(&format!("{words:?}"), |text| {
            words.iter().all(|w| text.contains(w))
        })
    }

    #[track_caller]
    fn wait_for(&self, what: &str, is_there: impl Fn(&str) -> bool) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            let picture = self.picture();
            if is_there(&picture) {
                return picture;
            }
            assert!(Instant::now() < until, "{what} never came:\n{picture}");
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// The process that the shell runs.
    fn program(&self) -> String {
        let shell = self.tmux(&["list-panes", "-t", "t", "-F", "#{pane_pid}"]);
        let found = Command::new("pgrep")
            .args(["-P", shell.trim(), "meshctl"])
            .output()
            .unwrap();
        String::from_utf8(found.stdout).unwrap().trim().to_owned()
    }

    fn resize(&self, width: u16, height: u16) {
        let (width, height) = (width.to_string(), height.to_string());
        self.tmux(&["resize-window", "-t", "t", "-x", &width, "-y", &height]);
    }

    /// The shell is back, the alternate screen is gone, keys are echoed and lines are edited.
    #[track_caller]
    fn is_clean(&self, marker: &str) {
        self.run(&format!(
            "stty -a | grep -o -w -e '-*echo' -e '-*icanon' ; echo {marker}-$?"
        ));
        let text = self.wait(&[&format!("{marker}-0"), "$ "]);
        let since = text.rsplit_once("stty").unwrap().1;
        assert!(
            since.contains("\necho\n") || since.contains("\nicanon\n"),
            "{text}"
        );
        assert!(
            !since.contains("-echo") && !since.contains("-icanon"),
            "{text}"
        );
        let alternate = self.tmux(&["display-message", "-p", "-t", "t", "#{alternate_on}"]);
        assert_eq!(alternate.trim(), "0", "the alternate screen is left");
        let mouse = self.tmux(&["display-message", "-p", "-t", "t", "#{mouse_any_flag}"]);
        assert_eq!(mouse.trim(), "0", "the mouse is given back");
        let cursor = self.tmux(&["display-message", "-p", "-t", "t", "#{cursor_flag}"]);
        assert_eq!(cursor.trim(), "1", "the cursor is back");
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = Command::new("tmux")
            .args(["-L", &self.server, "kill-server"])
            .status();
    }
}

/// Whether the process was there to get the signal.
fn signalled(process: &str, signal: &str) -> bool {
    let kill = Command::new("kill").args(["-s", signal, process]).output();
    kill.unwrap().status.success()
}

fn meshctl(args: &str) -> String {
    format!("{} {args}", env!("CARGO_BIN_EXE_meshctl"))
}

/// A `meshctl demo`; killed when dropped.
struct Demo(std::process::Child);

impl Demo {
    fn start(admin: &str) -> Self {
        let mut demo = Command::new(env!("CARGO_BIN_EXE_meshctl"));
        let demo = demo.args(["demo", "--quiet", "--admin", admin]).spawn();
        Self(demo.unwrap())
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
#[ignore = "needs tmux"]
fn a_breaker_of_the_demo_trips_and_closes_and_the_source_dies() {
    let admin = "127.0.0.1:14990";
    let demo = Demo::start(admin);
    let terminal = Terminal::new("demo", 120, 40);
    terminal.run(&meshctl(&format!("top {admin}")));
    // A newcomer sees a living mesh.
    terminal.wait(&[
        "13 proxies",
        "5 services",
        "shop/catalog:80",
        "breakers closed",
        "live",
    ]);
    // Requests can be looked at beside, from both of their ends.
    let tap = [
        "tap", "cart", "--side", "outbound", "--count", "3", "-o", "json", "--proxy", admin,
    ];
    let tap = Command::new(env!("CARGO_BIN_EXE_meshctl"))
        .args(tap)
        .output();
    let tapped = String::from_utf8(tap.unwrap().stdout).unwrap();
    assert_eq!(tapped.lines().count(), 3, "{tapped}");
    assert!(
        tapped.lines().all(|l| l.contains("\"mtls\":true")),
        "{tapped}"
    );
    // Trip a breaker, and see which endpoint it is, why and until when.
    terminal.wait(&["f faults"]);
    terminal.keys(&["f"]);
    terminal.wait(&["1  off  catalog-0 answers 503"]);
    terminal.keys(&["1"]);
    terminal.wait(&["fault-began", "breaker-opened", "1 open"]);
    terminal.keys(&["/", "c", "a", "t", "a", "Enter"]);
    terminal.wait_for("only the catalogue", |t| !t.contains("shop/web:80"));
    terminal.keys(&["Enter"]);
    terminal.wait(&["services › shop/catalog:80", "SEEN%"]);
    terminal.keys(&["Down", "Enter"]);
    terminal.wait(&["endpoints of shop/catalog:80", "shop/catalog-0", "open"]);
    terminal.keys(&["s", "Escape"]);
    terminal.wait(&["shop/web:80"]);
    terminal.keys(&["1"]);
    terminal.wait(&["SERVICE▾"]);
    // As small as it gets, and back.
    terminal.resize(40, 10);
    terminal.wait_for("a small picture", |t| {
        t.contains("catalog") && t.contains("? help") && t.lines().all(|l| l.chars().count() <= 40)
    });
    terminal.resize(120, 40);
    // It probes, and closes when there is no fault any more.
    terminal.wait(&["breaker-half-opened"]);
    terminal.wait(&["f faults"]);
    terminal.keys(&["f"]);
    terminal.wait(&["1  on   catalog-0 answers 503"]);
    terminal.keys(&["1"]);
    terminal.wait(&["fault-ended", "breaker-closed", "breakers closed"]);
    drop(demo);
    terminal.wait(&["1 of 1 sources lost", "~ shop/catalog:80"]);
    terminal.keys(&["q"]);
    terminal.wait_for("the shell", |t| t.trim_end().ends_with('$'));
    terminal.is_clean("quit");
}

#[test]
#[ignore = "needs tmux"]
fn a_simulation_is_watched_from_trip_to_close() {
    let terminal = Terminal::new("watch", 120, 40);
    let scenario = repository("tests/data/top/breaker.yaml")
        .display()
        .to_string();
    let args = "--watch --duration 60s --set 'events[0].for=6s'";
    terminal.run(&meshctl(&format!("simulate {scenario} {args}")));
    terminal.wait(&[
        "meshctl top",
        "evening-in-the-shop",
        "pay/fraud:80",
        "shop/cart",
    ]);
    // On to the fault, and to the breaker that it opens.
    terminal.keys(&["p"]);
    terminal.wait(&["paused"]);
    terminal.keys(&["N"]);
    terminal.wait(&["fault-began", "paused"]);
    terminal.keys(&["N"]);
    terminal.wait(&["1 open", "breaker-opened", "paused"]);
    let before = terminal.picture();
    terminal.keys(&["n"]);
    terminal.wait_for("the next second", |t| t.contains("paused") && t != before);
    terminal.keys(&["c"]);
    terminal.wait(&["CALLER / CALLED", "└ ", "mutual"]);
    terminal.keys(&["s"]);
    // It probes, and closes in the end.
    terminal.keys(&["p", "+", "+", "+", "+"]);
    terminal.wait(&["breaker-half-opened", "breaker-closed"]);
    terminal.wait_for("the end", |t| {
        t.lines().next().is_some_and(|line| line.contains("ended"))
    });
    terminal.keys(&["q"]);
    terminal.wait_for("the report", |t| {
        t.contains("evening-in-the-shop: not tested") && t.trim_end().ends_with('$')
    });
    terminal.is_clean("quit");
}

#[test]
#[ignore = "needs tmux"]
fn a_recording_is_played_and_the_terminal_survives_a_signal() {
    let terminal = Terminal::new("replay", 80, 24);
    let run = repository("tests/data/top/breaker.jsonl")
        .display()
        .to_string();
    terminal.run(&meshctl(&format!("top --replay {run} --speed inf")));
    terminal.wait(&["meshctl top", "ended", "pay/fraud:80"]);
    assert!(signalled(&terminal.program(), "TERM"));
    terminal.wait_for("the shell", |t| t.trim_end().ends_with('$'));
    terminal.is_clean("killed");
}

#[test]
#[ignore = "needs tmux"]
fn a_terminal_that_is_closed_ends_the_program() {
    let terminal = Terminal::new("closed", 80, 24);
    let scenario = repository("tests/data/top/breaker.yaml")
        .display()
        .to_string();
    terminal.run(&meshctl(&format!("simulate {scenario} --watch")));
    terminal.wait(&["meshctl top", "live"]);
    let program = terminal.program();
    assert!(signalled(&program, "0"));
    drop(terminal);
    let until = Instant::now() + PATIENCE;
    while signalled(&program, "0") {
        assert!(Instant::now() < until, "it runs on without a terminal");
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
#[ignore = "needs tmux"]
fn a_proxy_that_is_not_there_is_said_to_be_lost() {
    let terminal = Terminal::new("lost", 100, 24);
    terminal.run(&meshctl("top 127.0.0.1:1"));
    terminal.wait(&["1 of 1 sources lost", "cannot connect to 127.0.0.1:1"]);
    terminal.keys(&["C-c"]);
    terminal.wait_for("the shell", |t| t.trim_end().ends_with('$'));
    terminal.is_clean("left");
}
