//! The task chapter: what tasks and scopes promise.

pub(crate) mod ending;
pub(crate) mod foreign;
pub(crate) mod joining;
pub(crate) mod locals;
pub(crate) mod offload;
pub(crate) mod panics;
pub(crate) mod progress;
pub(crate) mod starting;
