//! The mouse: rows and heads of columns are where they were drawn.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::{Position, Rect};

use super::App;
use crate::top::list::Place;

/// Rows that one turn of the wheel moves.
const WHEEL: usize = 3;

/// Where things were drawn last.
#[derive(Clone, Debug, Default)]
pub(in crate::top) struct Areas {
    pub(in crate::top) heads: Rect,
    pub(in crate::top) rows: Rect,
    pub(in crate::top) columns: Vec<Place>,
}

impl App {
    pub(in crate::top) fn mouse(&mut self, event: MouseEvent) {
        let at = self.level().index;
        match event.kind {
            MouseEventKind::ScrollUp => self.move_to(at.saturating_sub(WHEEL)),
            MouseEventKind::ScrollDown => self.move_to(at + WHEEL),
            MouseEventKind::Down(MouseButton::Left) => {
                self.click(Position::new(event.column, event.row));
            }
            MouseEventKind::Down(MouseButton::Right) => {
                self.back();
            }
            _ => return,
        }
        self.dirty = true;
    }

    fn click(&mut self, at: Position) {
        if self.areas.heads.contains(at) {
            let x = at.x - self.areas.heads.x;
            let column = self.areas.columns.iter().rev().find(|place| place.x <= x);
            let column = column.map(|place| place.column);
            self.sort_by(column);
        } else if self.areas.rows.contains(at) {
            let index = self.level().top + usize::from(at.y - self.areas.rows.y);
            if index >= self.order.len() {
                return;
            }
            // A click on the row under the cursor goes into it.
            let again = self.level().index == index && self.level().cursor.is_some();
            self.move_to(index);
            if again {
                self.enter();
            }
        }
    }
}
