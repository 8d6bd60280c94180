//! `meshctl demo`.

use std::net::SocketAddr;

use crate::demo;
use crate::error::{Answer, Error};
use crate::top::source::ADDRESS;
use crate::ui::Ui;

/// Start a living mesh on this machine, to look at
///
/// A dozen small applications, each with the real proxy, mutual TLS between them, and visitors.
/// Everything is on loopback and in this process; nothing is installed or left behind. Look at it
/// with `meshctl top` in a second terminal, and press `f` there to break something.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  meshctl demo                     then, in a second terminal:
  meshctl top                      f breaks things, ? lists the keys
  meshctl stat endpoints --failing
  curl -X POST 127.0.0.1:14000/faults/0

It ends with Ctrl-C. Pods have addresses in 127.1.0.0/24, which needs Linux.")]
pub(crate) struct Args {
    /// Where `meshctl top` asks
    #[arg(long, value_name = "ADDR", default_value = ADDRESS)]
    admin: SocketAddr,
}

pub(crate) fn run(ui: &mut Ui, args: &Args) -> Result<Answer, Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|e| Error::new("cannot start").caused_by(e))?;
    runtime.block_on(async {
        let demo = demo::start(args.admin).await?;
        ui.note(&format!(
            "{} proxies run, and visitors come; look with: meshctl top{}",
            demo.proxies,
            match demo.admin.to_string() == ADDRESS {
                true => String::new(),
                false => format!(" {}", demo.admin),
            }
        ))?;
        ui.note("press f there to break something; Ctrl-C here ends it")?;
        end()
            .await
            .map_err(|e| Error::new("cannot wait for Ctrl-C").caused_by(e))?;
        Ok(Answer::Yes)
    })
}

/// Waits for Ctrl-C or `kill`.
async fn end() -> std::io::Result<()> {
    let mut killed = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        pressed = tokio::signal::ctrl_c() => pressed,
        _ = killed.recv() => Ok(()),
    }
}
