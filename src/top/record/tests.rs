use super::*;
use crate::top::view::SourceView;

fn source(name: &str, proxies: u64, stale: bool) -> SourceView {
    SourceView {
        source: name.into(),
        state: "live",
        why: None,
        stale,
        proxies,
        at_s: 0.0,
        window_s: 0.0,
        restarts: 0,
    }
}

#[track_caller]
fn check(selection: Selection, shown: &str) {
    let rows = [
        source("shop/web", 3, false),
        source("shop/cart", 9, true),
        source("bank/web", 1, false),
    ];
    let names: Vec<_> = selection
        .order(&rows)
        .into_iter()
        .map(|i| &*rows[i].source)
        .collect();
    assert_eq!(names.join(" "), shown);
}

#[test]
fn rows_are_filtered_and_sorted() {
    let by = |filter: &str, sort, reverse| Selection {
        filter: filter.into(),
        failing: false,
        sort,
        reverse,
    };
    check(by("", None, false), "shop/cart shop/web bank/web");
    check(by("", Some(0), false), "bank/web shop/cart shop/web");
    check(by("", Some(2), false), "shop/cart shop/web bank/web");
    check(by("", Some(2), true), "bank/web shop/web shop/cart");
    check(by("WEB", Some(0), false), "bank/web shop/web");
    check(by("shop web", None, false), "shop/web");
    check(by("!shop", None, false), "bank/web");
    check(by("!", None, false), "shop/cart shop/web bank/web");
    check(by("nobody", None, false), "");
    let failing = Selection {
        failing: true,
        ..Selection::default()
    };
    check(failing, "shop/cart");
}

#[test]
fn every_kind_of_row_has_a_first_column_that_stays() {
    fn check<R: Record>() {
        let columns = R::columns();
        assert!(columns[0].rank == 0 && !columns[0].right);
        let mut heads: Vec<_> = columns.iter().map(|c| c.head).collect();
        heads.sort_unstable();
        heads.dedup();
        assert_eq!(heads.len(), columns.len(), "two columns of one name");
    }
    check::<crate::top::view::ServiceView>();
    check::<routes::Branch>();
    check::<crate::top::view::EndpointView>();
    check::<crate::top::view::EdgeView>();
    check::<crate::top::view::EventView>();
    check::<SourceView>();
}
