//! The objects of a cluster that can be read. One that cannot is somebody else's affair, unless the
//! question is about it: then no answer without it is right.

use std::collections::BTreeMap;

use model::diagnostic::{Diagnostic, Level};
use serde_json::Value;

use super::mesh::Mesh;
use crate::error::Error;
use crate::input::Input;
use crate::ui::Ui;

/// Objects that are named in warnings.
const SHOWN_MAX: usize = 5;

/// Leaves out what cannot be read, each with a warning. `about` is the Service in question, with
/// the namespace that is meant when it names none.
pub(super) fn texts(
    ui: &mut Ui,
    mut texts: Vec<Input>,
    about: Option<(&str, &str)>,
) -> Result<Vec<Input>, Error> {
    // What is left out can make something else invalid, each time of fewer objects.
    loop {
        let found = match Mesh::of(&texts, true) {
            Err(Error::Input(found)) => found,
            Err(other) => return Err(other),
            Ok(_) => return Ok(texts),
        };
        let broken = by_text(&found);
        let is_broken = |text: &Input| broken.contains_key(&text.name);
        let matters = |text: &Input| about.is_some_and(|about| is_about(&text.text, about));
        let mut left_out = texts.iter().filter(|text| is_broken(text)).peekable();
        if left_out.peek().is_none() || left_out.any(matters) {
            return Err(Error::Input(found));
        }
        for (name, why) in broken.iter().take(SHOWN_MAX) {
            let name = name.trim_start_matches("cluster ");
            ui.warning(&format!("{name} cannot be read and is left out: {why}"))?;
        }
        if let Some(more) = broken.len().checked_sub(SHOWN_MAX).filter(|n| *n > 0) {
            let what = "more objects cannot be read and are left out";
            ui.warning(&format!("{more} {what}: `meshctl check -A` names them"))?;
        }
        texts.retain(|text| !is_broken(text));
    }
}

/// The first error of each text.
fn by_text(found: &[Diagnostic]) -> BTreeMap<String, String> {
    let mut broken = BTreeMap::new();
    for error in found.iter().filter(|d| d.level == Level::Error) {
        if let Some(source) = &error.source {
            let first = broken.entry(source.name().to_owned());
            first.or_insert_with(|| error.message.clone());
        }
    }
    broken
}

/// Whether an object names the Service, or one of its versions, in its namespace.
fn is_about(text: &str, (home, service): (&str, &str)) -> bool {
    let (namespace, name) = match service.rsplit_once('/') {
        Some(("svc" | "service" | "services" | "Service", name)) => (home, name),
        Some((namespace, name)) => (namespace, name),
        None => (home, service),
    };
    let Ok(object) = serde_json::from_str::<Value>(text) else {
        return true;
    };
    let of_service = |value: &str| {
        let rest = value.strip_prefix(name);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    };
    let here = object["metadata"]["namespace"] == namespace;
    any_text(&object, &of_service) && (here || any_text(&object, &|value| value == namespace))
}

fn any_text(value: &Value, is: &impl Fn(&str) -> bool) -> bool {
    match value {
        Value::String(text) => is(text),
        Value::Array(items) => items.iter().any(|item| any_text(item, is)),
        Value::Object(map) => map.values().any(|value| any_text(value, is)),
        _ => false,
    }
}
