//! Which rules the tests reach: a rule nobody asks for may do anything.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::command::route::mesh::Mesh;
use crate::command::route::{survey, words};

/// The rules of all HTTPRoutes and GRPCRoutes that govern a port.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Coverage {
    pub(super) rules: usize,
    pub(super) reached: usize,
    /// Those that no test reaches: object and place.
    pub(super) missed: Vec<String>,
}

// === impl Coverage ===

impl Coverage {
    /// `reached` are the origins of rules.
    pub(super) fn of(mesh: &Mesh, reached: &[String]) -> Self {
        let mut rules: BTreeMap<String, String> = BTreeMap::new();
        for view in survey::views(&mesh.index, |_| true) {
            for (_, rule, route) in view.rules() {
                if route.is_some() && view.is_http() {
                    let text = format!("{} ({})", rule.name, words::place(&rule.origin));
                    rules.insert(rule.origin.to_string(), text);
                }
            }
        }
        let missed = rules.iter().filter(|(origin, _)| !reached.contains(origin));
        let missed: Vec<String> = missed.map(|(_, text)| text.clone()).collect();
        Self {
            rules: rules.len(),
            reached: rules.len() - missed.len(),
            missed,
        }
    }

    /// In 0..=1; 1 when there is nothing to reach.
    pub(super) fn share(&self) -> f64 {
        match self.rules {
            0 => 1.0,
            n => self.reached as f64 / n as f64,
        }
    }

    pub(super) fn percent(&self) -> f64 {
        self.share() * 100.0
    }
}

/// Parses `--fail-under`: `90` or `90%`.
pub(super) fn percent(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').unwrap_or(text);
    match number.trim().parse::<f64>() {
        Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(percent),
        _ => Err("write a percentage from 0 to 100".into()),
    }
}
