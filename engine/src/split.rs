//! Which of a rule's backends gets a request: a draw in proportion to the weights.
//!
//! What no valid backend can take is answered with 500 (Gateway API, `HTTPRouteRule.backendRefs`):
//! all requests of a rule without backends, and the share of a backend that is invalid. The
//! standard says nothing of weights that add up to 0; they leave no backend, so the answer is the
//! same.

use crate::entropy::Entropy;
use crate::failure::{Again, Failure, Flag, Whose};
use crate::snapshot::ClusterKey;
use crate::snapshot::route::{BackendRef, BackendTarget, Rule};
use crate::trace::{Step, Trail};

/// The backend that was drawn.
#[derive(Clone, Copy, Debug)]
pub struct Chosen<'a> {
    pub backend: &'a BackendRef,
    /// Its target.
    pub cluster: &'a ClusterKey,
    /// Its place in [`Rule::backends`].
    pub index: usize,
}

/// Draws a backend; one number out of `rng` whatever the weights, so that a shift of weights does
/// not move the draws of later requests.
///
/// # Errors
/// A [`Failure`] with flag `NB` when the rule has no backends, their weights add up to 0, or the
/// drawn one is invalid.
pub fn choose<'a>(
    rule: &'a Rule,
    rng: &mut Entropy,
    trail: &mut Trail,
) -> Result<Chosen<'a>, Failure> {
    let total = total(rule);
    let drawn = rng.below(total);
    let Some((index, backend)) = at(&rule.backends, drawn) else {
        return Err(nobody(rule));
    };
    let chosen = chosen(index, backend)?;
    trail.step(|| {
        let (cluster, weight) = (chosen.cluster, backend.weight);
        Step::new("split", format!("{cluster} (weight {weight} of {total})"))
            .with_origin(backend.origin.clone())
    });
    Ok(chosen)
}

/// What every backend that gets requests makes of its share of them, in the order of the rule:
/// weight, and what [`choose`] says when it draws this one. One failure with the whole weight when
/// nobody gets any.
pub fn shares(rule: &Rule) -> Vec<(u32, Result<Chosen<'_>, Failure>)> {
    let weighted = rule.backends.iter().enumerate();
    let shares: Vec<_> = weighted
        .filter(|(_, backend)| backend.weight > 0)
        .map(|(index, backend)| (backend.weight, chosen(index, backend)))
        .collect();
    match shares.is_empty() {
        true => vec![(1, Err(nobody(rule)))],
        false => shares,
    }
}

fn total(rule: &Rule) -> u64 {
    rule.backends.iter().map(|b| u64::from(b.weight)).sum()
}

fn chosen(index: usize, backend: &BackendRef) -> Result<Chosen<'_>, Failure> {
    match &backend.target {
        BackendTarget::Invalid(reason) => {
            Err(no_backend(reason.clone()).with_origin(backend.origin.clone()))
        }
        BackendTarget::Cluster(cluster) => Ok(Chosen {
            backend,
            cluster,
            index,
        }),
    }
}

/// No backend has a weight.
fn nobody(rule: &Rule) -> Failure {
    let cause = if rule.backends.is_empty() {
        format!("{} has no backends", rule.name)
    } else {
        format!("the weights of the backends of {} add up to 0", rule.name)
    };
    no_backend(cause).with_origin(rule.origin.clone())
}

/// The backend in whose part of the sum of weights `drawn` falls.
fn at(backends: &[BackendRef], mut drawn: u64) -> Option<(usize, &BackendRef)> {
    for (index, backend) in backends.iter().enumerate() {
        let weight = u64::from(backend.weight);
        if drawn < weight {
            return Some((index, backend));
        }
        drawn -= weight;
    }
    None
}

fn no_backend(cause: String) -> Failure {
    Failure::new(Whose::Config, Again::Never, Flag::NoBackend, cause)
}

#[cfg(test)]
mod tests;
