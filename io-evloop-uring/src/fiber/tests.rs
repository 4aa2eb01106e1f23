//! What fibers promise to the scheduler, each promise with a test.
//!
//! Tests that end the process, or use up something that is counted per
//! process, run in a child: the test binary starts itself again with
//! [`CHILD_VARIABLE`] set and only that test selected.
#![expect(unsafe_code, reason = "makes fibers that borrow locals")]

use std::{
    cell::{Cell, RefCell},
    collections::HashSet,
    env,
    io::ErrorKind,
    os::unix::process::ExitStatusExt,
    panic::{self, AssertUnwindSafe},
    process::{Command, Output},
    rc::Rc,
    thread,
};

use super::{
    Fiber, GuardKind, Stack, StackOptions, StackPool, Suspender, SuspenderPointer, Switch,
    ensure_alternate_stack, install_overflow_report,
    layout::{COLOUR_BYTES_END, LINE_BYTES, STACK_BYTES_MAX, STACK_BYTES_MIN, StackLayout},
    stack::protected_count_max,
};

const CHILD_VARIABLE: &str = "IO_EVLOOP_FIBER_TEST_CHILD";

fn is_child() -> bool {
    env::var_os(CHILD_VARIABLE).is_some()
}

/// Runs one test of this binary in a child process.
fn run_child(test: &str) -> Output {
    Command::new(env::current_exe().expect("the test binary has a path"))
        .args(["--exact", &format!("fiber::tests::{test}"), "--nocapture"])
        .arg("--test-threads=1")
        .env(CHILD_VARIABLE, "1")
        .output()
        .expect("the test binary can be started again")
}

fn assert_child_passes(test: &str) {
    let output = run_child(test);
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{}\n{stdout}\n{stderr}",
        output.status
    );
    assert!(
        stdout.contains("1 passed"),
        "the child ran no test:\n{stdout}"
    );
}

/// The child must end by `signal`; returns what it wrote to stderr.
fn assert_child_dies(test: &str, signal: libc::c_int) -> String {
    let output = run_child(test);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(
        output.status.signal(),
        Some(signal),
        "{}\n{stderr}",
        output.status
    );
    stderr
}

fn pool() -> StackPool {
    StackPool::new(StackOptions::default()).expect("the default options are valid")
}

/// A fiber whose body borrows nothing but what outlives the test's fibers.
fn fiber<In, Out, F>(stack: Stack, body: F) -> Fiber<In, Out>
where
    F: FnOnce(Suspender<'_, In, Out>, In),
{
    // SAFETY: each test drives its fibers to their end (or leaks them with all
    // that they borrow) before its locals are dropped, on its own thread, and
    // relies on no nesting.
    unsafe { Fiber::new(stack, body) }
}

fn suspended<Out>(switch: Switch<Out>) -> Out {
    match switch {
        Switch::Suspended(out) => out,
        Switch::Ended(_) => panic!("the fiber ended"),
    }
}

fn ended<Out>(switch: Switch<Out>) -> Stack {
    match switch {
        Switch::Suspended(_) => panic!("the fiber suspended itself"),
        Switch::Ended(stack) => stack,
    }
}

#[test]
fn values_travel_both_ways() {
    let mut pool = pool();
    let mut log = Vec::new();
    let mut fiber = fiber(
        pool.take().unwrap(),
        |suspender: Suspender<'_, String, u64>, first| {
            log.push(first);
            log.push(suspender.suspend(1));
            log.push(suspender.suspend(2));
        },
    );
    assert_eq!(suspended(fiber.resume("a".to_owned())), 1);
    assert_eq!(suspended(fiber.resume("b".to_owned())), 2);
    pool.give_back(ended(fiber.resume("c".to_owned())));
    drop(fiber);
    assert_eq!(log, ["a", "b", "c"]);
}

#[test]
fn a_fiber_suspends_a_million_times() {
    let mut pool = pool();
    let mut fiber = fiber(
        pool.take().unwrap(),
        |suspender: Suspender<'_, u64, u64>, mut input| {
            while input != u64::MAX {
                input = suspender.suspend(input * 2);
            }
        },
    );
    for i in 0..1_000_000 {
        assert_eq!(suspended(fiber.resume(i)), i * 2);
    }
    pool.give_back(ended(fiber.resume(u64::MAX)));
}

#[test]
fn a_scheduler_on_a_fiber_runs_other_fibers() {
    // The shape of the main thread: the main code resumes a scheduler that has
    // a stack of its own, which resumes tasks and suspends to run main again.
    let pool = RefCell::new(pool());
    let log = RefCell::new(Vec::new());
    let stack = pool.borrow_mut().take().unwrap();
    let mut scheduler = fiber(stack, |main: Suspender<'_, (), &str>, ()| {
        let mut tasks = Vec::new();
        for id in 0..3 {
            let log = &log;
            let stack = pool.borrow_mut().take().unwrap();
            tasks.push(fiber(
                stack,
                move |suspender: Suspender<'_, (), u32>, ()| {
                    for round in 0..3 {
                        log.borrow_mut().push((id, round));
                        suspender.suspend(round);
                    }
                },
            ));
        }
        for round in 0..3 {
            for task in &mut tasks {
                assert_eq!(suspended(task.resume(())), round);
            }
            main.suspend("round done");
        }
        for mut task in tasks {
            pool.borrow_mut().give_back(ended(task.resume(())));
        }
    });
    for round in 0..3 {
        assert_eq!(suspended(scheduler.resume(())), "round done");
        assert_eq!(log.borrow().len(), (round + 1) * 3);
    }
    let stack = ended(scheduler.resume(()));
    pool.borrow_mut().give_back(stack);
    assert_eq!(log.borrow()[..4], [(0, 0), (1, 0), (2, 0), (0, 1)]);
    assert_eq!(pool.borrow().taken_count(), 0);
}

#[test]
fn code_deep_in_a_call_chain_suspends_through_the_pointer() {
    thread_local! {
        static CURRENT: Cell<Option<SuspenderPointer<u32, u32>>> = const { Cell::new(None) };
    }
    fn deep(levels: u32) -> u32 {
        if levels == 0 {
            let pointer = CURRENT.get().expect("the body stored it");
            // SAFETY: called by the body of the only fiber, which is running.
            return unsafe { pointer.suspend(7) };
        }
        std::hint::black_box(deep(levels - 1))
    }
    let mut pool = pool();
    let mut result = 0;
    let mut fiber = fiber(
        pool.take().unwrap(),
        |suspender: Suspender<'_, u32, u32>, _| {
            CURRENT.set(Some(suspender.pointer()));
            result = deep(100);
        },
    );
    assert_eq!(suspended(fiber.resume(0)), 7);
    pool.give_back(ended(fiber.resume(9)));
    drop(fiber);
    assert_eq!(result, 9);
}

#[test]
fn a_panic_leaves_the_fiber_by_value() {
    let mut pool = pool();
    let mut caught = None;
    let mut fiber = fiber(
        pool.take().unwrap(),
        |suspender: Suspender<'_, (), ()>, ()| {
            let body = AssertUnwindSafe(|| {
                suspender.suspend(());
                panic::panic_any(42_u32);
            });
            caught = panic::catch_unwind(body).err();
        },
    );
    suspended(fiber.resume(()));
    pool.give_back(ended(fiber.resume(())));
    drop(fiber);
    let payload = caught.expect("the panic was caught on the fiber");
    assert_eq!(payload.downcast_ref(), Some(&42_u32));
    assert!(!thread::panicking());
}

#[test]
fn a_panic_that_reaches_the_root_aborts_with_a_message() {
    if is_child() {
        let mut pool = pool();
        let mut fiber = fiber(pool.take().unwrap(), |_: Suspender<'_, (), ()>, ()| {
            panic!("nobody catches this");
        });
        let _switch = fiber.resume(());
        return;
    }
    let stderr = assert_child_dies(
        "a_panic_that_reaches_the_root_aborts_with_a_message",
        libc::SIGABRT,
    );
    assert!(
        stderr.contains("a panic reached the root of a fiber"),
        "{stderr}"
    );
}

#[test]
fn dropping_a_suspended_fiber_aborts_with_a_message() {
    if is_child() {
        let mut pool = pool();
        let mut fiber = fiber(
            pool.take().unwrap(),
            |suspender: Suspender<'_, (), ()>, ()| {
                suspender.suspend(());
            },
        );
        suspended(fiber.resume(()));
        drop(fiber);
        return;
    }
    let stderr = assert_child_dies(
        "dropping_a_suspended_fiber_aborts_with_a_message",
        libc::SIGABRT,
    );
    assert!(stderr.contains("a suspended fiber was dropped"), "{stderr}");
}

#[test]
fn a_resumed_fiber_that_has_ended_panics() {
    let mut pool = pool();
    let mut fiber = fiber(pool.take().unwrap(), |_: Suspender<'_, (), ()>, ()| {});
    pool.give_back(ended(fiber.resume(())));
    assert!(panic::catch_unwind(AssertUnwindSafe(|| fiber.resume(()))).is_err());
}

#[test]
fn a_dropped_fresh_fiber_drops_what_its_body_captured() {
    let captured = Rc::new(());
    let mut pool = pool();
    let mine = Rc::clone(&captured);
    let fresh = fiber(pool.take().unwrap(), move |_: Suspender<'_, (), ()>, ()| {
        drop(mine)
    });
    assert_eq!(Rc::strong_count(&captured), 2);
    pool.give_back(fresh.discard());
    assert_eq!(Rc::strong_count(&captured), 1);
}

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
        let mut fiber = fiber(
            stack,
            move |suspender: Suspender<'_, usize, usize>, input| {
                let input = suspender.suspend(input + i);
                assert_eq!(input, i);
            },
        );
        assert_eq!(suspended(fiber.resume(1)), i + 1);
        fibers.push(fiber);
    }
    for (i, mut fiber) in fibers.into_iter().enumerate() {
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
fn a_stack_overflow_names_the_task_and_the_option() {
    overflow_test("a_stack_overflow_names_the_task_and_the_option", None);
}

#[test]
fn a_stack_overflow_is_reported_with_protected_guards_too() {
    overflow_test(
        "a_stack_overflow_is_reported_with_protected_guards_too",
        Some(GuardKind::Protect),
    );
}

fn overflow_test(test: &str, forced_guard: Option<GuardKind>) {
    if is_child() {
        install_overflow_report().unwrap();
        ensure_alternate_stack().unwrap();
        overflow(forced_guard);
        return;
    }
    let stderr = assert_child_dies(test, libc::SIGABRT);
    for part in [
        "task 'hungry' #17",
        "262144 bytes",
        "EventLoop::builder().stack_bytes(..)",
    ] {
        assert!(stderr.contains(part), "no {part:?} in:\n{stderr}");
    }
}

/// Recurses without end on the third of some fibers.
fn overflow(forced_guard: Option<GuardKind>) {
    let options = StackOptions {
        forced_guard,
        ..StackOptions::default()
    };
    let mut pool = StackPool::new(options).unwrap();
    let mut stacks: Vec<_> = (0..3).map(|_| pool.take().unwrap()).collect();
    let mut stack = stacks.pop().unwrap();
    stack.set_label(17, "hungry");
    let mut fiber = fiber(stack, |_: Suspender<'_, (), ()>, ()| {
        recurse(u64::MAX);
    });
    let _switch = fiber.resume(());
}

/// Uses at least 256 bytes of stack per level.
#[inline(never)]
fn recurse(levels: u64) -> u64 {
    let frame = std::hint::black_box([levels; 32]);
    if levels == 0 {
        return frame[0];
    }
    let below = recurse(levels - 1);
    below + std::hint::black_box(frame)[31]
}

#[test]
fn another_fault_still_ends_the_process_by_sigsegv() {
    if is_child() {
        install_overflow_report().unwrap();
        let mut pool = pool();
        let mut fiber = fiber(pool.take().unwrap(), |_: Suspender<'_, (), ()>, ()| {
            // SAFETY: none: this is the fault that the test is about.
            unsafe { std::ptr::without_provenance_mut::<u8>(16).write_volatile(1) };
        });
        let _switch = fiber.resume(());
        return;
    }
    let stderr = assert_child_dies(
        "another_fault_still_ends_the_process_by_sigsegv",
        libc::SIGSEGV,
    );
    assert!(!stderr.contains("stack overflow"), "{stderr}");
}

#[test]
fn std_still_reports_the_overflow_of_a_thread() {
    if is_child() {
        install_overflow_report().unwrap();
        recurse(u64::MAX);
        return;
    }
    let stderr = assert_child_dies("std_still_reports_the_overflow_of_a_thread", libc::SIGABRT);
    assert!(stderr.contains("has overflowed its stack"), "{stderr}");
    assert!(!stderr.contains("io-evloop-uring"), "{stderr}");
}

#[test]
fn a_signal_that_was_sent_still_ends_the_process() {
    if is_child() {
        // SAFETY: SIG_DFL needs nothing.
        unsafe { libc::signal(libc::SIGSEGV, libc::SIG_DFL) };
        install_overflow_report().unwrap();
        // SAFETY: sends a signal to this thread.
        unsafe { libc::raise(libc::SIGSEGV) };
        return;
    }
    let stderr = assert_child_dies(
        "a_signal_that_was_sent_still_ends_the_process",
        libc::SIGSEGV,
    );
    assert!(!stderr.contains("stack overflow"), "{stderr}");
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
    assert_child_passes("protected_stacks_end_in_a_clean_error_and_malloc_still_works");
}

#[test]
fn recursion_uses_the_stack_down_to_its_guard() {
    let mut pool = pool();
    let stack = pool.take().unwrap();
    let bounds = stack.bounds();
    let mut fiber = fiber(stack, move |_: Suspender<'_, (), ()>, ()| {
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

/// Goes down until fewer than `reserve_bytes` are left; returns what was left.
#[inline(never)]
fn descend(bounds: super::StackBounds, reserve_bytes: usize) -> usize {
    let frame = std::hint::black_box([1_u8; 128]);
    let remaining = bounds.remaining_stack_bytes();
    if remaining < reserve_bytes + 1024 {
        return remaining;
    }
    let lowest = descend(bounds, reserve_bytes);
    lowest + usize::from(std::hint::black_box(frame)[5]) - 1
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
    let mut fiber = fiber(stack, move |_: Suspender<'_, (), ()>, ()| {
        descend(bounds, 4096);
    });
    ended(fiber.resume(()))
}

/// Whether any page of the stack is in memory.
fn is_resident(bounds: &super::StackBounds) -> bool {
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
    let mut fiber = fiber(stack, |_: Suspender<'_, (), ()>, ()| {});
    let stack = ended(fiber.resume(()));
    assert_eq!(stack.bounds(), bounds);
}

#[test]
fn a_stack_of_another_pool_is_refused() {
    let mut one = pool();
    let mut other = pool();
    let stack = one.take().unwrap();
    let refused = panic::catch_unwind(AssertUnwindSafe(|| other.give_back(stack)));
    assert!(refused.is_err());
    // The stack went down with the panic; its slab stays, which drop reports.
    drop(panic::catch_unwind(AssertUnwindSafe(move || drop(one))));
}
