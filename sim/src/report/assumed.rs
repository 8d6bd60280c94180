//! Assumed inputs, summed up so that they are read: what was derived from a place in a file comes
//! first and stands alone, usual values that are the same for many subjects become one entry, and
//! what describes apps that nobody asked is only counted.

use std::collections::{BTreeMap, BTreeSet};

use super::Report;
use crate::record::{Input, never_asked};

/// What a run assumed.
pub(super) struct Assumed<'a> {
    pub groups: Vec<Group<'a>>,
    /// Inputs of apps that nobody asked in the run, and how many apps that are.
    pub idle: (usize, usize),
}

/// Equal guesses about several subjects.
pub(super) struct Group<'a> {
    /// Field and value.
    pub values: Vec<(&'a str, &'a str)>,
    pub subjects: Vec<&'a str>,
    pub why: &'a str,
    /// It names a place in a file, or how much load there is: worth a line of its own.
    pub derived: bool,
}

/// How much is asked: the guess that results depend on most.
const LOADS: [&str; 2] = ["rate", "users"];

// === impl Assumed ===

impl<'a> Assumed<'a> {
    /// `all` keeps the inputs of apps that nobody asked.
    pub(super) fn new(report: &'a Report, all: bool) -> Self {
        let unasked = never_asked(&report.workloads, &report.frames);
        let is_idle =
            |input: &&Input| !all && input.workload().is_some_and(|w| unasked.contains(w));
        let (idle, asked): (Vec<_>, Vec<_>) = report.inputs.assumed.iter().partition(is_idle);
        let apps: BTreeSet<_> = idle.iter().map(|i| &i.subject).collect();
        Self {
            groups: groups(&asked),
            idle: (idle.len(), apps.len()),
        }
    }
}

/// First by value, then by subjects: what holds for the same subjects is one entry.
fn groups<'a>(inputs: &[&'a Input]) -> Vec<Group<'a>> {
    let (derived, usual): (Vec<&Input>, Vec<&Input>) = inputs.iter().partition(|i| is_derived(i));
    let alone = derived.into_iter().map(|input| Group {
        values: vec![(&*input.field, &*input.value)],
        subjects: vec![&*input.subject],
        why: &input.why,
        derived: true,
    });
    let mut by_value: BTreeMap<_, Vec<&str>> = BTreeMap::new();
    for input in usual {
        let key = (&*input.why, &*input.field, &*input.value);
        by_value.entry(key).or_default().push(&input.subject);
    }
    let mut by_subjects: BTreeMap<_, Vec<(&str, &str)>> = BTreeMap::new();
    for ((why, field, value), subjects) in by_value {
        let values = by_subjects.entry((subjects, why)).or_default();
        values.push((field, value));
    }
    let shared = by_subjects
        .into_iter()
        .map(|((subjects, why), values)| Group {
            values,
            subjects,
            why,
            derived: false,
        });
    let mut groups: Vec<_> = alone.chain(shared).collect();
    // The sort is stable: derived guesses keep the order of the inputs.
    groups.sort_by_key(|g| match g.derived {
        true => (false, "", core::cmp::Reverse(0)),
        false => (true, g.why, core::cmp::Reverse(g.subjects.len())),
    });
    groups
}

fn is_derived(input: &Input) -> bool {
    LOADS.contains(&&*input.field) || names_a_place(&input.why)
}

/// Whether a text holds `name.ext:12`.
fn names_a_place(text: &str) -> bool {
    text.split([' ', '(', ')', ',', ';']).any(|word| {
        let place = word.rsplit_once(':');
        place.is_some_and(|(file, line)| {
            file.contains('.') && !line.is_empty() && line.bytes().all(|b| b.is_ascii_digit())
        })
    })
}

// === impl Group ===

impl Group<'_> {
    /// `workers 256, queue 1024`
    pub(super) fn what(&self) -> String {
        let values = self.values.iter().map(|(f, v)| format!("{f} {v}"));
        values.collect::<Vec<_>>().join(", ")
    }

    /// The subjects, of more than `most` the first ones: `13 apps: a, b and 11 more`.
    pub(super) fn whose(&self, most: usize) -> String {
        let [one] = &self.subjects[..] else {
            let names: Vec<_> = self
                .subjects
                .iter()
                .map(|s| s.strip_prefix("app "))
                .collect();
            let apps = names.iter().all(Option::is_some);
            let short = |s: &&str| match apps {
                true => s.strip_prefix("app ").unwrap_or(s).to_owned(),
                false => (*s).to_owned(),
            };
            let shown: Vec<_> = self.subjects.iter().take(most).map(short).collect();
            let kind = if apps { "apps" } else { "subjects" };
            let more = match self.subjects.len().saturating_sub(most) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            return format!("{} {kind}: {}{more}", names.len(), shown.join(", "));
        };
        (*one).to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Source;

    fn input(subject: &str, field: &str, value: &str, why: &str) -> Input {
        Input {
            subject: subject.into(),
            field: field.into(),
            value: value.into(),
            source: Source::Assumed,
            why: why.into(),
        }
    }

    #[test]
    fn equal_guesses_become_one_entry_and_derived_ones_stand_first() {
        let inputs = [
            input("app a", "queue", "1024", "usual"),
            input("app a", "workers", "256", "usual"),
            input("app b", "queue", "1024", "usual"),
            input("app b", "workers", "256", "usual"),
            input(
                "app b",
                "calls",
                "http://c",
                "once, since C (x.yaml:3) names it",
            ),
            input("app c", "queue", "1024", "usual"),
            input("app c", "workers", "9", "usual"),
        ];
        let inputs: Vec<_> = inputs.iter().collect();
        let seen: Vec<_> = groups(&inputs)
            .iter()
            .map(|g| format!("{} of {}", g.what(), g.whose(2)))
            .collect();
        assert_eq!(
            seen,
            [
                "calls http://c of app b",
                "queue 1024 of 3 apps: a, b and 1 more",
                "workers 256 of 2 apps: a, b",
                "workers 9 of app c",
            ]
        );
    }

    #[test]
    fn a_place_is_a_file_and_a_line() {
        assert!(names_a_place("since CART (shop/cart.yaml:13) names it"));
        for text in ["a usual value", "at 12:30", "http://cart:80", "x.yaml:"] {
            assert!(!names_a_place(text), "{text}");
        }
    }
}
