//! May an attempt be followed by another, when, and who pays for it.
//!
//! Three questions in this order: does the *condition* allow it (what went wrong, and is it safe),
//! does the *budget* allow it (checked before the wait and charged once per retry), and how long is
//! the *back-off*. Envoy `RetryPolicy`, Finagle `RetryBudget`, Gateway API GEP-1731 and GEP-3388.

pub mod backoff;
pub mod budget;
pub mod condition;

pub use budget::Budget;
pub use condition::{Refusal, may_retry};
