//! `meshctl route` as its user sees it: exit, stdout, stderr.

use crate::common::{Output, Place, deployment, repository};

mod change;
mod diff;
mod docs;
mod explain;
mod list;
mod proof;

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

/// Bad input: exit 2, nothing on stdout, and all of `expected` in the message.
#[track_caller]
pub(crate) fn refused(out: &Output, expected: &[&str]) {
    assert_eq!(out.code, 2, "{}", out.shown());
    assert_eq!(out.stdout, "", "nothing is printed when an input is bad");
    for part in expected {
        assert!(
            out.stderr.contains(part),
            "`{part}` is missing:\n{}",
            out.stderr
        );
    }
}
