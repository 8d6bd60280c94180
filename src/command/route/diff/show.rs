//! A difference as text.

use std::fmt::Write as _;

use sim::report::clean::visible;

use super::compare::Found;

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
            let more = match request.more {
                0 => String::new(),
                n => format!("   (and {n} more like it)"),
            };
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
    out
}
