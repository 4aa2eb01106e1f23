//! The contract on stackful fibers over one io_uring per worker thread.

#[cfg_attr(
    not(any(test, fiber_threads)),
    expect(dead_code, reason = "the scheduler that runs fibers comes next")
)]
mod fiber;
#[allow(
    dead_code,
    unused_imports,
    reason = "the run loop, which uses all of it, is not in this crate yet"
)]
mod ring;
