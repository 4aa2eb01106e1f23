//! What a task allocates: its block at most, once its thread is there.

use super::*;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::AtomicUsize;

use super::process::alone;

/// Counts what the whole process allocates; looked at by a check that is alone.
struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

#[expect(unsafe_code, reason = "the trait of allocators is unsafe")]
// SAFETY: all is left to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's contract is the system's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's contract is the system's.
        unsafe { System.dealloc(pointer, layout) };
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How much `body` allocates once it has run often.
fn allocations_of(body: impl Fn()) -> usize {
    const ROUNDS: usize = 1000;
    for _ in 0..ROUNDS {
        body();
    }
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    for _ in 0..ROUNDS {
        body();
    }
    ALLOCATIONS.load(Ordering::Relaxed) - before
}

#[test]
fn a_task_and_its_waits_allocate_one_block_at_most() {
    alone(
        "allocations::a_task_and_its_waits_allocate_one_block_at_most",
        || {
            let threaded = Threaded::builder().spawn_threads(2).build();
            let io: &dyn Io = &threaded;
            let (reader, writer) = pipe();
            let spawned = allocations_of(|| {
                io.scope(|scope| {
                    let sleeper = scope.spawn(|| io.sleep(Duration::from_micros(1)));
                    let reads = scope.spawn_concurrent(|| read(io, &reader, &mut [0]));
                    assert_eq!(write(io, &writer, b"x").unwrap(), 1);
                    assert_eq!(reads.unwrap().join().unwrap(), 1);
                    sleeper.join().unwrap();
                });
            });
            // Blocks are cached where they are freed, which may be another thread
            // than the one that spawns.
            assert!(
                spawned <= 2 * 1000,
                "{spawned} allocations in 1000 rounds of 2 tasks"
            );
        },
    );
}
