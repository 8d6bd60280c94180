//! `targetRefs` of our policies (GEP-713).

use super::check::Check;
use super::text::{check_len, shown};
use crate::gateway::GROUP as GATEWAY_GROUP;
use crate::policy::{GROUP, TargetRef, X_GROUP};

/// More targets than this say that a policy of the namespace was meant.
pub(crate) const TARGETS_MAX: usize = 16;

/// Kinds a policy may name: group, kind, whether `sectionName` is allowed.
pub(crate) type Allowed = &'static [(&'static str, &'static str, bool)];

pub(crate) const BACKEND_POLICY: Allowed = &[
    ("", "Service", true),
    ("", "Namespace", false),
    (X_GROUP, "XMesh", false),
];

pub(crate) const TRAFFIC_POLICY: Allowed = &[
    (GATEWAY_GROUP, "HTTPRoute", true),
    (GATEWAY_GROUP, "GRPCRoute", true),
    ("", "Service", true),
    (GATEWAY_GROUP, "Gateway", false),
    ("", "Namespace", false),
];

pub(crate) const AUTHORIZATION_POLICY: Allowed = &[
    ("", "Service", true),
    (GATEWAY_GROUP, "HTTPRoute", true),
    (GATEWAY_GROUP, "GRPCRoute", true),
    (GATEWAY_GROUP, "Gateway", false),
    (GROUP, "Workload", false),
    ("", "Namespace", false),
    (X_GROUP, "XMesh", false),
];

pub(crate) const RATE_LIMIT_POLICY: Allowed = &[
    ("", "Service", true),
    (GATEWAY_GROUP, "HTTPRoute", true),
    (GATEWAY_GROUP, "GRPCRoute", true),
    (GATEWAY_GROUP, "Gateway", false),
    (GROUP, "Workload", false),
];

/// Kinds of the full design that this version does not act on.
const LATER: [(&str, &str); 1] = [(X_GROUP, "XBackend")];

pub(super) fn targets(check: &mut Check, targets: &[TargetRef], allowed: Allowed) {
    if targets.is_empty() {
        check.error(
            "the policy has no targetRefs: it applies to nothing",
            format!("1 to {TARGETS_MAX} are allowed, of kind {}", kinds(allowed)),
        );
    }
    check.at_most("targetRefs", targets, TARGETS_MAX);
    check.each("targetRefs", targets, |check, target| {
        one(check, target, allowed);
    });
    for (later, second) in targets.iter().enumerate() {
        if targets[..later].contains(second) {
            check.item("targetRefs", later, |check| {
                check.error(
                    format!("the target {} is named twice", shown(&second.name)),
                    "remove one of the two",
                );
            });
        }
    }
}

/// Refuses what says nothing of a Gateway, where one is named.
pub(super) fn not_of_gateways(
    check: &mut Check,
    targets: &[TargetRef],
    field: &str,
    is_there: bool,
    help: &str,
) {
    if is_there && targets.iter().any(|target| target.kind == "Gateway") {
        check.field(field, |check| {
            check.error(format!("`{field}` has no effect at a Gateway"), help);
        });
    }
}

fn one(check: &mut Check, target: &TargetRef, allowed: Allowed) {
    check.field("name", |check| check_len(check, &target.name, 1, 253));
    let Some((_, _, section)) = allowed
        .iter()
        .find(|(group, kind, _)| *group == target.group && *kind == target.kind)
    else {
        let later = LATER.contains(&(&target.group, &target.kind));
        let reason = if later {
            "is not supported by this version"
        } else {
            "cannot be a target of this policy"
        };
        check.field("kind", |check| {
            check.error(
                format!(
                    "{} (group \"{}\") {reason}",
                    shown(&target.kind),
                    shown(&target.group)
                ),
                format!("allowed are {}", kinds(allowed)),
            );
        });
        return;
    };
    if target.section_name.is_some() && !section {
        check.field("sectionName", |check| {
            check.error(
                format!("a {} has no sections", target.kind),
                "sectionName names a port of a Service or a rule of a route",
            );
        });
    }
    if target.namespace.is_some() && target.kind != "Service" {
        check.field("namespace", |check| {
            check.error(
                format!("a {} is named without namespace", target.kind),
                "only a Service may be of another namespace; the policy then holds for the clients \
                 in its own namespace",
            );
        });
    }
}

fn kinds(allowed: Allowed) -> String {
    let names: Vec<String> = allowed
        .iter()
        .map(|(group, kind, _)| format!("{kind} (group \"{group}\")"))
        .collect();
    names.join(", ")
}
