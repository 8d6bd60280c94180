//! MC0105 for the kinds that are not joined: objects that are there a second time.

use std::collections::BTreeMap;

use super::facts::Facts;
use super::{Code, Findings};
use crate::diagnostic::Subject;
use crate::document::Object;
use crate::load;

pub(super) fn analyze(facts: &Facts<'_>, findings: &mut Findings) {
    let mut seen: BTreeMap<(&str, Subject), &Object> = BTreeMap::new();
    for resource in &facts.resources {
        let object = &resource.object;
        // The joining finds those of its own kinds.
        let joined = load::fact(resource).is_ok_and(|fact| fact.is_some());
        if joined || object.name().is_empty() {
            continue;
        }
        let key = (object.group(), object.subject());
        let Some(first) = seen.get(&key) else {
            seen.insert(key, object);
            continue;
        };
        let message = format!("{} is declared twice", object.subject());
        let help = format!(
            "the first is at {}:{}; remove one of them: which one holds would depend on their \
             order",
            first.source().name(),
            first.line()
        );
        findings.add(Code::Twice, object, &[], message, help);
    }
}
