//! An API server in this process: real HTTPS, real connections, and the rules of Kubernetes as far as
//! commands meet them (API Concepts, Server-Side Apply and CustomResourceDefinitions of the Kubernetes
//! reference): discovery, kinds that are installed, pages of lists that expire, watches with
//! bookmarks, resource versions, all kinds of patches, field managers and their conflicts, schemas,
//! dry runs, refusals. It can be told to misbehave. `tests/cluster/faithful.rs` asks it the same
//! questions as a real one.

mod apply;
mod discovery;
mod faults;
mod fields;
mod kinds;
mod list;
mod managers;
mod patch;
mod request;
mod rules;
mod schema;
mod serve;
mod store;
mod strategic;
mod tls;
mod watch;

pub(crate) use faults::{Fault, What};
pub(crate) use request::decoded;
pub(crate) use rules::Deny;
pub(crate) use serve::{Api, kubeconfig};
pub(crate) use tls::Trouble;
