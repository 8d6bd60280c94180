//! Label selectors.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Which objects a workload, policy or Service means, by their labels. An empty selector means all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LabelSelector {
    pub match_labels: BTreeMap<String, String>,
    pub match_expressions: Vec<Requirement>,
}

/// One condition on one label.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Requirement {
    pub key: String,
    pub operator: Operator,
    #[serde(default)]
    pub values: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Operator {
    In,
    /// Also holds for objects without the label.
    NotIn,
    Exists,
    DoesNotExist,
}

// === impl LabelSelector ===

impl LabelSelector {
    /// Whether it names no condition, and therefore means everything.
    pub fn is_empty(&self) -> bool {
        self.match_labels.is_empty() && self.match_expressions.is_empty()
    }

    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        let equal = |(key, value): (&String, &String)| labels.get(key) == Some(value);
        self.match_labels.iter().all(equal)
            && self
                .match_expressions
                .iter()
                .all(|requirement| requirement.matches(labels))
    }
}

impl From<BTreeMap<String, String>> for LabelSelector {
    fn from(match_labels: BTreeMap<String, String>) -> Self {
        Self {
            match_labels,
            match_expressions: Vec::new(),
        }
    }
}

// === impl Requirement ===

impl Requirement {
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        let value = labels.get(&self.key);
        let listed = value.is_some_and(|value| self.values.contains(value));
        match self.operator {
            Operator::In => listed,
            Operator::NotIn => !listed,
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
        }
    }

    /// What the API server refuses.
    pub(crate) fn problem(&self) -> Option<&'static str> {
        match (self.operator, self.values.is_empty()) {
            (Operator::In | Operator::NotIn, true) => Some("`In` and `NotIn` need `values`"),
            (Operator::Exists | Operator::DoesNotExist, false) => {
                Some("`Exists` and `DoesNotExist` take no `values`")
            }
            _ => None,
        }
    }
}
