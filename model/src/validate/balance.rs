//! `loadBalancer` of a BackendPolicy.

use std::collections::BTreeSet;

use http::HeaderName;

use super::backend_policy::{number, positive};
use super::check::Check;
use crate::lower::balance::{TOPOLOGIES, pattern};
use crate::policy::{
    ConsistentHash, Distribute, HashCookie, HashOn, LoadBalancer, LoadBalancerType,
    LocalityBalancing, LocalityMode, SlowStart,
};

/// Beyond it any number of active requests makes an endpoint unreachable.
const BIAS_MAX: f64 = 100.0;
/// Outside of these bounds the share of an endpoint is a step and not a line.
const AGGRESSION: (f64, f64) = (0.01, 100.0);
/// Parts of a hash. Each is looked for in every request.
const HASH_ON_MAX: usize = 16;

pub(super) fn check(check: &mut Check, balancer: &LoadBalancer) {
    let kind = balancer.r#type.unwrap_or(LoadBalancerType::PeakEwma);
    let hashed = matches!(kind, LoadBalancerType::RingHash | LoadBalancerType::Maglev);
    let name = format!("{kind:?}");
    let ewma = kind == LoadBalancerType::PeakEwma;
    no_effect(
        check,
        "peakEwma",
        balancer.peak_ewma.is_some() && !ewma,
        &name,
        "PeakEwma",
    );
    let least = kind == LoadBalancerType::LeastRequest;
    let present = balancer.least_request.is_some();
    no_effect(
        check,
        "leastRequest",
        present && !least,
        &name,
        "LeastRequest",
    );
    let present = balancer.consistent_hash.is_some();
    no_effect(
        check,
        "consistentHash",
        present && !hashed,
        &name,
        "RingHash",
    );
    let present = balancer.slow_start.is_some();
    no_effect(check, "slowStart", present && hashed, &name, "LeastRequest");
    if let Some(ewma) = &balancer.peak_ewma {
        check.field("peakEwma", |check| {
            positive(check, "decay", ewma.decay);
            positive(check, "defaultRtt", ewma.default_rtt);
        });
    }
    if let Some(least) = &balancer.least_request {
        check.field("leastRequest", |check| {
            let bias = least.active_request_bias;
            number(check, "activeRequestBias", bias, 0.0, BIAS_MAX);
        });
    }
    if hashed {
        consistent_hash(check, kind, balancer.consistent_hash.as_ref());
    }
    if let Some(slow) = &balancer.slow_start {
        check.field("slowStart", |check| slow_start(check, slow));
    }
    if let Some(spec) = &balancer.locality {
        check.field("locality", |check| {
            locality(check, spec, hashed.then_some(&*name));
        });
    }
}

/// A field that belongs to another type.
fn no_effect(check: &mut Check, key: &str, found: bool, kind: &str, instead: &str) {
    if found {
        check.field(key, |check| {
            check.error(
                format!("`{key}` has no effect when the type is {kind}"),
                format!("set `type: {instead}` or remove the field"),
            );
        });
    }
}

fn consistent_hash(check: &mut Check, kind: LoadBalancerType, spec: Option<&ConsistentHash>) {
    let Some(spec) = spec.filter(|spec| !spec.hash_on.is_empty()) else {
        check.field("type", |check| {
            check.error(
                format!("{kind:?} without `consistentHash.hashOn`: there is nothing to hash"),
                "say what is hashed: `consistentHash: {hashOn: [{header: x-user}]}`",
            );
        });
        return;
    };
    check.field("consistentHash", |check| {
        let name = format!("{kind:?}");
        let ring = kind == LoadBalancerType::RingHash;
        let (min, max) = (spec.minimum_ring_size, spec.maximum_ring_size);
        no_effect(
            check,
            "minimumRingSize",
            min.is_some() && !ring,
            &name,
            "RingHash",
        );
        no_effect(
            check,
            "maximumRingSize",
            max.is_some() && !ring,
            &name,
            "RingHash",
        );
        no_effect(
            check,
            "tableSize",
            spec.table_size.is_some() && ring,
            &name,
            "Maglev",
        );
        check.at_most("hashOn", &spec.hash_on, HASH_ON_MAX);
        check.each("hashOn", &spec.hash_on, hash_on);
        let least = min.map_or(1024, |n| n.get());
        if max.is_some_and(|max| max.get() < least) {
            check.field("maximumRingSize", |check| {
                check.error(
                    format!("maximumRingSize is less than minimumRingSize ({least})"),
                    "minimumRingSize is 1024 when it is left out",
                );
            });
        }
        if spec.table_size.is_some_and(|size| !is_prime(size.u32())) {
            check.field("tableSize", |check| {
                check.error(
                    "tableSize is not a prime",
                    "with a prime every endpoint's order reaches all entries: 251, 2039, 65537",
                );
            });
        }
        let factor = spec.hash_balance_factor.map_or(0, |factor| factor.get());
        if (1..100).contains(&factor) {
            check.field("hashBalanceFactor", |check| {
                check.error(
                    format!("hashBalanceFactor is {factor}: less than the average cannot be all"),
                    "100 or more is allowed, such as 150; 0 for no bound",
                );
            });
        }
    });
}

fn hash_on(check: &mut Check, on: &HashOn) {
    let present = [
        on.header.is_some(),
        on.cookie.is_some(),
        on.source_ip == Some(true),
        on.query_param.is_some(),
    ];
    if present.into_iter().filter(|present| *present).count() != 1 {
        check.error(
            "an entry of hashOn names one thing",
            "write one of `header`, `cookie`, `sourceIP: true` and `queryParam`",
        );
    }
    if let Some(name) = on
        .header
        .as_deref()
        .filter(|name| HeaderName::try_from(*name).is_err())
    {
        check.field("header", |check| {
            check.error(format!("`{name}` is not the name of a header"), "");
        });
    }
    if on.query_param.as_deref() == Some("") {
        check.field("queryParam", |check| {
            check.error("the parameter has no name", "");
        });
    }
    if let Some(spec) = &on.cookie {
        check.field("cookie", |check| cookie(check, spec));
    }
}

fn cookie(check: &mut Check, cookie: &HashCookie) {
    // RFC 6265 §4.1.1: a token, which is what the name of a header is as well.
    if HeaderName::try_from(cookie.name.as_str()).is_err() {
        check.field("name", |check| {
            check.error(format!("`{}` is not the name of a cookie", cookie.name), "");
        });
    }
    let allowed = |byte: u8| (0x20..0x7f).contains(&byte) && byte != b';';
    if let Some(path) = &cookie.path {
        let good = path.starts_with('/') && path.bytes().all(allowed);
        if !good {
            check.field("path", |check| {
                check.error(
                    "the path of the cookie cannot be sent",
                    "it begins with `/` and has no `;`",
                );
            });
        }
        if cookie.ttl.is_none() {
            check.field("path", |check| {
                check.error(
                    "`path` has no effect without `ttl`",
                    "with a ttl, clients without the cookie get one; `ttl: 0s` is allowed",
                );
            });
        }
    }
}

fn slow_start(check: &mut Check, slow: &SlowStart) {
    if slow.window.is_none() {
        check.error(
            "slowStart without `window` does nothing",
            "set it, such as `window: 30s`",
        );
    }
    positive(check, "window", slow.window);
    let (min, max) = AGGRESSION;
    number(check, "aggression", slow.aggression, min, max);
}

fn locality(check: &mut Check, spec: &LocalityBalancing, hashed: Option<&str>) {
    let mode = spec.mode.unwrap_or(LocalityMode::None);
    let name = format!("{mode:?}");
    let fields = [
        (
            "zoneAware",
            spec.zone_aware.is_some(),
            LocalityMode::ZoneAware,
        ),
        (
            "failoverPriority",
            spec.failover_priority.is_some(),
            LocalityMode::Failover,
        ),
        (
            "distribute",
            spec.distribute.is_some(),
            LocalityMode::Weighted,
        ),
    ];
    for (key, present, of) in fields {
        if present && mode != of {
            check.field(key, |check| {
                check.error(
                    format!("`{key}` has no effect when the mode is {name}"),
                    format!("set `mode: {of:?}` or remove the field"),
                );
            });
        }
    }
    let divides = matches!(mode, LocalityMode::ZoneAware | LocalityMode::Weighted);
    if let (Some(kind), true) = (hashed, divides) {
        check.field("mode", |check| {
            check.error(
                format!("{kind} and {name} exclude one another"),
                "one key would have an endpoint in each locality; Failover goes with a hash",
            );
        });
    }
    match mode {
        LocalityMode::Failover => {
            failover_priority(check, spec.failover_priority.as_deref().unwrap_or_default());
        }
        LocalityMode::Weighted => distribute(check, spec.distribute.as_deref()),
        LocalityMode::None | LocalityMode::ZoneAware => {}
    }
}

fn failover_priority(check: &mut Check, keys: &[String]) {
    let mut seen = BTreeSet::new();
    check.each("failoverPriority", keys, |check, key| {
        if !TOPOLOGIES.iter().any(|(known, _)| known == key) {
            let known: Vec<&str> = TOPOLOGIES.iter().map(|(known, _)| *known).collect();
            check.error(
                format!("`{key}` is not a topology that is known here"),
                format!("allowed are {}", known.join(" and ")),
            );
        } else if !seen.insert(key.clone()) {
            check.error(format!("`{key}` is named twice"), "remove one");
        }
    });
}

fn distribute(check: &mut Check, all: Option<&[Distribute]>) {
    let Some(all) = all.filter(|all| !all.is_empty()) else {
        check.field("mode", |check| {
            check.error(
                "Weighted without `distribute`: nothing says how traffic is divided",
                "write `distribute: [{from: eu/*, to: {eu/*: 90, us/*: 10}}]`",
            );
        });
        return;
    };
    check.each("distribute", all, |check, entry| {
        let locality = |check: &mut Check, text: &str| {
            if pattern(text).is_none() {
                check.error(
                    format!("`{text}` is not a locality"),
                    "write REGION/ZONE; `*` stands for any, as in `eu-1/*`",
                );
            }
        };
        check.field("from", |check| locality(check, &entry.from));
        check.field("to", |check| {
            for text in entry.to.keys() {
                check.field(text, |check| locality(check, text));
            }
            let sum: i64 = entry.to.values().map(|weight| weight.get()).sum();
            if sum != 100 {
                check.error(
                    format!("the weights add up to {sum}"),
                    "they are percent: 100 together",
                );
            }
        });
    });
}

fn is_prime(n: u32) -> bool {
    let n = u64::from(n);
    let divisors = (2..).take_while(|divisor| divisor * divisor <= n);
    n >= 2
        && !divisors
            .into_iter()
            .any(|divisor| n.is_multiple_of(divisor))
}
