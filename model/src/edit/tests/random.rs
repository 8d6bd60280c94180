//! Random documents under random edits.
