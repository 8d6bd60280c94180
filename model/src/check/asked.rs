//! MC0712, MC0714: Services that proxies ask on their own account, and that are not there.

use engine::snapshot::ClusterKey;

use super::facts::Facts;
use super::{Code, Findings};
use crate::lower::{authorization, rate_limit};
use crate::yaml::Step::{Index, Key};

pub(super) fn analyze(facts: &Facts<'_>, findings: &mut Findings) {
    for policy in facts.index.rate_limit_policies() {
        let Some(global) = &policy.spec.global else {
            continue;
        };
        if let Some(missing) = missing(facts, &rate_limit::limiter(policy, global)) {
            let effect = match global.fail_open {
                Some(false) => "every request is refused",
                _ => "nothing is limited",
            };
            let message = format!("{missing}, which counts: {effect}");
            let help = "name a Service and port that speak envoy.service.ratelimit.v3";
            let path = [Key("spec"), Key("global"), Key("serviceRef")];
            findings.add(Code::LimiterMissing, &policy.object, &path, message, help);
        }
    }
    for policy in facts.index.authorization_policies() {
        let providers = policy.spec.jwt.iter().flat_map(|jwt| &jwt.providers);
        for (at, provider) in providers.enumerate() {
            let source = authorization::key_source(&provider.jwks, &policy.name.namespace);
            let Some(missing) = source.and_then(|source| missing(facts, &source.cluster)) else {
                continue;
            };
            let message = format!("{missing}, which has the keys: every token is refused");
            let help = "write `http://SERVICE.NAMESPACE:PORT/PATH`, or put the keys into `inline`";
            let path = [
                Key("spec"),
                Key("jwt"),
                Key("providers"),
                Index(at),
                Key("jwks"),
                Key("uri"),
            ];
            findings.add(Code::KeysMissing, &policy.object, &path, message, help);
        }
    }
}

fn missing(facts: &Facts<'_>, key: &ClusterKey) -> Option<String> {
    let name = &key.service;
    match facts.index.service(name) {
        None => Some(format!("there is no Service {name}")),
        Some(service) if service.port(key.port).is_none() => {
            Some(format!("the Service {name} has no port {}", key.port))
        }
        Some(_) => None,
    }
}
