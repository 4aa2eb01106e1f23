//! The task chapter: what tasks and scopes promise.

pub(crate) mod joining;
pub(crate) mod progress;
