//! The contract on stackful fibers over one io_uring per worker thread.

#[expect(dead_code, reason = "the scheduler that runs fibers comes next")]
mod fiber;
