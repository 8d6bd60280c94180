//! A mesh that counts requests as a proxy does.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use engine::report::{
    BackendKey, EdgeKey, Ended, EndpointKey, EndpointRow, EndpointState, Frame, Recorder, RouteKey,
    RowId, Security, ServiceKey, Side,
};
use engine::snapshot::{ClusterKey, ObjectName};
use engine::time::Instant;
use http::StatusCode;

/// One in so many requests fails.
const FAILURE: u64 = 500;

pub(crate) struct Mesh {
    recorder: Recorder,
    services: Vec<Service>,
    now: Instant,
    random: u64,
}

/// The rows of one service: each request counts in one of each.
struct Service {
    service: RowId<ServiceKey>,
    route: RowId<RouteKey>,
    backend: RowId<BackendKey>,
    endpoints: Vec<RowId<EndpointKey>>,
    edges: [RowId<EdgeKey>; 2],
}

// === impl Mesh ===

impl Mesh {
    /// The services of these numbers, each with so many endpoints.
    pub(crate) fn new(services: Range<usize>, endpoints: usize) -> Self {
        let mut recorder = Recorder::new(format!("proxy-{}", services.start));
        let service = |i| Service::new(&mut recorder, i, endpoints);
        Self {
            services: services.map(service).collect(),
            recorder,
            now: Instant::ZERO,
            random: 0x9e37_79b9_7f4a_7c15,
        }
    }

    /// Each service serves `requests` within `time`.
    pub(crate) fn serve(&mut self, requests: usize, time: Duration) {
        self.now = self.now + time;
        for i in 0..self.services.len() {
            for _ in 0..requests {
                self.request(i);
            }
        }
    }

    fn request(&mut self, i: usize) {
        let random = self.draw();
        // 2 ms to 32 ms, most of it near the lower end, and slower from service to service.
        let spread = 4.0 * ((random >> 11) as f64 / (1u64 << 53) as f64).powi(3);
        let micros = (2_000.0 + i as f64) * spread.exp2();
        let latency = Duration::from_micros(micros as u64);
        let (how, status) = match random % FAILURE {
            0 => (Ended::Failure, StatusCode::SERVICE_UNAVAILABLE),
            _ => (Ended::Success, StatusCode::OK),
        };
        let of = &self.services[i];
        let endpoint = of.endpoints[(random >> 32) as usize % of.endpoints.len()];
        let r = &mut self.recorder;
        let [client, server] = of.edges;
        for counters in [
            r.services.get_mut(of.service).unwrap(),
            &mut r.routes.get_mut(of.route).unwrap().counters,
            &mut r.backends.get_mut(of.backend).unwrap().counters,
            &mut r.endpoints.get_mut(endpoint).unwrap().counters,
        ] {
            counters.start();
            counters.end(how, latency);
            counters.count_status(status);
            counters.bytes_out += 1_024;
        }
        for edge in [client, server] {
            let counters = r.edges.get_mut(edge).unwrap();
            counters.start();
            counters.end(how, latency);
            counters.count_status(status);
        }
    }

    /// xorshift64 (Marsaglia 2003).
    fn draw(&mut self) -> u64 {
        let mut x = self.random;
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        self.random = x;
        x
    }

    /// Everything since the beginning.
    pub(crate) fn cumulative(&mut self) -> Frame {
        self.recorder.frame(self.now)
    }

    /// What was counted since the last call.
    pub(crate) fn since(&mut self) -> Frame {
        self.recorder.take(self.now)
    }
}

// === impl Service ===

impl Service {
    fn new(r: &mut Recorder, i: usize, endpoints: usize) -> Self {
        let now = Instant::ZERO;
        let name = format!("service-{i}");
        let key = ClusterKey {
            service: ObjectName::new(&*format!("team-{}", i % 20), &*name),
            port: 80,
        };
        let route: Arc<str> = format!("HTTPRoute/{}/{name}#0", key.service.namespace).into();
        let edge = |from: &str, to: String, side| EdgeKey {
            from: from.into(),
            to: to.into(),
            side,
            tls: Security::Mutual,
        };
        let caller = format!("team-{}/Deployment/service-{}", (i / 3) % 20, i / 3);
        let workload = format!("{}/Deployment/{name}", key.service.namespace);
        let edges = [
            edge(&caller, key.to_string(), Side::Client),
            edge("spiffe://cluster.local/ns/x/sa/y", workload, Side::Server),
        ];
        let endpoint = |n: usize| {
            let key = EndpointKey {
                backend: key.clone(),
                endpoint: ObjectName::new(&*key.service.namespace, &*format!("{name}-{n}")),
                address: ([10, (i >> 8) as u8, i as u8, n as u8], 8080).into(),
            };
            let id = r.endpoints.id(&key, now).unwrap();
            let row: &mut EndpointRow = r.endpoints.get_mut(id).unwrap();
            row.set_state(EndpointState::default());
            row.zone = ["north", "south"][n % 2].into();
            row.estimate_us = Some(2_500);
            id
        };
        let endpoints = (0..endpoints).map(endpoint).collect();
        let backend = BackendKey {
            service: key.clone(),
            route: route.clone(),
            backend: key.clone(),
        };
        let backend = r.backends.id(&backend, now).unwrap();
        r.backends.get_mut(backend).unwrap().weight = 1;
        let service = key.clone();
        Self {
            service: r.services.id(&ServiceKey { service: key }, now).unwrap(),
            route: r.routes.id(&RouteKey { service, route }, now).unwrap(),
            backend,
            endpoints,
            edges: edges.map(|edge| r.edges.id(&edge, now).unwrap()),
        }
    }
}
