//! Everything that is a little smaller than a scenario.

use core::time::Duration;

use serde_json::{Map, Value};

use super::title;
use crate::scenario::Span;

/// One way to make it smaller. Those that leave out much come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pass {
    /// Half of a list.
    Halves,
    /// A quarter of a list.
    Quarters,
    /// One element of a list.
    Elements,
    /// A field.
    Fields,
    /// Half of a number or of a time.
    Numbers,
}

/// A smaller scenario's `spec`, and what was done.
pub(super) type Smaller = (String, Value);

/// A step down from the root: a field or an element.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
}

/// Kinds of objects whose fields may be left out one by one. Of others an object is left out as a
/// whole: the reduction is about policy, and not about what a container's image is called.
const OPEN: [&str; 6] = [
    "BackendPolicy",
    "TrafficPolicy",
    "AuthorizationPolicy",
    "RateLimitPolicy",
    "HTTPRoute",
    "GRPCRoute",
];

/// A time is not halved below this.
const SHORTEST: Duration = Duration::from_millis(1);

// === impl Pass ===

impl Pass {
    pub(super) const ALL: [Self; 5] = [
        Self::Halves,
        Self::Quarters,
        Self::Elements,
        Self::Fields,
        Self::Numbers,
    ];

    /// Every scenario that this way makes of one, always in the same order.
    pub(super) fn of(self, spec: &Value) -> Vec<Smaller> {
        let mut found = Vec::new();
        let mut place = Vec::new();
        walk(spec, &mut place, &mut |place, value| match self {
            Self::Halves => chunks(spec, place, value, 2, &mut found),
            Self::Quarters => chunks(spec, place, value, 4, &mut found),
            Self::Elements => chunks(spec, place, value, usize::MAX, &mut found),
            Self::Fields => fields(spec, place, value, &mut found),
            Self::Numbers => numbers(spec, place, value, &mut found),
        });
        found
    }
}

/// Visits every value that may be made smaller, from the outside in.
fn walk<'v>(value: &'v Value, place: &mut Vec<Step>, visit: &mut dyn FnMut(&[Step], &'v Value)) {
    visit(place, value);
    match value {
        Value::Object(all) => {
            for (key, inner) in all {
                if is_open(place, all, key) {
                    place.push(Step::Key(key.clone()));
                    walk(inner, place, visit);
                    place.pop();
                }
            }
        }
        Value::Array(all) => {
            for (index, inner) in all.iter().enumerate() {
                place.push(Step::Index(index));
                walk(inner, place, visit);
                place.pop();
            }
        }
        _ => {}
    }
}

/// Whether a field may be made smaller: what is expected stays, and of an object only its `spec`,
/// if it is one of ours.
fn is_open(place: &[Step], holder: &Map<String, Value>, key: &str) -> bool {
    let kind = holder.get("kind").and_then(Value::as_str);
    match (place, kind) {
        ([], _) => key != "expect",
        (_, Some(kind)) if in_objects(place) => {
            key == "spec" && (OPEN.contains(&kind) || holder.contains_key("metadata"))
        }
        _ => true,
    }
}

/// Whether this is the place of an object itself.
fn in_objects(place: &[Step]) -> bool {
    matches!(place, [.., Step::Key(key), Step::Index(_)] if key == "objects")
}

/// The kind of the object that this is a part of, if it is part of one.
fn kind_around<'v>(spec: &'v Value, place: &[Step]) -> Option<&'v str> {
    let object = (1..=place.len()).rev().find(|n| in_objects(&place[..*n]))?;
    at(spec, &place[..object])?.get("kind")?.as_str()
}

/// Whether parts of this may be left out: everything of the scenario, and of objects those of our
/// kinds.
fn may_lose(spec: &Value, place: &[Step]) -> bool {
    kind_around(spec, place).is_none_or(|kind| OPEN.contains(&kind) && !in_objects(place))
}

fn chunks(spec: &Value, place: &[Step], value: &Value, parts: usize, found: &mut Vec<Smaller>) {
    let Value::Array(all) = value else {
        return;
    };
    let size = match parts {
        usize::MAX => 1,
        parts => all.len().div_ceil(parts),
    };
    // Smaller chunks than these are the business of the pass for single elements.
    let too_small = parts != usize::MAX && size < 2;
    if too_small || all.is_empty() || !may_lose(spec, place) {
        return;
    }
    // From the end: what comes later depends on what came before more often than the other way.
    for from in (0..all.len()).step_by(size).rev() {
        let to = (from + size).min(all.len());
        let what = match to - from {
            1 => format!("without {}", named(place, from, &all[from])),
            _ => format!("without {}[{from}..{to}]", shown(place)),
        };
        found.extend(change(spec, place, what, |list| {
            if let Value::Array(list) = list {
                list.drain(from..to);
            }
        }));
    }
}

fn fields(spec: &Value, place: &[Step], value: &Value, found: &mut Vec<Smaller>) {
    let Value::Object(all) = value else {
        return;
    };
    if !may_lose(spec, place) {
        return;
    }
    for key in all.keys() {
        // Without it a fault goes on to the end, and a load as well: larger, not smaller.
        if key == "for" || key == "duration" {
            continue;
        }
        // Lists lose their elements; what is expected is what is looked for.
        if place.is_empty() && ["expect", "objects", "warmup"].contains(&key.as_str()) {
            continue;
        }
        let dot = if place.is_empty() { "" } else { "." };
        let what = format!("without {}{dot}{key}", shown(place));
        found.extend(change(spec, place, what, |object| {
            if let Value::Object(object) = object {
                object.shift_remove(key);
            }
        }));
    }
}

fn numbers(spec: &Value, place: &[Step], value: &Value, found: &mut Vec<Smaller>) {
    let of_object = kind_around(spec, place).is_some();
    let replicas = place.last() == Some(&Step::Key("replicas".into()));
    // The length of the run and what is expected belong together.
    let outer = matches!(place, [Step::Key(key)] if key == "duration" || key == "warmup");
    if outer || of_object && !replicas && !may_lose(spec, place) {
        return;
    }
    let half = match value {
        Value::Number(n) => half(n),
        Value::String(text) => text.parse::<Span>().ok().and_then(half_of_span),
        _ => None,
    };
    if let Some(half) = half {
        let what = format!("{} {half}", shown(place));
        found.extend(change(spec, place, what, |value| *value = half.clone()));
    }
}

/// Half of a number, whole; none of what is 1 or less.
fn half(number: &serde_json::Number) -> Option<Value> {
    if let Some(n) = number.as_u64() {
        return (n > 1).then(|| (n / 2).into());
    }
    let n = number.as_f64().filter(|n| *n > 1.0)?;
    Some((n / 2.0).round().max(1.0).into())
}

/// Half of a time, in whole milliseconds.
fn half_of_span(span: Span) -> Option<Value> {
    let half = Duration::from_millis((span.0 / 2).as_millis() as u64);
    (half >= SHORTEST && half < span.0).then(|| Span(half).to_string().into())
}

/// The scenario with one value changed.
fn change(
    spec: &Value,
    place: &[Step],
    what: String,
    how: impl FnOnce(&mut Value),
) -> Option<Smaller> {
    let mut smaller = spec.clone();
    let mut value = &mut smaller;
    for step in place {
        value = match step {
            Step::Key(key) => value.get_mut(key)?,
            Step::Index(index) => value.get_mut(index)?,
        };
    }
    how(value);
    Some((what, smaller))
}

fn at<'v>(spec: &'v Value, place: &[Step]) -> Option<&'v Value> {
    place.iter().try_fold(spec, |value, step| match step {
        Step::Key(key) => value.get(key),
        Step::Index(index) => value.get(index),
    })
}

/// An element for people: objects by kind and name, others by what they are called.
fn named(place: &[Step], index: usize, element: &Value) -> String {
    let path = format!("{}[{index}]", shown(place));
    let is_list = place.last() == Some(&Step::Key("objects".into()));
    match element {
        Value::Object(object) if is_list => format!("{path} ({})", title(object)),
        Value::Object(object) => {
            let named = ["name", "workload", "to"].into_iter();
            let mut named = named.filter_map(|key| object.get(key)?.as_str());
            let action = object
                .keys()
                .find(|key| !["at", "for"].contains(&key.as_str()));
            match named.next().or(action.map(String::as_str)) {
                Some(name) => format!("{path} ({name})"),
                None => path,
            }
        }
        _ => path,
    }
}

fn shown(place: &[Step]) -> String {
    let mut text = String::new();
    for step in place {
        match step {
            Step::Key(key) if text.is_empty() => text.push_str(key),
            Step::Key(key) => text.push_str(&format!(".{key}")),
            Step::Index(index) => text.push_str(&format!("[{index}]")),
        }
    }
    text
}
