//! What is called: hosts, ports, methods, paths, gRPC methods, headers.

use super::*;

#[test]
fn operations_look_at_host_port_method_path_and_call() {
    let head = get("/shop.Cart/Add?x=1");
    let check = |operation: Operation, holds: bool| {
        rule(&to(operation), None, Some(&head), holds, holds);
    };
    let none = Operation::default;
    check(
        Operation {
            hosts: wanted(&["*.shop"]),
            ..none()
        },
        true,
    );
    check(
        Operation {
            hosts: wanted(&["web"]),
            ..none()
        },
        false,
    );
    check(
        Operation {
            paths: wanted(&["/shop.Cart/Add"]),
            ..none()
        },
        true,
    );
    check(
        Operation {
            paths: unwanted(&["/shop.Cart/*"]),
            ..none()
        },
        false,
    );
    check(
        Operation {
            grpc_methods: wanted(&["shop.Cart/*"]),
            ..none()
        },
        true,
    );
    check(
        Operation {
            grpc_methods: wanted(&["shop.Pay/*"]),
            ..none()
        },
        false,
    );
    let methods = |wanted: Vec<Method>, unwanted| Set { wanted, unwanted };
    check(
        Operation {
            methods: methods(vec![Method::GET], vec![]),
            ..none()
        },
        true,
    );
    check(
        Operation {
            methods: methods(vec![], vec![Method::GET]),
            ..none()
        },
        false,
    );
    let ports = |wanted: Vec<u16>, unwanted| Set { wanted, unwanted };
    check(
        Operation {
            ports: ports(vec![8080], vec![]),
            ..none()
        },
        true,
    );
    check(
        Operation {
            ports: ports(vec![80], vec![]),
            ..none()
        },
        false,
    );
    check(
        Operation {
            ports: ports(vec![], vec![8080]),
            ..none()
        },
        false,
    );
}

#[test]
fn on_bytes_an_allow_of_http_does_not_match_and_a_deny_ignores_it() {
    rule(&paths(&["/x"]), None, None, false, true);
    let header = || Key::Header(HeaderName::from_static("x-a"));
    rule(&when(header(), wanted(&["b"])), None, None, false, true);
    let port = to(Operation {
        ports: Set {
            wanted: vec![1],
            unwanted: vec![],
        },
        ..Operation::default()
    });
    rule(&port, None, None, false, false);
}

#[test]
fn a_path_written_in_another_way_is_denied_and_not_allowed() {
    rule(
        &paths(&["/admin*"]),
        None,
        Some(&get("/x/../admin")),
        false,
        true,
    );
    rule(
        &paths(&["/x/*"]),
        None,
        Some(&get("/x/../admin")),
        false,
        true,
    );
    rule(
        &paths(&["/admin*"]),
        None,
        Some(&get("/admin/")),
        true,
        true,
    );
    let not_admin = to(Operation {
        paths: unwanted(&["/admin*"]),
        ..Operation::default()
    });
    rule(&not_admin, None, Some(&get("//admin")), false, true);
}

#[test]
fn headers_are_compared_and_an_absent_one_has_no_value() {
    let key = || Key::Header(HeaderName::from_static("x-env"));
    let mut head = get("/");
    rule(
        &when(key(), wanted(&["*"])),
        None,
        Some(&head),
        false,
        false,
    );
    rule(
        &when(key(), unwanted(&["prod"])),
        None,
        Some(&head),
        true,
        true,
    );
    head.headers
        .insert("x-env", HeaderValue::from_static("prod"));
    rule(
        &when(key(), wanted(&["pr*"])),
        None,
        Some(&head),
        true,
        true,
    );
    rule(
        &when(key(), unwanted(&["prod"])),
        None,
        Some(&head),
        false,
        false,
    );
}
