//! A difference as text.

use std::fmt::Write as _;

use sim::report::clean::visible;

use super::compare::Found;
use super::policies::What;

pub(super) fn text(found: &Found) -> String {
    let mut out = String::new();
    let mut line = |indent: usize, text: &str| {
        // Writing to a string does not fail.
        let _ = writeln!(out, "{:indent$}{}", "", visible(text));
    };
    for port in &found.ports {
        match &port.existence {
            Some(what) => line(0, &format!("{} {what}", port.service)),
            None => line(0, &format!("{}, for {}", port.service, port.clients)),
        }
        for request in &port.requests {
            let more = more(request.more);
            line(2, &format!("{}{more}", request.request));
            for gone in request.old.iter().filter(|old| !request.new.contains(old)) {
                line(4, &format!("- {gone}"));
            }
            for came in request.new.iter().filter(|new| !request.old.contains(new)) {
                line(4, &format!("+ {came}"));
            }
        }
        if let Some(policy) = &port.policy {
            line(2, "its policy as a backend");
            line(4, &format!("- {}", policy.old));
            line(4, &format!("+ {}", policy.new));
        }
    }
    for guard in &found.guards {
        line(0, &guard.workload);
        if let Some([old, new]) = guard.mtls {
            line(2, "mutual TLS");
            line(4, &format!("- {old}"));
            line(4, &format!("+ {new}"));
        }
        for verdict in &guard.verdicts {
            let more = more(verdict.more);
            line(2, &format!("{}{more}", verdict.request));
            line(4, &format!("- {}", verdict.old));
            line(4, &format!("+ {}", verdict.new));
        }
        if !(guard.limits_lost.is_empty() && guard.limits_gained.is_empty()) {
            line(2, "its rate limits");
            let lost = guard.limits_lost.iter().map(|limit| format!("- {limit}"));
            let gained = guard.limits_gained.iter().map(|limit| format!("+ {limit}"));
            lost.chain(gained).for_each(|text| line(4, &text));
        }
    }
    if !found.policies.is_empty() {
        line(0, "policies");
    }
    for policy in &found.policies {
        let sign = match policy.what {
            What::Lost => '-',
            What::Gained => '+',
            What::Changed => '~',
        };
        line(2, &format!("{sign} {} ({})", policy.object, policy.at));
        policy.fields.iter().for_each(|field| line(6, field));
    }
    out
}

fn more(n: usize) -> String {
    match n {
        0 => String::new(),
        n => format!("   (and {n} more like it)"),
    }
}
