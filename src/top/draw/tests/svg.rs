//! The picture of the documents, docs/top.svg: a recorded run, drawn as the terminal has it.
//! `MESHCTL_BLESS=1 cargo test -p meshctl the_picture` draws it anew.

use core::fmt::Write as _;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};

use super::{Theme, app, picture, press};

const SIZE: (u16, u16) = (130, 20);

/// Of a place, in pixels.
const WIDTH: usize = 8;
const HEIGHT: usize = 17;
const MARGIN: usize = 12;

const BACKGROUND: &str = "#16181d";
const TEXT: &str = "#d5d9e0";

/// Places next to each other that look the same.
struct Run {
    x: usize,
    y: usize,
    text: String,
    places: usize,
    fill: &'static str,
    reversed: bool,
    modifier: Modifier,
}

#[test]
fn the_picture_of_the_documents_is_fresh() {
    let mut app = app(Theme::Dark);
    press(&mut app, "j");
    let drawn = svg(&picture(&mut app, SIZE));
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/top.svg");
    if std::env::var_os("MESHCTL_BLESS").is_some() {
        std::fs::write(&path, &drawn).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == drawn,
        "docs/top.svg is stale; run MESHCTL_BLESS=1 cargo test -p meshctl the_picture"
    );
}

fn svg(buffer: &Buffer) -> String {
    let (columns, lines) = (usize::from(SIZE.0), usize::from(SIZE.1));
    let (width, height) = (columns * WIDTH + 2 * MARGIN, lines * HEIGHT + 2 * MARGIN);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         width=\"{width}\" height=\"{height}\" font-size=\"13\" \
         font-family=\"ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', \
         monospace\">\n<title>meshctl top</title>\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{BACKGROUND}\"/>\n"
    );
    for y in 0..SIZE.1 {
        for run in runs(buffer, y) {
            run.draw(&mut out);
        }
    }
    out.push_str("</svg>\n");
    out
}

fn runs(buffer: &Buffer, y: u16) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for x in 0..SIZE.0 {
        let cell = &buffer[(x, y)];
        let run = Run::of(cell, usize::from(x), usize::from(y));
        match runs.last_mut().filter(|last| last.looks_like(&run)) {
            Some(last) => {
                last.text.push_str(&run.text);
                last.places += 1;
            }
            None => runs.push(run),
        }
    }
    runs
}

// === impl Run ===

impl Run {
    fn of(cell: &Cell, x: usize, y: usize) -> Self {
        Self {
            x,
            y,
            text: cell.symbol().to_owned(),
            places: 1,
            fill: match cell.fg {
                Color::Green => "#5fc27e",
                Color::Yellow => "#e3b557",
                Color::LightRed => "#ff7b72",
                Color::Cyan => "#58c4d4",
                _ => TEXT,
            },
            reversed: cell.modifier.contains(Modifier::REVERSED),
            modifier: cell.modifier.difference(Modifier::REVERSED),
        }
    }

    fn looks_like(&self, other: &Self) -> bool {
        let look = |run: &Self| (run.fill, run.reversed, run.modifier);
        look(self) == look(other)
    }

    fn draw(&self, out: &mut String) {
        let (x, y) = (MARGIN + self.x * WIDTH, MARGIN + self.y * HEIGHT);
        let (length, mut fill) = (self.places * WIDTH, self.fill);
        if self.reversed {
            let rect = format!("x=\"{x}\" y=\"{y}\" width=\"{length}\" height=\"{HEIGHT}\"");
            writeln!(out, "<rect {rect} fill=\"{TEXT}\"/>").unwrap();
            fill = BACKGROUND;
        }
        let mut style = format!("fill=\"{fill}\"");
        if self.modifier.contains(Modifier::BOLD) {
            style.push_str(" font-weight=\"bold\"");
        }
        if self.modifier.contains(Modifier::DIM) {
            style.push_str(" opacity=\"0.6\"");
        }
        if self.modifier.contains(Modifier::UNDERLINED) {
            style.push_str(" text-decoration=\"underline\"");
        }
        // Word by word: browsers differ in what they make of blanks.
        let mut at = 0;
        for word in self.text.split(' ') {
            let places = word.chars().count();
            if places > 0 {
                let (x, length) = (x + at * WIDTH, places * WIDTH);
                let word = word.replace('&', "&amp;").replace('<', "&lt;");
                // The length keeps columns below each other, whatever font there is.
                let fit = format!("textLength=\"{length}\" lengthAdjust=\"spacingAndGlyphs\"");
                let y = y + HEIGHT - 4;
                writeln!(out, "<text x=\"{x}\" y=\"{y}\" {fit} {style}>{word}</text>").unwrap();
            }
            at += places + 1;
        }
    }
}
