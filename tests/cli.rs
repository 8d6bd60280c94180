//! The commands, one file each: exit, stdout and stderr.

mod completions;
mod simulate;
mod version;
