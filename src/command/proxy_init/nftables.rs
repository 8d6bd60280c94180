//! The rules as one nftables table, replaced in one transaction.

use std::fmt::Write as _;

use super::apply::Step;
use super::rules::{Cidr, Rules};

const TABLE: &str = "inet meshctl";
/// Where destinations are translated (`dstnat`, a name that not every hook knows).
const PRIORITY: i32 = -100;

pub(super) fn set_up(rules: &Rules) -> Vec<Step> {
    let mut script = remove();
    let mut lines: Vec<String> = Vec::new();
    let families = match rules.ipv6 {
        true => "meta l4proto != tcp return",
        false => "meta nfproto != ipv4 return",
    };
    // --- to the application ---
    lines.extend(prologue("prerouting", families));
    lines.push("iifname \"lo\" return".into());
    lines.push(format!("tcp dport {} return", ports(&rules.own_ports())));
    if !rules.skip_inbound.is_empty() {
        lines.push(format!("tcp dport {} return", ports(&rules.skip_inbound)));
    }
    if !rules.only_inbound.is_empty() {
        lines.push(format!(
            "tcp dport != {} return",
            ports(&rules.only_inbound)
        ));
    }
    lines.push(format!("meta l4proto tcp redirect to :{}", rules.inbound));
    lines.push("}".into());
    // --- from the application ---
    lines.extend(prologue("output", families));
    lines.push(format!("meta skuid {} return", rules.proxy_uid));
    lines.push("oifname \"lo\" return".into());
    if !rules.skip_outbound.is_empty() {
        lines.push(format!("tcp dport {} return", ports(&rules.skip_outbound)));
    }
    for (family, list) in by_family(&rules.skip_cidrs) {
        lines.push(format!("{family} daddr {list} return"));
    }
    let redirect = format!("meta l4proto tcp redirect to :{}", rules.outbound);
    match rules.only_cidrs.is_empty() {
        true => lines.push(redirect),
        false => {
            for (family, list) in by_family(&rules.only_cidrs) {
                lines.push(format!("{family} daddr {list} {redirect}"));
            }
        }
    }
    lines.push("}".into());
    let _ = writeln!(script, "table {TABLE} {{");
    for line in lines {
        let indent = match line.starts_with("chain") || line == "}" {
            true => "  ",
            false => "    ",
        };
        let _ = writeln!(script, "{indent}{line}");
    }
    script.push_str("}\n");
    vec![Step::with_input(&["nft", "-f", "-"], script)]
}

pub(super) fn clean_up() -> Vec<Step> {
    vec![Step::with_input(&["nft", "-f", "-"], remove())]
}

/// Deleting what is not there is an error, adding what is there is none.
fn remove() -> String {
    format!("add table {TABLE}\ndelete table {TABLE}\n")
}

fn prologue(chain: &str, families: &str) -> Vec<String> {
    let mut lines = vec![
        format!("chain {chain} {{"),
        format!("type nat hook {chain} priority {PRIORITY}; policy accept;"),
        "meta l4proto != tcp return".into(),
    ];
    if !lines.iter().any(|line| line == families) {
        lines.push(families.into());
    }
    lines
}

/// Ranges may overlap in what a user writes; a set refuses that.
fn ports(ranges: &[(u16, u16)]) -> String {
    let mut sorted = ranges.to_vec();
    sorted.sort_unstable();
    let mut merged: Vec<(u16, u16)> = Vec::new();
    for (from, to) in sorted {
        match merged.last_mut() {
            Some((_, last)) if u32::from(from) <= u32::from(*last) + 1 => *last = to.max(*last),
            _ => merged.push((from, to)),
        }
    }
    let each = merged.iter().map(|(from, to)| match from == to {
        true => from.to_string(),
        false => format!("{from}-{to}"),
    });
    format!("{{ {} }}", each.collect::<Vec<_>>().join(", "))
}

/// The lists of each family that has one.
fn by_family(cidrs: &[Cidr]) -> Vec<(&'static str, String)> {
    let list = |v4: bool| {
        let own = cidrs.iter().filter(|cidr| cidr.address.is_ipv4() == v4);
        own.map(ToString::to_string).collect::<Vec<_>>().join(", ")
    };
    [("ip", list(true)), ("ip6", list(false))]
        .into_iter()
        .filter(|(_, list)| !list.is_empty())
        .map(|(family, list)| (family, format!("{{ {list} }}")))
        .collect()
}
