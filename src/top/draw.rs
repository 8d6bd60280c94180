//! The screen.
//!
//! ```text
//!  meshctl top  sim  0:42 ×1 live  window 10.0s   199/s  OK 98.0%  p99 41    │ header
//!  36 proxies  14 services  endpoints 76/78 ready  1 open  1 probing         │
//!  SERVICE ▾                  RPS   OK%  P50  P95  P99 …  EP     BREAKER     │ heads
//!  shop/recommendations:80   99.1  98.0  8.3   25   41 …  2/3    1 open 4.1s │ rows
//!  …                                                                         │
//!  ── events ─────────────────────────────────────────────────────────────── │ pane: events,
//!  2.1s breaker-opened  shop/recommendations:80 …  5 consecutive failures    │ latency or heat
//!  Enter into  / filter  e failing  t window  ? help                         │ footer
//! ```

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::app::{App, Pane};

mod footer;
mod header;
mod overlay;
mod pane;
mod table;

/// Terminals at least this high have a second line of header.
const SECOND_LINE_FROM: u16 = 14;

/// And at least this high a pane.
const PANE_FROM: u16 = 18;

/// Draws everything, and keeps where it was drawn.
pub(super) fn draw(frame: &mut Frame<'_>, app: &mut App) {
    let area = frame.area();
    let buf = frame.buffer_mut();
    let lines = if area.height >= SECOND_LINE_FROM {
        2
    } else {
        1
    };
    let pane = match app.pane {
        Pane::None => 0,
        _ if area.height < PANE_FROM => 0,
        Pane::Events => (area.height / 4).clamp(5, 12),
        Pane::Latency | Pane::Heat => (area.height / 3).clamp(8, 16),
    };
    let (head, rest) = cut(area, lines.min(area.height));
    let (rest, foot) = cut(rest, rest.height.saturating_sub(1));
    let (table, below) = cut(rest, rest.height.saturating_sub(pane));
    header::draw(buf, head, app);
    table::draw(buf, table, app);
    pane::draw(buf, below, app);
    footer::draw(buf, foot, app);
    overlay::draw(buf, area, app);
}

/// The first `height` lines, and the others.
fn cut(area: Rect, height: u16) -> (Rect, Rect) {
    let height = height.min(area.height);
    let below = Rect {
        y: area.y + height,
        height: area.height - height,
        ..area
    };
    (Rect { height, ..area }, below)
}

/// Texts one after the other on a line, as far as they fit.
struct Pen<'a> {
    buf: &'a mut Buffer,
    area: Rect,
    x: u16,
    y: u16,
}

impl<'a> Pen<'a> {
    fn new(buf: &'a mut Buffer, area: Rect, line: u16) -> Self {
        Self {
            buf,
            area,
            x: area.x,
            y: area.y + line,
        }
    }

    /// Writes as much as there is room for.
    fn put(&mut self, text: &str, style: Style) -> &mut Self {
        if self.y < self.area.bottom() && self.x < self.area.right() {
            let room = usize::from(self.area.right() - self.x);
            self.x = self.buf.set_stringn(self.x, self.y, text, room, style).0;
        }
        self
    }

    /// Writes all of it after two blanks, or nothing.
    fn word(&mut self, text: &str, style: Style) -> &mut Self {
        let gap = if self.x > self.area.x { 2 } else { 0 };
        let width = u16::try_from(text.chars().count()).unwrap_or(u16::MAX);
        if self.x.saturating_add(gap).saturating_add(width) <= self.area.right() {
            self.x += gap;
            self.put(text, style);
        }
        self
    }
}

#[cfg(test)]
mod tests;
