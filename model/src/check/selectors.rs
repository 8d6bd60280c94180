//! MC0302: a Service that selects nothing, and a workload that it misses by a typing error.
//!
//! Only when nothing else explains it: the workload has every other label of the selector, no
//! Service selects it, and the two values are one edit apart, digits left out (`v1` and `v2` are
//! versions, not errors).

use super::facts::{Facts, WorkloadFact};
use super::{Code, Findings};
use crate::decode::nearest;
use crate::index::{Service, ServiceKind};
use crate::yaml::Step::Key;

/// Shorter words differ by one letter all the time.
const WORD_LEN_MIN: usize = 4;

pub(super) fn analyze(facts: &Facts<'_>, findings: &mut Findings) {
    for fact in facts.services() {
        let (service, object) = (fact.service, fact.object);
        let selects = service.kind != ServiceKind::ExternalName && !service.selector.is_empty();
        let found = || facts.index.pods_of_service(&service.name).next().is_some();
        if !selects || facts.index.has_slices(&service.name) || found() {
            continue;
        }
        let alone = facts.workloads.iter().filter(|workload| {
            workload.pod.namespace == service.name.namespace
                && facts.in_front(workload).next().is_none()
        });
        let near: Vec<_> = alone.filter_map(|w| Some((w, near(service, w)?))).collect();
        let [(workload, (key, value))] = &near[..] else {
            continue;
        };
        let subject = workload.object.subject();
        let message = format!(
            "the selector matches no pod of the input, but all of {subject} except for `{key}`"
        );
        let help = format!("did you mean `{key}: {value}`?");
        let path = [Key("spec"), Key("selector"), Key(key)];
        findings.add(Code::SelectorNearMiss, object, &path, message, help);
    }
}

/// The one label that keeps the Service from the workload, and its value there.
fn near<'a>(service: &'a Service, fact: &'a WorkloadFact<'_>) -> Option<(&'a str, &'a str)> {
    let labels = &fact.workload.template.metadata.labels;
    let mut wrong = service
        .selector
        .iter()
        .filter(|(key, value)| labels.get(*key) != Some(value));
    let (key, wanted) = wrong.next()?;
    if wrong.next().is_some() {
        return None;
    }
    let there = labels.get(key)?;
    let letters = |text: &str| {
        text.chars()
            .filter(|c| !c.is_ascii_digit())
            .collect::<String>()
    };
    let (a, b) = (letters(wanted), letters(there));
    let close = a != b && a.len() >= WORD_LEN_MIN && nearest(&a, [&*b]).is_some();
    // One letter more, less, or other, or two swapped: what `nearest` allows for longer words is
    // too much here.
    let same_length = a.len().abs_diff(b.len()) <= 1;
    (close && same_length && edits(&a, &b) <= 2).then_some((key, there))
}

/// Letters that differ when both words are laid beside each other from the front and the back.
fn edits(a: &str, b: &str) -> usize {
    let front = a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    let back = |a: &str, b: &str| {
        let pairs = a.bytes().rev().zip(b.bytes().rev());
        pairs.take_while(|(a, b)| a == b).count()
    };
    let shorter = a.len().min(b.len());
    let longer = a.len().max(b.len());
    longer - (front + back(a, b)).min(shorter)
}
