//! The host names that a listener and a route have in common (Gateway API,
//! `HTTPRouteSpec.hostnames`).

use std::sync::Arc;

/// The names for which a route with `route` names holds on a listener for `listener`; empty = all.
/// None when they have no name in common: the route is not attached there.
pub(super) fn intersect(listener: Option<&str>, route: &[String]) -> Option<Vec<Arc<str>>> {
    let listener = listener.filter(|host| !host.is_empty());
    let Some(listener) = listener.map(str::to_ascii_lowercase) else {
        return Some(route.iter().map(|host| lower(host)).collect());
    };
    if route.is_empty() {
        return Some(vec![listener.into()]);
    }
    let mut common: Vec<Arc<str>> = Vec::new();
    for host in route {
        let host = host.to_ascii_lowercase();
        let both = if covers(&listener, &host) {
            Some(host)
        } else if covers(&host, &listener) {
            Some(listener.clone())
        } else {
            None
        };
        // Two names of the route may have the listener's own in common.
        common.extend(both.map(Arc::from).filter(|host| !common.contains(host)));
    }
    (!common.is_empty()).then_some(common)
}

/// Whether two lists of names, in lower case, have a name in common; an empty list is all names.
pub(super) fn overlap(a: &[Arc<str>], b: &[Arc<str>]) -> bool {
    let pair = |a: &Arc<str>| b.iter().any(|b| covers(a, b) || covers(b, a));
    a.is_empty() || b.is_empty() || a.iter().any(pair)
}

fn lower(host: &str) -> Arc<str> {
    host.to_ascii_lowercase().into()
}

/// Whether every name that `narrow` stands for is one of `wide`.
fn covers(wide: &str, narrow: &str) -> bool {
    match wide.strip_prefix('*') {
        None => wide == narrow,
        // With its dot: `*.a.example` stands for names below `a.example`, not for itself.
        Some(suffix) => {
            let own = narrow.strip_prefix('*').unwrap_or(narrow);
            let below = own.len() > suffix.len() || narrow.starts_with('*');
            below && own.ends_with(suffix)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_holds_for_the_narrower_of_the_names() {
        let check = |listener: &str, route: &[&str], expected: Option<&[&str]>| {
            let route: Vec<String> = route.iter().map(ToString::to_string).collect();
            let found = intersect((!listener.is_empty()).then_some(listener), &route);
            let expected = expected.map(|all| all.iter().map(|h| Arc::from(*h)).collect());
            assert_eq!(found, expected, "`{listener}` and {route:?}");
        };
        check("", &[], Some(&[]));
        check("", &["A.example"], Some(&["a.example"]));
        check("a.example", &[], Some(&["a.example"]));
        check("a.example", &["a.example"], Some(&["a.example"]));
        check("a.example", &["b.example"], None);
        check("*.example", &["a.example", "b.other"], Some(&["a.example"]));
        check("*.example", &["example"], None);
        check("*.example", &["b.a.example"], Some(&["b.a.example"]));
        check("*.example", &["*.a.example"], Some(&["*.a.example"]));
        check("*.a.example", &["*.example"], Some(&["*.a.example"]));
        check("*.example", &["*.example"], Some(&["*.example"]));
        check(
            "a.example",
            &["*.example", "a.example"],
            Some(&["a.example"]),
        );
        check("a.example", &["*.a.example"], None);
        check("aexample.com", &["*.example.com"], None);
    }

    #[test]
    fn lists_overlap_in_one_name_or_when_one_is_for_all() {
        let check = |a: &[&str], b: &[&str], expected: bool| {
            let list = |all: &[&str]| all.iter().map(|h| Arc::from(*h)).collect::<Vec<_>>();
            assert_eq!(overlap(&list(a), &list(b)), expected, "{a:?} and {b:?}");
            assert_eq!(overlap(&list(b), &list(a)), expected, "{b:?} and {a:?}");
        };
        check(&[], &["a.example"], true);
        check(&["a.example"], &["b.example"], false);
        check(&["*.example"], &["c", "b.example"], true);
    }
}
