//! The commands, one file each: exit, stdout and stderr.

mod completions;
mod inject;
mod lint;
mod route;
mod simulate;
mod version;
