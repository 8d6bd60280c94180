//! The commands, one file each: exit, stdout and stderr.

mod authz;
mod completions;
mod lint;
mod route;
mod simulate;
mod version;
