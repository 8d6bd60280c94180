//! An API server in this process: real HTTPS, real connections, and the rules of Kubernetes as far as
//! commands meet them (API concepts and Server-Side Apply of the Kubernetes reference): discovery,
//! pages of lists that expire, resource versions, field managers and their conflicts, dry runs,
//! refusals. It can be told to misbehave.

mod apply;
mod faults;
mod fields;
mod kinds;
mod list;
mod rules;
mod serve;
mod store;
mod tls;

pub(crate) use faults::{Fault, What};
pub(crate) use rules::Deny;
pub(crate) use serve::{Api, decoded, kubeconfig};
pub(crate) use tls::Trouble;
