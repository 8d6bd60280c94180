//! Colour by meaning, and readable without it.

use ratatui::style::{Color, Modifier, Style};

/// What a text means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Tone {
    #[default]
    Plain,
    /// Not worth a look: zeros, what is as it should be.
    Quiet,
    Good,
    /// Worth a look.
    Warn,
    /// Broken.
    Bad,
    /// Between the two: a breaker that probes.
    Probe,
    /// Heads of columns, names of keys.
    Head,
}

/// For which background colours are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Theme {
    Dark,
    Light,
    /// `NO_COLOR`: bold, dim and reverse only.
    Plain,
}

// === impl Theme ===

impl Theme {
    pub(super) fn style(self, tone: Tone) -> Style {
        let style = Style::new();
        // The sixteen colours of the terminal, which its owner has chosen to be readable.
        match (self, tone) {
            (_, Tone::Plain) => style,
            (_, Tone::Quiet) => style.add_modifier(Modifier::DIM),
            (_, Tone::Head) => style.add_modifier(Modifier::BOLD),
            (Self::Plain, Tone::Good) => style,
            (Self::Plain, Tone::Warn | Tone::Probe) => style.add_modifier(Modifier::UNDERLINED),
            (Self::Plain, Tone::Bad) => style.add_modifier(Modifier::BOLD),
            (Self::Dark, Tone::Good) => style.fg(Color::Green),
            (Self::Dark, Tone::Warn) => style.fg(Color::Yellow),
            (Self::Dark, Tone::Bad) => style.fg(Color::LightRed).add_modifier(Modifier::BOLD),
            (Self::Dark, Tone::Probe) => style.fg(Color::Cyan),
            // Yellow and cyan cannot be read on white.
            (Self::Light, Tone::Good) => style.fg(Color::Green),
            (Self::Light, Tone::Warn) => style.fg(Color::Magenta),
            (Self::Light, Tone::Bad) => style.fg(Color::Red).add_modifier(Modifier::BOLD),
            (Self::Light, Tone::Probe) => style.fg(Color::Blue),
        }
    }

    /// The row that is selected.
    pub(super) fn selected(self) -> Style {
        // One block, whatever the colours of its words are.
        Style::new()
            .fg(Color::Reset)
            .add_modifier(Modifier::REVERSED)
            .remove_modifier(Modifier::DIM)
    }

    /// The tones of a heatmap, from little to much.
    pub(super) fn heat(self, share: f64) -> Style {
        match share {
            s if s < 0.05 => self.style(Tone::Quiet),
            s if s < 0.25 => self.style(Tone::Good),
            s if s < 0.6 => self.style(Tone::Warn),
            _ => self.style(Tone::Bad),
        }
    }
}
