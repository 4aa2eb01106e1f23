//! Tests of the kernel wakers: every way to carry a wake, many times, against a
//! sleeper that never spins. The protocol itself is checked by the loom models.
//!
//! `IO_STRESS_ROUNDS=1000000` runs the long form:
//! `IO_STRESS_ROUNDS=1000000 cargo test --release -p io-evloop-uring --lib wake::tests`.

#![expect(unsafe_code, reason = "forks a process with one thread")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::{Reach, Sender, SleepWake, Sleeper, WakerKind};
use crate::ring::{Completion, OpcodeSet, Ring, RingOptions, UserData, Wait, WakeArm};
use crate::tests::child::in_child;

/// A round is two wakes from one processor to another: 100 us in a virtual machine.
const ROUNDS_DEFAULT: u64 = 3000;
const CHECK_TIME_MAX: Duration = Duration::from_secs(1200);
/// A sleep that lasts as long was not woken.
const WAKE_TIME_MAX: Duration = Duration::from_secs(20);

fn rounds() -> u64 {
    let set = std::env::var("IO_STRESS_ROUNDS").ok();
    set.map_or(ROUNDS_DEFAULT, |text| text.parse().expect("a number"))
}

/// Runs `check` and ends the process with its name if it hangs.
fn watched<R>(name: &str, check: impl FnOnce() -> R) -> R {
    let (is_over, over) = mpsc::channel::<()>();
    let name = name.to_owned();
    thread::spawn(move || {
        if over.recv_timeout(CHECK_TIME_MAX) == Err(mpsc::RecvTimeoutError::Timeout) {
            eprintln!("{name}: a wake was lost");
            std::process::abort();
        }
    });
    let result = check();
    drop(is_over);
    result
}

fn ring() -> Ring {
    Ring::new(&RingOptions::default()).expect("these tests need io_uring")
}

/// How a side of a ping-pong sends its wakes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    /// By its ring, at once.
    Ring,
    /// By its ring, with its next enter.
    RingLater,
    /// As a thread without one.
    Foreign,
}

/// One side: a worker that sleeps until its turn, then gives the turn away.
struct Side {
    wake: Arc<SleepWake>,
    turns: Arc<[AtomicU64; 2]>,
    worker: usize,
    by: By,
}

impl Side {
    fn play(&self, rounds: u64) {
        let mut ring = ring();
        let mut sleeper = self.wake.attach(self.worker, &ring).expect("an eventfd");
        for round in 1..=rounds {
            if self.worker == 0 {
                self.give(&mut ring, round);
            }
            self.await_turn(&mut ring, &mut sleeper, round);
            if self.worker == 1 {
                self.give(&mut ring, round);
            }
        }
        sleeper
            .detach(&mut ring, |_, _| ())
            .expect("the ring works");
        assert_eq!(ring.counters().unknown, 0);
    }

    fn give(&self, ring: &mut Ring, round: u64) {
        let other = 1 - self.worker;
        self.turns[other].store(round, Ordering::Release);
        let sender = match self.by {
            By::Ring => Sender::Ring(ring),
            By::RingLater => Sender::RingLater(ring),
            By::Foreign => Sender::Foreign,
        };
        self.wake.wake_worker(other, sender).expect("a way to wake");
        if self.worker == 1 && self.by == By::RingLater {
            // The last one must not stay in a queue.
            ring.submit().expect("the ring works");
        }
    }

    fn await_turn(&self, ring: &mut Ring, sleeper: &mut Sleeper, round: u64) {
        let is_there = || self.turns[self.worker].load(Ordering::Acquire) >= round;
        while !is_there() {
            let wait = (Wait::One, Reach::ForJobs);
            sleeper
                .sleep(ring, wait, is_there, |_, completion| {
                    panic!("{completion:?} belongs to nobody");
                })
                .expect("the ring works");
        }
    }
}

fn ping_pong(kind: WakerKind, by: By, rounds: u64, prepare: impl FnOnce(&SleepWake)) {
    let wake = Arc::new(SleepWake::new(2, kind));
    prepare(&wake);
    let turns = Arc::new([AtomicU64::new(0), AtomicU64::new(0)]);
    let side = |worker| Side {
        wake: Arc::clone(&wake),
        turns: Arc::clone(&turns),
        worker,
        by,
    };
    let (first, second) = (side(0), side(1));
    watched(&format!("{kind:?} by {by:?}"), || {
        let other = thread::spawn(move || second.play(rounds));
        first.play(rounds);
        other.join().expect("no assertion failed");
    });
    assert_eq!(wake.sleepers().sleeping(), 0);
}

#[test]
fn the_in_ring_futex_loses_no_wake() {
    for by in [By::Ring, By::RingLater, By::Foreign] {
        ping_pong(WakerKind::FutexInRing, by, rounds(), |_| ());
    }
}

#[test]
fn messages_lose_no_wake() {
    for by in [By::Ring, By::RingLater, By::Foreign] {
        ping_pong(WakerKind::MsgRing, by, rounds(), |_| ());
    }
}

#[test]
fn messages_lose_no_wake_where_they_need_a_ring() {
    let prepare = SleepWake::refuse_sending_without_ring;
    ping_pong(WakerKind::MsgRing, By::Foreign, rounds(), prepare);
}

#[test]
fn the_eventfd_loses_no_wake() {
    for by in [By::Ring, By::Foreign] {
        ping_pong(WakerKind::EventFd, by, rounds(), |_| ());
    }
}

#[test]
fn a_kernel_without_a_waker_gets_the_eventfd() {
    for kind in WakerKind::ALL {
        assert_eq!(kind.or_fallback(OpcodeSet::EMPTY), WakerKind::EventFd);
    }
}

#[test]
fn a_futex_that_the_ring_refuses_is_replaced_by_the_eventfd() {
    let wake = Arc::new(SleepWake::new(1, WakerKind::FutexInRing));
    let mut ring = ring();
    let mut sleeper = wake.attach(0, &ring).expect("an eventfd");
    let refusal = UserData::WakeArm(WakeArm::Futex);
    let refusal = Completion::for_test(refusal, -libc::EINVAL);
    sleeper.on_arm(WakeArm::Futex, &refusal);
    assert_eq!(wake.kind_of(0), WakerKind::EventFd);
    assert_woken_by_another_thread(&wake, &mut ring, &mut sleeper);
    sleeper
        .detach(&mut ring, |_, _| ())
        .expect("the ring works");
}

#[test]
fn an_eventfd_that_cannot_be_polled_leaves_short_sleeps() {
    let wake = Arc::new(SleepWake::new(1, WakerKind::EventFd));
    let mut ring = ring();
    let mut sleeper = wake.attach(0, &ring).expect("an eventfd");
    let refusal = UserData::WakeArm(WakeArm::EventFd);
    let refusal = Completion::for_test(refusal, -libc::ENOMEM);
    sleeper.on_arm(WakeArm::EventFd, &refusal);
    // Nobody wakes it, and it comes back.
    let wait = (Wait::One, Reach::ForJobs);
    let slept = sleeper.sleep(&mut ring, wait, || false, |_, _| ());
    assert_eq!(slept.expect("the ring works"), 0);
    // The next time arming is tried again.
    assert_woken_by_another_thread(&wake, &mut ring, &mut sleeper);
    sleeper
        .detach(&mut ring, |_, _| ())
        .expect("the ring works");
}

/// Sleeps until a thread that is started for it sends a wake.
fn assert_woken_by_another_thread(wake: &Arc<SleepWake>, ring: &mut Ring, sleeper: &mut Sleeper) {
    let is_there = AtomicBool::new(false);
    let look = || is_there.load(Ordering::Acquire);
    thread::scope(|threads| {
        threads.spawn(|| {
            while !wake.sleepers().is_asleep(0) {
                thread::yield_now();
            }
            is_there.store(true, Ordering::Release);
            assert!(wake.wake_worker(0, Sender::Foreign).expect("a way to wake"));
        });
        let began = std::time::Instant::now();
        while !look() {
            let wait = (Wait::OneFor(WAKE_TIME_MAX), Reach::ForJobs);
            sleeper
                .sleep(ring, wait, look, |_, _| ())
                .expect("the ring works");
        }
        assert!(
            began.elapsed() < WAKE_TIME_MAX,
            "nothing but the time woke it"
        );
    });
}

/// The futex wait is armed while the process has one thread, and the wake comes
/// from the first further one. (A private wait is lost here since Linux 6.17.)
#[test]
fn a_wake_from_the_first_further_thread_arrives() {
    in_child(|| {
        // A fork has one thread; the only other one of this process waits for the
        // test and holds no lock.
        // SAFETY: the child leaves by _exit.
        let fork = unsafe { libc::fork() };
        assert!(fork >= 0, "fork: {}", std::io::Error::last_os_error());
        if fork == 0 {
            let check = std::panic::catch_unwind(the_first_further_thread_wakes);
            // SAFETY: ends the fork without running what belongs to its parent.
            unsafe { libc::_exit(i32::from(check.is_err())) };
        }
        let mut status = 0;
        // SAFETY: waits for our own fork and writes its status.
        let waited = unsafe { libc::waitpid(fork, &raw mut status, 0) };
        assert_eq!(
            (waited, status),
            (fork, 0),
            "the fork's check failed (above)"
        );
    });
}

fn the_first_further_thread_wakes() {
    let threads = std::fs::read_dir("/proc/self/task");
    let count = threads.expect("procfs").count();
    assert_eq!(count, 1, "the trap needs a process with one thread");
    let wakes = WakerKind::ALL.map(|kind| Arc::new(SleepWake::new(1, kind)));
    let mut rings = wakes.each_ref().map(|_| ring());
    let mut sleepers: Vec<Sleeper> = Vec::new();
    for (wake, ring) in wakes.iter().zip(&mut rings) {
        let mut sleeper = wake.attach(0, ring).expect("an eventfd");
        // Arms, and sleeps in vain.
        let wait = (Wait::OneFor(Duration::from_millis(1)), Reach::ForJobs);
        let slept = sleeper.sleep(ring, wait, || false, |_, _| ());
        assert_eq!(slept.expect("the ring works"), 0);
        sleepers.push(sleeper);
    }
    for ((wake, ring), mut sleeper) in wakes.iter().zip(&mut rings).zip(sleepers) {
        assert_woken_by_another_thread(wake, ring, &mut sleeper);
        sleeper.detach(ring, |_, _| ()).expect("the ring works");
    }
}

#[test]
fn a_worker_may_end_while_wakes_are_under_way() {
    for kind in WakerKind::ALL {
        let wake = Arc::new(SleepWake::new(1, kind));
        let is_over = AtomicBool::new(false);
        watched(&format!("{kind:?}"), || {
            thread::scope(|threads| {
                for _ in 0..2 {
                    threads.spawn(|| {
                        while !is_over.load(Ordering::Relaxed) {
                            wake.wake_worker(0, Sender::Foreign).expect("a way to wake");
                        }
                    });
                }
                for _ in 0..rounds() / 10 {
                    let mut ring = ring();
                    let mut sleeper = wake.attach(0, &ring).expect("an eventfd");
                    for _ in 0..3 {
                        let wait = (Wait::OneFor(Duration::from_micros(20)), Reach::ForJobs);
                        sleeper
                            .sleep(
                                &mut ring,
                                wait,
                                || false,
                                |_, completion| {
                                    panic!("{completion:?} belongs to nobody");
                                },
                            )
                            .expect("the ring works");
                    }
                    sleeper
                        .detach(&mut ring, |_, _| ())
                        .expect("the ring works");
                    assert_eq!(ring.counters().unknown, 0);
                }
                is_over.store(true, Ordering::Relaxed);
            });
        });
    }
}
