//! Commands against an API server over HTTPS: one of our own, or the cluster that
//! `MESHCTL_TEST_KUBECONFIG` names. What needs a server that misbehaves runs against our own only.

mod access;
mod api;
mod check;
mod faithful;
mod faults;
mod install;
mod prometheus;
mod route;
mod shift;
mod simulate;
mod target;
mod terminal;
