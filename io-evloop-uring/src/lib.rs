//! The contract on stackful fibers over one io_uring per worker thread: the
//! executor for servers, storage engines and many thousands of tasks.
//!
//! | to understand | read |
//! |---|---|
//! | how a program gets one | `event_loop.rs`, `options.rs` |
//! | the path of an operation | `file.rs`, `route.rs`, `worker.rs`, `ring.rs` |
//! | fibers | `worker.rs`, `cell.rs`, `fiber.rs` |
//! | sleeping and waking | `wake.rs` |
//! | why it is slow | `metrics.rs` |
//! | threads that are no workers | `foreign.rs`, `offload.rs` |

#[cfg(not(loom))]
mod cell;
#[cfg(not(loom))]
mod event_loop;
#[cfg(not(loom))]
#[allow(
    dead_code,
    unused_imports,
    reason = "parts that only tests and later chapters use"
)]
mod fiber;
#[cfg(not(loom))]
mod file;
#[cfg(not(loom))]
mod foreign;
#[cfg(not(loom))]
mod futex;
#[cfg(not(loom))]
mod metrics;
#[cfg(not(loom))]
mod offload;
#[cfg(not(loom))]
mod options;
#[cfg(not(loom))]
mod prefetch;
#[cfg(not(loom))]
#[allow(
    dead_code,
    unused_imports,
    reason = "parts that only tests and later chapters use"
)]
mod ring;
#[cfg(not(loom))]
mod route;
#[cfg(not(loom))]
mod shared;
mod sync;
#[cfg(not(loom))]
mod task;
#[cfg(not(loom))]
mod time;
#[cfg(not(loom))]
mod timers;
#[cfg(not(loom))]
mod waits;
#[allow(
    dead_code,
    unused_imports,
    reason = "parts that only tests and later chapters use"
)]
mod wake;
#[cfg(not(loom))]
mod worker;

#[cfg(not(loom))]
pub use event_loop::EventLoop;
#[cfg(not(loom))]
pub use metrics::Metrics;
#[cfg(not(loom))]
pub use options::{Builder, Waker};
#[cfg(not(loom))]
pub use ring::{StartError, os_code};

#[cfg(all(test, not(loom)))]
mod tests;
