//! Running the program as its user does: a directory, a command, exit + stdout + stderr.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// A directory to run `meshctl` in: a temporary one is removed when dropped.
pub(crate) struct Place {
    dir: PathBuf,
    temporary: bool,
}

/// What one run gave.
pub(crate) struct Output {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

static COUNTER: AtomicU32 = AtomicU32::new(0);

// === impl Place ===

impl Place {
    pub(crate) fn new() -> Self {
        let n = COUNTER.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("meshctl-test-{}-{n}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        Self {
            dir,
            temporary: true,
        }
    }

    /// A directory that exists and stays.
    pub(crate) fn at(dir: PathBuf) -> Self {
        Self {
            dir,
            temporary: false,
        }
    }

    /// Writes a file, with its directories.
    pub(crate) fn file(&self, name: &str, text: impl AsRef<[u8]>) -> &Self {
        let path = self.dir.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.dir.join(name)).unwrap()
    }

    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.run_with(args, "")
    }

    /// Runs `meshctl ARGS` here, with `stdin`, at a fixed width and without colour.
    pub(crate) fn run_with(&self, args: &[&str], stdin: &str) -> Output {
        let mut child = Command::new(env!("CARGO_BIN_EXE_meshctl"))
            .args(args)
            .current_dir(&self.dir)
            .env("COLUMNS", "100")
            .env("NO_COLOR", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A child that does not read its input is not a failure of the test.
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        let out = child.wait_with_output().unwrap();
        Output {
            code: out.status.code().unwrap_or(-1),
            stdout: String::from_utf8(out.stdout).unwrap(),
            stderr: String::from_utf8(out.stderr).unwrap(),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.temporary {
            let _ = fs::remove_dir_all(&self.dir);
        }
    }
}

// === impl Output ===

impl Output {
    /// Exit, stdout and stderr as one text, for snapshots.
    pub(crate) fn shown(&self) -> String {
        let mut text = format!("exit: {}\n", self.code);
        for (name, stream) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            if !stream.is_empty() {
                writeln!(text, "--- {name}").unwrap();
                text.push_str(stream);
            }
        }
        text
    }
}

/// A path of the repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A Deployment of the namespace `shop` that no Service selects.
pub(crate) fn deployment(name: &str) -> String {
    format!(
        "\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, namespace: shop}}
spec:
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec: {{containers: [{{name: app, image: x}}]}}
"
    )
}

/// Bad input: exit 2, nothing on stdout, and all of `expected` in the message.
#[track_caller]
pub(crate) fn refused(out: &Output, expected: &[&str]) {
    assert_eq!(out.code, 2, "{}", out.shown());
    assert_eq!(out.stdout, "", "nothing is printed when an input is bad");
    for part in expected {
        let there = out.stderr.contains(part);
        assert!(there, "`{part}` is missing:\n{}", out.stderr);
    }
}
