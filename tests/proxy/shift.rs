//! `meshctl route shift` on the files of a mesh that runs, judged by its proxies.

use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::canary::{Load, Mesh, ROUTE};
use super::harness::{Proxy, app, failing_app, free_port};
use crate::common::Output;

/// Steps that a test has the time for, and patience for a machine that has none.
const QUICK: &str = "--to v2 --step 25 --every 500ms --patience 20s --min-samples 10";

/// `meshctl route shift reviews` with these flags on the files of the mesh.
fn shift(mesh: &Mesh, flags: &str, proxies: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_meshctl"));
    command
        .args(["route", "shift", "reviews", "-f", "mesh", "--in-place"])
        .args(flags.split(' '))
        .args(proxies.iter().flat_map(|at| ["--proxy", at]))
        .current_dir(mesh.place.path(""))
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn done(child: Child) -> Output {
    let out = child.wait_with_output().unwrap();
    Output {
        code: out.status.code().unwrap_or(-1),
        stdout: String::from_utf8(out.stdout).unwrap(),
        stderr: String::from_utf8(out.stderr).unwrap(),
    }
}

fn run(mesh: &Mesh, flags: &str, proxies: &[&str]) -> Output {
    done(shift(mesh, flags, proxies).spawn().unwrap())
}

fn file(mesh: &Mesh) -> String {
    mesh.place.read("mesh/route.yaml")
}

/// Waits until the file says this.
fn until(mesh: &Mesh, words: &str) {
    let began = Instant::now();
    while !file(mesh).contains(words) {
        assert!(
            began.elapsed().as_secs() < 20,
            "no `{words}`: {}",
            file(mesh)
        );
        thread::sleep(Duration::from_millis(20));
    }
}

fn signal(child: &Child, name: &str) {
    let id = child.id().to_string();
    let sent = Command::new("kill").args(["-s", name, &id]).status();
    assert!(sent.unwrap().success());
}

#[test]
fn a_good_version_gets_all_traffic_and_the_file_says_so() {
    let mesh = Mesh::new(app("v2"));
    // Each of them alone sees too little in the time.
    let second = Proxy::start(&mesh.place, &[]);
    let _load = Load::on(&[&mesh.proxy, &second]);
    let proxies = [mesh.proxy.admin.to_string(), second.admin.to_string()];
    let proxies: Vec<&str> = proxies.iter().map(String::as_str).collect();
    let flags = format!("{QUICK} --abort-on success<99% --abort-on p99>10s");
    let out = run(&mesh, &flags, &proxies);
    assert_eq!(out.code, 0, "{}", out.shown());
    assert_eq!(out.stdout, "reviews-v2 has 100% of the traffic\n");
    for step in ["25%", "50%", "75%", "100%"] {
        let line = format!("HTTPRoute shop/reviews: {step} of the traffic to reviews-v2");
        assert!(out.stderr.contains(&line), "{step}: {}", out.stderr);
    }
    assert!(out.stderr.contains("% seen"), "{}", out.stderr);
    let expected = ROUTE.replace("weight: 100}", "weight: 0}");
    let expected = expected.replacen("v2, port: 80, weight: 0}", "v2, port: 80, weight: 100}", 1);
    assert_eq!(file(&mesh), expected);
    assert_eq!(mesh.proxy.get("reviews", "/").body, "v2 GET /");
}

#[test]
fn a_bad_version_loses_its_traffic_and_the_file_is_as_before() {
    let mesh = Mesh::new(failing_app("v2"));
    let _load = Load::on(&[&mesh.proxy]);
    let out = run(&mesh, QUICK, &[&mesh.proxy.admin.to_string()]);
    assert_eq!(out.code, 1, "{}", out.shown());
    let words = "reviews-v2 has 0% of the traffic again: success<99%: 0% of ";
    assert!(out.stdout.starts_with(words), "{}", out.stdout);
    assert!(!out.stderr.contains("50% of the traffic"), "{}", out.stderr);
    assert_eq!(file(&mesh), ROUTE);
}

#[test]
fn without_every_proxy_no_step_is_taken() {
    let check = |mesh: &Mesh, proxies: &[&str], why: &str, words: &str| {
        let flags = "--to v2 --step 25 --every 300ms --patience 3s --min-samples 1";
        let out = run(mesh, flags, proxies);
        assert_eq!(out.code, 1, "{}", out.shown());
        let end = "no observation came in time: ";
        assert!(out.stdout.contains(end), "{}", out.stdout);
        assert!(out.stdout.contains(words), "{}", out.stdout);
        assert!(out.stderr.contains(why), "{}", out.stderr);
        assert!(!out.stderr.contains("50% of the traffic"), "{}", out.stderr);
        assert_eq!(file(mesh), ROUTE);
    };
    let mesh = Mesh::new(app("v2"));
    let good = mesh.proxy.admin.to_string();
    check(&mesh, &[&good], "", "1 more requests are needed");
    let _load = Load::on(&[&mesh.proxy]);
    let nobody = format!("127.0.0.1:{}", free_port());
    let why = format!("cannot connect to {nobody}");
    check(&mesh, &[&good, &nobody], &why, "there are no metrics");
    let other = Proxy::start(&mesh.place, &[]);
    let frozen = other.admin.to_string();
    other.signal("STOP");
    check(&mesh, &[&good, &frozen], &frozen, "there are no metrics");
}

#[test]
fn a_shift_that_was_interrupted_is_seen_resumed_or_given_back() {
    let mesh = Mesh::new(app("v2"));
    let _load = Load::on(&[&mesh.proxy]);
    let proxy = mesh.proxy.admin.to_string();
    let interrupt = |how: &str, flags: &str| {
        let child = shift(&mesh, flags, &[&proxy]).spawn().unwrap();
        until(&mesh, "meshctl.dev/shift");
        signal(&child, how);
        done(child)
    };
    let slow = "--to v2 --every 1m";
    let out = interrupt("INT", slow);
    assert_eq!(out.code, 1, "{}", out.shown());
    let words = "reviews-v2 has 0% of the traffic again: it was asked for\n";
    assert_eq!(out.stdout, words);
    assert_eq!(file(&mesh), ROUTE);

    interrupt("KILL", slow);
    let route = |args: &[&str]| {
        mesh.place
            .run(&[&["route"], args, &["-f", "mesh"]].concat())
    };
    let list = route(&["list"]);
    let words = "being shifted to reviews-v2, until ";
    assert!(list.stdout.contains(words), "{}", list.shown());
    let again = run(&mesh, slow, &[&proxy]);
    crate::common::refused(
        &again,
        &[
            "a shift of HTTPRoute shop/reviews to reviews-v2 is under way",
            "meshctl route shift shop/reviews -f mesh --in-place --resume",
        ],
    );
    let back = route(&["shift", "reviews", "--return", "--in-place"]);
    assert_eq!(back.code, 0, "{}", back.shown());
    assert_eq!(file(&mesh), ROUTE);

    interrupt("KILL", QUICK);
    let out = run(&mesh, "--resume", &[&proxy]);
    assert_eq!(out.code, 0, "{}", out.shown());
    assert!(out.stderr.contains("resuming at 25%"), "{}", out.stderr);
    assert_eq!(out.stdout, "reviews-v2 has 100% of the traffic\n");
}

#[test]
fn weights_that_somebody_else_edits_are_left_alone() {
    let mesh = Mesh::new(app("v2"));
    let _load = Load::on(&[&mesh.proxy]);
    let child = shift(&mesh, QUICK, &[&mesh.proxy.admin.to_string()]).spawn();
    let child = child.unwrap();
    until(&mesh, "weight: 25}");
    let edited = file(&mesh).replace("weight: 25}", "weight: 7}");
    mesh.place.file("mesh/route.yaml", &edited);
    let out = done(child);
    let words = "somebody else changed the weights of HTTPRoute shop/reviews";
    crate::common::refused(&out, &[words]);
    assert_eq!(file(&mesh), edited);
}
