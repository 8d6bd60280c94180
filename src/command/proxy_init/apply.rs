//! Commands of the system: printed, or run.

use std::fmt;
use std::io::{self, Write as _};
use std::process::{Command, Output, Stdio};

use crate::error::Error;

/// One command, and when it is run.
#[derive(Debug)]
pub(super) struct Step {
    command: Vec<String>,
    input: Option<String>,
    /// A question that is asked before, and the answer that leads to the command.
    condition: Option<(Vec<String>, bool)>,
}

/// Whether a program can be started.
pub(super) fn has(program: &str) -> bool {
    let mut command = Command::new(program);
    command.arg("--version");
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn words(command: &[&str]) -> Vec<String> {
    command.iter().map(|&word| word.to_owned()).collect()
}

// === impl Step ===

impl Step {
    /// A command that reads `input`.
    pub(super) fn with_input(command: &[&str], input: String) -> Self {
        Self {
            command: words(command),
            input: Some(input),
            condition: None,
        }
    }

    /// A command that is run when `question` fails.
    pub(super) fn unless(question: &[&str], command: &[&str]) -> Self {
        Self {
            command: words(command),
            input: None,
            condition: Some((words(question), false)),
        }
    }

    /// A command that is run when `question` succeeds.
    pub(super) fn when(question: &[&str], command: &[&str]) -> Self {
        Self {
            command: words(command),
            input: None,
            condition: Some((words(question), true)),
        }
    }

    pub(super) fn run(&self) -> Result<(), Error> {
        if let Some((question, wanted)) = &self.condition {
            let answer = execute(question, None).map_err(|e| cannot_run(question, &e))?;
            if answer.status.success() != *wanted {
                return Ok(());
            }
        }
        let input = self.input.as_deref();
        let output = execute(&self.command, input).map_err(|e| cannot_run(&self.command, &e))?;
        if output.status.success() {
            return Ok(());
        }
        let told = String::from_utf8_lossy(&output.stderr);
        let mut error = Error::new(format!("`{}` failed", self.command.join(" ")));
        for line in told.lines().filter(|line| !line.trim().is_empty()).take(4) {
            error = error.caused_by(line.trim());
        }
        Err(error
            .hint("it needs root, or the capabilities NET_ADMIN and NET_RAW")
            .hint("see what it would do: --dry-run"))
    }
}

fn cannot_run(command: &[String], error: &io::Error) -> Error {
    let program = command.first().map_or("", String::as_str);
    let message = format!("cannot run {program}");
    let error = Error::new(message).caused_by(error);
    error.hint("install the package nftables or iptables, or choose the other: --backend")
}

fn execute(command: &[String], input: Option<&str>) -> io::Result<Output> {
    let (program, args) = command.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // One that does not read its input says so by its exit.
        let _ = stdin.write_all(input.unwrap_or_default().as_bytes());
    }
    child.wait_with_output()
}

impl fmt::Display for Step {
    /// As a shell would have it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let command = self.command.join(" ");
        match (&self.condition, &self.input) {
            (Some((question, wanted)), _) => {
                let operator = if *wanted { "&&" } else { "||" };
                writeln!(f, "{} 2>/dev/null {operator} {command}", question.join(" "))
            }
            (None, Some(input)) => write!(f, "{command} <<'END'\n{input}END\n"),
            (None, None) => writeln!(f, "{command}"),
        }
    }
}
