//! XBackend, BackendTLSPolicy and EgressNetwork.

use super::check::Check;
use super::text::{check_host, shown};
use crate::gateway::{
    BackendTlsPolicySpec, BackendTlsValidation, SubjectAltNameType, XBackendProtocol, XBackendSpec,
    XBackendTlsMode, XBackendType,
};
use crate::lower::outside::net;
use crate::policy::EgressNetworkSpec;

const NETWORKS_MAX: usize = 64;
/// Gateway API's bound.
const TARGETS_MAX: usize = 16;

pub(super) fn x_backend(check: &mut Check, spec: &XBackendSpec) {
    let by_name = spec.r#type == XBackendType::ExternalHostname;
    if by_name != spec.external_hostname.is_some() {
        check.error(
            "`externalHostname` and `type: ExternalHostname` belong together",
            "externalHostname must be set when type is ExternalHostname and must be unset \
             otherwise",
        );
    }
    if let Some(host) = &spec.external_hostname {
        check.field("externalHostname", |check| {
            check.field("hostname", |check| {
                check_host(check, &host.hostname, false);
                if host
                    .hostname
                    .to_ascii_lowercase()
                    .ends_with(".cluster.local")
                {
                    check.error(
                        format!("{} is inside the cluster", shown(&host.hostname)),
                        "hostname must not end with .cluster.local: name the Service",
                    );
                }
            });
        });
    }
    check.not_modelled("endpointSelector", &spec.endpoint_selector);
    protocol(check, spec);
    let Some(tls) = &spec.tls else { return };
    check.field("tls", |check| {
        let mutual = tls.mode == XBackendTlsMode::ClientAndServer;
        if mutual != tls.client_certificate_ref.is_some() {
            check.error(
                "`clientCertificateRef` and `mode: ClientAndServer` belong together",
                "clientCertificateRef must be set if and only if mode is ClientAndServer",
            );
        }
        let Some(validation) = &tls.validation else {
            return;
        };
        check.field("validation", |check| self::validation(check, validation));
    });
}

pub(super) fn backend_tls(check: &mut Check, spec: &BackendTlsPolicySpec) {
    check.at_most("targetRefs", &spec.target_refs, TARGETS_MAX);
    check.each("targetRefs", &spec.target_refs, |check, target| {
        if !target.group.is_empty() || target.kind != "Service" {
            check.error(
                format!("{} is not a backend with TLS", shown(&target.kind)),
                "allowed is Service (group \"\")",
            );
        }
    });
    check.field("validation", |check| validation(check, &spec.validation));
}

fn validation(check: &mut Check, validation: &BackendTlsValidation) {
    check.field("hostname", |check| {
        check_host(check, &validation.hostname, false);
    });
    let system = validation.well_known_ca_certificates.is_some();
    if system != validation.ca_certificate_refs.is_empty() {
        check.error(
            "one of `caCertificateRefs` and `wellKnownCACertificates` says who is trusted",
            "must not contain both CACertificateRefs and WellKnownCACertificates, and must specify \
             one of them",
        );
    }
    check.each(
        "subjectAltNames",
        &validation.subject_alt_names,
        |check, name| {
            let (host, uri) = (name.hostname.is_some(), name.uri.is_some());
            let fits = match name.r#type {
                SubjectAltNameType::Hostname => host && !uri,
                SubjectAltNameType::Uri => uri && !host,
            };
            if !fits {
                check.error(
                    "the name does not have the field that its `type` names",
                    "type Hostname has `hostname`, type URI has `uri`, and not the other",
                );
            }
        },
    );
}

fn protocol(check: &mut Check, spec: &XBackendSpec) {
    let says = match (spec.protocol, spec.tls.is_some()) {
        (Some(XBackendProtocol::H2c), true) => "tls must be unset when protocol is H2C",
        (Some(XBackendProtocol::Http2), false) => "tls must be set when protocol is HTTP2",
        (Some(XBackendProtocol::Wss), false) => "tls must be set when protocol is WSS",
        _ => return,
    };
    check.field("protocol", |check| {
        check.error("the protocol and `tls` do not go together", says);
    });
}

pub(super) fn egress_network(check: &mut Check, spec: &EgressNetworkSpec) {
    check.at_most("networks", &spec.networks, NETWORKS_MAX);
    check.each("networks", &spec.networks, |check, network| {
        check.field("cidr", |check| cidr(check, &network.cidr));
        check.each("except", &network.except, |check, except| {
            cidr(check, except);
        });
    });
}

fn cidr(check: &mut Check, text: &str) {
    if net(text).is_none() {
        check.error(
            format!("`{}` is not a network", shown(text)),
            "write it as 192.0.2.0/24 or 2001:db8::/32",
        );
    }
}
