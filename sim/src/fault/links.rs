//! The links of a scenario's network.

use crate::cluster::Cluster;
use crate::fault::NoTarget;
use crate::net::link::{LinkPatch, LinkRule};
use crate::scenario::Network;

/// The rules of a network: the default latency first, then link by link.
pub(crate) fn rules(cluster: &Cluster, network: &Network) -> Result<Vec<LinkRule>, NoTarget> {
    let mut rules = vec![LinkRule::everywhere(LinkPatch {
        latency: Some(network.latency().into()),
        ..LinkPatch::default()
    })];
    for link in &network.links {
        rules.push(LinkRule {
            from: cluster.place(&link.from)?,
            to: cluster.place(&link.to)?,
            both: !link.one_way,
            patch: LinkPatch {
                latency: link.latency.map(Into::into),
                add: None,
                jitter: link.jitter.map(|j| j.0),
                loss: link.loss.map(|l| l.0),
                bandwidth: link.bandwidth.map(|b| b.0 / 8),
            },
        });
    }
    Ok(rules)
}
