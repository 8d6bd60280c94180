//! The live screen, and what it shows.
//!
//! ```text
//!  proxies ───┐  lines of JSON                             ┌─▶ app ─▶ draw ─▶ the terminal: top
//!  recording ─┼────────────────▶ frames ─▶ store ─▶ view ──┤
//!  simulation ┘                  one model, windows        └─▶ print: stat, edges, top --once
//! ```
//!
//! `store`, `view` and `app` are pure: they are told what came and what time it is. Only `run`
//! knows the terminal.

mod app;
mod control;
mod draw;
mod faults;
#[cfg(test)]
mod fixture;
pub(crate) mod format;
mod gather;
pub(crate) mod lines;
mod list;
mod pack;
pub(crate) mod print;
mod record;
mod run;
pub(crate) mod source;
mod store;
mod tally;
mod terminal;
mod theme;
mod view;

pub(crate) use gather::{Gathered, gather, recorded};
pub(crate) use run::Session;
pub(crate) use source::Flags;
pub(crate) use tally::Tally;
pub(crate) use theme::Theme;
