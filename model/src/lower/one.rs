//! One port of one Service, lowered alone: for whoever asks about it and runs no proxy.

use std::sync::Arc;

use engine::snapshot::{Cluster, Frontend, ObjectName};

use super::routes::View;
use super::{cluster, frontend, served};
use crate::index::Index;

/// The routes of a port as the clients of the namespace `consumer` see them; without one, as all do
/// that have no routes or policies of their own. None when there is no such port.
pub fn frontend_seen(
    index: &Index,
    service: &ObjectName,
    port: u16,
    consumer: Option<&Arc<str>>,
) -> Option<Frontend> {
    let service = served(index, service)?;
    let port = service.port(port)?;
    Some(frontend(View {
        index,
        service,
        port,
        consumer,
    }))
}

/// The policies of a port, seen likewise.
pub fn cluster_seen(
    index: &Index,
    service: &ObjectName,
    port: u16,
    consumer: Option<&Arc<str>>,
) -> Option<Cluster> {
    let service = served(index, service)?;
    let port = service.port(port)?;
    let policy = index.backend_policy(&service.name, port, consumer);
    Some(cluster::cluster(index, service, port, policy))
}
