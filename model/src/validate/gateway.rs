//! Gateway, ListenerSet, GatewayClass and ReferenceGrant.

use std::collections::BTreeSet;

use super::check::Check;
use super::text::{check_host, check_len, check_section_name, shown};
use crate::gateway::{
    AllowedFrom, FromNamespaces, GROUP, GatewayClassSpec, GatewaySpec, Listener, ListenerSetSpec,
    ReferenceGrantSpec,
};

const LISTENERS_MAX: usize = 64;
const ADDRESSES_MAX: usize = 16;
const GRANTS_MAX: usize = 16;

pub(super) fn gateway(check: &mut Check, spec: &GatewaySpec) {
    check.field("gatewayClassName", |check| {
        check_len(check, &spec.gateway_class_name, 1, 253);
    });
    check.at_most("addresses", &spec.addresses, ADDRESSES_MAX);
    listeners(check, &spec.listeners);
    if let Some(allowed) = &spec.allowed_listeners {
        check.field("allowedListeners", |check| {
            namespaces(check, allowed.namespaces.as_ref());
        });
    }
    check.not_modelled("tls", &spec.tls);
    check.not_modelled("defaultScope", &spec.default_scope);
}

pub(super) fn listener_set(check: &mut Check, spec: &ListenerSetSpec) {
    check.field("parentRef", |check| {
        let parent = &spec.parent_ref;
        let kind = parent.kind.as_deref().unwrap_or("Gateway");
        if parent.group.as_deref().unwrap_or(GROUP) != GROUP || kind != "Gateway" {
            check.error(
                format!("{} cannot be the parent of a ListenerSet", shown(kind)),
                "allowed is Gateway (group gateway.networking.k8s.io)",
            );
        }
        check.field("name", |check| check_len(check, &parent.name, 1, 253));
    });
    if spec.listeners.is_empty() {
        check.error(
            "the set has no listeners",
            format!("1 to {LISTENERS_MAX} are allowed"),
        );
    }
    listeners(check, &spec.listeners);
}

/// `spec.listeners`: names and places are unique.
fn listeners(check: &mut Check, listeners: &[Listener]) {
    check.at_most("listeners", listeners, LISTENERS_MAX);
    let mut names = BTreeSet::new();
    let mut places = BTreeSet::new();
    check.each("listeners", listeners, |check, listener| {
        self::listener(check, listener);
        if !names.insert(listener.name.clone()) {
            check.field("name", |check| {
                check.error(
                    format!(
                        "the listener name `{}` is used twice",
                        shown(&listener.name)
                    ),
                    "Listener name must be unique within the Gateway",
                );
            });
        }
        let place = (
            listener.port,
            listener.protocol.clone(),
            listener.hostname.clone(),
        );
        if !places.insert(place) {
            check.error(
                format!(
                    "another listener has port {} and the same host name",
                    listener.port
                ),
                "Combination of port, protocol and hostname must be unique for each listener",
            );
        }
    });
}

fn listener(check: &mut Check, listener: &Listener) {
    check.field("name", |check| check_section_name(check, &listener.name));
    let protocol = listener.protocol.as_str();
    check.field("protocol", |check| {
        check_len(check, protocol, 1, 255);
        if !protocol.contains('/') && !matches!(protocol, "HTTP" | "HTTPS" | "TLS" | "TCP" | "UDP")
        {
            check.error(
                format!("`{}` is not a protocol", shown(protocol)),
                "allowed are HTTP, HTTPS, TLS, TCP and UDP",
            );
        }
    });
    if let Some(host) = &listener.hostname {
        check.field("hostname", |check| {
            check_host(check, host, true);
            if matches!(protocol, "TCP" | "UDP") {
                check.error(
                    "a listener for TCP or UDP sees no host name",
                    "hostname must not be specified for protocols ['TCP', 'UDP']",
                );
            }
        });
    }
    let mode = listener.tls.as_ref().and_then(|tls| tls.mode.as_deref());
    match (protocol, &listener.tls) {
        ("HTTP" | "TCP" | "UDP", Some(_)) => check.field("tls", |check| {
            check.error(
                format!("`tls` on a listener for {protocol}"),
                "tls must not be specified for protocols ['HTTP', 'TCP', 'UDP']",
            );
        }),
        ("HTTPS", Some(_)) if mode.is_some_and(|mode| mode != "Terminate") => {
            check.field("tls", |check| {
                check.error(
                    "an HTTPS listener has to see the requests",
                    "tls mode must be Terminate for protocol HTTPS",
                );
            });
        }
        _ => {}
    }
    if let Some(allowed) = &listener.allowed_routes {
        check.field("allowedRoutes", |check| {
            namespaces(check, allowed.namespaces.as_ref());
        });
    }
    if let Some(tls) = &listener.tls {
        check.field("tls", |check| {
            check.not_modelled("frontendValidation", &tls.frontend_validation);
        });
    }
    if let Some(mode) = mode
        && !matches!(mode, "Terminate" | "Passthrough")
    {
        check.field("tls", |check| {
            check.field("mode", |check| {
                check.error(
                    format!("`{}` is not a TLS mode", shown(mode)),
                    "allowed are Terminate and Passthrough",
                );
            });
        });
    }
}

/// Who may attach.
fn namespaces(check: &mut Check, from: Option<&FromNamespaces>) {
    let blind =
        |from: &FromNamespaces| from.from == Some(AllowedFrom::Selector) && from.selector.is_none();
    if from.is_some_and(blind) {
        check.field("namespaces", |check| {
            check.error(
                "`from: Selector` without a selector",
                "selector must be specified when from is set to Selector",
            );
        });
    }
}

pub(super) fn gateway_class(check: &mut Check, spec: &GatewayClassSpec) {
    check.field("controllerName", |check| {
        check_len(check, &spec.controller_name, 1, 253);
        let has_path = spec
            .controller_name
            .split_once('/')
            .is_some_and(|(_, path)| !path.is_empty());
        if !has_path {
            check.error(
                format!("`{}` is not a controller", shown(&spec.controller_name)),
                "a controller is a domain and a path, such as `example.com/gateway`",
            );
        }
    });
}

pub(super) fn reference_grant(check: &mut Check, spec: &ReferenceGrantSpec) {
    for (key, count) in [("from", spec.from.len()), ("to", spec.to.len())] {
        if count == 0 || count > GRANTS_MAX {
            check.field(key, |check| {
                check.error(
                    format!("`{key}` has {count} entries"),
                    format!("1 to {GRANTS_MAX} are allowed"),
                );
            });
        }
    }
    check.each("from", &spec.from, |check, from| {
        check.field("kind", |check| check_len(check, &from.kind, 1, 63));
        check.field("namespace", |check| {
            check_len(check, &from.namespace, 1, 63);
        });
    });
    check.each("to", &spec.to, |check, to| {
        check.field("kind", |check| check_len(check, &to.kind, 1, 63));
    });
}
