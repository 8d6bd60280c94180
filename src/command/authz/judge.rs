//! The verdict of the destination's proxies about a request, asked of the engine that they run.

use std::net::IpAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use engine::authz::{self, Allowance, Decision, Subject};
use engine::head::RequestHead;
use engine::identity::Identity;
use engine::origin::Origin;
use engine::snapshot::{InboundPort, ObjectName};
use engine::time::Wall;
use engine::trace::Trail;
use model::index::{Index, ServicePort};
use model::lower::Lowering;
use proxy::jwt::{KeySets, Verifier};
use serde::Serialize;

use crate::command::route::mesh::{TRUST_DOMAIN, workload_name};
use crate::command::route::words;

/// Who calls.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// None without mutual TLS.
    pub(crate) identity: Option<Identity>,
    pub(crate) address: IpAddr,
}

/// What one workload behind a Service says.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Judged {
    /// `shop/Deployment/web`
    pub(crate) workload: String,
    /// Of its containers.
    pub(crate) port: u16,
    pub(crate) allowed: bool,
    pub(crate) because: String,
    /// Of a refusal, as the client sees it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) flag: Option<&'static str>,
    /// The object that said so, with its part.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) rule: String,
    /// `file:line`
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) at: String,
    /// Audit rules that match.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) audits: Vec<String>,
    /// Every rule that was looked at, and what came of it.
    pub(crate) trail: Vec<String>,
}

/// The verdict of each workload behind a port of a Service. `head` is none for a connection that is
/// not HTTP.
pub(crate) fn judge(
    index: &Index,
    lowering: &Lowering,
    to: (&ObjectName, &ServicePort),
    caller: &Caller,
    head: Option<&RequestHead>,
) -> Vec<Judged> {
    let (service, port) = to;
    let mut judged: Vec<Judged> = Vec::new();
    for pod in index.pods_of_service(service) {
        let workload = workload_name(pod);
        let Some(number) = pod.resolve(&port.target) else {
            continue;
        };
        if judged.iter().any(|known| known.workload == workload) {
            continue;
        }
        judged.push(match lowering.snapshot(&pod.name) {
            None => Judged::unguarded(workload, number),
            Some(snapshot) => {
                let inbound = &snapshot.inbound;
                let of_port = inbound.ports.get(&number).unwrap_or(&inbound.default);
                Judged::of_port(workload, number, of_port, caller, head)
            }
        });
    }
    judged
}

/// Tokens are judged as of today.
fn now() -> Wall {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let nanos = since.map_or(0, |since| since.as_nanos());
    Wall(u64::try_from(nanos).unwrap_or(u64::MAX))
}

// === impl Judged ===

impl Judged {
    /// What the proxy of a workload says at one of its ports.
    pub(crate) fn of_port(
        workload: String,
        number: u16,
        port: &InboundPort,
        caller: &Caller,
        head: Option<&RequestHead>,
    ) -> Self {
        let subject = Subject {
            peer: caller.identity.as_ref(),
            trust_domain: TRUST_DOMAIN,
            address: caller.address,
            port: number,
            head,
        };
        let tokens = Verifier {
            keys: &KeySets::default(),
            now: now(),
        };
        let mut trail = Trail::on();
        let decision = authz::decide(port, &subject, &tokens, &mut trail);
        Self::new(workload, number, &decision, trail)
    }

    fn new(workload: String, port: u16, decision: &Decision, trail: Trail) -> Self {
        let (because, origin, failure) = match &decision.verdict {
            Ok(allowance) => {
                let origin = match allowance {
                    Allowance::Rule(rule) => Some(&rule.origin),
                    Allowance::NoPolicy | Allowance::Probe => None,
                };
                (allowance.to_string(), origin, None)
            }
            Err(denial) => (denial.to_string(), denial.origin(), Some(denial.failure())),
        };
        let steps = trail.into_steps().into_iter();
        let place = |origin: &Origin| origin.to_string();
        Self {
            workload,
            port,
            allowed: failure.is_none(),
            because,
            status: failure.as_ref().map(|failure| failure.status().as_u16()),
            flag: failure.as_ref().map(|failure| failure.flag.as_str()),
            rule: origin.map(words::object).unwrap_or_default(),
            at: origin.map(words::place).unwrap_or_default(),
            audits: decision
                .audits
                .iter()
                .map(|rule| place(&rule.origin))
                .collect(),
            trail: steps.map(|step| step.to_string()).collect(),
        }
    }

    /// A workload without a proxy enforces nothing.
    fn unguarded(workload: String, port: u16) -> Self {
        Self {
            workload,
            port,
            allowed: true,
            because: "it has no proxy, and nothing is enforced there".into(),
            status: None,
            flag: None,
            rule: String::new(),
            at: String::new(),
            audits: Vec::new(),
            trail: Vec::new(),
        }
    }

    /// `allowed at pay/Deployment/payments:8080: …`
    pub(crate) fn line(&self) -> String {
        let place = format!(" at {}:{}", self.workload, self.port);
        self.told(&place)
    }

    /// `denied (403, RBAC): …`
    pub(crate) fn verdict(&self) -> String {
        self.told("")
    }

    fn told(&self, place: &str) -> String {
        let verdict = match (self.allowed, self.status, self.flag) {
            (true, ..) => "allowed".to_owned(),
            (false, Some(status), Some(flag)) => format!("denied ({status}, {flag})"),
            (false, ..) => "denied".to_owned(),
        };
        let at = match self.at.as_str() {
            "" => String::new(),
            at => format!("  [{at}]"),
        };
        format!("{verdict}{place}: {}{at}", self.because)
    }
}
