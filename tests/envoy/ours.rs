//! The engine with the same endpoints, in virtual time.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use engine::entropy::Entropy;
use engine::head::{RequestHead, ResponseHead};
use engine::live::Clusters;
use engine::report::Event;
use engine::session::{End, Next, OnHead, Opened, Session};
use engine::snapshot::{Frontend, ObjectName, Snapshot};
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

// === impl Ours ===

impl Ours {
    /// Reads the manifests, which have to be free of errors, and takes the place of a client's
    /// proxy. `seed` decides what is drawn.
    pub(crate) fn new(manifests: &str, seed: u64) -> Self {
        let client = "apiVersion: v1\nkind: Pod\nmetadata: {name: client, namespace: shop}\n\
                      spec: {containers: [{name: c, image: i}]}\nstatus: {podIP: 10.9.9.9}\n";
        let text = format!("{manifests}{client}");
        let reading = resource::read("ours.yaml", &text);
        let loaded = load(&reading.resources, MeshMode::All);
        let found = reading.diagnostics.iter().chain(&loaded.diagnostics);
        let errors: Vec<_> = found.filter(|d| d.level == Level::Error).collect();
        assert!(errors.is_empty(), "{errors:#?}");
        let mut lowering = Lowering::new("cluster.local");
        lowering.update(&loaded.index);
        let pod = ObjectName::new("shop", "client");
        let snapshot = lowering.snapshot(&pod).expect("the client has a proxy");
        let clusters = Clusters::new(seed);
        clusters.apply(&snapshot.outbound, Instant::ZERO);
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

    /// What happened since the last call.
    pub(crate) fn events(&self) -> Vec<Event> {
        self.clusters.drain_events("ours", self.now)
    }

    /// Sends a request to `web` as far as an endpoint. The status is that of a local answer.
    pub(crate) fn start(&mut self, path: &str, headers: &[(&str, &str)]) -> Result<InHand, u16> {
        let frontend = self.frontend();
        let authority = Some("web".parse().unwrap());
        let mut head = RequestHead::new(Method::GET, authority, path.parse().unwrap());
        for (name, value) in headers {
            let name: HeaderName = name.parse().unwrap();
            head.headers
                .insert(name, HeaderValue::from_str(value).unwrap());
        }
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
