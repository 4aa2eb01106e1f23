//! The contract on stackful fibers over one io_uring per worker thread.
