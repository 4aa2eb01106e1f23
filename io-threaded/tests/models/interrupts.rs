//! A thread that waits, and those who interrupt it: the steps of `parker.rs`, in
//! each of the ways a wait is ended. The cancel word is reduced to the two bits
//! that matter here, with the read-modify-writes that it promises.

use crate::atomics::{AtomicU32, Ordering};
use crate::explore::{Arc, Condvar, Mutex, every_order, spawn};
use crate::word::{Kind, ParkerWord};

const REQUESTED: u32 = 1;
const INTERRUPTIBLE: u32 = 2;

/// A parker, and a system in which its thread can wait.
struct World {
    word: ParkerWord,
    /// The kernel's side of a sleep on the word: a wake is nothing that stays.
    sleep: Mutex<()>,
    woken: Condvar,
    /// Whether the timer is armed; then it goes on signalling.
    timer: Mutex<bool>,
    signalled: Condvar,
}

impl World {
    fn new() -> Arc<World> {
        Arc::new(World {
            word: ParkerWord::new(),
            sleep: Mutex::new(()),
            woken: Condvar::new(),
            timer: Mutex::new(false),
            signalled: Condvar::new(),
        })
    }

    /// futex(2): the word is compared under the lock that a wake takes. The kernel
    /// reads its newest value, as here a read-modify-write does.
    fn park(&self) {
        while self.word.is_undisturbed() {
            let asleep = self.sleep.lock().unwrap();
            if self.word.atomic().fetch_or(0, Ordering::AcqRel) == ParkerWord::ASLEEP {
                drop(self.woken.wait(asleep).unwrap());
            }
        }
    }

    fn wake(&self) {
        drop(self.sleep.lock().unwrap());
        self.woken.notify_all();
    }

    /// A call that only a signal ends.
    fn call(&self) {
        let mut is_armed = self.timer.lock().unwrap();
        while !*is_armed {
            is_armed = self.signalled.wait(is_armed).unwrap();
        }
        drop(is_armed);
        self.end_call();
    }

    fn end_call(&self) {
        if self.word.end_call() {
            *self.timer.lock().unwrap() = false;
        }
    }

    fn interrupt(&self) {
        match self.word.interrupt() {
            Some(Kind::Parked) => self.wake(),
            Some(Kind::Calling) => {
                let mut is_armed = self.timer.lock().unwrap();
                if self.word.is_call_marked() {
                    *is_armed = true;
                    self.signalled.notify_all();
                }
            }
            Some(Kind::Polling) | None => {}
        }
    }
}

/// One task's cancel word.
struct Cancel(AtomicU32);

impl Cancel {
    fn new() -> Arc<Cancel> {
        Arc::new(Cancel(AtomicU32::new(0)))
    }

    /// A requester: whether it has to interrupt.
    fn request(&self) -> bool {
        self.0.fetch_or(REQUESTED, Ordering::AcqRel) & INTERRUPTIBLE != 0
    }

    /// The waiter: whether it may wait.
    fn begin_wait(&self) -> bool {
        self.0.fetch_or(INTERRUPTIBLE, Ordering::AcqRel) & REQUESTED == 0
    }

    /// The waiter: whether a request was the reason.
    fn end_wait(&self) -> bool {
        self.0.fetch_and(!INTERRUPTIBLE, Ordering::AcqRel) & REQUESTED != 0
    }
}

/// The waiter of a task that nothing but its request ends.
fn wait(world: &World, cancel: &Cancel, kind: Kind) {
    loop {
        world.word.begin(kind);
        if !cancel.begin_wait() {
            // As the guard of a call that is not made.
            if kind == Kind::Calling {
                world.end_call();
            }
            break;
        }
        match kind {
            Kind::Parked => world.park(),
            Kind::Calling => world.call(),
            Kind::Polling => unreachable!("mio's waker is not ours to model"),
        }
        if cancel.end_wait() {
            break;
        }
    }
}

fn a_request_ends_the_wait(kind: Kind) {
    every_order(move || {
        let (world, cancel) = (World::new(), Cancel::new());
        let requester = spawn({
            let (world, cancel) = (Arc::clone(&world), Arc::clone(&cancel));
            move || {
                if cancel.request() {
                    world.interrupt();
                }
            }
        });
        wait(&world, &cancel, kind);
        requester.join().unwrap();
        assert!(
            !*world.timer.lock().unwrap(),
            "a signal comes after the end"
        );
    });
}

#[test]
fn a_request_ends_a_sleep_on_the_word() {
    a_request_ends_the_wait(Kind::Parked);
}

#[test]
fn a_request_ends_a_call_and_no_signal_is_left() {
    a_request_ends_the_wait(Kind::Calling);
}

/// The first task's wait ends by itself, so that its interrupt may come while the
/// second task waits on the same parker, or after it.
fn a_late_interrupt_is_harmless(first: Kind, second: Kind) {
    every_order(move || {
        let world = World::new();
        let cancels = [Cancel::new(), Cancel::new()];
        let requesters = cancels.each_ref().map(|cancel| {
            let (world, cancel) = (Arc::clone(&world), Arc::clone(cancel));
            spawn(move || {
                if cancel.request() {
                    world.interrupt();
                }
            })
        });
        world.word.begin(first);
        let has_begun = cancels[0].begin_wait();
        if first == Kind::Calling {
            world.end_call();
        }
        if has_begun {
            cancels[0].end_wait();
        }
        wait(&world, &cancels[1], second);
        for requester in requesters {
            requester.join().unwrap();
        }
        assert!(
            !*world.timer.lock().unwrap(),
            "a signal comes after the end"
        );
    });
}

#[test]
fn an_interrupt_of_a_sleep_may_meet_a_call() {
    a_late_interrupt_is_harmless(Kind::Parked, Kind::Calling);
}

#[test]
fn an_interrupt_of_a_call_may_meet_a_sleep() {
    a_late_interrupt_is_harmless(Kind::Calling, Kind::Parked);
}

#[test]
fn an_interrupt_of_a_call_may_meet_another_call() {
    a_late_interrupt_is_harmless(Kind::Calling, Kind::Calling);
}

#[test]
fn a_wake_and_an_interrupt_end_one_sleep() {
    every_order(|| {
        let (world, cancel) = (World::new(), Cancel::new());
        let waker = spawn({
            let world = Arc::clone(&world);
            move || {
                world.word.mark_woken();
                world.wake();
            }
        });
        let requester = spawn({
            let (world, cancel) = (Arc::clone(&world), Arc::clone(&cancel));
            move || {
                if cancel.request() {
                    world.interrupt();
                }
            }
        });
        // As `futex.rs` has it, the waiter is queued (and so may be marked) only
        // after it has begun; here the mark may also be lost to `begin`.
        wait(&world, &cancel, Kind::Parked);
        waker.join().unwrap();
        requester.join().unwrap();
    });
}
