//! The commands, one file each: exit, stdout and stderr.

mod authz;
mod completions;
mod inject;
mod lint;
mod policy;
mod route;
mod simulate;
mod top;
mod version;
