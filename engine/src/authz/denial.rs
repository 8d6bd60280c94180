//! Why a request was not admitted.

use super::ByRule;
use crate::failure::{Again, Failure, Flag, Whose};
use crate::origin::Origin;
use crate::snapshot::ObjectName;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denial {
    /// Mutual TLS is wanted and the peer has none.
    PlainText {
        origin: Option<Origin>,
    },
    /// A Deny matched.
    Rule(ByRule),
    /// There are Allows for the target, and none matched.
    NotAllowed {
        /// The first of them.
        policy: ObjectName,
        origin: Origin,
    },
    NoToken {
        origin: Origin,
    },
    BadToken {
        why: String,
        origin: Origin,
    },
    /// The keys that would tell are not there.
    NoKeys {
        issuer: String,
        origin: Origin,
    },
}

// === impl Denial ===

impl Denial {
    /// The manifest that said so.
    pub fn origin(&self) -> Option<&Origin> {
        match self {
            Self::PlainText { origin } => origin.as_ref(),
            Self::Rule(rule) => Some(&rule.origin),
            Self::NotAllowed { origin, .. }
            | Self::NoToken { origin }
            | Self::BadToken { origin, .. }
            | Self::NoKeys { origin, .. } => Some(origin),
        }
    }

    pub fn flag(&self) -> Flag {
        match self {
            Self::PlainText { .. } | Self::Rule(_) | Self::NotAllowed { .. } => Flag::Denied,
            Self::NoToken { .. } | Self::BadToken { .. } => Flag::Unauthenticated,
            Self::NoKeys { .. } => Flag::NoKeys,
        }
    }

    /// What a client is told: nothing that helps to get around it.
    pub fn public(&self) -> &'static str {
        match self {
            Self::PlainText { .. } => "the workload takes mutual TLS only",
            Self::Rule(_) | Self::NotAllowed { .. } => "access denied",
            Self::NoToken { .. } => "a token is required",
            Self::BadToken { .. } => "the token is not valid",
            Self::NoKeys { .. } => "tokens cannot be verified",
        }
    }

    /// The failure, with the reason for whoever reads the destination's logs.
    pub fn failure(&self) -> Failure {
        let whose = match self {
            Self::NoKeys { .. } => Whose::Config,
            _ => Whose::Client,
        };
        let failure = Failure::new(whose, Again::Never, self.flag(), self.to_string());
        match self.origin() {
            Some(origin) => failure.with_origin(origin.clone()),
            None => failure,
        }
    }
}

impl core::fmt::Display for Denial {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::PlainText { .. } => f.write_str(
                "the workload takes mutual TLS only: call it from a workload of the mesh, or make \
                 its mode Permissive",
            ),
            Self::Rule(rule) => write!(f, "{rule}"),
            Self::NotAllowed { policy, .. } => write!(
                f,
                "no rule of the Allows that are about it matches, the first of which is \
                 AuthorizationPolicy {policy}"
            ),
            Self::NoToken { .. } => f.write_str("there is no token, and the policy asks for one"),
            Self::BadToken { why, .. } => write!(f, "the token is not valid: {why}"),
            Self::NoKeys { issuer, .. } => write!(f, "the keys of {issuer} are not available"),
        }
    }
}
