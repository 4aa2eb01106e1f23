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
//! A suspended fiber goes on by `resume`, on its own thread, or in the stead of another
//! fiber of that thread, which is suspended then (`To::Fiber`).
//! Dropping its handle ends the process, see [`Fiber`].
//!
//! The stack of a caller is a fiber too (`of_caller`), from `begin` to `end`. The
//! code that resumes it needs a stack of its own meanwhile, which is that of another
//! fiber, its *scheduler*.
//!
//! ```text
//!   caller                      scheduler
//!   begin(scheduler) ─────────► body: resume(caller)
//!     runs  ◄──────────────────   waits
//!     suspend(out) ───────────►   Suspended(out); resumes other fibers
//!     runs  ◄──────────────────   resume(caller)
//!   end(scheduler) ───────────►   Ended(None); the body returns
//!     its stack is free ◄──────
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `layout.rs` | where the guard, the label and the top of each stack lie |
//! | `stack.rs` | slabs of stacks, guards, recycling |
//! | `switch.rs` | `Fiber`: resume and suspend |
//! | `suspender.rs` | `Suspender`: how a body suspends its fiber, whatever switches |
//! | `thread_word.rs` | the one thread-local of the scheduler |
//! | `switch/x86_64.rs` | the instructions of the switch |
//! | `coroutine.rs` | stand-in for `switch.rs` on corosensei: other architectures, the address sanitizer, `--cfg fiber_corosensei` |
//! | `threads.rs` | stand-in for `switch.rs` for checkers, `--cfg fiber_threads` |
//! | `overflow.rs` | the signal handler that names the task whose stack is full |
//! | `SOUNDNESS.md` | the situations that could make fibers unsound, with verdicts |

#![cfg_attr(
    fiber_threads,
    allow(
        dead_code,
        reason = "the stand-in keeps stacks but does not run on them"
    )
)]

mod layout;
mod overflow;
mod stack;
mod suspender;
mod thread_word;

cfg_if::cfg_if! {
    if #[cfg(fiber_threads)] {
        mod threads;
        use self::threads as switching;
    } else if #[cfg(fiber_corosensei)] {
        mod coroutine;
        use self::coroutine as switching;
    } else {
        mod switch;
        use self::switch as switching;
    }
}

#[cfg(test)]
mod tests;

use std::process;

pub(crate) use self::{
    overflow::{ensure_alternate_stack, install_overflow_report},
    stack::{GuardKind, Stack, StackBounds, StackOptions, StackPool, protected_count_max},
    suspender::{Suspender, SuspenderPointer, To},
    switching::Fiber,
    thread_word::{set_thread_word, thread_word},
};

/// What a resumed fiber did.
#[derive(Debug)]
#[must_use = "an ended fiber's stack goes back to its pool"]
pub(crate) enum Switch<Out> {
    /// It suspended itself with this value and waits to be resumed.
    Suspended(Out),
    /// Its body returned; the stack is free. The fiber of a caller has none of ours.
    Ended(Option<Stack>),
}

/// Ends the process where going on would be unsound and unwinding cannot help.
/// Past std's lock of stderr: a fiber that waits may hold it.
#[cold]
pub(crate) fn abort_with(message: &str) -> ! {
    let mut text = overflow::Message::new();
    text.push(b"\nio-evloop-uring: ");
    text.push(message.as_bytes());
    text.push(b"; this is a bug of the event loop\n");
    text.write_to_stderr();
    process::abort();
}
