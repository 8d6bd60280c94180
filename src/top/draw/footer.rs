//! The footer: the filter that is typed or holds, and the keys that one looks for first.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::Pen;
use crate::top::app::App;
use crate::top::theme::Tone;

/// Keys of the footer, the most wanted first.
const KEYS: [(&str, &str); 10] = [
    ("?", "help"),
    ("q", "quit"),
    ("Enter", "into"),
    ("/", "filter"),
    ("e", "failing"),
    ("<>", "sort"),
    ("t", "window"),
    ("Tab", "pane"),
    ("c", "calls"),
    ("v", "events"),
];

pub(super) fn draw(buf: &mut Buffer, area: Rect, app: &App) {
    let theme = app.theme;
    let (head, quiet) = (theme.style(Tone::Head), theme.style(Tone::Quiet));
    let mut pen = Pen::new(buf, area, 0);
    if let Some(text) = &app.typing {
        pen.put("/", head)
            .put(text, theme.style(Tone::Plain))
            .put("▏", head);
        pen.word("Enter keeps, Esc clears", quiet);
        return;
    }
    let selection = &app.level().selection;
    if selection.failing {
        pen.word("only failing", theme.style(Tone::Warn));
    }
    if !selection.filter.is_empty() {
        pen.word(&format!("/{}", selection.filter), theme.style(Tone::Warn));
    }
    let more: &[(&str, &str)] = match (app.conducted, app.faults.is_empty()) {
        (true, _) => &[
            ("p", "pause"),
            ("n", "step"),
            ("N", "next event"),
            ("+-", "speed"),
        ],
        (false, false) => &[("f", "faults"), ("p", "pause")],
        (false, true) => &[("p", "pause")],
    };
    let first = KEYS.iter().take(3).chain(more).chain(KEYS.iter().skip(3));
    for (key, does) in first {
        let width = key.chars().count() + does.chars().count() + 1;
        let gap = if pen.x > area.x { 2 } else { 0 };
        if usize::from(pen.x) + gap + width > usize::from(area.right()) {
            break;
        }
        pen.word(key, head).put(" ", quiet).put(does, quiet);
    }
}
