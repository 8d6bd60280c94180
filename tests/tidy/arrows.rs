//! The arrows of ARCHITECTURE.md: which package may use which.

use std::collections::BTreeSet;

use super::{none, root};

/// A package, what of ours it may use, and what it never names. `xds` comes with the control
/// plane; its row stands here so that it is born with its arrows.
const ARROWS: [Package; 7] = [
    Package {
        name: "engine",
        uses: &[],
        never: &[
            "tokio",
            "kube",
            "tonic",
            "prost",
            "hyper",
            "h2",
            "rustls",
            "rand",
            "serde_json",
        ],
    },
    Package {
        name: "model",
        uses: &["engine"],
        never: &[
            "tokio",
            "kube",
            "k8s-openapi",
            "tonic",
            "prost",
            "hyper",
            "h2",
            "rustls",
            "rand",
        ],
    },
    Package {
        name: "xds",
        uses: &["engine"],
        never: &["tokio", "kube", "rustls", "rand"],
    },
    Package {
        name: "proxy",
        uses: &["engine", "xds"],
        never: &[
            "kube",
            "clap",
            "ratatui",
            "rcgen",
            "rand",
            "serde_yaml",
            "hyper",
        ],
    },
    Package {
        name: "control",
        uses: &["engine", "model", "xds"],
        never: &["clap", "ratatui", "rand"],
    },
    Package {
        name: "sim",
        uses: &["engine", "model", "xds", "proxy"],
        never: &["kube", "clap", "ratatui", "rand", "reqwest"],
    },
    Package {
        name: ".",
        uses: &["engine", "model", "xds", "proxy", "control", "sim"],
        never: &[],
    },
];

struct Package {
    name: &'static str,
    uses: &'static [&'static str],
    never: &'static [&'static str],
}

#[test]
fn a_package_uses_only_what_its_arrows_allow() {
    let ours: BTreeSet<_> = ARROWS.iter().map(|p| p.name).collect();
    let mut findings = Vec::new();
    for package in &ARROWS {
        let path = root().join(package.name).join("Cargo.toml");
        let Ok(text) = std::fs::read_to_string(&path) else {
            assert!(package.name == "xds", "{} is missing", path.display());
            continue;
        };
        for (line, dependency) in dependencies(&text) {
            let at = format!("{}/Cargo.toml:{line}", package.name);
            if ours.contains(dependency.as_str()) && !package.uses.contains(&dependency.as_str()) {
                findings.push(format!(
                    "{at}: `{}` must not use `{dependency}`; move the shared thing down, or pass \
                     it in from the binary",
                    package.name
                ));
            }
            if package.never.contains(&dependency.as_str()) {
                findings.push(format!(
                    "{at}: `{}` never sees `{dependency}`; put the code that needs it where the \
                     architecture has it",
                    package.name
                ));
            }
        }
    }
    none(&findings);
}

#[test]
fn every_member_has_a_row_in_the_table_and_inherits_the_lints() {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let members = manifest
        .lines()
        .find_map(|l| l.strip_prefix("members = ["))
        .unwrap();
    for member in members.trim_end_matches(']').split(',') {
        let member = member.trim().trim_matches('"');
        assert!(
            ARROWS.iter().any(|p| p.name == member),
            "`{member}` has no row of arrows"
        );
        let text = std::fs::read_to_string(root().join(member).join("Cargo.toml")).unwrap();
        assert!(
            text.contains("[lints]\nworkspace = true"),
            "{member} does not inherit the lints"
        );
        let clippy = root().join(member).join("clippy.toml");
        assert!(clippy.exists(), "{member} has no clippy.toml with its bans");
    }
}

/// Names in the `[dependencies]` tables (also target-specific ones), with their lines. Tests may use
/// what they like.
fn dependencies(manifest: &str) -> Vec<(usize, String)> {
    let mut inside = false;
    let mut found = Vec::new();
    for (i, line) in manifest.lines().enumerate() {
        if let Some(table) = line.strip_prefix('[') {
            let table = table.trim_end_matches(']');
            inside = table == "dependencies"
                || table == "build-dependencies"
                || table.ends_with(".dependencies") && !table.starts_with("workspace");
            continue;
        }
        let key = line.split(['=', '.', ' ']).next().unwrap_or_default();
        if inside && !key.is_empty() && !key.starts_with('#') {
            found.push((i + 1, key.trim_matches('"').to_owned()));
        }
    }
    found
}

#[test]
fn the_reader_of_manifests_sees_dotted_and_inline_dependencies() {
    let text =
        "[dependencies]\nengine.workspace = true\nh2 = \"1\"\n[dev-dependencies]\nx = \"1\"\n";
    let names: Vec<_> = dependencies(text).into_iter().map(|(_, n)| n).collect();
    assert_eq!(names, ["engine", "h2"]);
}
