//! The commands of docs/proxy.md and docs/gateway.md, in their order, in one shell.

use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use crate::common::{Place, repository};

/// The pages use the same ports.
static PORTS: Mutex<()> = Mutex::new(());

/// Runs the commands of a page; what they wrote on standard output, and on standard error.
fn run(page: &str) -> (String, String) {
    let _alone = PORTS.lock().unwrap_or_else(PoisonError::into_inner);
    let page = std::fs::read_to_string(repository(page)).unwrap();
    let mut script = String::from("set -em\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n");
    let mut inside = false;
    for line in page.lines() {
        match line {
            "```sh" => inside = true,
            "```" => inside = false,
            line if inside => {
                script.push_str(line);
                script.push('\n');
            }
            _ => {}
        }
    }
    let place = Place::new();
    let programs = Path::new(env!("CARGO_BIN_EXE_meshctl")).parent().unwrap();
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
    let run = Command::new("bash")
        .args(["-c", &script])
        .current_dir(place.path(""))
        .env("PATH", path)
        .output()
        .unwrap();
    let (out, err) = (
        String::from_utf8_lossy(&run.stdout),
        String::from_utf8_lossy(&run.stderr),
    );
    assert!(run.status.success(), "{:?}\n{out}\n{err}", run.status);
    (out.into_owned(), err.into_owned())
}

#[test]
#[ignore = "needs ports 8000, 8081, 8082, 8443, 14000 and 14020, curl, openssl and python3"]
fn the_page_of_the_gateway_goes_from_http_to_https() {
    let (out, err) = run("docs/gateway.md");
    let expected = [
        "the shop",
        "the api",
        "nobody: 404",
        "the shop",
        "unrecognized name",
    ];
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines, expected, "{err}");
}

#[test]
#[ignore = "needs ports 8081, 8082 and 14000 to 14022, curl and python3"]
fn the_page_takes_a_newcomer_to_two_services_with_a_canary_and_a_breaker() {
    let (out, err) = run("docs/proxy.md");
    for part in [
        "I am version",
        "without a certificate: 403",
        "through the mesh: 200",
        "\"state\": \"open\"",
    ] {
        assert!(out.contains(part), "{part}:\n{out}\n{err}");
    }
    let share = |version: &str| {
        let counted = out.lines().filter_map(|l| l.trim().split_once(' '));
        let counted = counted.filter(|(_, rest)| *rest == version);
        counted
            .filter_map(|(count, _)| count.parse::<u32>().ok())
            .next_back()
            .unwrap_or(0)
    };
    // 10 of 100, within three sigma; the rest is version 1.
    let canary = share("I am version 2");
    assert!((1..=19).contains(&canary), "{canary} of 100:\n{out}");
    assert_eq!(share("I am version 1") + canary, 100, "{out}");
}
