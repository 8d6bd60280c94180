//! MC0306, MC0307: names of ports that say another protocol than meant.

use super::facts::{Facts, ServiceFact};
use super::{Code, Findings};
use crate::index::{ServicePort, protocol};

/// Typing errors of protocol names. A list, not a distance: `http3`, `grpcs` and `https` are near
/// to others as well, and right.
const TYPOS: [(&str, &str); 16] = [
    ("htpp", "http"),
    ("htp", "http"),
    ("httpp", "http"),
    ("htttp", "http"),
    ("hhttp", "http"),
    ("thttp", "http"),
    ("hpttp", "http"),
    ("http_", "http"),
    ("htpps", "https"),
    ("htps", "https"),
    ("httsp", "https"),
    ("gprc", "grpc"),
    ("grcp", "grpc"),
    ("grp", "grpc"),
    ("rgpc", "grpc"),
    ("gppc", "grpc"),
];

pub(super) fn analyze(facts: &Facts<'_>, findings: &mut Findings) {
    for service in facts.services() {
        for port in &service.service.ports {
            contradiction(findings, service, port);
            typo(findings, service, port);
        }
    }
}

fn contradiction(findings: &mut Findings, fact: ServiceFact<'_, '_>, port: &ServicePort) {
    let Some((written, path)) = fact.written(port, "appProtocol") else {
        return;
    };
    let Some(app) = written.app_protocol.as_deref() else {
        return;
    };
    let (named, declared) = (
        protocol::is_http_name(&written.name),
        protocol::is_http(app),
    );
    if let (Some(named), Some(declared)) = (named, declared)
        && named != declared
    {
        let says = |http| if http { "HTTP" } else { "bytes" };
        let message = format!(
            "appProtocol `{app}` says {}, the port's name `{}` says {}: appProtocol holds",
            says(declared),
            written.name,
            says(named)
        );
        let help = "other tools go by the name: make the two agree";
        let code = Code::ProtocolContradiction;
        findings.add(code, fact.object, &path, message, help);
    }
}

fn typo(findings: &mut Findings, fact: ServiceFact<'_, '_>, port: &ServicePort) {
    let Some((written, path)) = fact.written(port, "name") else {
        return;
    };
    let prefix = written.name.split('-').next().unwrap_or_default();
    let Some((_, meant)) = TYPOS.iter().find(|(typo, _)| *typo == prefix) else {
        return;
    };
    if written.app_protocol.is_some() {
        return;
    }
    let message = format!("the port's name `{}` says no protocol", written.name);
    let help = format!(
        "did you mean `{meant}{}`? without a protocol in the name, it is detected by peeking",
        &written.name[prefix.len()..]
    );
    findings.add(Code::PortNameTypo, fact.object, &path, message, help);
}
