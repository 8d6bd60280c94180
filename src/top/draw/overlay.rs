//! What is laid over the rest: the help, and the choice of a fault.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::{Block, Clear, Widget};

use super::Pen;
use crate::top::app::{App, HELP};
use crate::top::theme::Tone;

pub(super) fn draw(buf: &mut Buffer, area: Rect, app: &App) {
    if app.help {
        let lines = HELP.map(|(keys, does)| (keys.to_owned(), does.to_owned()));
        boxed(buf, area, app, "keys", &lines);
    } else if app.choosing_fault {
        let switch = |(i, fault): (usize, &crate::top::app::FaultSwitch)| {
            let state = if fault.on { "on " } else { "off" };
            ((i + 1).to_string(), format!("{state}  {}", fault.title))
        };
        let lines: Vec<_> = app.faults.iter().enumerate().map(switch).collect();
        boxed(buf, area, app, "faults: press a number", &lines);
    }
}

fn boxed(buf: &mut Buffer, area: Rect, app: &App, title: &str, lines: &[(String, String)]) {
    let keys = lines
        .iter()
        .map(|(key, _)| key.chars().count())
        .max()
        .unwrap_or(0);
    let texts = lines
        .iter()
        .map(|(_, text)| text.chars().count())
        .max()
        .unwrap_or(0);
    let wanted = u16::try_from(keys + texts + 6).unwrap_or(u16::MAX);
    let (width, height) = (
        wanted.max(24).min(area.width),
        (lines.len() as u16 + 2).min(area.height),
    );
    let place = Rect {
        x: area.x + (area.width - width) / 2,
        y: area.y + (area.height - height) / 2,
        width,
        height,
    };
    Clear.render(place, buf);
    let block = Block::bordered().title(format!(" {title} "));
    let inside = block.inner(place);
    block.render(place, buf);
    for (line, (key, text)) in (0..inside.height).zip(lines) {
        Pen::new(buf, inside, line)
            .put(&format!(" {key:<keys$}  "), app.theme.style(Tone::Head))
            .put(text, app.theme.style(Tone::Plain));
    }
}
