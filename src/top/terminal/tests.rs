//! In a terminal that `script` makes: the test starts itself there, panics, and looks at what was
//! written.

use std::process::{Command, Stdio};

use super::*;

/// Says what the test does that was started in the terminal.
const PART: &str = "MESHCTL_TEST_PANIC";

fn panics_in_the_middle_of_a_picture() {
    let mut screen = Screen::take().unwrap();
    draw(&mut screen);
    panic!("in the middle of a picture");
}

fn panics_elsewhere() {
    let mut screen = Screen::take().unwrap();
    draw(&mut screen);
    let other = std::thread::spawn(|| panic!("in another thread"));
    assert!(other.join().is_err());
    assert!(screen.terminal().is_err(), "it draws over the message");
}

fn draw(screen: &mut Screen) {
    let terminal = screen.terminal().unwrap();
    let draw = |frame: &mut ratatui::Frame<'_>| frame.render_widget("PICTURE", frame.area());
    terminal.draw(draw).unwrap();
}

/// Escape sequences of xterm (ctlseqs, "Private Modes"): the alternate screen begins and ends, the
/// cursor is back.
const BEGIN: &str = "\u{1b}[?1049h";
const END: &str = "\u{1b}[?1049l";
const CURSOR: &str = "\u{1b}[?25h";

#[track_caller]
fn check(part: &str, message: &str) {
    let own = std::env::current_exe().unwrap();
    let name = "top::terminal::tests::a_panic_is_told_on_the_terminal_as_it_was";
    let own = own.display();
    let command =
        format!("stty rows 24 cols 80; {own} --exact {name} --nocapture; echo then; stty -a");
    let mut script = Command::new("script");
    let script = script.args(["-qec", &command, "/dev/null"]);
    let out = script.env(PART, part).stdin(Stdio::null()).output();
    let out = out.unwrap();
    let text = String::from_utf8_lossy(&out.stdout);
    // Once: the end of the alternate screen puts the cursor where it was before, on the message.
    assert_eq!(text.matches(END).count(), 1, "{text:?}");
    let mut rest = &*text;
    for part in [BEGIN, "PICTURE", END, CURSOR, message, "then"] {
        let found = rest.split_once(part);
        (_, rest) = found.unwrap_or_else(|| panic!("{part:?} is not next: {text:?}"));
    }
    let words: Vec<&str> = rest.split_whitespace().collect();
    for mode in ["icanon", "echo", "isig", "opost"] {
        assert!(words.contains(&mode), "{mode}: {text:?}");
    }
}

#[test]
fn a_panic_is_told_on_the_terminal_as_it_was() {
    match std::env::var(PART).as_deref() {
        Ok("here") => panics_in_the_middle_of_a_picture(),
        Ok(_) => panics_elsewhere(),
        Err(_) => {
            check("here", "in the middle of a picture");
            check("elsewhere", "in another thread");
        }
    }
}
