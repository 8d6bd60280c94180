//! MC0312, MC0313: what a workload refers to besides configuration.

use engine::snapshot::ObjectName;

use super::facts::Facts;
use super::{Code, Findings};
use crate::yaml::Step::Key;

/// Every namespace has it without anybody writing it.
const DEFAULT_ACCOUNT: &str = "default";

pub(super) fn analyze(facts: &Facts<'_>, findings: &mut Findings) {
    for workload in &facts.workloads {
        let object = workload.object;
        let account = workload.workload.template.spec.service_account();
        let namespace = object.namespace();
        let exists = facts
            .find("", "ServiceAccount", namespace, account)
            .is_some();
        if account != DEFAULT_ACCOUNT && !exists {
            let message = format!(
                "the ServiceAccount {}/{account} does not exist: the pods cannot be created",
                object.namespace()
            );
            let help = "create it, or leave the field out for the account `default`";
            let path = workload.spec_path("serviceAccountName");
            findings.add(Code::ServiceAccountMissing, object, &path, message, help);
        }
        let Some(governing) = &workload.workload.service_name else {
            continue;
        };
        let name = ObjectName::new(object.namespace(), governing.as_str());
        if facts.index.service(&name).is_none() {
            let message = format!("the Service {name} does not exist: the pods have no names");
            let help = "a StatefulSet's pods are found under their names through this Service";
            let path = [Key("spec"), Key("serviceName")];
            findings.add(Code::GoverningServiceMissing, object, &path, message, help);
        }
    }
}
