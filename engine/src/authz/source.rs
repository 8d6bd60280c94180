//! `from` of a rule.

use super::Subject;
use crate::snapshot::authz::{Set, Source};

/// Whether the source holds. `strict` is an Allow's way: somebody without an identity is not
/// somebody else, so that a negation does not let them in; in a Deny it does not spare them.
pub(super) fn holds(source: &Source, subject: &Subject<'_>, strict: bool) -> bool {
    let account = subject
        .peer
        .filter(|peer| peer.trust_domain() == subject.trust_domain)
        .and_then(|peer| peer.service_account());
    let known = |set: Option<(bool, bool)>, asks: Asks| match (set, asks) {
        (_, Asks::Nothing) => true,
        (Some((wanted, unwanted)), asks) => (asks == Asks::Unwanted || wanted) && !unwanted,
        // Anonymous.
        (None, asks) => !strict && asks == Asks::Unwanted,
    };
    let identity = subject.peer.map(|peer| {
        let any = |globs: &[crate::snapshot::glob::Glob]| {
            globs.iter().any(|glob| glob.matches(peer.as_str()))
        };
        (
            any(&source.identities.wanted),
            any(&source.identities.unwanted),
        )
    });
    // A peer of another trust domain has no namespace here: it is nobody's service account.
    let foreign = subject.peer.is_some() && account.is_none();
    let of_account = account.map(|(namespace, name)| {
        let any = |globs: &[crate::snapshot::authz::AccountGlob]| {
            globs
                .iter()
                .any(|glob| glob.namespace.matches(namespace) && glob.name.matches(name))
        };
        let set = &source.service_accounts;
        (any(&set.wanted), any(&set.unwanted))
    });
    let of_namespace = account.map(|(namespace, _)| {
        let any = |globs: &[crate::snapshot::glob::Glob]| {
            globs.iter().any(|glob| glob.matches(namespace))
        };
        (
            any(&source.namespaces.wanted),
            any(&source.namespaces.unwanted),
        )
    });
    let or_foreign = |set: Option<(bool, bool)>| set.or(foreign.then_some((false, false)));
    let address = subject.address.to_canonical();
    let ips = &source.ip_blocks;
    known(identity, Asks::of(&source.identities))
        && known(or_foreign(of_account), Asks::of(&source.service_accounts))
        && known(or_foreign(of_namespace), Asks::of(&source.namespaces))
        && (ips.wanted.is_empty() || ips.wanted.iter().any(|block| block.contains(&address)))
        && !ips.unwanted.iter().any(|block| block.contains(&address))
}

/// What a field asks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asks {
    Nothing,
    /// Only that it is none of some.
    Unwanted,
    /// That it is one of some.
    Wanted,
}

// === impl Asks ===

impl Asks {
    fn of<T>(set: &Set<T>) -> Self {
        match (set.wanted.is_empty(), set.unwanted.is_empty()) {
            (true, true) => Self::Nothing,
            (true, false) => Self::Unwanted,
            (false, _) => Self::Wanted,
        }
    }
}
