//! What a wake promises.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use io_core::{FutexAddress, FutexWord};

use crate::fixture::{Fixture, Works};

pub(crate) fn a_wake_without_a_wait_does_nothing(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let word = AtomicU32::new(0);
    for count in [0, 1, u32::MAX] {
        io.futex_wake(FutexAddress::of(&word), count);
    }
    assert_eq!(word.into_inner(), 0, "the word is nobody's but the user's");
}

/// Whoever unlocks may find that the next owner has freed the memory.
pub(crate) fn a_wake_needs_no_memory_at_the_address(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let word = Box::new(AtomicU32::new(0));
    let address = FutexAddress::of(&word);
    drop(word);
    io.futex_wake(address, u32::MAX);
    let on_stack = || FutexAddress::of(&AtomicU32::new(0));
    io.futex_wake(on_stack(), 1);
}

pub(crate) fn a_wake_of_all_ends_all_waits(fixture: &Fixture<'_>) {
    const WAITS: usize = 8;
    let io = fixture.io();
    let word = AtomicU32::new(0);
    let begun = AtomicUsize::new(0);
    io.scope(|scope| {
        for _ in 0..WAITS {
            let wait = || {
                begun.fetch_add(1, Ordering::Relaxed);
                while word.load(Ordering::Acquire) == 0 {
                    io.futex_wait(FutexWord::of(&word), 0, None).works();
                }
            };
            scope.spawn_concurrent(wait).works();
        }
        // All have begun: one that comes late needs no wake.
        while begun.load(Ordering::Relaxed) < WAITS {
            fixture.pause();
        }
        fixture.pause();
        word.store(1, Ordering::Release);
        io.futex_wake(FutexAddress::of(&word), u32::MAX);
    });
}

/// Tickets: each wake lets one go. With one wake lost somebody waits for ever.
pub(crate) fn each_wake_of_one_ends_a_wait(fixture: &Fixture<'_>) {
    const WAITS: usize = 8;
    const ROUNDS: usize = 50;
    let io = fixture.io();
    let tickets = AtomicU32::new(0);
    let taken = AtomicUsize::new(0);
    let take = || {
        loop {
            let seen = tickets.load(Ordering::Acquire);
            if seen == 0 {
                io.futex_wait(FutexWord::of(&tickets), 0, None).works();
                continue;
            }
            let exchange = (Ordering::AcqRel, Ordering::Relaxed);
            let took = tickets.compare_exchange(seen, seen - 1, exchange.0, exchange.1);
            if took.is_ok() {
                taken.fetch_add(1, Ordering::Relaxed);
                break;
            }
        }
    };
    for round in 1..=ROUNDS {
        io.scope(|scope| {
            for _ in 0..WAITS {
                scope.spawn_concurrent(take).works();
            }
            if round % 10 == 0 {
                fixture.pause();
            }
            for _ in 0..WAITS {
                tickets.fetch_add(1, Ordering::AcqRel);
                io.futex_wake(FutexAddress::of(&tickets), 1);
            }
        });
        assert_eq!(taken.load(Ordering::Relaxed), round * WAITS);
    }
}

pub(crate) fn a_wake_of_another_word_takes_no_wake_away(fixture: &Fixture<'_>) {
    const WORDS: usize = 300;
    let io = fixture.io();
    // Many neighbours, so that some share whatever table there is.
    let words: Vec<AtomicU32> = (0..WORDS).map(|_| AtomicU32::new(0)).collect();
    let tasks = crate::Need::CONCURRENT_TASKS;
    io.scope(|scope| {
        for word in words.iter().take(tasks) {
            let wait = || {
                while word.load(Ordering::Acquire) == 0 {
                    io.futex_wait(FutexWord::of(word), 0, None).works();
                }
            };
            scope.spawn_concurrent(wait).works();
        }
        fixture.pause();
        for word in words.iter().skip(tasks) {
            io.futex_wake(FutexAddress::of(word), u32::MAX);
        }
        for word in words.iter().take(tasks) {
            word.store(1, Ordering::Release);
            io.futex_wake(FutexAddress::of(word), 1);
        }
    });
}

/// Wake-before-wait and wait-before-wake at full speed: none is lost.
pub(crate) fn no_wake_is_lost_in_many_rounds(fixture: &Fixture<'_>) {
    const ROUNDS: u32 = 20_000;
    let io = fixture.io();
    let word = AtomicU32::new(0);
    let turns = |parity: u32| {
        for _ in 0..ROUNDS {
            loop {
                let seen = word.load(Ordering::Acquire);
                if seen % 2 == parity {
                    break;
                }
                io.futex_wait(FutexWord::of(&word), seen, None).works();
            }
            word.fetch_add(1, Ordering::AcqRel);
            io.futex_wake(FutexAddress::of(&word), 1);
        }
    };
    io.scope(|scope| {
        scope.spawn_concurrent(|| turns(0)).works();
        scope.spawn_concurrent(|| turns(1)).works();
    });
    assert_eq!(word.into_inner(), 2 * ROUNDS);
}

pub(crate) fn a_wake_works_where_nothing_may_wait(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let word = AtomicU32::new(0);
    struct WakeOnDrop<'a>(&'a dyn io_core::Io, &'a AtomicU32);
    impl Drop for WakeOnDrop<'_> {
        fn drop(&mut self) {
            self.1.store(1, Ordering::Release);
            self.0.futex_wake(FutexAddress::of(self.1), u32::MAX);
        }
    }
    let wait = || {
        while word.load(Ordering::Acquire) == 0 {
            io.futex_wait(FutexWord::of(&word), 0, None).works();
        }
    };
    let wake = || {
        let unwinding = || -> () {
            let _wake = WakeOnDrop(io, &word);
            std::panic::resume_unwind(Box::new("with a wake"));
        };
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(unwinding));
        assert!(result.is_err());
    };
    fixture.beside(wait, wake);
    io.no_suspend(&mut || io.futex_wake(FutexAddress::of(&word), 1));
}
