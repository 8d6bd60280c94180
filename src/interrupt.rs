//! Ctrl-C.

use std::io;

use tokio::signal::unix::{SignalKind, signal};

/// Calls `on_interrupt` at the first Ctrl-C; the second ends the process as usual.
///
/// # Errors
/// When the signal cannot be caught.
pub(crate) fn on_ctrl_c(on_interrupt: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let mut first = Some(on_interrupt);
    on_every_ctrl_c(move || match first.take() {
        Some(on_interrupt) => on_interrupt(),
        None => leave(),
    })
}

/// Calls `on_interrupt` at each Ctrl-C, for as long as the process lives.
///
/// # Errors
/// When the signal cannot be caught.
pub(crate) fn on_every_ctrl_c(mut on_interrupt: impl FnMut() + Send + 'static) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    // Caught from now on, not from when the thread gets its turn.
    let mut interrupts = {
        let _inside = runtime.enter();
        signal(SignalKind::interrupt())?
    };
    std::thread::Builder::new()
        .name("ctrl-c".into())
        .spawn(move || {
            runtime.block_on(async {
                while interrupts.recv().await.is_some() {
                    on_interrupt();
                }
            });
        })?;
    Ok(())
}

#[expect(
    clippy::disallowed_methods,
    reason = "the user asked twice; nothing is worth waiting for"
)]
fn leave() {
    // 128 + SIGINT, as shells have it.
    std::process::exit(130);
}
