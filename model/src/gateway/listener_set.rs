//! ListenerSet: `apis/v1/listenerset_types.go`. More listeners for a Gateway, from a team that does
//! not own it.

use serde::{Deserialize, Serialize};

use super::Listener;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListenerSetSpec {
    pub parent_ref: ParentGatewayReference,
    pub listeners: Vec<Listener>,
}

/// The Gateway that the listeners join.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ParentGatewayReference {
    pub group: Option<String>,
    /// Absent = `Gateway`.
    pub kind: Option<String>,
    /// Absent = the set's own.
    pub namespace: Option<String>,
    pub name: String,
}
