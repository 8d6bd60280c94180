//! The program seen from outside, and the guards of the house. One binary, so that it links once.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod cli;
mod cluster;
mod common;
mod crds;
mod envoy;
mod fields;
mod limits;
mod proxy;
mod scenarios;
mod telemetry;
mod tidy;
mod top;
mod truth;
