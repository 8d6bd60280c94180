//! From a request to a collector: proxies and collectors on a network in memory.

mod collectors;
mod renewals;
mod requests;
