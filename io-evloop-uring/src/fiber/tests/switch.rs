//! The switch: values, nesting, ends, panics.
#![expect(unsafe_code, reason = "suspends through a raw pointer")]

use std::{
    cell::{Cell, RefCell},
    panic::{self, AssertUnwindSafe},
    rc::Rc,
    sync::Mutex,
    thread,
};

use super::{assert_child_dies, ended, fiber, is_child, pool, suspended};
use crate::fiber::{Fiber, Suspender, SuspenderPointer, Switch, To, set_thread_word, thread_word};

#[test]
fn values_travel_both_ways() {
    let mut pool = pool();
    let mut log = Vec::new();
    let fiber = fiber(
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
    let fiber = fiber(
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
    let scheduler = fiber(stack, |main: Suspender<'_, (), &str>, ()| {
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
            for task in &tasks {
                assert_eq!(suspended(task.resume(())), round);
            }
            main.suspend("round done");
        }
        for task in &tasks {
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
fn a_callers_stack_takes_turns_with_fibers() {
    let mut pool = pool();
    let log = RefCell::new(Vec::new());
    let caller = Fiber::<(), u32>::of_caller();
    let task = fiber(
        pool.take().unwrap(),
        |suspender: Suspender<'_, (), u32>, ()| {
            suspender.suspend(1);
            log.borrow_mut().push("task");
            // SAFETY: this fiber runs; the caller's has handed over to it, and ends when
            // the scheduler has resumed it.
            unsafe { suspender.pointer().go_to(To::Fiber(&caller, ())) };
            log.borrow_mut().push("task ends");
        },
    );
    let mut task_stack = None;
    let scheduler = fiber(
        pool.take().unwrap(),
        |suspender: Suspender<'_, (), ()>, ()| {
            caller.is_resumed_by(&suspender);
            assert_eq!(suspended(caller.resume(())), 10);
            assert_eq!(suspended(task.resume(())), 1);
            // It hands over to the task, that to it, and then it suspends itself.
            assert_eq!(suspended(caller.resume(())), 20);
            task_stack = Some(ended(task.resume(())));
            assert!(matches!(caller.resume(()), Switch::Ended(None)));
            log.borrow_mut().push("scheduler ends");
        },
    );
    let suspender = caller.suspender();
    // SAFETY: this stack is the caller's; the scheduler does as it is asked to.
    unsafe { caller.begin(&scheduler) };
    log.borrow_mut().push("caller");
    // SAFETY: this is the fiber of the suspender, here and below.
    unsafe { suspender.suspend(10) };
    // SAFETY: the task has suspended itself, and does not end before it was resumed.
    unsafe { suspender.go_to(To::Fiber(&task, ())) };
    log.borrow_mut().push("caller again");
    // SAFETY: as above.
    unsafe { suspender.suspend(20) };
    // SAFETY: the scheduler has resumed this fiber last.
    let stack = unsafe { caller.end(&scheduler) };
    drop((scheduler, task));
    pool.give_back(stack);
    pool.give_back(task_stack.expect("the task has ended"));
    assert_eq!(pool.taken_count(), 0);
    let order = [
        "caller",
        "task",
        "caller again",
        "task ends",
        "scheduler ends",
    ];
    assert_eq!(log.into_inner(), order);
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
    let fiber = fiber(
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
fn whoever_goes_on_in_anothers_stead_answers_its_resumer() {
    let mut pool = pool();
    let log = RefCell::new(Vec::new());
    let fibers = RefCell::new(Vec::new());
    for number in 0..3 {
        let (log, fibers) = (&log, &fibers);
        let body = move |suspender: Suspender<'_, u32, u32>, first| {
            log.borrow_mut().push((number, first));
            let mut input = suspender.suspend(0);
            while input < 10 {
                log.borrow_mut().push((number, input));
                // The first hands over to the second, that to the third, which suspends.
                input = match number {
                    2 => suspender.suspend(input * 100),
                    _ => {
                        let next: *const Fiber<u32, u32> = &raw const fibers.borrow()[number + 1];
                        // SAFETY: nobody changes the list as long as fibers run.
                        let next = unsafe { &*next };
                        // SAFETY: this fiber runs; the next one has suspended itself, and
                        // ends for an input of 10 only, which is given by `resume`.
                        unsafe { suspender.pointer().go_to(To::Fiber(next, input + 1)) }
                    }
                };
            }
        };
        let fresh = fiber(pool.take().unwrap(), body);
        fibers.borrow_mut().push(fresh);
    }
    let resume = |number: usize, input| {
        let fiber: *const Fiber<u32, u32> = &raw const fibers.borrow()[number];
        // SAFETY: the list does not change any more.
        unsafe { &*fiber }.resume(input)
    };
    for number in 0..3 {
        assert_eq!(suspended(resume(number, 7)), 0);
    }
    // All of them wait in the middle of the chain now, and each can be resumed.
    for round in 0..3 {
        assert_eq!(suspended(resume(0, round)), (round + 2) * 100);
        assert_eq!(suspended(resume(1, round)), (round + 1) * 100);
        assert_eq!(suspended(resume(2, round)), round * 100);
    }
    assert_eq!(
        log.borrow()[3..9],
        [(0, 0), (1, 1), (2, 2), (1, 0), (2, 1), (2, 0)]
    );
    for number in 0..3 {
        pool.give_back(ended(resume(number, 10)));
    }
    assert_eq!(pool.taken_count(), 0);
}

#[test]
fn a_panic_leaves_the_fiber_by_value() {
    let mut pool = pool();
    let mut caught = None;
    let fiber = fiber(
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
        let fiber = fiber(pool.take().unwrap(), |_: Suspender<'_, (), ()>, ()| {
            panic!("nobody catches this");
        });
        let _switch = fiber.resume(());
        return;
    }
    let stderr = assert_child_dies(
        "switch::a_panic_that_reaches_the_root_aborts_with_a_message",
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
        let fiber = fiber(
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
        "switch::dropping_a_suspended_fiber_aborts_with_a_message",
        libc::SIGABRT,
    );
    assert!(stderr.contains("a suspended fiber was dropped"), "{stderr}");
}

#[test]
fn a_resumed_fiber_that_has_ended_panics() {
    let mut pool = pool();
    let fiber = fiber(pool.take().unwrap(), |_: Suspender<'_, (), ()>, ()| {});
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
fn a_fiber_cannot_change_its_thread() {
    /// Two implementations fit a type that is `Send`: naming `claim` of it is
    /// ambiguous and does not compile.
    trait AmbiguousIfSend<Marker> {
        fn claim() {}
    }
    impl<T> AmbiguousIfSend<()> for T {}
    impl<T: Send> AmbiguousIfSend<u8> for T {}
    <Fiber<(), ()> as AmbiguousIfSend<_>>::claim();
    <SuspenderPointer<(), ()> as AmbiguousIfSend<_>>::claim();
    <Suspender<'_, (), ()> as AmbiguousIfSend<_>>::claim();
}

#[test]
fn guards_live_across_a_suspension() {
    let mut pool = pool();
    let mutex = Mutex::new(1);
    let cell = RefCell::new(1);
    let holder = fiber(
        pool.take().unwrap(),
        |suspender: Suspender<'_, (), ()>, ()| {
            let mut locked = mutex.lock().unwrap();
            let mut borrowed = cell.borrow_mut();
            suspender.suspend(());
            *locked += 1;
            *borrowed += 1;
        },
    );
    suspended(holder.resume(()));
    let sibling = fiber(pool.take().unwrap(), |_: Suspender<'_, (), ()>, ()| {
        assert!(mutex.try_lock().is_err() && cell.try_borrow().is_err());
    });
    pool.give_back(ended(sibling.resume(())));
    pool.give_back(ended(holder.resume(())));
    drop((holder, sibling));
    assert_eq!((*mutex.lock().unwrap(), *cell.borrow()), (2, 2));
}

#[test]
fn the_thread_word_is_the_same_on_all_fibers_of_a_thread() {
    let mut pool = pool();
    let (one, two) = (1_u8, 2_u8);
    let (one, two) = ((&raw const one).cast::<()>(), (&raw const two).cast::<()>());
    set_thread_word(one);
    let fiber = fiber(
        pool.take().unwrap(),
        |suspender: Suspender<'_, (), ()>, ()| {
            assert_eq!(thread_word(), one);
            suspender.suspend(());
            assert_eq!(thread_word(), two);
        },
    );
    suspended(fiber.resume(()));
    set_thread_word(two);
    pool.give_back(ended(fiber.resume(())));
    assert_eq!(thread_word(), two);
}
