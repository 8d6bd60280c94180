//! Which matches never win.

use super::*;
use crate::route::shadow::shadows;

/// Rules, and the ones that never win, each with the one that gets its requests.
#[track_caller]
fn check(rules: &[&str], expected: &[(&str, &str)]) {
    let found: Vec<_> = shadows(&table(rules))
        .iter()
        .map(|shadow| (rules[shadow.rule], rules[shadow.by]))
        .collect();
    assert_eq!(found, expected, "{rules:?}");
}

#[test]
fn the_first_of_two_equal_matches_wins() {
    check(&["/a", "/a x:1", "/a"], &[("/a", "/a")]);
    check(&["any", "*"], &[("*", "any")]);
    check(&["x:1 y:2", "y:2 x:1"], &[("y:2 x:1", "x:1 y:2")]);
    check(&["?a=1", "?a=1"], &[("?a=1", "?a=1")]);
    check(&["@b @a", "@a"], &[("@a", "@b @a")]);
    check(&["grpc:s/m", "grpc:s/m"], &[("grpc:s/m", "grpc:s/m")]);
}

#[test]
fn more_specific_matches_cover_nothing_wider() {
    check(&["/a", "/a/*", "GET /a/*", "any", "x:1", "x:~.*"], &[]);
    check(&["grpc:s/m", "grpc:s/*", "grpc:*/m"], &[]);
    check(&["~/a.*", "/a/*", "/a/b/*"], &[]);
    check(&["@a", "@b", "@*.c", "@d.c"], &[]);
}

#[test]
fn an_expression_for_every_path_covers_all_prefixes() {
    check(&["/a/*", "~.*"], &[("/a/*", "~.*")]);
    check(&["/a", "~.*"], &[]);
}

#[test]
fn what_is_said_to_be_covered_never_wins() {
    let rules = ["/a/* x:1", "~.* x:~[0-9]+", "/a/b/* x:2 y:1", "GET /a/*"];
    let table = table(&rules);
    let never: Vec<_> = shadows(&table).iter().map(|shadow| shadow.rule).collect();
    // The longer prefix goes before the shorter one.
    assert_eq!(never, [2, 0]);
    for path in ["/", "/a", "/a/b", "/a/b/c"] {
        for headers in ["", "x:1", "x:2", "x:1 y:1", "x:2 y:1"] {
            let head = request(&format!("GET h{path} {headers}"));
            let found = find(&table, &head, &mut Trail::off());
            assert!(found.is_none_or(|f| !never.contains(&f.index)), "{head:?}");
        }
    }
}
