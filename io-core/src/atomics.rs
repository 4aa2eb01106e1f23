//! The atomics of the pure state machines (completion, cancel and lock words),
//! which name them by `crate::atomics`. `tests/models.rs` compiles the same files
//! into a crate whose `atomics` are loom's, so that no `cfg` is needed here.

pub(crate) use std::sync::atomic::{AtomicU32, Ordering};
