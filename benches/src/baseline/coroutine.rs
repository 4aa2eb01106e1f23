//! Bare corosensei coroutines: the floor of a switch and of a spawn, without a
//! scheduler, a result or a cancel state.
//!
//! Their stacks lie in one mapping, and their tops are coloured as the event
//! loop's are: offset by a varying multiple of a cache line, because tops at
//! equal distances share few sets of the cache.

#![expect(unsafe_code, reason = "maps stacks and implements corosensei's trait")]

use std::num::NonZeroUsize;
use std::ptr;

use corosensei::stack::Stack;
use corosensei::{Coroutine, CoroutineResult};

const STACK_BYTES: usize = 64 * 1024;
const LINE_BYTES: usize = 64;
/// So many colours fit in the top page beside the frames of a small task.
const COLOURS: usize = 16;

/// Stacks in one mapping, none with a guard: what runs on them is ours and shallow.
pub(crate) struct Stacks {
    start: *mut libc::c_void,
    count: usize,
}

impl Stacks {
    pub(crate) fn new(count: usize) -> Stacks {
        let bytes = count * STACK_BYTES;
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: a new mapping touches no other memory.
        let start = unsafe { libc::mmap(ptr::null_mut(), bytes, protection, flags, -1, 0) };
        assert!(start != libc::MAP_FAILED, "no room for {count} stacks");
        Stacks { start, count }
    }

    /// The stack number `index`, to be used by one coroutine at a time.
    pub(crate) fn stack(&self, index: usize) -> BareStack {
        assert!(index < self.count, "there are {} stacks", self.count);
        let start = self.start.addr() + index * STACK_BYTES;
        let colour = (index % COLOURS) * LINE_BYTES;
        BareStack {
            limit: NonZeroUsize::new(start).expect("no mapping lies at 0"),
            base: NonZeroUsize::new(start + STACK_BYTES - colour).expect("it is above its limit"),
        }
    }
}

impl Drop for Stacks {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and whoever used a stack of it has ended:
        // the functions below end their coroutines before they return.
        let code = unsafe { libc::munmap(self.start, self.count * STACK_BYTES) };
        assert_eq!(code, 0, "the mapping is ours");
    }
}

pub(crate) struct BareStack {
    limit: NonZeroUsize,
    base: NonZeroUsize,
}

// SAFETY: the stack is mapped, writable, aligned to a cache line, and used by one
// coroutine at a time. It has no guard page: only shallow bodies run on it.
unsafe impl Stack for BareStack {
    fn base(&self) -> NonZeroUsize {
        self.base
    }

    fn limit(&self) -> NonZeroUsize {
        self.limit
    }
}

/// Coroutines that suspend until they are told to end.
pub(crate) struct Yielders<'a> {
    coroutines: Vec<Coroutine<bool, (), (), BareStack>>,
    _stacks: &'a Stacks,
}

impl<'a> Yielders<'a> {
    pub(crate) fn new(stacks: &'a Stacks, count: usize) -> Yielders<'a> {
        let coroutines = (0..count)
            .map(|index| {
                Coroutine::with_stack(stacks.stack(index), |yielder, mut goes_on| {
                    while goes_on {
                        goes_on = yielder.suspend(());
                    }
                })
            })
            .collect();
        Yielders {
            coroutines,
            _stacks: stacks,
        }
    }

    /// Resumes each of them so many times, in turn.
    pub(crate) fn round_robin(&mut self, rounds: u64) {
        for _ in 0..rounds {
            for coroutine in &mut self.coroutines {
                assert!(matches!(coroutine.resume(true), CoroutineResult::Yield(())));
            }
        }
    }

    /// Ends them.
    pub(crate) fn end(mut self) {
        for coroutine in &mut self.coroutines {
            assert!(matches!(
                coroutine.resume(false),
                CoroutineResult::Return(())
            ));
        }
    }
}

/// Runs `body` on a stack that is used again afterwards: a spawn and a join.
#[inline]
pub(crate) fn run_on<T: 'static>(stack: BareStack, body: fn() -> T) -> (BareStack, T) {
    let mut coroutine = Coroutine::<(), (), T, BareStack>::with_stack(stack, move |_, ()| body());
    match coroutine.resume(()) {
        CoroutineResult::Return(value) => (coroutine.into_stack(), value),
        CoroutineResult::Yield(()) => unreachable!("the body does not suspend"),
    }
}
