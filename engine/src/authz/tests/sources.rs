//! Who calls: identities, accounts, namespaces, addresses.

use super::*;

#[test]
fn a_negated_identity_neither_admits_nor_spares_an_anonymous_peer() {
    let source = |source| from(source);
    let negated = [
        identities(unwanted(&["*/sa/web"])),
        source(Source {
            namespaces: unwanted(&["shop"]),
            ..Source::default()
        }),
        source(Source {
            service_accounts: Set {
                wanted: vec![],
                unwanted: vec![AccountGlob {
                    namespace: Glob::new("shop"),
                    name: Glob::new("*"),
                }],
            },
            ..Source::default()
        }),
    ];
    for negated in &negated {
        rule(negated, None, None, false, true);
        rule(negated, Some(WEB), None, false, false);
        rule(
            negated,
            Some("spiffe://cluster.local/ns/pay/sa/bank"),
            None,
            true,
            true,
        );
    }
    // And a wanted one is none of an anonymous peer's.
    rule(&identities(wanted(&["*"])), None, None, false, false);
}

#[test]
fn service_accounts_and_namespaces_are_those_of_the_own_trust_domain() {
    let of_shop = from(Source {
        namespaces: wanted(&["shop"]),
        ..Source::default()
    });
    rule(&of_shop, Some(WEB), None, true, true);
    rule(
        &of_shop,
        Some("spiffe://other/ns/shop/sa/web"),
        None,
        false,
        false,
    );
    let not_shop = from(Source {
        namespaces: unwanted(&["shop"]),
        ..Source::default()
    });
    rule(
        &not_shop,
        Some("spiffe://other/ns/shop/sa/web"),
        None,
        true,
        true,
    );
}

#[test]
fn addresses_are_of_whoever_opened_the_connection() {
    let block = |text: &str| text.parse().unwrap();
    let set = |wanted: Vec<_>, unwanted: Vec<_>| {
        from(Source {
            ip_blocks: Set { wanted, unwanted },
            ..Source::default()
        })
    };
    rule(
        &set(vec![block("10.0.0.0/8")], vec![]),
        None,
        None,
        true,
        true,
    );
    rule(
        &set(vec![block("10.0.0.0/8")], vec![block("10.0.0.7/32")]),
        None,
        None,
        false,
        false,
    );
    rule(
        &set(vec![], vec![block("192.168.0.0/16")]),
        None,
        None,
        true,
        true,
    );
}
