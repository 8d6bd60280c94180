//! A request, who sends it, and what is there: the question that the engine is asked.

use std::collections::BTreeSet;
use std::sync::Arc;

use engine::head::{Protocol, RequestHead};
use engine::identity::Identity;
use engine::origin::Origin;
use engine::snapshot::{Frontend, Locality, ObjectName, Outbound};
use http::uri::Authority;
use http::{HeaderName, HeaderValue, Method, header};
use model::index::{Fact, Index, Inject, Pod, PodState};
use model::lower::Lowering;
use sim::scenario::{Url, UrlScheme};

use super::super::mesh::{Mesh, TRUST_DOMAIN, workload_name};
use crate::error::Error;

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(super) url: Url,
    pub(super) head: RequestHead,
    /// The workload that sends it, as it was named; none = any client.
    pub(super) from: Option<String>,
}

/// A mesh, lowered for all clients in it.
pub(crate) struct World<'a> {
    pub(super) mesh: &'a Mesh,
    pub(super) index: Index,
    pub(super) lowering: Lowering,
}

/// Who sends a request.
#[derive(Clone, Debug)]
pub(super) struct Client {
    /// `shop/Deployment/web`; none = any client.
    pub(super) workload: Option<String>,
    pub(super) namespace: Arc<str>,
    /// None when it has no proxy.
    pub(super) identity: Option<Identity>,
    pub(super) outbound: Arc<Outbound>,
}

/// The name of a pod that stands for any client of a namespace: no real pod can have it.
const ANYONE: &str = "any client";

// === impl Ask ===

impl Ask {
    pub(crate) fn new(
        method: &str,
        url: &str,
        headers: &[String],
        from: Option<&str>,
    ) -> Result<Self, Error> {
        let pairs = headers.iter().map(|header| {
            header.split_once(':').ok_or_else(|| {
                Error::new(format!("`{header}` is no header")).hint("write -H 'NAME: VALUE'")
            })
        });
        let pairs: Vec<(&str, &str)> = pairs.collect::<Result<_, _>>()?;
        Self::of(method, url, pairs.into_iter(), from)
    }

    pub(super) fn of<'a>(
        method: &str,
        url: &str,
        headers: impl Iterator<Item = (&'a str, &'a str)>,
        from: Option<&str>,
    ) -> Result<Self, Error> {
        let method = method.parse::<Method>().map_err(|_| {
            Error::new(format!("`{method}` is no method"))
                .hint("write GET, POST, …, before the URL")
        })?;
        let url: Url = url.parse().map_err(|e| Error::new(format!("{e}")))?;
        let no_url = |e: &dyn std::fmt::Display| Error::new(format!("`{url}` is no URL: {e}"));
        let authority: Authority = url.authority().parse().map_err(|e| no_url(&e))?;
        let path = url.path.parse().map_err(|e| no_url(&e))?;
        let mut head = RequestHead::new(method, Some(authority), path);
        if url.scheme == UrlScheme::Grpc {
            head.protocol = Protocol::Http2;
            let kind = HeaderValue::from_static("application/grpc");
            head.headers.insert(header::CONTENT_TYPE, kind);
        }
        for (name, value) in headers {
            let bad = |what: &str| Error::new(format!("`{name}: {value}` has no valid {what}"));
            let key: HeaderName = name.trim().parse().map_err(|_| bad("name"))?;
            if key == header::HOST {
                head.authority = Some(value.trim().parse().map_err(|_| bad("host"))?);
                continue;
            }
            let value = HeaderValue::from_str(value.trim()).map_err(|_| bad("value"))?;
            head.headers.append(key, value);
        }
        Ok(Self {
            url,
            head,
            from: from.map(str::to_owned),
        })
    }
}

// === impl World ===

impl<'a> World<'a> {
    pub(crate) fn new(mesh: &'a Mesh) -> Self {
        let mut index = mesh.index.clone();
        let services = mesh.index.services().map(|s| Arc::clone(&s.name.namespace));
        let routes = mesh.index.routes().map(|r| Arc::clone(&r.name.namespace));
        let namespaces: BTreeSet<Arc<str>> = services.chain(routes).collect();
        for namespace in namespaces {
            index.apply(Fact::Pod(anyone(namespace)));
        }
        let mut lowering = Lowering::new(TRUST_DOMAIN);
        lowering.update(&index);
        Self {
            mesh,
            index,
            lowering,
        }
    }

    /// Who sends `ask`. Without a workload: any client of the namespace that the host's name is
    /// looked up in, or that it names.
    pub(super) fn client(&self, ask: &Ask, namespace: Option<&str>) -> Result<Client, Error> {
        let Some(from) = &ask.from else {
            return self.anyone(ask, namespace);
        };
        let pod = self.mesh.workload(from, namespace)?;
        let workload = self.lowering.snapshot(&pod.name);
        Ok(Client {
            workload: Some(workload_name(pod)),
            namespace: Arc::clone(&pod.name.namespace),
            identity: workload.as_ref().map(|s| s.workload.identity.clone()),
            outbound: workload
                .map(|s| Arc::clone(&s.outbound))
                .unwrap_or_default(),
        })
    }

    fn anyone(&self, ask: &Ask, namespace: Option<&str>) -> Result<Client, Error> {
        let namespace = match (ask.url.service("").unwrap_or_default(), namespace) {
            ((named, _), None) if !named.is_empty() => named,
            (_, Some(namespace)) => namespace.to_owned(),
            // A short name: whichever namespace has it.
            ((_, name), None) => match self.mesh.service(&name, None) {
                Ok(service) => service.name.namespace.to_string(),
                Err(error) => {
                    return Err(error.hint(format!(
                        "or name the Service in full: http://{name}.NAMESPACE/"
                    )));
                }
            },
        };
        let name = ObjectName::new(namespace.as_str(), ANYONE);
        let snapshot = self.lowering.snapshot(&name);
        let Some(snapshot) = snapshot else {
            return Err(Error::new(format!(
                "the input has nothing in the namespace {namespace}"
            ))
            .hint("check the host's name, or add the manifests of that namespace"));
        };
        Ok(Client {
            workload: None,
            namespace: namespace.into(),
            identity: None,
            outbound: Arc::clone(&snapshot.outbound),
        })
    }

    /// The port of the Service that the URL means, as the client sees it.
    pub(super) fn frontend(&self, client: &Client, url: &Url) -> Option<Arc<Frontend>> {
        let outbound = &client.outbound;
        let host = url.host.trim_end_matches('.');
        let index = *outbound.by_host.get(host)?.get(&url.port)?;
        outbound.frontends.get(index).cloned()
    }
}

/// A pod with a proxy that no Service selects.
fn anyone(namespace: Arc<str>) -> Pod {
    Pod {
        name: ObjectName::new(namespace, ANYONE),
        labels: Default::default(),
        address: None,
        service_account: "default".into(),
        host_network: false,
        injected: false,
        inject: Inject::Enabled,
        state: PodState::Ready,
        ports: Vec::new(),
        probes: Vec::new(),
        app_ports: Default::default(),
        weight: 1,
        settings: Arc::default(),
        controller: String::new(),
        locality: Locality::default(),
        origin: Origin::default_of(ANYONE),
    }
}
