//! Where the route of a shift is, and how a change gets there.

use engine::snapshot::ObjectName;
use serde_json::Value;

use crate::cluster::Cluster;
use crate::cluster::failure::{Failure, Kind, Owner};
use crate::error::Error;

/// A route as it was read.
#[derive(Clone, Debug)]
pub(super) struct Route {
    /// `HTTPRoute` or `GRPCRoute`.
    pub(super) kind: String,
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) object: Value,
    /// The controller that looks after it, and by what that is known.
    pub(super) managed_by: Option<String>,
}

/// A change of the route that did not come about.
pub(super) enum Refused {
    /// Somebody else gave the route other weights.
    Changed,
    Failed(Trouble),
}

/// Why a route could not be changed.
pub(super) struct Trouble {
    pub(super) why: Error,
    /// In a line.
    pub(super) told: String,
    /// Whether it may go better in a moment.
    pub(super) passing: bool,
}

/// The object as it shall be, from what it is now; none: it stays.
pub(super) type Decide<'a> = dyn Fn(&Value) -> Result<Option<Value>, Refused> + 'a;

/// A cluster, or files.
pub(super) trait Place {
    /// The Service that is meant, and the routes for HTTP and gRPC of its namespace.
    ///
    /// # Errors
    /// No such Service, or several; what cannot be read.
    fn routes(
        &self,
        service: &str,
        namespace: Option<&str>,
    ) -> Result<(ObjectName, Vec<Route>), Error>;

    /// Changes a route as it is now. Gives whose fields were taken over.
    ///
    /// # Errors
    /// As `decide`, and when it cannot be read or written: then nothing was.
    fn change(
        &self,
        route: &Route,
        force: bool,
        decide: &Decide<'_>,
    ) -> Result<Vec<Owner>, Refused>;

    /// What it is called: `the cluster staging`, `mesh/`.
    fn shown(&self) -> String;

    /// The flags that lead here again, each after a space.
    fn flags(&self) -> String;

    /// The cluster that it is.
    fn cluster(&self) -> Option<&Cluster> {
        None
    }
}

// === impl Route ===

impl Route {
    /// `HTTPRoute shop/reviews`
    pub(super) fn shown(&self) -> String {
        format!("{} {}/{}", self.kind, self.namespace, self.name)
    }
}

// === impl Refused ===

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self::Failed(Trouble {
            passing: matches!(failure.kind, Kind::Unreachable | Kind::Cut | Kind::Busy),
            told: failure.to_string(),
            why: failure.into(),
        })
    }
}
