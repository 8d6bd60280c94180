//! Ctrl-C.

use std::io;

/// Calls `on_interrupt` at the first Ctrl-C; the second ends the process as usual.
///
/// # Errors
/// When the signal cannot be caught.
pub(crate) fn on_ctrl_c(on_interrupt: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    std::thread::Builder::new()
        .name("ctrl-c".into())
        .spawn(move || {
            runtime.block_on(async {
                if tokio::signal::ctrl_c().await.is_ok() {
                    on_interrupt();
                }
                if tokio::signal::ctrl_c().await.is_ok() {
                    leave();
                }
            });
        })?;
    Ok(())
}

/// Calls `on_interrupt` at each Ctrl-C, for as long as the process lives.
///
/// # Errors
/// When the signal cannot be caught.
pub(crate) fn on_every_ctrl_c(mut on_interrupt: impl FnMut() + Send + 'static) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    std::thread::Builder::new()
        .name("ctrl-c".into())
        .spawn(move || {
            runtime.block_on(async {
                while tokio::signal::ctrl_c().await.is_ok() {
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
