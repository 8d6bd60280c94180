//! A proxy without bytes: configuration, live state, statistics.

use core::net::IpAddr;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engine::entropy::Entropy;
use engine::identity::Identity;
use engine::live::Clusters;
use engine::report::{EventKind, Frame, Recorder, Security, Side};
use engine::snapshot::{ClusterKey, Frontend, Rule, Snapshot};
use engine::time::Instant;
use proxy::jwt::KeySets;
use proxy::net::Rt as _;
use proxy::telemetry::{Rows, Telemetry};
use tokio::sync::watch;

use super::Sites;
use super::lanes::Lanes;
use crate::net::SimRt;

/// One pod's agent.
pub(crate) struct Agent {
    /// `Pod/shop/web-0`, as the proxy is named.
    pub(super) name: String,
    /// `shop/Deployment/web`
    pub(super) report_name: Arc<str>,
    pub(super) identity: Identity,
    /// The pod's.
    pub(super) address: IpAddr,
    pub(super) rt: SimRt,
    pub(super) sites: Sites,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    pub(super) clusters: Clusters,
    pub(super) telemetry: Telemetry,
    pub(super) lanes: Lanes,
    /// Those that tokens are verified with.
    pub(super) keys: KeySets,
    entropy: Mutex<Entropy>,
    known: Mutex<Vec<Known>>,
    /// Rows of callers, by identity.
    callers: Mutex<BTreeMap<String, Rows>>,
}

/// Rows that were looked up: by rule and backend, as long as the rule lives.
struct Known {
    rule: Arc<Rule>,
    backend: ClusterKey,
    rows: Rows,
}

/// Pairs of rule and backend whose rows are kept: an application talks to some tens.
const KNOWN_MAX: usize = 64;

// === impl Agent ===

impl Agent {
    /// Starts an agent: it follows its configuration until its node dies.
    pub(crate) fn start(
        name: &str,
        identity: Identity,
        address: IpAddr,
        snapshots: watch::Receiver<Arc<Snapshot>>,
        rt: SimRt,
        sites: Sites,
    ) -> Arc<Self> {
        let (now, first) = (rt.now(), snapshots.borrow().clone());
        let clusters = Clusters::new(rt.rand());
        clusters.follow(&first, now);
        note_errands(&sites, &first);
        let of = &first.workload;
        let agent = Arc::new(Self {
            name: name.to_owned(),
            report_name: format!("{}/{}", of.name.namespace, of.controller).into(),
            identity,
            address,
            telemetry: Telemetry::new(name, now),
            entropy: Mutex::new(Entropy::from_seed(rt.rand())),
            known: Mutex::default(),
            callers: Mutex::default(),
            lanes: Lanes::default(),
            keys: KeySets::default(),
            snapshots,
            clusters,
            sites,
            rt,
        });
        let follower = Arc::clone(&agent);
        rt.spawn(async move { follower.follow().await });
        agent
    }

    async fn follow(&self) {
        let mut snapshots = self.snapshots.clone();
        while snapshots.changed().await.is_ok() {
            let newest = snapshots.borrow_and_update().clone();
            let now = self.rt.now();
            self.clusters.follow(&newest, now);
            note_errands(&self.sites, &newest);
            self.known().clear();
            let version = format!("{:016x}", newest.version);
            self.telemetry
                .event(now, EventKind::ConfigurationApplied, &version);
        }
    }

    pub(super) fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshots.borrow().clone()
    }

    pub(super) fn entropy(&self) -> MutexGuard<'_, Entropy> {
        self.entropy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was counted since the last call.
    pub(crate) fn take_frame(&self) -> Frame {
        let now = self.rt.now();
        self.telemetry
            .report(&self.clusters, &self.name, now, Recorder::take)
    }

    /// The rows of a request to a backend.
    pub(super) fn rows(
        &self,
        snapshot: &Snapshot,
        frontend: &Frontend,
        rule: Option<&Arc<Rule>>,
        backend: Option<&ClusterKey>,
        now: Instant,
    ) -> Rows {
        let look_up = || {
            let tls = proxy::telemetry::security(snapshot, backend);
            self.telemetry
                .outbound(frontend, rule, backend, &self.report_name, tls, now)
        };
        let (Some(rule), Some(backend)) = (rule, backend) else {
            return look_up();
        };
        let mut known = self.known();
        let same = |k: &&Known| Arc::ptr_eq(&k.rule, rule) && k.backend == *backend;
        if let Some(known) = known.iter().find(same) {
            return known.rows;
        }
        let rows = look_up();
        if known.len() < KNOWN_MAX {
            known.push(Known {
                rule: Arc::clone(rule),
                backend: backend.clone(),
                rows,
            });
        }
        rows
    }

    /// The row of an edge.
    pub(super) fn edge(&self, to: &str, side: Side, tls: Security) -> Rows {
        let now = self.rt.now();
        self.telemetry
            .edge(&self.report_name, &to.into(), side, tls, now)
    }

    /// The row of a caller.
    pub(super) fn caller(&self, from: &str, tls: Security) -> Rows {
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(rows) = callers.get(from) {
            return *rows;
        }
        let (side, now) = (Side::Server, self.rt.now());
        let rows = self
            .telemetry
            .edge(&from.into(), &self.report_name, side, tls, now);
        callers.insert(from.to_owned(), rows);
        rows
    }

    fn known(&self) -> MutexGuard<'_, Vec<Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl core::fmt::Debug for Agent {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Agent")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// Probes and reconnects go over connections of their own.
fn note_errands(sites: &Sites, snapshot: &Snapshot) {
    for (key, policy) in snapshot.outbound.clusters.iter() {
        if policy.health_check.is_some() {
            sites.beyond(format!("healthCheck of {key}: probes are connections"));
        }
        if policy.fail_fast.is_some() {
            sites.beyond(format!(
                "connectFailFast of {key}: reconnects are connections"
            ));
        }
    }
}
