//! The terminal: taken when the screen begins, and given back whatever ends it.

use std::io::{self, Stdout, stdout};
use std::mem::ManuallyDrop;
use std::panic;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::event::{DisableMouseCapture, EnableMouseCapture};
use crossterm::execute;
use crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;

/// The terminal while the screen has it. Dropped, it is as it was.
///
/// What ratatui drops is given back here: it complains on standard error of a terminal that is
/// gone, and panics when that is gone as well.
pub(super) struct Screen(ManuallyDrop<Terminal<CrosstermBackend<Stdout>>>);

/// Panics print their message on the terminal as it was, once it is.
static HOOK: Once = Once::new();

/// Whether the screen has the terminal.
static TAKEN: AtomicBool = AtomicBool::new(false);

// === impl Screen ===

impl Screen {
    /// One at a time.
    ///
    /// # Errors
    /// When there is no terminal.
    pub(super) fn take() -> io::Result<Self> {
        HOOK.call_once(|| {
            let before = panic::take_hook();
            panic::set_hook(Box::new(move |info| {
                // Whatever thread it is: nobody reads a message in the middle of a picture.
                give_back();
                before(info);
            }));
        });
        TAKEN.store(true, Ordering::SeqCst);
        enable_raw_mode()?;
        let taken = execute!(stdout(), EnterAlternateScreen, EnableMouseCapture);
        let terminal = taken.and_then(|()| Terminal::new(CrosstermBackend::new(stdout())));
        match terminal {
            Ok(terminal) => Ok(Self(ManuallyDrop::new(terminal))),
            Err(e) => {
                give_back();
                Err(e)
            }
        }
    }

    /// # Errors
    /// When something panicked meanwhile: the terminal was given back, for the message.
    pub(super) fn terminal(&mut self) -> io::Result<&mut Terminal<CrosstermBackend<Stdout>>> {
        match TAKEN.load(Ordering::SeqCst) {
            true => Ok(&mut self.0),
            false => Err(io::Error::other("a thread panicked; its message is above")),
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

/// Once: the end of the alternate screen restores the cursor, and a message that is there by then
/// would be written over. A terminal that is gone cannot be given back.
fn give_back() {
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    let _ = execute!(
        stdout(),
        DisableMouseCapture,
        LeaveAlternateScreen,
        crossterm::cursor::Show
    );
    let _ = disable_raw_mode();
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;
