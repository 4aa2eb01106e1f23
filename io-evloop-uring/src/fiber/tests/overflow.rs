//! The overflow report, and what must stay as it was beside it.
#![expect(
    unsafe_code,
    reason = "raises signals, changes handlers and signal stacks"
)]

use std::{
    ptr,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use super::{assert_child_dies, assert_child_passes, fiber, is_child, pool, recurse, run_child};
use crate::fiber::{
    GuardKind, Stack, StackOptions, StackPool, Suspender, ensure_alternate_stack,
    install_overflow_report,
    layout::StackLayout,
    overflow::{Label, is_guard},
};

#[test]
fn a_stack_overflow_names_the_task_and_the_option() {
    overflow_test(
        "overflow::a_stack_overflow_names_the_task_and_the_option",
        None,
    );
}

#[test]
fn a_stack_overflow_is_reported_with_protected_guards_too() {
    overflow_test(
        "overflow::a_stack_overflow_is_reported_with_protected_guards_too",
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

/// Recurses without end on the last of some stacks, in the pool's second slab.
fn overflow(forced_guard: Option<GuardKind>) {
    let options = StackOptions {
        forced_guard,
        ..StackOptions::default()
    };
    let mut pool = StackPool::new(options).unwrap();
    let mut stacks: Vec<_> = (0..70).map(|_| pool.take().unwrap()).collect();
    let mut stack = stacks.pop().unwrap();
    stack.set_label(17, "hungry");
    let fiber = fiber(stack, |_: Suspender<'_, (), ()>, ()| {
        recurse(u64::MAX);
    });
    let _switch = fiber.resume(());
}

#[test]
fn another_fault_still_ends_the_process_by_sigsegv() {
    if is_child() {
        install_overflow_report().unwrap();
        let mut pool = pool();
        let fiber = fiber(pool.take().unwrap(), |_: Suspender<'_, (), ()>, ()| {
            // SAFETY: none: this is the fault that the test is about.
            unsafe { ptr::without_provenance_mut::<u8>(16).write_volatile(1) };
        });
        let _switch = fiber.resume(());
        return;
    }
    let stderr = assert_child_dies(
        "overflow::another_fault_still_ends_the_process_by_sigsegv",
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
    let stderr = assert_child_dies(
        "overflow::std_still_reports_the_overflow_of_a_thread",
        libc::SIGABRT,
    );
    assert!(stderr.contains("has overflowed its stack"), "{stderr}");
    assert!(!stderr.contains("io-evloop-uring"), "{stderr}");
}

#[test]
fn a_fault_without_a_former_handler_ends_the_process_by_sigsegv() {
    if is_child() {
        set_handler(libc::SIG_DFL);
        install_overflow_report().unwrap();
        // SAFETY: none: this is the fault that the test is about.
        unsafe { ptr::without_provenance_mut::<u8>(16).write_volatile(1) };
        return;
    }
    let test = "overflow::a_fault_without_a_former_handler_ends_the_process_by_sigsegv";
    let stderr = assert_child_dies(test, libc::SIGSEGV);
    assert!(stderr.is_empty(), "{stderr}");
}

#[test]
fn a_former_handler_of_the_old_kind_is_called() {
    extern "C" fn leave(signal: libc::c_int) {
        // SAFETY: ends the process; signal safe.
        unsafe { libc::_exit(100 + signal) };
    }
    if is_child() {
        set_handler(leave as *const () as usize);
        install_overflow_report().unwrap();
        // SAFETY: none: this is the fault that the test is about.
        unsafe { ptr::without_provenance_mut::<u8>(16).write_volatile(1) };
        return;
    }
    let output = run_child("overflow::a_former_handler_of_the_old_kind_is_called");
    assert_eq!(output.status.code(), Some(100 + libc::SIGSEGV));
}

#[test]
fn a_sent_signal_that_was_ignored_stays_ignored() {
    if is_child() {
        set_handler(libc::SIG_IGN);
        install_overflow_report().unwrap();
        // SAFETY: sends a signal to this thread.
        unsafe { libc::raise(libc::SIGSEGV) };
        return;
    }
    assert_child_passes("overflow::a_sent_signal_that_was_ignored_stays_ignored");
}

fn set_handler(handler: libc::sighandler_t) {
    // SAFETY: the callers pass SIG_DFL, SIG_IGN or a signal safe handler.
    let former = unsafe { libc::signal(libc::SIGSEGV, handler) };
    assert_ne!(former, libc::SIG_ERR);
}

#[test]
fn a_signal_that_was_sent_still_ends_the_process() {
    if is_child() {
        set_handler(libc::SIG_DFL);
        install_overflow_report().unwrap();
        // SAFETY: sends a signal to this thread.
        unsafe { libc::raise(libc::SIGSEGV) };
        return;
    }
    let stderr = assert_child_dies(
        "overflow::a_signal_that_was_sent_still_ends_the_process",
        libc::SIGSEGV,
    );
    assert!(!stderr.contains("stack overflow"), "{stderr}");
}

#[test]
fn guards_are_recognised_to_the_byte_while_the_slab_lives() {
    // In a child, where no other test maps memory at the freed addresses.
    if !is_child() {
        assert_child_passes("overflow::guards_are_recognised_to_the_byte_while_the_slab_lives");
        return;
    }
    let mut pool = pool();
    let stacks: Vec<_> = (0..100).map(|_| pool.take().unwrap()).collect();
    let bounds: Vec<_> = stacks.iter().map(Stack::bounds).collect();
    let guard_bytes = StackLayout::new(pool.stack_bytes(), 4096)
        .unwrap()
        .guard_bytes;
    let mut guards = Vec::new();
    for bounds in &bounds {
        let (low, _) = bounds.pages();
        let guard = low - guard_bytes;
        assert!(
            is_guard(guard) && is_guard(low - 1),
            "both ends of the guard"
        );
        assert!(
            !is_guard(guard - 1) && !is_guard(low),
            "the neighbours of the guard"
        );
        guards.push(guard);
    }
    let slot_bytes = StackLayout::new(pool.stack_bytes(), 4096)
        .unwrap()
        .slot_bytes;
    let end = guards.iter().max().unwrap() + slot_bytes;
    assert!(
        !is_guard(end),
        "the slab ends before the guard of one slot more"
    );
    stacks.into_iter().for_each(|stack| pool.give_back(stack));
    assert!(is_guard(guards[99]), "the slab lives as long as its pool");
    drop(pool);
    assert!(!guards.into_iter().any(is_guard), "the slabs are gone");
}

#[test]
fn an_overflow_is_reported_while_other_threads_make_and_drop_pools() {
    let test = "overflow::an_overflow_is_reported_while_other_threads_make_and_drop_pools";
    if is_child() {
        static ROUND_COUNT: AtomicUsize = AtomicUsize::new(0);
        for _ in 0..2 {
            thread::spawn(|| {
                loop {
                    let mut pool = pool();
                    let stacks: Vec<_> = (0..70).map(|_| pool.take().unwrap()).collect();
                    stacks.into_iter().for_each(|stack| pool.give_back(stack));
                    ROUND_COUNT.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        while ROUND_COUNT.load(Ordering::Relaxed) < 100 {
            thread::yield_now();
        }
    }
    overflow_test(test, None);
}

#[test]
fn a_thread_without_an_alternate_stack_gets_one() {
    if is_child() {
        install_overflow_report().unwrap();
        without_alternate_stack();
        ensure_alternate_stack().unwrap();
        overflow(None);
        return;
    }
    let stderr = assert_child_dies(
        "overflow::a_thread_without_an_alternate_stack_gets_one",
        libc::SIGABRT,
    );
    assert!(stderr.contains("task 'hungry' #17"), "{stderr}");
}

#[test]
fn a_made_alternate_stack_is_freed_when_its_thread_ends() {
    // In a child, where no other test maps memory at the freed address.
    if !is_child() {
        assert_child_passes("overflow::a_made_alternate_stack_is_freed_when_its_thread_ends");
        return;
    }
    let low = thread::spawn(|| {
        without_alternate_stack();
        ensure_alternate_stack().unwrap();
        ensure_alternate_stack().unwrap();
        let low = alternate_stack().ss_sp.expose_provenance();
        assert!(is_mapped(low));
        low
    })
    .join()
    .unwrap();
    assert!(!is_mapped(low));
}

fn alternate_stack() -> libc::stack_t {
    let mut current = libc::stack_t {
        ss_sp: ptr::null_mut(),
        ss_flags: 0,
        ss_size: 0,
    };
    // SAFETY: only asks; writes to `current`.
    let result = unsafe { libc::sigaltstack(ptr::null(), &raw mut current) };
    assert_eq!(result, 0);
    current
}

/// Makes this thread look like one that C code started.
fn without_alternate_stack() {
    let disabled = libc::stack_t {
        ss_sp: ptr::null_mut(),
        ss_flags: libc::SS_DISABLE,
        ss_size: 0,
    };
    // SAFETY: takes the alternate stack out of use; no handler is running.
    let result = unsafe { libc::sigaltstack(&raw const disabled, ptr::null_mut()) };
    assert_eq!(result, 0);
    assert_ne!(alternate_stack().ss_flags & libc::SS_DISABLE, 0);
}

fn is_mapped(addr: usize) -> bool {
    let mut page = 0_u8;
    let addr = ptr::with_exposed_provenance_mut(addr);
    // SAFETY: asks about one page; writes one byte.
    unsafe { libc::mincore(addr, 4096, &raw mut page) == 0 }
}

#[test]
fn labels_cut_long_names_between_characters() {
    assert_eq!(Label::new(1, "short").name(), b"short");
    assert_eq!(Label::new(1, "").name(), b"");
    let fits = "x".repeat(Label::NAME_BYTES_MAX);
    assert_eq!(Label::new(1, &fits).name(), fits.as_bytes());
    assert_eq!(Label::new(1, &format!("{fits}y")).name(), fits.as_bytes());
    let wide = format!("{}\u{fc}", &fits[1..]);
    assert_eq!(Label::new(1, &wide).name(), &fits.as_bytes()[1..]);
}
