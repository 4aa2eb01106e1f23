//! Stacks: layout, guards, limits, recycling, memory handed back.
#![expect(unsafe_code, reason = "asks about memory, filters a system call")]

use std::{
    collections::HashSet,
    io::{self, ErrorKind},
    panic::{self, AssertUnwindSafe},
    thread,
};

use super::{assert_child_passes, descend, ended, fiber, is_child, pool, suspended};
use crate::fiber::{
    GuardKind, Stack, StackBounds, StackOptions, StackPool, Suspender,
    layout::{COLOUR_BYTES_END, LINE_BYTES, STACK_BYTES_MAX, STACK_BYTES_MIN, StackLayout},
    overflow::is_guard,
    stack::protected_count_max,
};

#[test]
fn a_hundred_thousand_fibers_live_at_once_with_default_stacks() {
    const COUNT: usize = 100_000;
    let mut pool = pool();
    if !markers_work() {
        eprintln!("SKIPPED: this kernel has no MADV_GUARD_INSTALL (Linux 6.13)");
        return;
    }
    let mut fibers = Vec::with_capacity(COUNT);
    for i in 0..COUNT {
        let stack = pool
            .take()
            .unwrap_or_else(|error| panic!("stack {i}: {error}"));
        let fiber = fiber(
            stack,
            move |suspender: Suspender<'_, usize, usize>, input| {
                let input = suspender.suspend(input + i);
                assert_eq!(input, i);
            },
        );
        fibers.push(fiber);
        assert_eq!(suspended(fibers[i].resume(1)), i + 1);
    }
    for (i, fiber) in fibers.iter().enumerate() {
        pool.give_back(ended(fiber.resume(i)));
    }
    assert_eq!(pool.taken_count(), 0);
}

fn markers_work() -> bool {
    let mut pool = pool();
    let stack = pool.take().unwrap();
    pool.give_back(stack);
    pool.guard() == GuardKind::Marker
}

#[test]
fn protected_stacks_end_in_a_clean_error_and_malloc_still_works() {
    if is_child() {
        let forced_guard = Some(GuardKind::Protect);
        let mut pool = StackPool::new(StackOptions {
            forced_guard,
            ..StackOptions::default()
        })
        .unwrap();
        let mut stacks = Vec::new();
        let error = loop {
            match pool.take() {
                Ok(stack) => stacks.push(stack),
                Err(error) => break error,
            }
        };
        assert_eq!(stacks.len(), protected_count_max());
        assert_eq!(error.kind(), ErrorKind::OutOfMemory);
        let message = error.to_string();
        assert!(message.contains(&stacks.len().to_string()), "{message}");
        assert!(message.contains("vm.max_map_count"), "{message}");
        // Large allocations are mappings of their own, and so are thread stacks.
        let large: Vec<Vec<u8>> = (0..100).map(|_| vec![1; 1 << 20]).collect();
        let threads: Vec<_> = (0..10).map(|i| thread::spawn(move || i)).collect();
        for (i, thread) in threads.into_iter().enumerate() {
            assert_eq!(thread.join().unwrap(), i);
        }
        drop(large);
        // A stack that comes back can be taken again, at the limit too.
        pool.give_back(stacks.pop().unwrap());
        stacks.push(pool.take().unwrap());
        assert!(pool.take().is_err());
        stacks.into_iter().for_each(|stack| pool.give_back(stack));
        drop(pool);
        // The limit counts what exists, not what was ever made.
        let mut pool = StackPool::new(StackOptions {
            forced_guard,
            ..StackOptions::default()
        })
        .unwrap();
        let stack = pool.take().unwrap();
        pool.give_back(stack);
        return;
    }
    assert_child_passes("stack::protected_stacks_end_in_a_clean_error_and_malloc_still_works");
}

#[test]
fn recursion_uses_the_stack_down_to_its_guard() {
    let mut pool = pool();
    let stack = pool.take().unwrap();
    let bounds = stack.bounds();
    let fiber = fiber(stack, move |_: Suspender<'_, (), ()>, ()| {
        let at_start = bounds.remaining_stack_bytes();
        assert!(at_start <= bounds.total_bytes());
        assert!(
            at_start > bounds.total_bytes() - 4096,
            "the body starts at the top"
        );
        let lowest = descend(bounds, 4096);
        assert!(lowest < 4096 + 1024, "{lowest} bytes were left");
    });
    assert_eq!(
        bounds.remaining_stack_bytes(),
        0,
        "the test runs on another stack"
    );
    pool.give_back(ended(fiber.resume(())));
}

#[test]
fn the_stack_given_back_last_is_taken_first() {
    let mut pool = pool();
    let stacks: Vec<_> = (0..4).map(|_| pool.take().unwrap()).collect();
    let bounds: Vec<_> = stacks.iter().map(Stack::bounds).collect();
    stacks.into_iter().for_each(|stack| pool.give_back(stack));
    let again: Vec<_> = (0..4).map(|_| pool.take().unwrap()).collect();
    let bounds_again: Vec<_> = again.iter().map(Stack::bounds).collect();
    assert!(bounds_again.iter().eq(bounds.iter().rev()));
    again.into_iter().for_each(|stack| pool.give_back(stack));
}

#[test]
fn tops_are_coloured_within_half_a_page() {
    let layout = StackLayout::new(STACK_BYTES_MIN, 4096).unwrap();
    let mut colours = HashSet::new();
    for number in 0..256 {
        let base = layout.base_addr(0, number);
        let colour_bytes = layout.slot_bytes - LINE_BYTES - base;
        assert!(colour_bytes < COLOUR_BYTES_END);
        assert_eq!(base % LINE_BYTES, 0);
        colours.insert(colour_bytes);
    }
    assert_eq!(
        colours.len(),
        COLOUR_BYTES_END / LINE_BYTES,
        "all lines are used"
    );
}

#[test]
fn stack_sizes_are_checked_and_rounded_up() {
    for (bytes, is_valid) in [
        (STACK_BYTES_MIN - 1, false),
        (STACK_BYTES_MIN, true),
        (STACK_BYTES_MIN + 1, true),
        (STACK_BYTES_MAX, true),
        (STACK_BYTES_MAX + 1, false),
    ] {
        for page_bytes in [4096, 16384, 65536] {
            let layout = StackLayout::new(bytes, page_bytes);
            assert_eq!(layout.is_ok(), is_valid, "{bytes} bytes");
            let Ok(layout) = layout else { continue };
            assert!(layout.stack_bytes() >= bytes);
            assert!(layout.stack_bytes() <= bytes + 2 * page_bytes);
            assert_eq!(
                layout.slot_bytes / page_bytes % 2,
                1,
                "an odd number of pages"
            );
            assert_eq!(layout.slot_bytes % page_bytes, 0);
        }
    }
    let error = StackLayout::new(1, 4096).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[test]
fn a_pool_at_its_limit_fails_and_recovers() {
    let options = StackOptions {
        stack_count_max: 3,
        ..StackOptions::default()
    };
    let mut pool = StackPool::new(options).unwrap();
    let mut stacks: Vec<_> = (0..3).map(|_| pool.take().unwrap()).collect();
    let error = pool.take().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutOfMemory);
    assert!(error.to_string().contains('3'), "{error}");
    pool.give_back(stacks.pop().unwrap());
    stacks.push(pool.take().unwrap());
    stacks.into_iter().for_each(|stack| pool.give_back(stack));
}

#[test]
fn trim_gives_memory_back_above_the_mark_only() {
    const COUNT: usize = 40;
    const WARM: usize = 8;
    let options = StackOptions {
        warm_count_max: WARM,
        ..StackOptions::default()
    };
    let mut pool = StackPool::new(options).unwrap();
    let stacks: Vec<_> = (0..COUNT).map(|_| touched(pool.take().unwrap())).collect();
    let bounds: Vec<_> = stacks.iter().map(Stack::bounds).collect();
    stacks.into_iter().for_each(|stack| pool.give_back(stack));
    let mut trimmed = 0;
    loop {
        match pool.trim() {
            0 => break,
            count => trimmed += count,
        }
    }
    assert_eq!(trimmed, COUNT - WARM);
    for (i, bounds) in bounds.iter().enumerate() {
        assert_eq!(
            is_resident(bounds),
            i >= COUNT - WARM,
            "stack {i}, oldest first"
        );
    }
    // Guards survive the trimming, so a trimmed stack is as good as a fresh one.
    let stacks: Vec<_> = (0..COUNT).map(|_| touched(pool.take().unwrap())).collect();
    stacks.into_iter().for_each(|stack| pool.give_back(stack));
}

/// Runs a fiber deep down its stack, so that every page of it is touched.
fn touched(stack: Stack) -> Stack {
    let bounds = stack.bounds();
    let fiber = fiber(stack, move |_: Suspender<'_, (), ()>, ()| {
        descend(bounds, 4096);
    });
    ended(fiber.resume(()))
}

/// Whether any page of the stack is in memory.
fn is_resident(bounds: &StackBounds) -> bool {
    let (low, bytes) = bounds.pages();
    let mut pages = vec![0_u8; bytes / 4096 + 1];
    let low = std::ptr::with_exposed_provenance_mut(low);
    // SAFETY: asks about the range; writes one byte per page to `pages`.
    let result = unsafe { libc::mincore(low, bytes, pages.as_mut_ptr()) };
    assert_eq!(result, 0);
    pages.iter().any(|page| page & 1 == 1)
}

#[test]
fn a_pool_that_ends_before_its_fibers_leaks_their_stacks() {
    let mut pool = pool();
    let stack = pool.take().unwrap();
    let bounds = stack.bounds();
    let end = panic::catch_unwind(AssertUnwindSafe(move || drop(pool)));
    assert_eq!(end.is_err(), cfg!(debug_assertions));
    // Still mapped: a fiber on it would still run.
    let fiber = fiber(stack, |_: Suspender<'_, (), ()>, ()| {});
    let stack = ended(fiber.resume(()));
    assert_eq!(stack.bounds(), bounds);
}

#[test]
fn a_stack_of_another_pool_is_refused() {
    let mut one = pool();
    let mut other = pool();
    let stack = one.take().unwrap();
    let stack_of_other = other.take().unwrap();
    let refused = panic::catch_unwind(AssertUnwindSafe(|| other.give_back(stack)));
    assert!(refused.is_err());
    other.give_back(stack_of_other);
    // The stack went down with the panic; its slab stays, which drop reports.
    drop(panic::catch_unwind(AssertUnwindSafe(move || drop(one))));
}

#[test]
fn a_kernel_without_markers_gets_protected_guards() {
    if is_child() {
        answer_madvise_guard_with(libc::EINVAL);
        assert_eq!(guard_of_first_stack(None).unwrap(), GuardKind::Protect);
        let error = guard_of_first_stack(Some(GuardKind::Marker)).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EINVAL));
        return;
    }
    assert_child_passes("stack::a_kernel_without_markers_gets_protected_guards");
}

#[test]
fn a_marker_that_does_not_fault_is_not_trusted() {
    if is_child() {
        // As an emulator does that takes every advice for a hint.
        answer_madvise_guard_with(0);
        assert_eq!(guard_of_first_stack(None).unwrap(), GuardKind::Protect);
        return;
    }
    assert_child_passes("stack::a_marker_that_does_not_fault_is_not_trusted");
}

fn guard_of_first_stack(forced_guard: Option<GuardKind>) -> io::Result<GuardKind> {
    let mut pool = StackPool::new(StackOptions {
        forced_guard,
        ..StackOptions::default()
    })?;
    let stack = pool.take()?;
    assert!(is_guard(stack.bounds().pages().0 - 1));
    pool.give_back(stack);
    Ok(pool.guard())
}

/// From now on `madvise(.., MADV_GUARD_INSTALL)` does nothing on this thread
/// and answers `errno` (0: success).
fn answer_madvise_guard_with(errno: libc::c_int) {
    let statement = |code: u32, jt, jf, k| libc::sock_filter {
        code: u16::try_from(code).unwrap(),
        jt,
        jf,
        k,
    };
    let load = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
    let compare = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
    let answer = libc::BPF_RET | libc::BPF_K;
    // struct seccomp_data: the number at 0, the arguments from 16, 8 bytes each.
    let mut filter = [
        statement(load, 0, 0, 0),
        statement(compare, 0, 3, u32::try_from(libc::SYS_madvise).unwrap()),
        statement(load, 0, 0, 16 + 2 * 8),
        statement(compare, 0, 1, 102),
        statement(answer, 0, 0, libc::SECCOMP_RET_ERRNO | errno.unsigned_abs()),
        statement(answer, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog {
        len: u16::try_from(filter.len()).unwrap(),
        filter: filter.as_mut_ptr(),
    };
    // SAFETY: changes a flag of this thread.
    let result = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
    assert_eq!(result, 0);
    // SAFETY: the kernel copies the program, which outlives the call.
    let result = unsafe {
        libc::prctl(
            libc::PR_SET_SECCOMP,
            libc::SECCOMP_MODE_FILTER,
            &raw const program,
        )
    };
    assert_eq!(result, 0, "{}", io::Error::last_os_error());
}

#[test]
fn the_bounds_of_a_thread_hold_its_frames() {
    let check = || {
        let bounds = StackBounds::of_current_thread().unwrap();
        let remaining = bounds.remaining_stack_bytes();
        assert!(remaining > 0 && remaining < bounds.total_bytes());
        bounds
    };
    let bounds = check();
    let other = thread::Builder::new()
        .stack_size(256 * 1024)
        .spawn(check)
        .unwrap();
    let other = other.join().unwrap();
    assert_ne!(bounds, other);
    assert!(
        (128 * 1024..=512 * 1024).contains(&other.total_bytes()),
        "{other:?}"
    );
}
