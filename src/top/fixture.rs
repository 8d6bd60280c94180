//! Proxies for tests: they count as real ones do, into a [`Recorder`].

use core::time::Duration;

use engine::report::{
    BackendKey, EdgeKey, Ended, EndpointKey, EndpointState, EndpointStatus, EventKind, Frame,
    Recorder, RouteKey, Security, ServiceKey, Side,
};
use engine::snapshot::{ClusterKey, ObjectName};
use engine::time::Instant;

/// A proxy that was just started.
pub(super) struct Proxy {
    pub(super) recorder: Recorder,
    /// Its own clock.
    pub(super) now: Instant,
    /// When its process began, on that clock: differs from process to process by nanoseconds.
    life: u64,
    name: String,
}

impl Proxy {
    pub(super) fn new(name: &str) -> Self {
        Self {
            recorder: Recorder::new(name),
            now: Instant::ZERO,
            life: 0,
            name: name.to_owned(),
        }
    }

    /// All that was counted is gone; the clock begins anew.
    pub(super) fn restart(&mut self) {
        self.life += 1;
        self.recorder = Recorder::new(self.name.clone());
        self.now = Instant::from_nanos(self.life);
    }

    /// `n` good requests to the service `ns/name`, of 1 ms, 2 ms and so on.
    pub(super) fn requests(&mut self, service: &str, n: u64) {
        for i in 0..n {
            self.request(service, Ended::Success, Duration::from_millis(i + 1));
        }
    }

    pub(super) fn request(&mut self, service: &str, how: Ended, latency: Duration) {
        let now = self.now;
        let (namespace, name) = service.split_once('/').unwrap();
        let key = cluster(namespace, name);
        let to = key.to_string().into();
        let route = RouteKey {
            service: key.clone(),
            route: "default".into(),
        };
        let backend = BackendKey {
            service: key.clone(),
            route: "default".into(),
            backend: key.clone(),
        };
        let edge = EdgeKey {
            from: "shop/Deployment/web".into(),
            to,
            side: Side::Client,
            tls: Security::Mutual,
        };
        let endpoint = endpoint(&key, 0);
        let r = &mut self.recorder;
        let service = r.services.id(&ServiceKey { service: key }, now).unwrap();
        let route = r.routes.id(&route, now).unwrap();
        let backend = r.backends.id(&backend, now).unwrap();
        let endpoint = r.endpoints.id(&endpoint, now).unwrap();
        let edge = r.edges.id(&edge, now).unwrap();
        r.backends.get_mut(backend).unwrap().weight = 1;
        for counters in [
            r.services.get_mut(service).unwrap(),
            &mut r.routes.get_mut(route).unwrap().counters,
            &mut r.backends.get_mut(backend).unwrap().counters,
            &mut r.endpoints.get_mut(endpoint).unwrap().counters,
            r.edges.get_mut(edge).unwrap(),
        ] {
            counters.start();
            counters.end(how, latency);
        }
    }

    /// Endpoint `n` of a service gets a state.
    pub(super) fn state(&mut self, service: &str, n: u8, state: EndpointState) {
        let (namespace, name) = service.split_once('/').unwrap();
        let key = endpoint(&cluster(namespace, name), n);
        let id = self.recorder.endpoints.id(&key, self.now).unwrap();
        if state.status == EndpointStatus::Open {
            let subject = format!("{} {}", key.backend, key.endpoint);
            self.recorder
                .event(self.now, EventKind::BreakerOpened, subject);
        }
        self.recorder
            .endpoints
            .get_mut(id)
            .unwrap()
            .set_state(state);
    }

    /// Lets time pass and reports.
    pub(super) fn frame(&mut self, seconds: u64) -> Frame {
        self.now = self.now + Duration::from_secs(seconds);
        self.recorder.frame(self.now)
    }
}

pub(super) fn cluster(namespace: &str, name: &str) -> ClusterKey {
    ClusterKey {
        service: ObjectName::new(namespace, name),
        port: 80,
    }
}

pub(super) fn endpoint(backend: &ClusterKey, n: u8) -> EndpointKey {
    EndpointKey {
        backend: backend.clone(),
        endpoint: ObjectName::new(
            &*backend.service.namespace,
            format!("{}-{n}", backend.service.name).as_str(),
        ),
        address: ([10, 0, 0, n], 8080).into(),
    }
}
