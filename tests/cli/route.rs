//! `meshctl route` as its user sees it: exit, stdout, stderr.

use crate::common::{Output, Place, deployment, refused, repository};

mod change;
mod diff;
mod docs;
mod explain;
mod list;
mod proof;
mod shift;

/// A workload that calls others and that nobody calls.
pub(crate) fn client() -> String {
    deployment("web")
}

/// Runs `meshctl route ARGS` among the data of these tests.
pub(crate) fn in_data(args: &[&str]) -> Output {
    let mut all = vec!["route"];
    all.extend(args);
    Place::at(repository("tests/data/routes")).run(&all)
}
