//! What happens to a request, as a value that text, JSON and tests are made from.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use engine::origin::Origin;
use engine::session::Session;
use engine::session::foresee::{Fate, Foresight, Forwarded, Outcome};
use engine::snapshot::route::Timeouts;
use engine::snapshot::{ClusterKey, Frontend, PortProtocol, Rule};
use model::document::Object;
use model::index::{Route, RouteSpec};
use model::yaml::Step;
use serde::Serialize;

use super::super::words;
use super::ask::{Ask, Client, World};
use crate::command::authz::judge::{Caller, Judged, judge};
use crate::error::Error;

/// The answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Explained {
    pub(super) request: Request,
    pub(super) from: From,
    /// `shop/web:80`; empty when the request is for nobody the mesh knows.
    pub(super) service: String,
    /// Where the Service stands.
    pub(super) service_at: String,
    /// Why no route is asked, when none is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) past_routes: Option<String>,
    /// The engine's reasons, in their order.
    pub(super) trail: Vec<Reason>,
    /// The rule that governs, as its route and place; none when no rule matches.
    pub(super) rule: Option<RuleSeen>,
    pub(super) outcomes: Vec<End>,
    pub(super) mirrors: Vec<Copied>,
    pub(super) policies: Vec<PolicySeen>,
    /// For expectations and comparisons.
    #[serde(skip)]
    pub(super) foresight: Option<Foresight>,
}

#[derive(Debug, Serialize)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) url: String,
    pub(super) headers: Vec<(String, String)>,
}

#[derive(Debug, Serialize)]
pub(super) struct From {
    /// None = any client of the namespace.
    pub(super) workload: Option<String>,
    pub(super) namespace: String,
    /// SPIFFE; none when it is any client, or has no proxy.
    pub(super) identity: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct Reason {
    pub(super) what: String,
    pub(super) detail: String,
    /// The object, with file and line.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) origin: String,
    #[serde(skip)]
    pub(super) at: String,
}

#[derive(Debug, Serialize)]
pub(super) struct RuleSeen {
    /// As statistics name it: `shop/web/canary`, `shop/web/rules[0]`.
    pub(super) name: String,
    /// Object and part.
    pub(super) object: String,
    pub(super) at: String,
    pub(super) timeouts: String,
    pub(super) retry: String,
    pub(super) fault: String,
}

/// What becomes of a share of such requests.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct End {
    /// In 0..=1.
    pub(super) share: f64,
    /// `shop/web-v2:80`; none when the proxy answers itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) backend: Option<String>,
    /// Workloads whose pods are behind it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) pods: Vec<String>,
    /// What the workloads behind the backend say about the sender; only of one that is named.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) authorization: Vec<Judged>,
    /// Of the proxy's own answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<u16>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) because: String,
    pub(super) at: String,
    /// How the request is sent, where filters changed it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) changed: Vec<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct Copied {
    pub(super) share: f64,
    pub(super) backend: String,
    pub(super) at: String,
}

/// A policy that holds, for what, and what of it is set.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PolicySeen {
    pub(super) object: String,
    pub(super) at: String,
    /// The rule, or a backend.
    pub(super) holds_for: String,
    pub(super) sets: Vec<String>,
}

/// Asks the engine.
pub(crate) fn explain(
    world: &World<'_>,
    ask: &Ask,
    namespace: Option<&str>,
) -> Result<Explained, Error> {
    let client = world.client(ask, namespace)?;
    let mut explained = Explained::unanswered(ask, &client);
    if client.workload.is_some() && client.identity.is_none() {
        explained.past_routes =
            Some("the sender has no proxy: no route and no policy of clients applies to it".into());
        return Ok(explained);
    }
    let Some(frontend) = world.frontend(&client, &ask.url) else {
        explained.past_routes = Some(nobody(world, &client, ask));
        return Ok(explained);
    };
    explained.service = format!("{}:{}", frontend.service, frontend.port);
    explained.service_at = words::place(&frontend.origin);
    if frontend.protocol == PortProtocol::Opaque {
        explained.past_routes = Some(
            "the port is forwarded as bytes: no rule looks at a request there (set `appProtocol: \
             http` on the port of the Service if it is HTTP)"
                .into(),
        );
        return Ok(explained);
    }
    let foresight = Session::foresee(&frontend, &ask.head, &client.outbound);
    explained.fill(world, &client, &frontend, ask, &foresight);
    explained.foresight = Some(foresight);
    Ok(explained)
}

/// Why there is no such Service.
fn nobody(world: &World<'_>, client: &Client, ask: &Ask) -> String {
    let service = ask
        .url
        .service(&client.namespace)
        .and_then(|(namespace, name)| {
            let mut all = world.mesh.index.services();
            all.find(|s| *s.name.namespace == *namespace && *s.name.name == *name)
        });
    let passes = "the request leaves the mesh as it is";
    match service {
        Some(service) => {
            let ports: Vec<String> = service.ports.iter().map(|p| p.port.to_string()).collect();
            format!(
                "{} has no port {}, its ports are {}: {passes}",
                service.name,
                ask.url.port,
                ports.join(", ")
            )
        }
        None => format!("no Service is called {}: {passes}", ask.url.host),
    }
}

// === impl Explained ===

impl Explained {
    fn unanswered(ask: &Ask, client: &Client) -> Self {
        let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into();
        let headers = ask.head.headers.iter();
        Self {
            request: Request {
                method: ask.head.method.to_string(),
                url: ask.url.to_string(),
                headers: headers.map(|(n, v)| (n.to_string(), text(v))).collect(),
            },
            from: From {
                workload: client.workload.clone(),
                namespace: client.namespace.to_string(),
                identity: client.identity.as_ref().map(ToString::to_string),
            },
            service: String::new(),
            service_at: String::new(),
            past_routes: None,
            trail: Vec::new(),
            rule: None,
            outcomes: Vec::new(),
            mirrors: Vec::new(),
            policies: Vec::new(),
            foresight: None,
        }
    }

    fn fill(
        &mut self,
        world: &World<'_>,
        client: &Client,
        frontend: &Frontend,
        ask: &Ask,
        foresight: &Foresight,
    ) {
        self.trail = foresight.trail.iter().map(Reason::from).collect();
        let outcomes = foresight.outcomes.iter();
        self.outcomes = outcomes.map(|o| End::new(world, client, ask, o)).collect();
        let copies = foresight.copies.iter();
        self.mirrors = copies
            .map(|copy| Copied {
                share: copy.share,
                backend: copy.cluster.to_string(),
                at: words::place(&copy.origin),
            })
            .collect();
        if let Some(rule) = &foresight.rule {
            let route = route_of(world, rule);
            self.rule = Some(RuleSeen::new(rule));
            self.policies
                .extend(rule_policies(world, client, frontend, rule, route));
        }
        let mut clusters: Vec<&ClusterKey> = Vec::new();
        for outcome in &foresight.outcomes {
            if let Fate::Forward(forwarded) = &outcome.end {
                clusters.push(&forwarded.cluster);
            }
        }
        clusters.sort();
        clusters.dedup();
        for cluster in clusters {
            self.policies.extend(backend_policy(world, client, cluster));
        }
    }

    /// The route's rule, by its place: two routes may have rules of one name.
    pub(super) fn rule_origin(&self) -> Option<&Origin> {
        let foresight = self.foresight.as_ref()?;
        Some(&foresight.rule.as_ref()?.origin)
    }

    /// Each backend and its share; what the proxy answers itself is under the status.
    pub(super) fn shares(&self) -> BTreeMap<String, f64> {
        let mut shares = BTreeMap::new();
        for end in &self.outcomes {
            let name = match (&end.backend, end.status) {
                (Some(backend), _) => backend.clone(),
                (None, status) => status.unwrap_or_default().to_string(),
            };
            *shares.entry(name).or_default() += end.share;
        }
        shares
    }
}

impl std::convert::From<&engine::trace::Step> for Reason {
    fn from(step: &engine::trace::Step) -> Self {
        Self {
            what: step.what.into(),
            detail: step.detail.clone(),
            origin: step
                .origin
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
            at: step.origin.as_ref().map(words::place).unwrap_or_default(),
        }
    }
}

// === impl RuleSeen ===

impl RuleSeen {
    fn new(rule: &Rule) -> Self {
        Self {
            name: rule.name.to_string(),
            object: words::object(&rule.origin),
            at: words::place(&rule.origin),
            timeouts: words::timeouts(&rule.timeouts),
            retry: rule.retry.as_ref().map(words::retry).unwrap_or_default(),
            fault: rule.fault.as_ref().map(words::fault).unwrap_or_default(),
        }
    }
}

// === impl End ===

impl End {
    fn new(world: &World<'_>, client: &Client, ask: &Ask, outcome: &Outcome) -> Self {
        match &outcome.end {
            Fate::Forward(forwarded) => {
                let pods = world.index.pods_of_service(&forwarded.cluster.service);
                let mut pods: Vec<String> = pods.map(|pod| pod.controller.clone()).collect();
                pods.sort();
                pods.dedup();
                Self {
                    share: outcome.share,
                    backend: Some(forwarded.cluster.to_string()),
                    pods,
                    authorization: authorization(world, client, forwarded),
                    status: None,
                    because: String::new(),
                    at: words::place(&forwarded.origin),
                    changed: words::changed(&ask.head, forwarded),
                }
            }
            Fate::Respond(answer) => Self {
                share: outcome.share,
                backend: None,
                pods: Vec::new(),
                authorization: Vec::new(),
                status: Some(answer.status.as_u16()),
                because: because(answer),
                at: answer.origin.as_ref().map(words::place).unwrap_or_default(),
                changed: Vec::new(),
            },
        }
    }
}

/// Nobody knows what is said about any client: identities differ.
fn authorization(world: &World<'_>, client: &Client, forwarded: &Forwarded) -> Vec<Judged> {
    let key = &forwarded.cluster;
    let port = world
        .index
        .service(&key.service)
        .and_then(|s| s.port(key.port));
    let (Some(port), Some(_)) = (port, &client.workload) else {
        return Vec::new();
    };
    let caller = Caller {
        identity: client.identity.clone(),
        address: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
    };
    let to = (&key.service, port);
    judge(
        &world.index,
        &world.lowering,
        to,
        &caller,
        Some(&forwarded.head),
    )
}

fn because(answer: &engine::verdict::LocalResponse) -> String {
    if let Some(location) = answer.headers.get(http::header::LOCATION) {
        return format!("to {}", String::from_utf8_lossy(location.as_bytes()));
    }
    if let Some(status) = answer.grpc_status {
        let message = answer.headers.get("grpc-message");
        let message = message.map(|m| String::from_utf8_lossy(m.as_bytes()).into_owned());
        return format!("gRPC {status}, {}", message.unwrap_or_default());
    }
    String::from_utf8_lossy(&answer.body).trim_end().to_owned()
}

/// The route that a rule is from.
fn route_of<'a>(world: &'a World<'_>, rule: &Rule) -> Option<&'a Route> {
    let place = rule.origin.place();
    world.index.routes().find(|route| {
        route.object.kind == place.kind
            && *route.name.namespace == *place.namespace
            && *route.name.name == *place.name
    })
}

/// What timeouts, retries and faults of a rule come from: the route itself, and a TrafficPolicy.
fn rule_policies(
    world: &World<'_>,
    client: &Client,
    frontend: &Frontend,
    rule: &Rule,
    route: Option<&Route>,
) -> Vec<PolicySeen> {
    let mut seen = Vec::new();
    let part = &rule.origin.place().part;
    let number = part
        .strip_prefix("rules[")
        .and_then(|p| p.strip_suffix(']'));
    let number: Option<usize> = number.and_then(|n| n.parse().ok());
    let mut name = None;
    if let (Some(route), Some(number)) = (route, number) {
        let path = [Step::Key("spec"), Step::Key("rules"), Step::Index(number)];
        let node = route.object.at(&path);
        let set = |key: &str| node.is_some_and(|node| node.get(key).is_some());
        let sets: Vec<String> = ["timeouts", "retry"]
            .into_iter()
            .filter(|key| set(key) && (*key != "timeouts" || rule.timeouts != Timeouts::default()))
            .map(str::to_owned)
            .collect();
        if !sets.is_empty() {
            seen.push(PolicySeen {
                object: words::object(&rule.origin),
                at: words::place(&rule.origin),
                holds_for: "the rule".into(),
                sets,
            });
        }
        name = match &route.spec {
            RouteSpec::Http(spec) => {
                let rules = spec.rules.as_ref();
                rules.and_then(|rules| rules.get(number)?.name.as_deref())
            }
            RouteSpec::Grpc(spec) => spec.rules.get(number).and_then(|r| r.name.as_deref()),
            RouteSpec::Tls(_) | RouteSpec::Tcp(_) => None,
        };
    }
    let service = world.index.service(&frontend.service);
    let port = service.and_then(|service| service.port(frontend.port));
    let consumer = consumer(client, &frontend.service.namespace);
    let of_route = route.map(|route| (route, name));
    let policy = port.and_then(|port| {
        let index = &world.index;
        index.traffic_policy(&frontend.service, port, consumer, of_route)
    });
    seen.extend(policy.map(|p| policy_seen(&p.object, &p.origin, "the rule".into())));
    seen
}

fn backend_policy(world: &World<'_>, client: &Client, key: &ClusterKey) -> Option<PolicySeen> {
    let service = world.index.service(&key.service)?;
    let port = service.port(key.port)?;
    let consumer = consumer(client, &key.service.namespace);
    let policy = world.index.backend_policy(&key.service, port, consumer)?;
    Some(policy_seen(&policy.object, &policy.origin, key.to_string()))
}

fn policy_seen(object: &Object, origin: &Origin, holds_for: String) -> PolicySeen {
    let spec = object.at(&[Step::Key("spec")]);
    let keys = spec.into_iter().flat_map(|spec| spec.decided());
    let sets = keys.map(|(key, _)| key.to_string());
    PolicySeen {
        object: words::object(origin),
        at: words::place(origin),
        holds_for,
        sets: sets.filter(|key| key != "targetRefs").collect(),
    }
}

/// A client's namespace, when it is not the Service's own.
fn consumer<'a>(client: &'a Client, of: &str) -> Option<&'a Arc<str>> {
    (*client.namespace != *of).then_some(&client.namespace)
}
