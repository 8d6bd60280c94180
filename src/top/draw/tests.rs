//! Pictures of a recorded run, as text and as styles, at three sizes.

use core::fmt::Write as _;
use std::path::Path;

use crossterm::event::KeyCode;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier};

mod svg;

use super::*;
use crate::top::app::{App, WINDOWS};
use crate::top::gather::recorded;
use crate::top::source::recording::Recording;
use crate::top::theme::Theme;

/// The sizes: a narrow pane of a terminal, a terminal as it opens, a whole screen.
const SIZES: [(u16, u16); 3] = [(40, 10), (80, 24), (160, 45)];

/// The mesh of a recorded run, as it was at its end.
fn app(theme: Theme) -> App {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/top/breaker.jsonl");
    let seen = recorded(Recording::open(&path).unwrap(), WINDOWS[0]).unwrap();
    App::new(seen.store, theme, seen.now)
}

fn press(app: &mut App, keys: &str) {
    for c in keys.chars() {
        let code = match c {
            '\n' => KeyCode::Enter,
            '\t' => KeyCode::Tab,
            c => KeyCode::Char(c),
        };
        picture(app, (80, 24));
        app.key(code.into());
    }
}

fn picture(app: &mut App, (width, height): (u16, u16)) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    app.refresh();
    terminal.draw(|frame| draw(frame, app)).unwrap();
    terminal.backend().buffer().clone()
}

/// Each line of text, then each line of styles, a letter for each place.
fn shown(buffer: &Buffer) -> String {
    let area = buffer.area;
    let mut out = String::new();
    for y in 0..area.height {
        let line: String = (0..area.width).map(|x| buffer[(x, y)].symbol()).collect();
        writeln!(out, "{}", line.trim_end()).unwrap();
    }
    writeln!(out, "{}", "=".repeat(usize::from(area.width))).unwrap();
    for y in 0..area.height {
        let line: String = (0..area.width).map(|x| style(buffer, x, y)).collect();
        writeln!(out, "{}", line.trim_end_matches('.')).unwrap();
    }
    out
}

/// `r`ed, `y`ellow, `g`reen, `c`yan; `d`im, `b`old, `u`nderlined; upper case on the cursor.
fn style(buffer: &Buffer, x: u16, y: u16) -> char {
    let cell = &buffer[(x, y)];
    let letter = match (cell.fg, cell.modifier) {
        (Color::LightRed | Color::Red, _) => 'r',
        (Color::Yellow | Color::Magenta, _) => 'y',
        (Color::Green, _) => 'g',
        (Color::Cyan | Color::Blue, _) => 'c',
        (_, m) if m.contains(Modifier::DIM) => 'd',
        (_, m) if m.contains(Modifier::BOLD) => 'b',
        (_, m) if m.contains(Modifier::UNDERLINED) => 'u',
        _ => '.',
    };
    match cell.modifier.contains(Modifier::REVERSED) {
        true if letter == '.' => '_',
        true => letter.to_ascii_uppercase(),
        false => letter,
    }
}

#[track_caller]
fn check(name: &str, keys: &str) {
    for size in SIZES {
        let mut app = app(Theme::Dark);
        press(&mut app, keys);
        let buffer = picture(&mut app, size);
        let name = format!("{name}_{}x{}", size.0, size.1);
        insta::assert_snapshot!(name, shown(&buffer));
    }
}

#[test]
fn services() {
    check("services", "");
}

#[test]
fn routes_and_backends() {
    check("routes", "\n");
}

#[test]
fn endpoints() {
    check("endpoints", "\n\n");
}

#[test]
fn calls() {
    check("calls", "c");
}

#[test]
fn events() {
    check("events", "v");
}

#[test]
fn latency() {
    check("latency", "\t");
}

#[test]
fn heatmap() {
    check("heatmap", "\t\t");
}

#[test]
fn help() {
    check("help", "?");
}

/// Without colour nothing but modifiers is left, and the text says the same.
#[test]
fn no_colour_loses_no_word() {
    let text = |theme| {
        let buffer = picture(&mut app(theme), (160, 45));
        let colours = buffer
            .content
            .iter()
            .filter(|cell| cell.fg != Color::Reset)
            .count();
        let text: String = buffer
            .content
            .iter()
            .map(ratatui::buffer::Cell::symbol)
            .collect();
        (text, colours)
    };
    let ((dark, some), (light, _), (plain, none)) =
        (text(Theme::Dark), text(Theme::Light), text(Theme::Plain));
    assert_eq!(dark, plain);
    assert_eq!(dark, light);
    assert!(some > 0 && none == 0);
}
