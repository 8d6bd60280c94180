//! The engine with the same endpoints, in virtual time.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use engine::check::Probed;
use engine::entropy::Entropy;
use engine::head::{RequestHead, ResponseHead};
use engine::live::{Clusters, LiveCluster};
use engine::report::Event;
use engine::session::{Connect, End, Next, OnHead, Opened, Session};
use engine::snapshot::balance::Standpoint;
use engine::snapshot::{Frontend, InboundPort, ObjectName, Snapshot};
use engine::time::Instant;
use engine::trace::Trail;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use model::diagnostic::Level;
use model::index::MeshMode;
use model::load::load;
use model::lower::Lowering;
use model::resource;

/// One proxy's engine, and its clock.
pub(crate) struct Ours {
    snapshot: Arc<Snapshot>,
    clusters: Clusters,
    rng: Entropy,
    pub(crate) now: Instant,
}

/// A request that an endpoint has in hand.
pub(crate) struct InHand {
    session: Box<Session>,
    pub(crate) upstream: SocketAddr,
}

/// Manifests of a Service `shop/NAME` on port 80 with these endpoints.
pub(crate) fn service(name: &str, endpoints: &[SocketAddr]) -> String {
    let mut text = format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: shop}}\n\
         spec: {{ports: [{{name: http, port: 80}}]}}\n---\n"
    );
    for (i, endpoint) in endpoints.iter().enumerate() {
        let (ip, port) = (endpoint.ip(), endpoint.port());
        write!(
            text,
            "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n\
             metadata: {{name: {name}-{i}, namespace: shop, \
             labels: {{kubernetes.io/service-name: {name}}}}}\n\
             addressType: IPv4\nports: [{{name: http, port: {port}}}]\n\
             endpoints: [{{addresses: [{ip}]}}]\n---\n"
        )
        .unwrap();
    }
    text
}

/// A BackendPolicy for the Service `web`.
pub(crate) fn backend_policy(spec: &str) -> String {
    format!(
        "apiVersion: meshctl.dev/v1alpha1\nkind: BackendPolicy\n\
         metadata: {{name: web, namespace: shop}}\n\
         spec:\n  targetRefs: [{{group: \"\", kind: Service, name: web}}]\n{spec}---\n"
    )
}

/// A request for `web`.
pub(crate) fn head(method: Method, path: &str, headers: &[(&str, &str)]) -> RequestHead {
    let authority = Some("web".parse().unwrap());
    let mut head = RequestHead::new(method, authority, path.parse().unwrap());
    for (name, value) in headers {
        let name: HeaderName = name.parse().unwrap();
        head.headers
            .insert(name, HeaderValue::from_str(value).unwrap());
    }
    head
}

/// What guards the one pod of a Service `shop/web` under a policy.
pub(crate) fn inbound(policy: &str) -> InboundPort {
    let pod = "apiVersion: v1\nkind: Pod\n\
               metadata: {name: web, namespace: shop, labels: {app: web}}\n\
               spec: {containers: [{name: c, image: i, ports: [{containerPort: 8080}]}]}\n\
               status: {podIP: 10.9.9.8}\n---\n\
               apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop}\n\
               spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}]}\n\
               ---\n";
    let snapshot = lowered(&format!("{pod}{policy}"), "web");
    snapshot.inbound.ports[&8080].clone()
}

/// What the proxy of a pod in `shop` gets of manifests, which have to be free of errors.
fn lowered(text: &str, pod: &str) -> Arc<Snapshot> {
    let reading = resource::read("ours.yaml", text);
    let loaded = load(&reading.resources, MeshMode::All);
    let found = reading.diagnostics.iter().chain(&loaded.diagnostics);
    let errors: Vec<_> = found.filter(|d| d.level == Level::Error).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    let mut lowering = Lowering::new("cluster.local");
    lowering.update(&loaded.index);
    let pod = ObjectName::new("shop", pod);
    lowering.snapshot(&pod).expect("the pod has a proxy")
}

// === impl Ours ===

impl Ours {
    /// Reads the manifests, which have to be free of errors, and takes the place of a client's
    /// proxy. `seed` decides what is drawn.
    pub(crate) fn new(manifests: &str, seed: u64) -> Self {
        let client = "apiVersion: v1\nkind: Pod\nmetadata: {name: client, namespace: shop}\n\
                      spec: {containers: [{name: c, image: i}]}\nstatus: {podIP: 10.9.9.9}\n";
        let snapshot = lowered(&format!("{manifests}{client}"), "client");
        let clusters = Clusters::new(seed);
        clusters.follow(&snapshot, Instant::ZERO);
        // Manifests say nothing about nodes.
        let mut here = Standpoint::clone(&snapshot.standpoint);
        here.locality.zone = "zone-0".into();
        clusters.locate(&Arc::new(here), Instant::ZERO);
        Self {
            snapshot,
            clusters,
            rng: Entropy::from_seed(seed),
            now: Instant::ZERO,
        }
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
        self.clusters.tick(self.now);
    }

    /// Makes the health checks that are due, with these results.
    pub(crate) fn check(&self, result: impl Fn(SocketAddr) -> Probed) {
        for errand in self.clusters.errands(self.now) {
            let probed = result(errand.endpoint.address);
            errand.end(probed, self.now);
        }
    }

    /// The backend behind `web`.
    pub(crate) fn cluster(&self) -> Arc<LiveCluster> {
        self.clusters.all().remove(0)
    }

    /// What happened since the last call.
    pub(crate) fn events(&self) -> Vec<Event> {
        self.clusters.drain_events("ours", self.now)
    }

    /// Sends a request to `web` as far as an endpoint. The status is that of a local answer.
    pub(crate) fn start(&mut self, path: &str, headers: &[(&str, &str)]) -> Result<InHand, u16> {
        let frontend = self.frontend();
        let mut head = head(Method::GET, path, headers);
        let (clusters, rng) = (&self.clusters, &mut self.rng);
        match Session::open(
            &frontend,
            &mut head,
            clusters,
            self.now,
            rng,
            &mut Trail::off(),
        ) {
            Opened::Respond(answer) => Err(answer.response.status.as_u16()),
            Opened::Forward(session) => self.attempt(session),
        }
    }

    fn attempt(&mut self, mut session: Box<Session>) -> Result<InHand, u16> {
        match session.next_attempt(self.now, &mut Trail::off()) {
            Next::Attempt(attempt) => Ok(InHand {
                upstream: attempt.endpoint.address,
                session,
            }),
            Next::Wait(_) => Err(503),
            Next::Fail(failure) => Err(failure.status().as_u16()),
        }
    }

    /// Asks for a connection for a request in hand.
    pub(crate) fn connect(&self, hand: &mut InHand) -> Connect {
        hand.session.connection(self.now, &mut Trail::off())
    }

    /// The endpoint answers. Err carries the next try when the answer is retried.
    pub(crate) fn answer(
        &mut self,
        mut hand: InHand,
        status: u16,
    ) -> Result<u16, Result<InHand, u16>> {
        let mut head = ResponseHead::new(StatusCode::from_u16(status).unwrap());
        match hand
            .session
            .on_head(&mut head, true, self.now, &mut Trail::off())
        {
            OnHead::Pass => {
                hand.session.on_end(End::Complete(None), self.now);
                Ok(status)
            }
            OnHead::Retry { at, .. } => {
                self.now = self.now.max(at);
                Err(self.attempt(hand.session))
            }
        }
    }

    /// One request from begin to end: its status, and the upstreams it reached.
    pub(crate) fn ask(
        &mut self,
        path: &str,
        headers: &[(&str, &str)],
        status: impl Fn(SocketAddr) -> u16,
    ) -> (u16, Vec<SocketAddr>) {
        let mut reached = Vec::new();
        let mut next = self.start(path, headers);
        loop {
            let hand = match next {
                Ok(hand) => hand,
                Err(status) => return (status, reached),
            };
            let upstream = hand.upstream;
            reached.push(upstream);
            match self.answer(hand, status(upstream)) {
                Ok(status) => return (status, reached),
                Err(again) => next = again,
            }
        }
    }

    fn frontend(&self) -> Arc<Frontend> {
        let outbound = &self.snapshot.outbound;
        outbound.frontends[outbound.by_host["web"][&80]].clone()
    }
}
