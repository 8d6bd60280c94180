//! Keys, as k9s and htop have them.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::{App, Effect, Page};
use crate::top::control::Ask;

/// The help: keys and what they do.
pub(in crate::top) const HELP: [(&str, &str); 19] = [
    ("↑ ↓ j k", "move; PgUp, PgDn, g, G: far"),
    ("Enter", "into a service, a backend"),
    ("Esc", "back; clears the filter first"),
    ("/", "filter: words that all occur, !word does not"),
    ("e", "only what fails"),
    ("< >", "sort by the column before, after"),
    ("1 … 9", "sort by that column; again: reverse"),
    ("0", "troubles first"),
    ("r", "reverse"),
    ("t", "window: 10 s, 1 min, 5 min, all"),
    ("p, Space", "pause"),
    (
        "n, N",
        "one second on; on to the next event (simulation, recording)",
    ),
    ("+ -", "faster, slower (simulation, recording)"),
    ("Tab", "below: events, latency, heatmap, nothing"),
    ("s c v o", "services, calls, events, sources"),
    ("f", "faults, where the mesh offers some (demo)"),
    ("mouse", "click a row or a head, turn the wheel"),
    ("?", "this help"),
    ("q", "quit"),
];

/// The longest filter: nobody types more, and a paste may.
const FILTER_MAX: usize = 200;

impl App {
    /// A key was pressed.
    pub(in crate::top) fn key(&mut self, key: KeyEvent) -> Option<Effect> {
        if key.kind == KeyEventKind::Release {
            return None;
        }
        self.dirty = true;
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        if control && matches!(key.code, KeyCode::Char('c' | 'd')) {
            return Some(Effect::Quit);
        }
        if self.typing.is_some() {
            self.type_filter(key.code);
            return None;
        }
        if let (true, KeyCode::Char(c @ '1'..='9')) = (self.choosing_fault, key.code) {
            let fault = c as usize - '1' as usize;
            self.choosing_fault = false;
            return (fault < self.faults.len()).then_some(Effect::Fault(fault));
        }
        match key.code {
            KeyCode::Char('q') => return Some(Effect::Quit),
            KeyCode::Char('p' | ' ') => return self.pause(),
            KeyCode::Char('n') if self.conducted => return Some(Effect::Ask(Ask::Step)),
            KeyCode::Char('N') if self.conducted => return Some(Effect::Ask(Ask::NextEvent)),
            KeyCode::Char('+' | '=') => return self.change_speed(true),
            KeyCode::Char('-') => return self.change_speed(false),
            KeyCode::Esc | KeyCode::Backspace => {
                self.back();
            }
            KeyCode::Enter | KeyCode::Right => self.enter(),
            KeyCode::Left => {
                self.back();
            }
            KeyCode::Tab => self.pane = self.pane.next(),
            KeyCode::Char('?' | 'h') | KeyCode::F(1) => self.help = !self.help,
            KeyCode::Char('f') => {
                self.choosing_fault = !self.choosing_fault && !self.faults.is_empty();
            }
            KeyCode::Char('/') => self.typing = Some(self.level().selection.filter.clone()),
            KeyCode::Char('t') => self.next_window(),
            code => {
                self.move_cursor(code);
                self.choose(code);
            }
        }
        None
    }

    fn move_cursor(&mut self, code: KeyCode) {
        let page = usize::from(self.areas.rows.height).max(1);
        let at = self.level().index;
        let to = match code {
            KeyCode::Up | KeyCode::Char('k') => at.saturating_sub(1),
            KeyCode::Down | KeyCode::Char('j') => at + 1,
            KeyCode::PageUp => at.saturating_sub(page),
            KeyCode::PageDown => at + page,
            KeyCode::Home | KeyCode::Char('g') => 0,
            KeyCode::End | KeyCode::Char('G') => usize::MAX,
            _ => return,
        };
        self.move_to(to);
    }

    /// Pages, order, and what is shown of it.
    fn choose(&mut self, code: KeyCode) {
        match code {
            KeyCode::Char('s') => self.levels.truncate(1),
            KeyCode::Char('c') => self.go(Page::Calls),
            KeyCode::Char('v') => self.go(Page::Events),
            KeyCode::Char('o') => self.go(Page::Sources),
            KeyCode::Char('e') => {
                let selection = &mut self.level_mut().selection;
                selection.failing = !selection.failing;
            }
            KeyCode::Char('r') => {
                let selection = &mut self.level_mut().selection;
                selection.reverse = !selection.reverse;
            }
            KeyCode::Char('0') => self.sort_by(None),
            KeyCode::Char(c @ '1'..='9') => {
                let place = self.areas.columns.get(c as usize - '1' as usize);
                if let Some(place) = place.copied() {
                    self.sort_by(Some(place.column));
                }
            }
            KeyCode::Char('<' | ',') => self.sort_beside(false),
            KeyCode::Char('>' | '.') => self.sort_beside(true),
            _ => {}
        }
    }

    /// Sorts by a column; by the same again, the other way round.
    pub(super) fn sort_by(&mut self, column: Option<usize>) {
        let selection = &mut self.level_mut().selection;
        selection.reverse = selection.sort == column && column.is_some() && !selection.reverse;
        selection.sort = column;
    }

    /// By the visible column after or before the one that is sorted by.
    fn sort_beside(&mut self, after: bool) {
        let sorted = self.level().selection.sort;
        let columns = &self.areas.columns;
        let at = columns
            .iter()
            .position(|place| Some(place.column) == sorted);
        let next = match (at, after) {
            (None, true) => Some(0),
            (None, false) => columns.len().checked_sub(1),
            (Some(at), true) => Some(at + 1),
            (Some(at), false) => at.checked_sub(1),
        };
        let column = next.and_then(|i| columns.get(i)).map(|place| place.column);
        self.level_mut().selection.reverse = false;
        self.level_mut().selection.sort = column;
    }

    fn type_filter(&mut self, code: KeyCode) {
        let Some(text) = &mut self.typing else { return };
        match code {
            KeyCode::Char(c) if text.len() < FILTER_MAX => text.push(c),
            KeyCode::Backspace => {
                text.pop();
            }
            KeyCode::Esc => {
                text.clear();
                self.level_mut().selection.filter.clear();
                self.typing = None;
                return;
            }
            KeyCode::Enter => {
                self.typing = None;
                return;
            }
            _ => return,
        }
        // The rows follow while one types.
        let filter = text.clone();
        self.level_mut().selection.filter = filter;
    }
}
