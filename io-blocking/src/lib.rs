//! The contract as plain blocking system calls: the executor to read first.
