//! The table of the page.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::Line;

use super::{Pen, cut};
use crate::top::app::{App, Page};
use crate::top::list::{Head, Place, fit};
use crate::top::record::Cell;
use crate::top::theme::Tone;

pub(super) fn draw(buf: &mut Buffer, area: Rect, app: &mut App) {
    let area = match title(app) {
        Some(title) if area.height > 3 => {
            let (first, rest) = cut(area, 1);
            Pen::new(buf, first, 0).put(&title, app.theme.style(Tone::Head));
            rest
        }
        _ => area,
    };
    let (heads_at, rows_at) = cut(area, 1);
    let list = app.rows.list();
    let heads = list.heads();
    let tree = is_tree(app);
    let branch = |row| if tree { list.branch(row) } else { "" };
    let width = |text: &str| text.chars().count();
    let names = app.order.iter();
    let names = names.map(|row| width(&list.cell(*row, 0).text) + width(branch(*row)) + 2);
    let longest = names
        .max()
        .unwrap_or(0)
        .max(heads.first().map_or(0, |h| h.text.len() + 2));
    let places = fit(
        &heads,
        area.width,
        u16::try_from(longest).unwrap_or(u16::MAX),
    );
    app.areas.heads = heads_at;
    app.areas.rows = rows_at;
    app.areas.columns.clone_from(&places);
    scroll(app, usize::from(rows_at.height));
    draw_heads(buf, heads_at, app, &heads, &places);
    draw_rows(buf, rows_at, app, &heads, &places);
}

/// Whether rows stand below those they belong to: neither sorted otherwise nor chosen.
fn is_tree(app: &App) -> bool {
    let selection = &app.level().selection;
    selection.sort.is_none() && !selection.failing && selection.filter.is_empty()
}

/// Where one is, below the first page.
fn title(app: &App) -> Option<String> {
    let words = app.trail().map(|page| match page {
        Page::Services => "services".to_owned(),
        Page::Service(key) => key.to_string(),
        Page::Backend(key) => format!("endpoints of {key}"),
        Page::Calls => "calls".to_owned(),
        Page::Events => "events".to_owned(),
        Page::Sources => "sources".to_owned(),
    });
    let words: Vec<String> = words.collect();
    (words.len() > 1).then(|| words.join(" › "))
}

/// Moves the first visible row so that the cursor can be seen.
fn scroll(app: &mut App, height: usize) {
    let (rows, index) = (app.order.len(), app.level().index);
    let top = app.level().top;
    let last = rows.saturating_sub(height);
    let top = top.min(last).min(index);
    let top = match height > 0 && index >= top + height {
        true => index + 1 - height,
        false => top,
    };
    app.set_top(top);
}

fn draw_heads(buf: &mut Buffer, area: Rect, app: &App, heads: &[Head], places: &[Place]) {
    let selection = &app.level().selection;
    let style = app.theme.style(Tone::Head);
    for place in places {
        let head = heads[place.column];
        let mark = match (selection.sort == Some(place.column), selection.reverse) {
            (true, false) => "▾",
            (true, true) => "▴",
            (false, _) => "",
        };
        let style = match mark.is_empty() {
            true => style,
            false => style.add_modifier(Modifier::UNDERLINED),
        };
        // A head that fills its column gives its last letter for the mark.
        let room = usize::from(place.width) - mark.chars().count().min(usize::from(place.width));
        let word: String = head.text.chars().take(room).collect();
        put(
            buf,
            area,
            0,
            place,
            head.right,
            &format!("{word}{mark}"),
            style,
        );
    }
}

fn draw_rows(buf: &mut Buffer, area: Rect, app: &App, heads: &[Head], places: &[Place]) {
    let (theme, level, list) = (app.theme, app.level(), app.rows.list());
    let tree = is_tree(app);
    if app.order.is_empty() {
        let why = match level.selection.filter.is_empty() && !level.selection.failing {
            true if app.overview.sources.iter().all(|s| s.state == "waiting") => {
                "waiting for the first frame"
            }
            true => "nothing here yet",
            false => "nothing matches; Esc shows all",
        };
        Pen::new(buf, area, 0).word(why, theme.style(Tone::Quiet));
        return;
    }
    let visible = app.order.iter().enumerate().skip(level.top);
    for (line, (index, row)) in (0..area.height).zip(visible) {
        let stale = list.is_stale(*row);
        let branch = if tree { list.branch(*row) } else { "" };
        for place in places {
            let head = heads[place.column];
            let Cell { text, tone } = list.cell(*row, place.column);
            let text = match place.column {
                0 => named(&text, stale, branch, place.width),
                _ => text,
            };
            let style = match stale {
                true => theme.style(Tone::Quiet),
                false => theme.style(tone),
            };
            put(buf, area, line, place, head.right, &text, style);
        }
        if index == level.index {
            let whole = Rect {
                y: area.y + line,
                height: 1,
                ..area
            };
            buf.set_style(whole, theme.selected());
        }
    }
}

/// The name of a row: its end says more than its middle when it does not fit.
fn named(text: &str, stale: bool, branch: &str, width: u16) -> String {
    // Readable without colour: `~` before what is old.
    let before = match stale {
        true => format!("{branch}~ "),
        false => branch.to_owned(),
    };
    let room = usize::from(width).saturating_sub(before.chars().count());
    let long = text.chars().count();
    if long <= room {
        return format!("{before}{text}");
    }
    // The namespace goes first.
    if let Some((_, name)) = text.split_once('/')
        && name.chars().count() < room
    {
        return format!("{before}…{name}");
    }
    let keep = room.saturating_sub(1);
    let (first, last) = (keep / 2, keep - keep / 2);
    let begin: String = text.chars().take(first).collect();
    let end: String = text.chars().skip(long - last).collect();
    format!("{before}{begin}…{end}")
}

fn put(buf: &mut Buffer, area: Rect, line: u16, at: &Place, right: bool, text: &str, style: Style) {
    if line >= area.height || at.x >= area.width {
        return;
    }
    let width = at.width.min(area.width - at.x);
    // In columns of the terminal: a name may hold wide characters.
    let taken = u16::try_from(Line::from(text).width()).unwrap_or(u16::MAX);
    let blank = if right {
        width.saturating_sub(taken)
    } else {
        0
    };
    let room = usize::from(width - blank);
    let (x, y) = (area.x + at.x + blank, area.y + line);
    buf.set_stringn(x, y, text, room, style);
}
