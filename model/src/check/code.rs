//! The stable names of findings. A code never changes its meaning and is never given to another
//! finding; one that is no longer needed leaves a gap.

use core::fmt;
use core::str::FromStr;

use crate::diagnostic::{Diagnostic, Level};

/// Declares the codes, so that number, name and level stand in one table.
macro_rules! codes {
    ($($id:ident $name:ident $level:ident,)+) => {
        /// What kind of finding. What each one means stands in the catalogue.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $($name,)+
        }

        impl Code {
            /// All codes, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// `MC0101`
            pub fn id(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($id),)+
                }
            }

            /// `Syntax`
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)+
                }
            }

            pub fn level(self) -> Level {
                match self {
                    $(Self::$name => Level::$level,)+
                }
            }
        }
    };
}

// 01 reading · 02 routes · 03 Services and workloads · 04 the mesh · 05 retries and timeouts ·
// 06 endpoints that are taken out · 07 policies in general · 08 authorization
codes! {
    MC0101 Syntax Error,
    MC0102 Schema Error,
    MC0103 UnknownKind Error,
    MC0104 VersionNotServed Error,
    MC0105 Twice Error,
    MC0106 Metadata Error,
    MC0107 Refused Error,
    MC0108 SelectorMismatch Error,
    MC0109 NotModelled Note,
    MC0110 ForeignPolicy Warning,
    MC0111 AnnotationValue Error,
    MC0112 UnknownIgnore Warning,
    MC0113 VersionRemoved Warning,
    MC0114 MisplacedAnnotation Warning,
    MC0115 UnknownAnnotation Warning,
    MC0201 GatewayRule Error,
    MC0202 ParentMissing Error,
    MC0203 ParentPortMissing Error,
    MC0204 ParentWithoutAddress Warning,
    MC0205 BackendMissing Error,
    MC0206 BackendPortMissing Error,
    MC0207 BackendExternalName Error,
    MC0208 BackendNotModelled Warning,
    MC0209 RouteOnOpaquePort Warning,
    MC0210 RouteKindLoses Warning,
    MC0211 NoParents Warning,
    MC0212 HostnamesIgnored Warning,
    MC0213 AllWeightsZero Warning,
    MC0214 WeightIgnored Warning,
    MC0215 BackendTwice Warning,
    MC0216 DuplicateMatch Warning,
    MC0217 MatchTaken Warning,
    MC0218 NoCatchAll Note,
    MC0219 RuleWithoutBackend Warning,
    MC0220 ConsumerReplacesProducer Note,
    MC0221 GatewayMissing Error,
    MC0222 ListenerMissing Error,
    MC0223 GrantMissing Error,
    MC0301 ServiceSelectsNothing Warning,
    MC0302 SelectorNearMiss Note,
    MC0303 PortConflict Warning,
    MC0304 TargetPortMissing Warning,
    MC0305 TargetPortUndeclared Note,
    MC0306 ProtocolContradiction Warning,
    MC0307 PortNameTypo Note,
    MC0308 ReservedPort Error,
    MC0309 ReservedUser Error,
    MC0310 NoReadinessProbe Note,
    MC0311 ContainerPortTwice Warning,
    MC0312 ServiceAccountMissing Error,
    MC0313 GoverningServiceMissing Error,
    MC0401 NamespaceNotInjected Note,
    MC0402 ProxyImagesDiffer Warning,
    MC0501 BackendTimeoutTooLong Error,
    MC0502 RetriesOutlastTimeout Warning,
    MC0503 RetryNotIdempotent Warning,
    MC0504 RetryWithoutBudget Warning,
    MC0505 BudgetAllowsNothing Warning,
    MC0506 FaultHitsAll Warning,
    MC0507 TimeoutChain Warning,
    MC0508 RetriesMultiply Warning,
    MC0601 NeverEjects Warning,
    MC0602 SingleEndpoint Warning,
    MC0603 PanicBeatsEjection Warning,
    MC0604 TooFewHosts Warning,
    MC0605 DetectorsOff Warning,
    MC0606 DetectorShadowed Warning,
    MC0607 BreakerNeverOpens Error,
    MC0608 BreakerCapTooLow Warning,
    MC0609 LimitNeverReached Note,
    MC0610 NeverEnoughRequests Warning,
    MC0611 NeverFarEnough Warning,
    MC0612 WindowAlwaysEmpty Warning,
    MC0701 PolicyRule Error,
    MC0702 NotSupported Error,
    MC0703 PolicyTargetMissing Error,
    MC0704 PolicySectionMissing Error,
    MC0705 PolicyConflict Warning,
    MC0706 PolicyElsewhere Error,
    MC0707 EmptyPolicy Warning,
    MC0708 PolicyOnOpaquePort Warning,
    MC0709 PolicyHidesOther Note,
    MC0710 PolicyOnExternalName Warning,
    MC0711 LimitRefusesAll Warning,
    MC0712 LimiterMissing Error,
    MC0713 LimitOnBytes Warning,
    MC0714 KeysMissing Error,
    MC0801 NoRules Error,
    MC0802 AllowsEverybody Warning,
    MC0803 DenyHidesAllows Warning,
    MC0804 HttpRuleOnBytes Warning,
    MC0805 TokenOnBytes Warning,
    MC0806 SelectsNoWorkload Warning,
    MC0807 CallerMissing Warning,
    MC0808 ClaimWithoutToken Warning,
    MC0809 PortOfService Warning,
    MC0810 StrictWithoutProxy Warning,
    MC0811 IdentityWithoutTls Warning,
    MC0812 PathRewritten Warning,
}

/// A text that is no code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a code: codes are written like MC0101")]
pub struct NoSuchCode(String);

// === impl Code ===

impl Code {
    /// A finding of this code, at the level of this code.
    pub fn diagnostic(self, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(self.level(), message).code(self)
    }

    /// Whether it says that something is not there, which only somebody who sees everything can
    /// say.
    pub fn needs_everything(self) -> bool {
        matches!(
            self,
            Self::ParentMissing
                | Self::BackendMissing
                | Self::GatewayMissing
                | Self::GrantMissing
                | Self::ServiceSelectsNothing
                | Self::ServiceAccountMissing
                | Self::GoverningServiceMissing
                | Self::PolicyTargetMissing
                | Self::SelectsNoWorkload
                | Self::CallerMissing
                | Self::ClaimWithoutToken
                | Self::LimiterMissing
                | Self::KeysMissing
        )
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

impl FromStr for Code {
    type Err = NoSuchCode;

    /// Reads `MC0101` in any case of letters.
    fn from_str(text: &str) -> Result<Self, NoSuchCode> {
        let found = Self::ALL
            .iter()
            .find(|code| code.id().eq_ignore_ascii_case(text.trim()));
        found
            .copied()
            .ok_or_else(|| NoSuchCode(text.chars().take(40).collect()))
    }
}
