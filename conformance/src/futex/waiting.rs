//! What a wait and a wake promise.

use std::sync::atomic::{AtomicU32, Ordering};

use io_core::FutexAddress;

use crate::fixture::Fixture;

pub(crate) fn a_changed_word_ends_the_wait_at_once(fixture: &Fixture<'_>) {
    let word = AtomicU32::new(1);
    let wait = fixture.io().futex_wait(&word, 0, None);
    wait.expect("it does not wait, so nothing goes wrong");
}

pub(crate) fn a_wake_ends_a_wait(fixture: &Fixture<'_>) {
    const ROUNDS: u32 = 100;
    let io = fixture.io();
    let word = AtomicU32::new(0);
    // The two take turns: each waits for the other's parity.
    let turns = |parity: u32| {
        for _ in 0..ROUNDS {
            loop {
                let seen = word.load(Ordering::Acquire);
                if seen % 2 == parity {
                    break;
                }
                io.futex_wait(&word, seen, None).expect("nobody cancels");
            }
            word.fetch_add(1, Ordering::Release);
            io.futex_wake(FutexAddress::of(&word), 1);
        }
    };
    fixture.beside(|| turns(1), || turns(0));
    assert_eq!(word.into_inner(), 2 * ROUNDS);
}
