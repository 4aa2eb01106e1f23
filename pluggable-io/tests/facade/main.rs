//! The facade's tests, in one binary: what the source must look like
//! (`tidy.rs`), and that the examples do what they say.
#![allow(clippy::unwrap_used, reason = "a failed test may end as it likes")]

mod tidy;

mod copy_tree;
mod pipeline;
mod search;
mod tree_hash;
mod your_own_backend;

mod kernel;
mod program;
mod running;
mod sample;
