//! Stackful fibers: stacks, the switch between them, and the report when one
//! overflows. Nothing here knows rings, scheduling or the `Io` contract.
//!
//! Called by the scheduler only. May import std, libc and corosensei; this
//! folder is the one door to corosensei.
//!
//! ```text
//!              Fiber::new(stack, body)
//!                       |
//!                       v
//!                  +---------+   resume(input)   +---------+
//!   discard() <----|  Fresh  |------------------>| Running |---- body returns
//!   gives the      +---------+                   +---------+         |
//!   stack back                                     |     ^           v
//!                                    suspend(out)  |     |      +---------+
//!                                                  v     |      |  Ended  |
//!                                                +-----------+  +---------+
//!                                                | Suspended |   resume answers
//!                                                +-----------+   Ended(stack)
//!                                                 resume(input)
//! ```
//!
//! A suspended fiber has exactly one way on: `resume`, on its own thread.
//! Dropping its handle ends the process, see [`Fiber`].
//!
//! | file | holds |
//! |---|---|
//! | `layout.rs` | where the guard, the label and the top of each stack lie |
//! | `stack.rs` | slabs of stacks, guards, recycling |
//! | `switch.rs` | `Fiber`, `Suspender`: resume and suspend |
//! | `overflow.rs` | the signal handler that names the task whose stack is full |
//! | `SOUNDNESS.md` | the situations that could make fibers unsound, with verdicts |

mod layout;
mod overflow;
mod stack;
mod switch;

#[cfg(test)]
mod tests;

#[allow(unused_imports, reason = "the scheduler is written next")]
pub(crate) use self::{
    overflow::{ensure_alternate_stack, install_overflow_report},
    stack::{GuardKind, Stack, StackBounds, StackOptions, StackPool},
    switch::{Fiber, Suspender, SuspenderPointer, Switch},
};
