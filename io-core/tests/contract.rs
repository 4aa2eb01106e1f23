//! The contract seen by somebody who writes a backend without unsafe code: a
//! small executor of threads with files in memory (`contract/backend.rs`), and
//! tests that try to break io-core through it.
#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::mem_forget,
    clippy::disallowed_methods,
    reason = "a backend has threads and clocks; who tests leaks has to leak"
)]

#[path = "contract/backend.rs"]
mod backend;
#[path = "contract/files.rs"]
mod files;
#[path = "contract/memory.rs"]
mod memory;
#[path = "contract/panics.rs"]
mod panics;
#[path = "contract/requests.rs"]
mod requests;
#[path = "contract/spite.rs"]
mod spite;
#[path = "contract/trees.rs"]
mod trees;
#[path = "contract/watchdog.rs"]
mod watchdog;
#[path = "contract/whole.rs"]
mod whole;
