//! What can be broken, and whether it is.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};

use engine::report::{Event, EventKind};
use engine::time::Instant;

/// What can be broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    CatalogFails,
    CartIsSlow,
    CanaryIsBad,
    PaymentsHangUp,
    ThreeTimesTheLoad,
}

/// All switches.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    on: [AtomicBool; Fault::ALL.len()],
    /// Switched since the last frame.
    told: Mutex<Vec<(Fault, bool)>>,
}

// === impl Fault ===

impl Fault {
    pub(crate) const ALL: [Self; 5] = [
        Self::CatalogFails,
        Self::CartIsSlow,
        Self::CanaryIsBad,
        Self::PaymentsHangUp,
        Self::ThreeTimesTheLoad,
    ];

    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::CatalogFails => "catalog-0 answers 503",
            Self::CartIsSlow => "cart takes 300 ms longer",
            Self::CanaryIsBad => "recommendations-v2 fails one request in five",
            Self::PaymentsHangUp => "payments-0 closes every connection",
            Self::ThreeTimesTheLoad => "three times the load",
        }
    }
}

// === impl Faults ===

impl Faults {
    pub(crate) fn is_on(&self, fault: Fault) -> bool {
        self.on[fault as usize].load(Ordering::Relaxed)
    }

    /// Switches one; false when there is no such fault.
    pub(super) fn switch(&self, index: usize) -> bool {
        let Some(fault) = Fault::ALL.get(index).copied() else {
            return false;
        };
        let was = self.on[index].fetch_xor(true, Ordering::Relaxed);
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        // As many as a person can press in a second.
        if told.len() < 64 {
            told.push((fault, !was));
        }
        true
    }

    /// What was switched since the last call.
    pub(super) fn events(&self, now: Instant) -> Vec<Event> {
        let told = core::mem::take(&mut *self.told.lock().unwrap_or_else(PoisonError::into_inner));
        let event = |(fault, on): (Fault, bool)| {
            let kind = match on {
                true => EventKind::FaultBegan,
                false => EventKind::FaultEnded,
            };
            Event::new(now, "demo", kind, fault.title())
        };
        told.into_iter().map(event).collect()
    }
}
