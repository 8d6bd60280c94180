//! Is somebody shifting traffic, and did somebody stop in the middle of it?

use super::report::Category;
use crate::cluster::held::Seen;
use crate::command::route::shift::note::Note;

/// None when no route tells of a shift.
pub(super) fn check(seen: &Seen) -> Option<Category> {
    let mut to = Category::new("shifts");
    let mut any = false;
    for kind in ["HTTPRoute", "GRPCRoute"] {
        for object in seen.objects(kind) {
            let meta = &object["metadata"];
            let text = |key: &str| meta[key].as_str().unwrap_or_default();
            let route = format!("{kind} {}/{}", text("namespace"), text("name"));
            match Note::of(object) {
                Ok(None) => continue,
                Ok(Some(note)) if note.is_abandoned() => {
                    let (service, namespace) = (&note.service, text("namespace"));
                    to.error(
                        "shifts-alive",
                        format!("the shift of {route} to {} goes on", note.to),
                        vec![format!("its deadline was {}", note.deadline)],
                        format!("meshctl route shift {namespace}/{service} --return, or --resume"),
                    );
                }
                Ok(Some(note)) => to.success(
                    "shifts-alive",
                    format!("{route} is being shifted to {}", note.to),
                ),
                Err(_) => to.warning(
                    "shifts-alive",
                    format!("the annotation of {route} tells of a shift"),
                    vec!["it cannot be read".into()],
                    "use the version of meshctl that wrote it, or remove the annotation",
                ),
            }
            any = true;
        }
    }
    any.then_some(to)
}
