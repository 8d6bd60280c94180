//! The commands, one file each: exit, stdout and stderr.

mod completions;
mod route;
mod simulate;
mod version;
