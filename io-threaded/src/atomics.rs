//! The atomics of the pure state machines (the words of parkers and seats), which
//! name them by `crate::atomics`. The models (`tests/models.rs`) compile the same
//! files into a crate whose `atomics` are loom's.

pub(crate) use std::sync::atomic::{AtomicU32, Ordering};
