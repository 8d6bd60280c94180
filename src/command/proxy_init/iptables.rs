//! The rules as two chains of iptables' nat table, for each family.
//!
//! `iptables-restore --noflush` empties the chains that it declares and leaves the others; the
//! jumps into them are added where they are not there yet.

use std::fmt::Write as _;

use super::apply::Step;
use super::rules::Rules;

const INBOUND: &str = "MESHCTL_INBOUND";
const OUTBOUND: &str = "MESHCTL_OUTBOUND";
/// Where the chains are entered.
const JUMPS: [(&str, &str); 2] = [("PREROUTING", INBOUND), ("OUTPUT", OUTBOUND)];

pub(super) fn set_up(rules: &Rules) -> Vec<Step> {
    let mut steps = Vec::new();
    for (tool, v4) in tools(rules) {
        let restore = format!("{tool}-restore");
        let command = [restore.as_str(), "-w", "--noflush"];
        steps.push(Step::with_input(&command, chains(rules, v4)));
        for (from, to) in JUMPS {
            let rule = ["-p", "tcp", "-j", to];
            let jump = |action| [&[tool, "-w", "-t", "nat", action, from][..], &rule].concat();
            steps.push(Step::unless(&jump("-C"), &jump("-A")));
        }
    }
    steps
}

pub(super) fn clean_up(rules: &Rules) -> Vec<Step> {
    let mut steps = Vec::new();
    for (tool, _) in tools(rules) {
        for (from, to) in JUMPS {
            let rule = ["-p", "tcp", "-j", to];
            let jump = |action| [&[tool, "-w", "-t", "nat", action, from][..], &rule].concat();
            let chain = |action| [tool, "-w", "-t", "nat", action, to];
            steps.push(Step::when(&jump("-C"), &jump("-D")));
            steps.push(Step::when(&chain("-S"), &chain("-F")));
            steps.push(Step::when(&chain("-S"), &chain("-X")));
        }
    }
    steps
}

fn tools(rules: &Rules) -> Vec<(&'static str, bool)> {
    match rules.ipv6 {
        true => vec![("iptables", true), ("ip6tables", false)],
        false => vec![("iptables", true)],
    }
}

fn chains(rules: &Rules, v4: bool) -> String {
    let mut script = format!("*nat\n:{INBOUND} - [0:0]\n:{OUTBOUND} - [0:0]\n");
    let mut add = |chain: &str, rule: &str| {
        let _ = writeln!(script, "-A {chain} {rule}");
    };
    // --- to the application ---
    add(INBOUND, "-i lo -j RETURN");
    for range in rules.own_ports().iter().chain(&rules.skip_inbound) {
        add(
            INBOUND,
            &format!("-p tcp --dport {} -j RETURN", port(*range)),
        );
    }
    match rules.only_inbound.is_empty() {
        true => add(
            INBOUND,
            &format!("-p tcp -j REDIRECT --to-ports {}", rules.inbound),
        ),
        false => {
            for range in &rules.only_inbound {
                let to = rules.inbound;
                let rule = format!(
                    "-p tcp --dport {} -j REDIRECT --to-ports {to}",
                    port(*range)
                );
                add(INBOUND, &rule);
            }
        }
    }
    // --- from the application ---
    add(
        OUTBOUND,
        &format!("-m owner --uid-owner {} -j RETURN", rules.proxy_uid),
    );
    add(OUTBOUND, "-o lo -j RETURN");
    for range in &rules.skip_outbound {
        add(
            OUTBOUND,
            &format!("-p tcp --dport {} -j RETURN", port(*range)),
        );
    }
    for cidr in rules
        .skip_cidrs
        .iter()
        .filter(|c| c.address.is_ipv4() == v4)
    {
        add(OUTBOUND, &format!("-d {cidr} -j RETURN"));
    }
    let redirect = format!("-p tcp -j REDIRECT --to-ports {}", rules.outbound);
    match rules.only_cidrs.is_empty() {
        true => add(OUTBOUND, &redirect),
        false => {
            for cidr in rules
                .only_cidrs
                .iter()
                .filter(|c| c.address.is_ipv4() == v4)
            {
                add(OUTBOUND, &format!("-d {cidr} {redirect}"));
            }
        }
    }
    script.push_str("COMMIT\n");
    script
}

fn port((from, to): (u16, u16)) -> String {
    match from == to {
        true => from.to_string(),
        false => format!("{from}:{to}"),
    }
}
