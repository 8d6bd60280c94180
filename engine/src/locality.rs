//! What the places of clients and endpoints have to do with the choice of an endpoint: stay in the
//! zone while that is fair, divide by weights, prefer what is near.

pub mod failover;
pub mod weighted;
pub mod zone_aware;
