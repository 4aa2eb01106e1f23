//! The contract on a pool of operating-system threads.
