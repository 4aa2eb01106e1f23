//! Tests of `Barrier`.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use io_core::sync::Barrier;
use io_core::{is_canceled, is_deadline};

use super::crew::{is_ok_or_canceled, let_others_run, on_every_crew, with_tasks};

#[test]
fn nobody_passes_before_all_have_come() {
    const USERS: usize = 20;
    const ROUNDS: usize = 100;
    on_every_crew(|crew| {
        let barrier = Barrier::new(USERS);
        let (come, leaders) = (AtomicUsize::new(0), AtomicUsize::new(0));
        crew.all(USERS, |_| {
            for round in 1..=ROUNDS {
                come.fetch_add(1, Ordering::Relaxed);
                let result = barrier.wait(crew.io).expect("nobody cancels");
                if result.is_leader() {
                    leaders.fetch_add(1, Ordering::Relaxed);
                }
                assert!(come.load(Ordering::Relaxed) >= round * USERS);
                barrier.wait_uncancelable(crew.io);
            }
        });
        assert_eq!(leaders.into_inner(), ROUNDS);
    });
}

#[test]
fn one_for_none_or_one_lets_everybody_pass() {
    on_every_crew(|crew| {
        for count in [0, 1] {
            let barrier = Barrier::new(count);
            assert!(barrier.wait(crew.io).expect("no wait").is_leader());
        }
    });
}

#[test]
fn who_gives_up_has_not_come() {
    with_tasks(|io| {
        for _ in 0..500 {
            let barrier = Barrier::new(2);
            io.scope(|scope| {
                let first = scope.spawn(|| barrier.wait(io));
                let_others_run(io);
                assert!(is_canceled(&first.cancel().expect_err("it was alone")));
                let second = scope.spawn(|| barrier.wait(io));
                let_others_run(io);
                assert!(!second.is_finished());
                let answer = io.with_timeout(Duration::from_secs(60), || barrier.wait(io));
                let leaders = [answer, second.join()].map(|it| it.expect("two came").is_leader());
                assert!(leaders[0] != leaders[1]);
            });
        }
    });
}

#[test]
fn a_round_is_for_all_or_for_none_when_a_cancel_races() {
    with_tasks(|io| {
        let barrier = Barrier::new(2);
        for round in 0..1000 {
            io.scope(|scope| {
                let one = scope.spawn(|| is_ok_or_canceled(barrier.wait(io)));
                let other = scope.spawn(|| is_ok_or_canceled(barrier.wait(io)));
                for _ in 0..round % 3 {
                    io.yield_now().expect("nobody cancels the test");
                }
                let one = one.cancel();
                let other = other.cancel();
                assert_eq!(one, other, "round {round}");
            });
        }
    });
}

#[test]
fn a_deadline_ends_the_wait() {
    on_every_crew(|crew| {
        let barrier = Barrier::new(4);
        crew.all(3, |_| {
            let timeout = Duration::from_millis(1);
            let answer = crew.io.with_timeout(timeout, || barrier.wait(crew.io));
            assert!(is_deadline(&answer.expect_err("one is missing")));
        });
    });
}
