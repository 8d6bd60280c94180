//! What all routes share: parents, host names, backends, names of rules.

use std::collections::BTreeMap;

use super::check::Check;
use super::text::{check_host, check_len, check_section_name, shown};
use crate::check::Code;
use crate::gateway::{BackendTargetRef, ParentReference, Weight};

/// Gateway API's bounds.
const PARENTS_MAX: usize = 32;
const HOSTNAMES_MAX: usize = 16;
pub(super) const RULES_MAX: usize = 16;
pub(super) const BACKENDS_MAX: usize = 16;
const NAME_LEN_MAX: usize = 253;

/// `spec.parentRefs`.
pub(super) fn parents(check: &mut Check, parents: &[ParentReference]) {
    check.at_most("parentRefs", parents, PARENTS_MAX);
    if parents.is_empty() {
        check.coded(Code::NoParents, |check| {
            check.warning(
            "the route has no parentRefs: it applies to nothing",
            "name the Service whose requests it governs: parentRefs: [{group: \"\", kind: Service, \
             name: …}]",
        );
        });
    }
    check.each("parentRefs", parents, parent);
    for (later, second) in parents.iter().enumerate() {
        let clash = parents[..later]
            .iter()
            .any(|first| same_place(first, second));
        if clash {
            check.item("parentRefs", later, |check| {
                check.error(
                    format!("the parent {} is named twice", shown(&second.name)),
                    "two references to one parent must differ in sectionName or port, and both \
                     must set it",
                );
            });
        }
    }
}

fn parent(check: &mut Check, parent: &ParentReference) {
    check.field("name", |check| {
        check_len(check, &parent.name, 1, NAME_LEN_MAX);
    });
    match (parent.group(), parent.kind()) {
        _ if parent.is_service() => {}
        _ if parent.is_gateway() => {}
        (group, kind) => {
            check.field("kind", |check| {
                check.error(
                    format!(
                        "{} of group \"{}\" cannot be a parent",
                        shown(kind),
                        shown(group)
                    ),
                    "allowed are Service (group \"\"), Gateway and ListenerSet (group \
                 gateway.networking.k8s.io)",
                );
            });
        }
    }
}

/// True when `second` says nothing that tells it from `first`.
fn same_place(first: &ParentReference, second: &ParentReference) -> bool {
    let same_parent = first.kind() == second.kind()
        && first.is_service() == second.is_service()
        && first.namespace == second.namespace
        && first.name == second.name;
    let section = |parent: &ParentReference| (parent.section_name.clone(), parent.port);
    let whole = |parent: &ParentReference| section(parent) == (None, None);
    same_parent && (section(first) == section(second) || whole(first) || whole(second))
}

/// `spec.hostnames` of HTTPRoute and GRPCRoute.
pub(super) fn hostnames(check: &mut Check, parents: &[ParentReference], hostnames: &[String]) {
    check.at_most("hostnames", hostnames, HOSTNAMES_MAX);
    check.each("hostnames", hostnames, |check, host| {
        check_host(check, host, true);
    });
    if !hostnames.is_empty() && parents.iter().any(ParentReference::is_service) {
        check.field("hostnames", |check| {
            check.coded(Code::HostnamesIgnored, |check| {
                check.warning(
                    "hostnames have no effect on a route whose parent is a Service",
                    "match on the header `Host` instead (GEP-1294)",
                );
            });
        });
    }
}

/// The names of the rules: well formed and unique.
pub(super) fn rule_names<'a>(check: &mut Check, names: impl Iterator<Item = Option<&'a str>>) {
    let mut seen = BTreeMap::new();
    for (index, name) in names.enumerate() {
        let Some(name) = name else { continue };
        check.item("rules", index, |check| {
            check.field("name", |check| {
                check_section_name(check, name);
                if let Some(first) = seen.insert(name, index) {
                    check.error(
                        format!(
                            "the rule name `{}` is used by rules[{first}] as well",
                            shown(name)
                        ),
                        "names of rules are unique within a route",
                    );
                }
            });
        });
    }
}

/// A backend by its reference.
pub(super) fn backend(check: &mut Check, target: BackendTargetRef<'_>) {
    check.field("name", |check| {
        check_len(check, target.name, 1, NAME_LEN_MAX);
    });
    if target.is_x_backend() {
        return;
    }
    if !target.is_service() {
        check.field("kind", |check| {
            check.coded(Code::BackendNotModelled, |check| {
                check.warning(
                format!("backends of kind {} are not modelled", shown(target.kind)),
                "its share of the requests is answered with 500; allowed are Service (group \"\") \
                 and XBackend (group gateway.networking.x-k8s.io)",
            );
            });
        });
    } else if target.port.is_none() {
        check.error(
            format!("the backend {} has no port", shown(target.name)),
            "a backend of kind Service needs `port`, the port of the Service",
        );
    }
}

/// Warns when no backend gets any traffic.
pub(super) fn weights(check: &mut Check, weights: impl Iterator<Item = Option<Weight>>) {
    let mut sum = 0;
    let mut count = 0;
    for weight in weights {
        sum += weight.map_or(1, Weight::get);
        count += 1;
    }
    if count > 0 && sum == 0 {
        check.field("backendRefs", |check| {
            check.coded(Code::AllWeightsZero, |check| {
                check.warning(
                    "all weights are 0: every request of this rule is answered with 500",
                    "give at least one backend a weight above 0",
                );
            });
        });
    }
}
