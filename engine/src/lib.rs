//! The engine decides: given a request, a snapshot and the time, what happens.
//!
//! It has no clock, no socket, no file, no thread and no randomness of its own. Everything it needs
//! is an argument, and everything it says is a plain value, so that the proxy on a real machine and
//! the proxy in the simulator cannot disagree.
//!
//! ```text
//!  Snapshot ──▶ route: which rule?     ──▶ Session: one request's life
//!  (immutable)  filter: what changes?       │  pick   → balance, breaker, outlier, limit
//!               split: which backend?       │  result → classify, observe, retry?
//!                                           ▼
//!                                       Failure / Verdict, with reasons and origins
//! ```
//!
//! **Contract.** A caller never blocks inside the engine, calls it with a `now` that does not go
//! back (a smaller `now` is treated as the last one seen), lends one [`entropy::Entropy`], and ends
//! every attempt it started exactly once.
#![forbid(unsafe_code)]

pub mod adaptive;
pub mod admission;
pub mod authz;
pub mod balance;
pub mod breaker;
pub mod check;
pub mod classify;
pub mod entropy;
pub mod ewma;
pub mod fail_fast;
pub mod failure;
pub mod fault;
pub mod filter;
pub mod gateway;
pub mod hash_policy;
pub mod head;
pub mod health;
pub mod identity;
pub mod limit;
pub mod live;
pub mod locality;
pub mod lookup;
pub mod origin;
pub mod outlier;
pub mod ratelimit;
pub mod report;
pub mod retry;
pub mod rollout;
pub mod route;
pub mod session;
pub mod snapshot;
pub mod split;
#[cfg(test)]
mod testing;
pub mod time;
pub mod trace;
pub mod verdict;
pub mod window;
