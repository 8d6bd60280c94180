//! `meshctl proxy wait`: for whoever starts the application.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::args::duration;
use crate::error::{Answer, Error};
use crate::ui::Ui;

/// How long one question may take.
const ASK: Duration = Duration::from_secs(1);
/// Pause between two questions.
const PAUSE: Duration = Duration::from_millis(100);
/// Bytes of the answer that are looked at: its status line.
const ANSWER_MAX: usize = 64;

/// Wait until the proxy beside can serve
///
/// Asks `/ready` of its health listener until the answer is 200.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  meshctl proxy wait --timeout 2m && exec app
  meshctl proxy wait --health 127.0.0.1:15020

Exit status: 0 ready, 1 not ready in time.")]
pub(super) struct Args {
    /// How long to wait
    #[arg(long, value_name = "DURATION", default_value = "2m", value_parser = duration)]
    timeout: Duration,
    /// The proxy's health listener
    #[arg(
        long,
        value_name = "ADDRESS",
        default_value = "127.0.0.1:14020",
        env = "MESHCTL_WAIT_HEALTH"
    )]
    health: SocketAddr,
}

pub(super) fn run(ui: &mut Ui, args: &Args) -> Result<Answer, Error> {
    let until = Instant::now() + args.timeout;
    let mut last;
    loop {
        match ask(args.health) {
            Ok(answer) if answer.starts_with("HTTP/1.1 200") => return Ok(Answer::Yes),
            Ok(answer) => last = format!("it answered `{}`", answer.lines().next().unwrap_or("")),
            Err(error) => last = error.to_string(),
        }
        if Instant::now() >= until {
            break;
        }
        std::thread::sleep(PAUSE);
    }
    ui.error(&format!("the proxy at {} is not ready", args.health))?;
    ui.caused_by(&last)?;
    Ok(Answer::No)
}

fn ask(at: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&at, ASK)?;
    stream.set_read_timeout(Some(ASK))?;
    stream.set_write_timeout(Some(ASK))?;
    let request = format!("GET /ready HTTP/1.1\r\nhost: {at}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = [0; ANSWER_MAX];
    let mut seen = 0;
    while seen < answer.len() && !answer[..seen].contains(&b'\n') {
        match stream.read(&mut answer[seen..])? {
            0 => break,
            n => seen += n,
        }
    }
    Ok(String::from_utf8_lossy(&answer[..seen]).into_owned())
}
