//! Watches where the configuration comes from.
//!
//! Today that is files. Sources only say *that* something changed: reading it, judging it and
//! handing it on is done by whoever asked, so that a bad change can be refused where its lines are
//! known.
#![forbid(unsafe_code)]

pub mod source;
