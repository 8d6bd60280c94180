//! Every document of `tests/data/inject`: what changes, what is said, and that it can be undone.

use std::fs;

use insta::assert_snapshot;

use crate::common::{Output, Place, repository};

/// Added lines that are shown of a run of them: the first, and the last.
const SHOWN_START: usize = 3;
const SHOWN_END: usize = 1;

fn place() -> Place {
    Place::at(repository("tests/data/inject"))
}

/// The files of the corpus, by name.
fn files() -> Vec<String> {
    let entries = fs::read_dir(repository("tests/data/inject")).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// A difference without the inside of what was added, which other tests show.
fn abridged(diff: &str) -> String {
    let mut out = String::new();
    let mut added: Vec<&str> = Vec::new();
    for line in diff.split_inclusive('\n').chain(["end"]) {
        if line.starts_with('+') && !line.starts_with("+++") {
            added.push(line);
            continue;
        }
        let hidden = added.len().saturating_sub(SHOWN_START + SHOWN_END);
        for (index, line) in added.drain(..).enumerate() {
            if hidden > 1 && (SHOWN_START..SHOWN_START + hidden).contains(&index) {
                if index == SHOWN_START {
                    out.push_str(&format!("+ … {hidden} lines\n"));
                }
                continue;
            }
            out.push_str(&short(line));
        }
        if line != "end" {
            out.push_str(&short(line));
        }
    }
    out
}

/// A line as one can look at it: line ends shown, long JSON cut.
fn short(line: &str) -> String {
    const CHARS_MAX: usize = 160;
    let line = line.replace('\r', "␍");
    let bare = line.trim_end_matches('\n');
    match bare.chars().count() > CHARS_MAX {
        true => {
            let start: String = bare.chars().take(CHARS_MAX / 2).collect();
            let end: String = bare
                .chars()
                .skip(bare.chars().count() - CHARS_MAX / 4)
                .collect();
            format!("{start} … {end}\n")
        }
        false => format!("{bare}\n"),
    }
}

#[test]
fn every_document_gets_what_it_should() {
    let place = place();
    for file in files() {
        let out = place.run(&["inject", &file, "--diff"]);
        let shown = Output {
            stdout: abridged(&out.stdout),
            ..out
        };
        assert_snapshot!(format!("corpus_{file}"), shown.shown());
    }
}

#[test]
fn the_sidecar_in_full() {
    for (name, args) in [
        ("native", &["inject", "block.yaml"][..]),
        (
            "beside",
            &[
                "inject",
                "block.yaml",
                "--no-native",
                "--opaque-ports",
                "9000",
            ],
        ),
        ("cni", &["inject", "block.yaml", "--cni"]),
        (
            "annotate",
            &["inject", "block.yaml", "--annotate", "--log-level", "debug"],
        ),
        ("settings", &["inject", "settings.yaml"]),
        ("json", &["inject", "pretty.json"]),
    ] {
        assert_snapshot!(format!("full_{name}"), place().run(args).shown());
    }
}

#[test]
fn every_document_comes_back_byte_for_byte() {
    let corpus = place();
    for file in files() {
        let before = corpus.read(&file);
        for flags in [
            &[][..],
            &["--no-native", "--skip-inbound-ports", "22"],
            &["--annotate"],
            &["--cni"],
        ] {
            let args = [&["inject", "-f", "-"], flags].concat();
            let injected = corpus.run_with(&args, &before);
            assert_eq!(injected.code, 0, "{file}: {}", injected.stderr);
            let again = corpus.run_with(&args, &injected.stdout);
            assert_eq!(again.stdout, injected.stdout, "{file} {flags:?}");
            let back = corpus.run_with(&["uninject", "-f", "-"], &injected.stdout);
            assert_eq!(back.stdout, before, "{file} {flags:?}");
        }
        let untouched = corpus.run_with(&["uninject", "-f", "-"], &before);
        assert_eq!(untouched.stdout, before, "{file}");
    }
}

/// What strangers write, run through as they would.
#[test]
fn manifests_of_strangers_only_gain_lines() {
    let strangers = Place::at(repository("tests/data/strangers"));
    for entry in fs::read_dir(repository("tests/data/strangers")).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        let before = strangers.read(&file);
        let injected = strangers.run(&["inject", &file]);
        assert_eq!(injected.code, 0, "{file}: {}", injected.stderr);
        let diff = strangers.run(&["inject", &file, "--diff"]).stdout;
        // A collection in brackets is filled within them; all other lines are there still.
        let removed = diff.lines().filter(|line| {
            let changed = line.starts_with('-') && !line.starts_with("---");
            changed && !line.trim_end().ends_with(['}', ']'])
        });
        let removed: Vec<&str> = removed.collect();
        assert!(
            file.ends_with(".json") || removed.is_empty(),
            "{file}: {removed:#?}"
        );
        let back = strangers.run_with(&["uninject", "-f", "-"], &injected.stdout);
        assert_eq!(back.stdout, before, "{file}");
    }
}

#[test]
fn what_became_json_in_between_comes_back_as_its_value() {
    let place = place();
    for file in files() {
        let plain = place.run(&["uninject", &file, "-o", "json"]);
        let injected = place.run(&["inject", &file, "-o", "json"]);
        // Values that are no objects make no stream.
        if !injected.stdout.starts_with('{') {
            continue;
        }
        let back = place.run_with(&["uninject", "-f", "-", "-o", "json"], &injected.stdout);
        assert_eq!(back.stdout, plain.stdout, "{file}: {}", back.stderr);
    }
}
