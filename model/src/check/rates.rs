//! MC0711: rate limits that admit nothing.

use super::facts::Facts;
use super::{Code, Findings};
use crate::policy::RateLimitPer;
use crate::yaml::Step::{Index, Key};

pub(super) fn analyze(facts: &Facts<'_>, findings: &mut Findings) {
    for policy in facts.index.rate_limit_policies() {
        let rules = policy.spec.local.iter().flat_map(|local| &local.rules);
        for (at, rule) in rules.enumerate() {
            let all = rule.matches.is_none()
                && rule.overrides.is_none()
                && rule.per != Some(RateLimitPer::Header);
            let shadow = policy.spec.shadow_mode == Some(true);
            if !all || shadow || rule.limit.requests.get() > 0 {
                continue;
            }
            let message = "every request is refused: the limit is 0, and nothing narrows it";
            let help = "give a number above 0, or narrow the rule with `matches`";
            let path = [
                Key("spec"),
                Key("local"),
                Key("rules"),
                Index(at),
                Key("limit"),
                Key("requests"),
            ];
            findings.add(Code::LimitRefusesAll, &policy.object, &path, message, help);
        }
    }
}
