//! What the role of a gateway adds: the Gateway, its certificates, and where its ports are bound.

use std::net::IpAddr;
use std::sync::Arc;

use engine::snapshot::gateway::ListenerTls;
use engine::snapshot::{Gateway, ObjectName};
use model::diagnostic::Diagnostic;
use model::index::Index;
use proxy::Doors;
use rustls::crypto::aws_lc_rs;

use super::args::{Entrance, ProxyArgs, Role};
use super::log::{Level, Log};
use crate::error::Error;

/// The Gateway whose listeners the proxy has; none in other roles.
pub(super) fn name(args: &ProxyArgs, workload: &ObjectName) -> Option<ObjectName> {
    let named = args.gateway.as_ref().unwrap_or(workload);
    (args.role == Role::Gateway).then(|| named.clone())
}

/// Where its ports are bound; `all` are the addresses when nothing is said.
pub(super) fn doors(args: &ProxyArgs, log: &Log, all: Vec<IpAddr>) -> Option<Doors> {
    if args.role != Role::Gateway {
        return None;
    }
    let log = log.clone();
    let mut doors = Doors {
        places: Default::default(),
        addresses: Vec::new(),
        trusted_hops: args.listen.trusted_hops.into(),
        tell: Arc::new(move |text| log.tell(Level::Error, text)),
    };
    for entrance in &args.listen.listen {
        match entrance {
            Entrance::All(address) => doors.addresses.push(*address),
            Entrance::One(port, at) => doors.places.entry(*port).or_default().push(*at),
        }
    }
    if doors.addresses.is_empty() {
        doors.addresses = all;
    }
    Some(doors)
}

/// There is no Gateway of this name.
pub(super) fn missing(index: &Index, name: &ObjectName) -> Error {
    let error = Error::new(format!("there is no Gateway {name} in the manifests"));
    let others: Vec<_> = index.gateways().map(|one| one.name.to_string()).collect();
    match others.is_empty() {
        true => error.hint("name a directory that has it: -f DIRECTORY"),
        false => error.hint(format!("there is {}", others.join(", "))),
    }
}

/// Listeners that let nobody in, as warnings.
///
/// # Errors
/// When a certificate cannot be used.
pub(super) fn certificates(gateway: &Gateway) -> Result<Vec<Diagnostic>, Error> {
    let provider = aws_lc_rs::default_provider();
    if let Some(bad) = proxy::tls::gateway::check(gateway, &provider).first() {
        return Err(Error::new(bad.to_string()).hint(
            "its Secret needs `tls.crt` and `tls.key` as PEM, and the key has to be its own",
        ));
    }
    let bare = gateway
        .listeners()
        .filter(|(_, listener)| match &listener.tls {
            ListenerTls::Terminate(certificates) => certificates.is_empty(),
            ListenerTls::None | ListenerTls::Passthrough => false,
        });
    let warnings = bare.map(|(_, listener)| {
        let text = format!(
            "the listener {} has no certificate, and lets nobody in [{}]",
            listener.name, listener.frontend.origin
        );
        Diagnostic::warning(text).help(
            "name a Secret with `tls.crt` and `tls.key`; for one of another namespace a \
             ReferenceGrant is needed there",
        )
    });
    Ok(warnings.collect())
}
