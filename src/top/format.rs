//! Numbers in few characters, never rounded to something better than they are.

use engine::identity::Identity;

/// An identity of the mesh's own form in few characters: `shop/sa/web`; other names as they are.
pub(crate) fn who(name: &str) -> String {
    let of_mesh = name
        .parse::<Identity>()
        .ok()
        .and_then(|id| id.service_account().map(|(ns, sa)| format!("{ns}/sa/{sa}")));
    of_mesh.unwrap_or_else(|| name.to_owned())
}

/// Microseconds as milliseconds: one decimal below 10, seconds from 10,000 on.
pub(super) fn millis(us: Option<u64>) -> String {
    let Some(us) = us else { return "–".into() };
    match us {
        // Rounded up, as quantiles are: 0.04 ms is not nothing.
        0..10_000 => format!("{}.{}", us.div_ceil(100) / 10, us.div_ceil(100) % 10),
        10_000..10_000_000 => format!("{}", us.div_ceil(1000)),
        _ => format!("{}s", us.div_ceil(1_000_000)),
    }
}

/// A rate: one decimal below 100, thousands with `k`.
pub(super) fn rate(per_second: Option<f64>) -> String {
    let Some(n) = per_second else {
        return "–".into();
    };
    match n {
        n if n <= 0.0 => "0".into(),
        n if n < 0.05 => "<0.1".into(),
        n if n < 99.95 => format!("{n:.1}"),
        n if n < 9_999.5 => format!("{n:.0}"),
        n if n < 999_500.0 => format!("{:.1}k", n / 1e3),
        n => format!("{:.1}M", n / 1e6),
    }
}

/// A rate of something that should not be: nothing shown for none.
pub(super) fn rare(per_second: f64) -> String {
    match per_second > 0.0 {
        true => rate(Some(per_second)),
        false => "·".into(),
    }
}

/// A share in percent, cut to one decimal: 99.96 % is not 100.
pub(super) fn percent(share: Option<f64>) -> String {
    let Some(share) = share else {
        return "–".into();
    };
    match (share * 1000.0 + 1e-9).floor() {
        n if n >= 1000.0 => "100".into(),
        n => format!("{:.1}", n / 10.0),
    }
}

pub(super) fn count(n: u64) -> String {
    match n {
        0..100_000 => n.to_string(),
        100_000..100_000_000 => format!("{}k", n / 1000),
        _ => format!("{}M", n / 1_000_000),
    }
}

/// Seconds of a clock as `12.3s`, `3:05`, `2:10:00`.
pub(super) fn clock(seconds: f64) -> String {
    let whole = seconds as u64;
    match whole {
        0..60 => format!("{:.1}s", (seconds * 10.0).floor() / 10.0),
        60..3600 => format!("{}:{:02}", whole / 60, whole % 60),
        _ => format!(
            "{}:{:02}:{:02}",
            whole / 3600,
            whole % 3600 / 60,
            whole % 60
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_are_never_shown_as_less_than_they_are() {
        let shown = [40, 420, 9_900, 9_950, 10_000, 41_001, 9_999_001, 12_000_001];
        let shown = shown.map(|us| millis(Some(us)));
        assert_eq!(
            shown,
            ["0.1", "0.5", "9.9", "10.0", "10", "42", "10000", "13s"]
        );
        assert_eq!(millis(None), "–");
    }

    #[test]
    fn nearly_all_is_not_all() {
        let shown = [1.0, 0.99999, 0.981, 0.0].map(|s| percent(Some(s)));
        assert_eq!(shown, ["100", "99.9", "98.1", "0.0"]);
    }

    #[test]
    fn rates_have_one_decimal_where_it_says_something() {
        let shown = [0.0, 0.01, 4.25, 99.94, 198.7, 12_340.0, 2.5e6].map(|n| rate(Some(n)));
        assert_eq!(shown, ["0", "<0.1", "4.2", "99.9", "199", "12.3k", "2.5M"]);
    }

    #[test]
    fn clocks() {
        assert_eq!(
            [12.39, 185.0, 7_800.0].map(clock),
            ["12.3s", "3:05", "2:10:00"]
        );
    }
}
