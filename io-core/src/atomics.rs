//! The atomics and the lock of the pure state machines (completion, cancel and
//! lock words, the wait line) and of the parking lot, which name them by
//! `crate::atomics`. The models (`tests/models.rs`, `tests/sync_models.rs`) compile the same files into a
//! crate whose `atomics` are loom's, so that no `cfg` is needed here.
//!
//! The lock is the thread's own. Nobody waits through `Io` while holding it, and
//! a fiber is never put aside in between, so it is held for a few loads and
//! stores at most.

pub(crate) use std::sync::atomic::{AtomicU32, Ordering};
pub(crate) use std::sync::{Mutex, MutexGuard, PoisonError};
