//! Walks over a frame and says every metric in it, one after the other, with bounded labels.
//!
//! Nothing is collected in between: what renders a frame writes as it is told, and a scrape of a
//! thousand endpoints costs its text and no more.

use std::borrow::Cow;

use engine::report::row::{Row, Table};
use engine::report::{
    BackendRow, Connections, Counters, EndpointRow, Frame, RouteRow, Security, Side,
};
use engine::snapshot::ClusterKey;

use super::metric::{Desc, Kind, OF_ROWS, Scope, Unit, Value, Visit};
use super::process::Process;
use super::totals::Totals;

mod process;

/// The most rows of one table that get labels of their own: those that began first, so that a
/// series that exists goes on. With some ten series a row this is what one scrape of a proxy may
/// cost (Prometheus' own advice is below 1,000 values for a label).
pub const ROWS_MAX: usize = 1_000;

/// The value of every label of the row that holds all rows above [`ROWS_MAX`].
pub const OTHER: &str = "_other";

/// Everything that is exported of a proxy at one moment.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    pub frame: &'a Frame,
    pub totals: &'a Totals,
    pub process: &'a Process,
}

/// A row and the values of its labels.
struct Named<'a, R: Clone> {
    labels: Vec<String>,
    row: Cow<'a, R>,
}

// === impl View ===

impl<'a> View<'a> {
    pub(super) fn of(observed: &'a super::export::Observed) -> Self {
        Self {
            frame: &observed.frame,
            totals: &observed.totals,
            process: &observed.process,
        }
    }

    /// Says all metrics to `visit`.
    pub fn visit(&self, visit: &mut impl Visit) {
        let frame = self.frame;
        let services = named(&frame.services, counters_of, |k| {
            frontend(&k.service).into()
        });
        of_rows(Scope::Service, &services, counters_of, visit);
        let routes = named(&frame.routes, route_counters, |k| {
            let [namespace, service, port] = frontend(&k.service);
            vec![namespace, service, port, k.route.to_string()]
        });
        of_rows(Scope::Route, &routes, route_counters, visit);
        self.backends(visit);
        self.endpoints(visit);
        let edges = named(&frame.edges, counters_of, |k| {
            let (from, to) = (k.from.to_string(), k.to.to_string());
            vec![from, to, reporter(k.side).into(), security(k.tls).into()]
        });
        of_rows(Scope::Edge, &edges, counters_of, visit);
        process::visit(self, visit);
    }

    fn backends(&self, visit: &mut impl Visit) {
        let rows = named(&self.frame.backends, backend_counters, |k| {
            let [namespace, service, port] = frontend(&k.service);
            let mut labels = vec![namespace, service, port, k.route.to_string()];
            labels.extend(frontend(&k.backend));
            labels
        });
        of_rows(Scope::Backend, &rows, backend_counters, visit);
        let desc = |what, labels: &[&'static str], help| gauge(Scope::Backend, what, labels, help);
        let weight = desc("weight", &[], "The backend's weight in its rule.");
        let limit = desc(
            "concurrency_limit",
            &[],
            "The adaptive limit of requests under way to the backend.",
        );
        let breaker = desc(
            "breaker_state",
            &["state"],
            "1 for the state that the breaker of the route to the backend is in.",
        );
        each(&rows, |labels, row| {
            visit.sample(&weight, labels, Value::Count(row.weight.into()));
        });
        each(&rows, |labels, row| {
            if let Some(n) = row.concurrency_limit {
                visit.sample(&limit, labels, Value::Count(n));
            }
        });
        each(&rows, |labels, row| {
            let state = row.breaker.status.as_str();
            visit.sample(&breaker, &with(labels, state), Value::Count(1));
        });
    }

    fn endpoints(&self, visit: &mut impl Visit) {
        let rows = named(&self.frame.endpoints, endpoint_counters, |k| {
            let mut labels = Vec::from(frontend(&k.backend));
            let of = &k.endpoint;
            labels.extend([of.namespace.to_string(), of.name.to_string()]);
            labels.push(k.address.to_string());
            labels
        });
        of_rows(Scope::Endpoint, &rows, endpoint_counters, visit);
        let state = gauge(
            Scope::Endpoint,
            "state",
            &["state"],
            "Proxies that see the endpoint in the state of its breaker, outlier detection and \
             health.",
        );
        each(&rows, |labels, row| {
            for (name, n) in &row.states {
                visit.sample(&state, &with(labels, name), Value::Count(*n));
            }
        });
        for (what, kind, help, read) in CONNECTIONS {
            let name = format!("meshctl_endpoint_{what}");
            let desc = Desc::new(&name, *kind, None, Scope::Endpoint.labels(), help);
            each(&rows, |labels, row| {
                visit.sample(&desc, labels, Value::Count(read(&row.connections)));
            });
        }
        let estimate = Desc::new(
            "meshctl_endpoint_latency_estimate_seconds",
            Kind::Gauge,
            Some(Unit::Seconds),
            Scope::Endpoint.labels(),
            "What the balancer believes the endpoint's latency to be.",
        );
        each(&rows, |labels, row| {
            if let Some(micros) = row.estimate_us {
                visit.sample(&estimate, labels, Value::Float(micros as f64 / 1e6));
            }
        });
    }
}

type OfConnections = (&'static str, Kind, &'static str, fn(&Connections) -> u64);

const CONNECTIONS: &[OfConnections] = &[
    (
        "connections_opened",
        Kind::Counter,
        "Connections to the endpoint that were made.",
        |c| c.opened,
    ),
    (
        "connections_failed",
        Kind::Counter,
        "Connects to the endpoint that failed, TLS handshakes included.",
        |c| c.failed,
    ),
    (
        "connections_open",
        Kind::Gauge,
        "Connections to the endpoint that are open.",
        |c| c.open,
    ),
];

fn counters_of(counters: &Counters) -> &Counters {
    counters
}

fn route_counters(row: &RouteRow) -> &Counters {
    &row.counters
}

fn backend_counters(row: &BackendRow) -> &Counters {
    &row.counters
}

fn endpoint_counters(row: &EndpointRow) -> &Counters {
    &row.counters
}

fn gauge(scope: Scope, what: &str, more: &[&'static str], help: &'static str) -> Desc {
    let labels: Vec<_> = scope.labels().iter().chain(more).copied().collect();
    let name = format!("meshctl_{}_{what}", scope.as_str());
    Desc::new(&name, Kind::Gauge, None, &labels, help)
}

fn frontend(key: &ClusterKey) -> [String; 3] {
    [
        key.service.namespace.to_string(),
        key.service.name.to_string(),
        key.port.to_string(),
    ]
}

/// Istio's words.
const fn reporter(side: Side) -> &'static str {
    match side {
        Side::Client => "source",
        Side::Server => "destination",
    }
}

/// Istio's words, and one of ours for TLS that is the application's own.
const fn security(tls: Security) -> &'static str {
    match tls {
        Security::Plain => "none",
        Security::Opaque => "passthrough",
        Security::Mutual => "mutual_tls",
    }
}

/// The rows of a table under their labels, in the order of their keys; above [`ROWS_MAX`] the
/// youngest are added up under [`OTHER`].
fn named<'a, K: Ord + Clone, R: Row>(
    table: &'a Table<K, R>,
    counters: impl Fn(&R) -> &Counters,
    labels: impl Fn(&K) -> Vec<String>,
) -> Vec<Named<'a, R>> {
    let name = |(key, row): (&K, &'a R)| Named {
        labels: labels(key),
        row: Cow::Borrowed(row),
    };
    if table.0.len() <= ROWS_MAX {
        return table.iter().map(name).collect();
    }
    let mut by_age: Vec<_> = table.iter().collect();
    // Stable: equally old rows keep the order of their keys.
    by_age.sort_by_key(|(_, row)| counters(row).start_at);
    let rest = by_age.split_off(ROWS_MAX);
    by_age.sort_by_key(|(key, _)| *key);
    let mut out: Vec<_> = by_age.into_iter().map(name).collect();
    let mut sum = R::default();
    rest.iter().for_each(|(_, row)| sum.merge(row));
    out.push(Named {
        labels: vec![OTHER.to_owned(); out[0].labels.len()],
        row: Cow::Owned(sum),
    });
    out
}

fn of_rows<R: Clone>(
    scope: Scope,
    rows: &[Named<'_, R>],
    counters: impl Fn(&R) -> &Counters,
    visit: &mut impl Visit,
) {
    for metric in OF_ROWS {
        if let Some(desc) = metric.desc(scope) {
            each(rows, |labels, row| {
                metric.read(&desc, labels, counters(row), visit);
            });
        }
    }
}

fn each<R: Clone>(rows: &[Named<'_, R>], mut f: impl FnMut(&[&str], &R)) {
    for row in rows {
        let labels: Vec<&str> = row.labels.iter().map(String::as_str).collect();
        f(&labels, &row.row);
    }
}

fn with<'a>(labels: &[&'a str], more: &'a str) -> Vec<&'a str> {
    labels.iter().copied().chain([more]).collect()
}
