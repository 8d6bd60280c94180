//! MC0609: a limit that another one keeps from being reached.

use super::facts::Facts;
use super::{Code, Findings};
use crate::lower::cluster;
use crate::yaml::Step::Key;

pub(super) fn analyze(facts: &Facts<'_>, findings: &mut Findings) {
    for policy in facts.index.backend_policies() {
        let Some(spec) = &policy.spec.limits else {
            continue;
        };
        let limits = cluster::limits(spec);
        let Some(per_endpoint) = limits.connections_per_endpoint else {
            continue;
        };
        // At least one connection per endpoint is always allowed, so that one has a meaning.
        if per_endpoint >= limits.connections && per_endpoint > 1 {
            let message = format!(
                "no endpoint can have {per_endpoint} connections: maxConnections is {} for all of \
                 them",
                limits.connections
            );
            let help = "lower the limit per endpoint, or raise maxConnections";
            let path = ["spec", "limits", "perEndpoint", "maxConnections"].map(Key);
            findings.add(
                Code::LimitNeverReached,
                &policy.object,
                &path,
                message,
                help,
            );
        }
    }
}
