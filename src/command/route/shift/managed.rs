//! Routes of a cluster that another controller looks after.

use serde_json::Value;

use crate::command::route::change::managed::{MANAGERS, MARKS};

/// Who looks after an object, and by what it is known.
pub(super) fn by(object: &Value) -> Option<String> {
    let meta = &object["metadata"];
    for (mark, who) in MARKS {
        if !meta["labels"][mark].is_null() || !meta["annotations"][mark].is_null() {
            return Some(format!("{who} (`{mark}`)"));
        }
    }
    if meta["labels"]["app.kubernetes.io/managed-by"] == "flagger" {
        return Some("Flagger (`app.kubernetes.io/managed-by`)".into());
    }
    let entries = meta["managedFields"].as_array().into_iter().flatten();
    entries
        .filter_map(|entry| entry["manager"].as_str())
        .find_map(|manager| {
            let (_, who) = MANAGERS.iter().find(|(name, _)| *name == manager)?;
            Some(format!("{who} (field manager `{manager}`)"))
        })
}
