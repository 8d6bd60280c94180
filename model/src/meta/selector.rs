//! Label selectors.

use core::str::FromStr;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::name;

/// Which objects a workload, policy or Service means, by their labels. An empty selector means all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LabelSelector {
    pub match_labels: BTreeMap<String, String>,
    pub match_expressions: Vec<Requirement>,
}

/// One condition on one label.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requirement {
    pub key: String,
    pub operator: Operator,
    #[serde(default)]
    pub values: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operator {
    In,
    /// Also holds for objects without the label.
    NotIn,
    Exists,
    DoesNotExist,
}

/// A selector as a text, of which a part cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no condition on a label: write a=b, a!=b, a, !a, a in (b, c) or a notin (b)")]
pub struct BadSelector(String);

/// Characters of a bad selector that its error repeats.
const SHOWN_MAX: usize = 60;

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

impl FromStr for LabelSelector {
    type Err = BadSelector;

    /// kubectl's `-l`: `a=b,c!=d,e,!f,g in (h, i),j notin (k)` (apimachinery `labels.Parse`).
    fn from_str(text: &str) -> Result<Self, BadSelector> {
        let mut selector = Self::default();
        for part in split_outside_parentheses(text) {
            let part = part.trim();
            let bad = || BadSelector(part.chars().take(SHOWN_MAX).collect());
            let requirement = Requirement::parse(part).ok_or_else(bad)?;
            if name::label_key(&requirement.key).is_err()
                || requirement
                    .values
                    .iter()
                    .any(|v| name::label_value(v).is_err())
            {
                return Err(bad());
            }
            selector.match_expressions.push(requirement);
        }
        Ok(selector)
    }
}

fn split_outside_parentheses(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut depth) = (Vec::new(), 0, 0u32);
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
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
    fn parse(part: &str) -> Option<Self> {
        let one = |key: &str, operator, value: &str| Self {
            key: key.trim().to_owned(),
            operator,
            values: vec![value.trim().to_owned()],
        };
        let none = |key: &str, operator| Self {
            key: key.trim().to_owned(),
            operator,
            values: Vec::new(),
        };
        if let Some(list) = part.strip_suffix(')') {
            let (head, list) = list.split_once('(')?;
            let (key, operator) = head.trim_end().rsplit_once(char::is_whitespace)?;
            let operator = match operator {
                "in" => Operator::In,
                "notin" => Operator::NotIn,
                _ => return None,
            };
            let values = list.split(',').map(|value| value.trim().to_owned());
            return Some(Self {
                values: values.collect(),
                ..none(key, operator)
            });
        }
        if let Some((key, value)) = part.split_once("!=") {
            return Some(one(key, Operator::NotIn, value));
        }
        if let Some((key, value)) = part.split_once('=') {
            let value = value.strip_prefix('=').unwrap_or(value);
            return Some(one(key, Operator::In, value));
        }
        match part.strip_prefix('!') {
            Some(key) => Some(none(key, Operator::DoesNotExist)),
            None => Some(none(part, Operator::Exists)),
        }
    }

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
