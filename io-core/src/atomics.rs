//! The atomics of the state machines that have loom models: std's, or loom's
//! when they are being checked. Nothing else in the crate mentions loom.

#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicU32, Ordering};
#[cfg(not(loom))]
pub(crate) use std::sync::atomic::{AtomicU32, Ordering};
