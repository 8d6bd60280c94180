//! `meshctl proxy` as a process, over real sockets.

mod admin;
mod canary;
mod capture;
mod clients;
mod docs;
mod egress;
mod files;
mod gateway;
mod gateway_tls;
pub(crate) mod harness;
mod lifecycle;
mod live;
pub(crate) mod mtls;
mod requests;
mod shift;
mod telemetry;
