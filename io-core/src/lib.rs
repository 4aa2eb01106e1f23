//! The contract: I/O and concurrency as a value that a program receives.
