//! Where configuration comes from.

pub mod files;

pub use files::Files;
