//! The header: whose numbers these are, of what time, and how the mesh is in one line.

use core::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::Pen;
use crate::top::app::{App, Rows};
use crate::top::format::{clock, count, millis, percent, rate};
use crate::top::theme::Tone;
use crate::top::view::{Breakers, ServiceView};

pub(super) fn draw(buf: &mut Buffer, area: Rect, app: &App) {
    first(buf, area, app);
    if area.height > 1 {
        second(buf, area, app);
    }
}

fn first(buf: &mut Buffer, area: Rect, app: &App) {
    let theme = app.theme;
    let (plain, quiet) = (Style::new(), theme.style(Tone::Quiet));
    let mut pen = Pen::new(buf, area, 0);
    pen.word("meshctl top", theme.style(Tone::Head));
    let sources = &app.overview.sources;
    let lost = sources.iter().filter(|s| s.stale).count();
    let total = &app.overview.totals;
    let success = match total.success_rate {
        Some(s) if s < 0.95 => Tone::Bad,
        Some(s) if s < 1.0 => Tone::Warn,
        Some(_) => Tone::Good,
        None => Tone::Quiet,
    };
    // What is not as it should be comes first: on a narrow terminal the rest has no room.
    if app.is_paused() {
        pen.word("PAUSED", theme.style(Tone::Warn));
    }
    if lost > 0 {
        let text = format!("{lost} of {} sources lost", sources.len());
        pen.word(&text, theme.style(Tone::Bad));
    }
    pen.word(&format!("{}/s", rate(total.per_second)), plain);
    pen.word(
        &format!("OK {}%", percent(total.success_rate)),
        theme.style(success),
    );
    pen.word(&format!("p99 {}", millis(total.p99_us)), plain);
    if let [only] = &sources[..] {
        pen.word(&only.source, plain);
        let tone = match only.state {
            "live" => Tone::Good,
            "lost" => Tone::Bad,
            _ => Tone::Warn,
        };
        if only.state != "lost" {
            pen.word(only.state, theme.style(tone));
        }
    } else {
        pen.word(&format!("{} sources", sources.len()), plain);
    }
    if let Some(at) = sources.iter().map(|s| s.at_s).reduce(f64::max) {
        pen.word(&clock(at), plain);
    }
    if app.conducted {
        let speed = match app.speed.is_infinite() {
            true => "as fast as it can".to_owned(),
            false => format!("×{}", app.speed),
        };
        pen.word(&speed, quiet);
    }
    pen.word(&window(app), quiet);
}

/// The window: what was asked, and what there is while that is less.
fn window(app: &App) -> String {
    let asked = app.store.window();
    let covered = app.overview.sources.iter().map(|s| s.window_s);
    let covered = covered.fold(0.0, f64::max);
    match asked {
        Duration::MAX => format!("window all ({})", clock(covered)),
        _ if covered + 0.05 < asked.as_secs_f64() => {
            format!("window {} of {}", clock(covered), short(asked))
        }
        _ => format!("window {}", short(asked)),
    }
}

fn short(d: Duration) -> String {
    match d.as_secs() {
        s if s < 60 => format!("{s}s"),
        s => format!("{}m", s / 60),
    }
}

fn second(buf: &mut Buffer, area: Rect, app: &App) {
    let theme = app.theme;
    let quiet = theme.style(Tone::Quiet);
    let mut pen = Pen::new(buf, area, 1);
    let services: &[ServiceView] = match &app.rows {
        Rows::Services(rows) => rows,
        _ => &app.overview.services,
    };
    let proxies: u64 = app.overview.sources.iter().map(|s| s.proxies).sum();
    pen.word(&format!("{} proxies", count(proxies)), quiet);
    pen.word(&format!("{} services", services.len()), quiet);
    let mut all = Breakers::default();
    // An endpoint behind two services is counted at both: this is how many places are in trouble.
    services.iter().for_each(|s| all.merge(&s.endpoints));
    let tone = if all.ready < all.total {
        Tone::Warn
    } else {
        Tone::Good
    };
    let text = format!("endpoints {}/{}", all.ready, all.total);
    pen.word(&text, theme.style(tone));
    for (n, word, tone) in [
        (all.open, "open", Tone::Bad),
        (all.half_open, "probing", Tone::Probe),
        (all.ejected, "ejected", Tone::Bad),
        (all.away, "away", Tone::Warn),
    ] {
        if n > 0 {
            pen.word(&format!("{n} {word}"), theme.style(tone));
        }
    }
    if all.total > 0 && all.open + all.half_open + all.ejected == 0 {
        pen.word("breakers closed", theme.style(Tone::Good));
    }
    let rejected = app.overview.totals.rejected();
    if rejected > 0.0 {
        pen.word(
            &format!("rejected {}/s", rate(Some(rejected))),
            theme.style(Tone::Warn),
        );
    }
    let under_way = app.overview.totals.in_flight;
    pen.word(&format!("in flight {}", count(under_way)), quiet);
    for (n, what) in [
        (app.store.rows_dropped(), "rows left out"),
        (app.store.events_dropped(), "events left out"),
    ] {
        if n > 0 {
            pen.word(&format!("{n} {what}"), quiet);
        }
    }
    if let Some(why) = app.overview.sources.iter().find_map(|s| s.why.as_ref()) {
        pen.put("  ", quiet).put(why, theme.style(Tone::Bad));
    }
}
