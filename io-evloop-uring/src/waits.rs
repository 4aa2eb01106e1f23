//! [`Waits`] and [`PoolWaits`]: whether a call of this thread has waited for long,
//! or has only lost the processor to somebody else. Asked after calls that took
//! long: by `file.rs` on workers, by `offload.rs` on threads of the pool.
//!
//! On a busy machine every call takes milliseconds now and then, since another
//! process runs meanwhile. That says nothing of the call: had it been made on
//! another thread, it would have taken as long. So what counts is the time in
//! which the thread could not have run:
//!
//! ```text
//!  waited = wall time - time on a processor - time in a processor's queue
//! ```
//!
//! The scheduler keeps both times for each thread (proc(5), `schedstat`). To have
//! waited at all is not enough: a call that sleeps for 100 us until the disk
//! answers is late by milliseconds if others run then. Nor is it enough that the
//! thread has waited *once* since the last look: it may have done so for a lock,
//! before the call. Where there is no `schedstat`, these two have to do.

use std::cell::Cell;
use std::ffi::c_long;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::str;

use io_blocking::system;

/// A look that is older is taken again before a call that may be asked about: what
/// the thread has waited for in between would be put down to the call.
const LOOK_AGE_NANOS_MAX: u64 = 5_000_000;

/// Room for three numbers.
const TEXT_BYTES_MAX: usize = 96;

/// What a worker knows about its waits.
pub(crate) struct Waits {
    /// `None` if there is none.
    schedule: Option<File>,
    /// `None` if the thread has slept since, nobody knows for how long: then the
    /// next call looks first.
    last: Cell<Option<Look>>,
    /// For how long the thread has slept for lack of work since the last look. A
    /// part of it is taken off twice, since the thread ran or was queued then: so
    /// a call has waited at least as long as `has_waited` finds, and what is not
    /// found is shorter than the oldest look that is used.
    slept_nanos: Cell<u64>,
}

/// What the thread had done when somebody looked.
#[derive(Clone, Copy)]
struct Look {
    at_nanos: u64,
    wait_count: c_long,
    /// `None` where the system does not tell.
    times: Option<Times>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Times {
    ran_nanos: u64,
    queued_nanos: u64,
}

impl Waits {
    /// Of the calling thread.
    pub(crate) fn new() -> Waits {
        Waits {
            schedule: open_schedule(),
            last: Cell::new(None),
            slept_nanos: Cell::new(0),
        }
    }

    /// Without `schedstat`.
    #[cfg(test)]
    fn without_schedule() -> Waits {
        Waits {
            schedule: None,
            last: Cell::new(None),
            slept_nanos: Cell::new(0),
        }
    }

    /// The thread has slept, or may have.
    pub(crate) fn forget(&self) {
        self.last.set(None);
    }

    /// The thread has slept for lack of work. A short sleep costs no new look.
    pub(crate) fn note_slept(&self, began_nanos: u64, ended_nanos: u64) {
        if self.schedule.is_none() {
            // Without the schedule a sleep can not be told from a wait in a call.
            return self.forget();
        }
        let slept_nanos = ended_nanos.saturating_sub(began_nanos);
        self.slept_nanos.set(self.slept_nanos.get() + slept_nanos);
    }

    /// To be called before a call that may be asked about. It costs system calls
    /// only if the last look is old, or the thread has slept since.
    #[inline]
    pub(crate) fn prepare(&self, now_nanos: u64) {
        let is_new = |look: Look| now_nanos.saturating_sub(look.at_nanos) <= LOOK_AGE_NANOS_MAX;
        if !self.last.get().is_some_and(is_new) {
            self.last.set(Some(self.look(now_nanos)));
            self.slept_nanos.set(0);
        }
    }

    /// Whether the thread has waited for more than `limit_nanos` since `prepare`.
    #[cold]
    pub(crate) fn has_waited(&self, now_nanos: u64, limit_nanos: u64) -> bool {
        // Brings the time that the thread ran up to date, which `schedstat` tells
        // as of the last tick of the clock.
        let ran_nanos = system::thread_ran_nanos();
        let mut now = self.look(now_nanos);
        if let Some(times) = &mut now.times {
            times.ran_nanos = ran_nanos;
        }
        let slept_nanos = self.slept_nanos.take();
        let Some(before) = self.last.replace(Some(now)) else {
            return false;
        };
        let rest_nanos = match (before.times, now.times) {
            (Some(before), Some(now)) => {
                let ran_nanos = now.ran_nanos.saturating_sub(before.ran_nanos);
                ran_nanos + now.queued_nanos.saturating_sub(before.queued_nanos)
            }
            _ => 0,
        };
        let rest_nanos = rest_nanos + slept_nanos;
        let wall_nanos = now.at_nanos.saturating_sub(before.at_nanos);
        // A processor that another machine has does not make a thread wait.
        now.wait_count != before.wait_count && wall_nanos.saturating_sub(rest_nanos) > limit_nanos
    }

    fn look(&self, now_nanos: u64) -> Look {
        Look {
            at_nanos: now_nanos,
            wait_count: system::wait_count(),
            times: self.schedule.as_ref().and_then(read_times),
        }
    }
}

/// When a thread of the pool has not looked for so long, it looks before a call.
const POOL_LOOK_AGE_NANOS_MAX: u64 = 1_000_000_000;

/// What a thread of the pool knows about its waits.
///
/// It keeps no descriptor and so looks seldom. All the time in which it was queued
/// since is taken off its call, so it is at least so long that the call waited.
pub(crate) struct PoolWaits {
    looked_at_nanos: Cell<u64>,
    queued_nanos: Cell<u64>,
}

/// A call of a thread of the pool that has begun.
pub(crate) struct PoolCall<'a> {
    waits: &'a PoolWaits,
    pub(crate) began_nanos: u64,
    wait_count: c_long,
    ran_nanos: u64,
}

impl PoolWaits {
    /// Of the calling thread.
    pub(crate) fn new() -> PoolWaits {
        PoolWaits {
            looked_at_nanos: Cell::new(0),
            queued_nanos: Cell::new(0),
        }
    }

    /// A call begins.
    pub(crate) fn begin(&self, now_nanos: u64) -> PoolCall<'_> {
        let age_nanos = now_nanos.saturating_sub(self.looked_at_nanos.get());
        if age_nanos > POOL_LOOK_AGE_NANOS_MAX {
            self.look(now_nanos);
        }
        PoolCall {
            waits: self,
            began_nanos: now_nanos,
            wait_count: system::wait_count(),
            ran_nanos: system::thread_ran_nanos(),
        }
    }

    /// For how long the thread was queued since the last look.
    fn look(&self, now_nanos: u64) -> u64 {
        self.looked_at_nanos.set(now_nanos);
        let times = open_schedule().as_ref().and_then(read_times);
        let queued_nanos = times.map_or(0, |times| times.queued_nanos);
        queued_nanos.saturating_sub(self.queued_nanos.replace(queued_nanos))
    }
}

impl PoolCall<'_> {
    /// The call has ended: whether it has waited for more than `limit_nanos`.
    pub(crate) fn has_waited(self, ended_nanos: u64, limit_nanos: u64) -> bool {
        let wall_nanos = ended_nanos.saturating_sub(self.began_nanos);
        if wall_nanos <= limit_nanos || system::wait_count() == self.wait_count {
            return false;
        }
        let ran_nanos = system::thread_ran_nanos().saturating_sub(self.ran_nanos);
        let rest_nanos = ran_nanos + self.waits.look(ended_nanos);
        wall_nanos.saturating_sub(rest_nanos) > limit_nanos
    }
}

fn open_schedule() -> Option<File> {
    File::open("/proc/thread-self/schedstat").ok()
}

fn read_times(schedule: &File) -> Option<Times> {
    let mut text = [0; TEXT_BYTES_MAX];
    let count = schedule.read_at(&mut text, 0).ok()?;
    parse_times(&text[..count])
}

fn parse_times(text: &[u8]) -> Option<Times> {
    let mut numbers = str::from_utf8(text).ok()?.split_ascii_whitespace();
    let mut next = || numbers.next()?.parse().ok();
    Some(Times {
        ran_nanos: next()?,
        queued_nanos: next()?,
    })
}

#[cfg(test)]
mod tests {
    use std::hint;
    use std::thread;
    use std::time::{Duration, Instant};

    use io_core::Clock;

    use super::*;

    /// Far above what another machine takes of the processor at once, which can not
    /// be told from a wait if there was one too.
    const LIMIT_NANOS: u64 = 50_000_000;
    /// A call that only computes, and loses the processor to others.
    const SPIN: Duration = Duration::from_millis(200);

    fn now_nanos() -> u64 {
        system::now(Clock::Monotonic).as_nanos()
    }

    fn spin(time: Duration) {
        let began = Instant::now();
        while began.elapsed() < time {
            hint::spin_loop();
        }
    }

    /// Whether `call`, of this thread, counts as one that has waited.
    fn is_found(waits: &Waits, call: impl FnOnce()) -> bool {
        waits.prepare(now_nanos());
        call();
        waits.has_waited(now_nanos(), LIMIT_NANOS)
    }

    #[test]
    fn a_call_that_lost_the_processor_has_not_waited() {
        // On a busy machine somebody else runs meanwhile.
        for waits in [Waits::new(), Waits::without_schedule()] {
            assert!(!is_found(&waits, || spin(SPIN)));
        }
    }

    #[test]
    fn a_call_that_slept_has_waited_once() {
        for waits in [Waits::new(), Waits::without_schedule()] {
            // Far more than a thread is queued between its clock and its look.
            let sleep = || thread::sleep(Duration::from_millis(800));
            assert!(is_found(&waits, sleep));
            assert!(!is_found(&waits, || ()));
            sleep();
            waits.forget();
            assert!(!is_found(&waits, || ()));
        }
    }

    /// Looks, and then sleeps for lack of work.
    fn after_a_sleep(waits: Waits) -> Waits {
        waits.prepare(now_nanos());
        let began = now_nanos();
        thread::sleep(Duration::from_millis(100));
        waits.note_slept(began, now_nanos());
        waits
    }

    #[test]
    fn what_the_thread_slept_for_lack_of_work_is_not_put_down_to_a_call() {
        for waits in [Waits::new(), Waits::without_schedule()] {
            let waits = after_a_sleep(waits);
            // As if no time had passed: the look is used.
            assert_eq!(waits.last.get().is_some(), waits.schedule.is_some());
            assert!(!waits.has_waited(now_nanos(), LIMIT_NANOS));
        }
    }

    #[test]
    fn a_call_that_slept_is_found_after_a_sleep_for_lack_of_work() {
        for waits in [Waits::new(), Waits::without_schedule()] {
            let waits = after_a_sleep(waits);
            let call = || thread::sleep(Duration::from_millis(800));
            assert!(is_found(&waits, call));
        }
    }

    #[test]
    fn a_call_that_waited_a_little_and_lost_the_processor_has_not_waited_for_long() {
        let waits = Waits::new();
        let mut short_count = 0;
        while short_count < 5 {
            let mut slept = Duration::ZERO;
            let is_found = is_found(&waits, || {
                let began = Instant::now();
                thread::sleep(Duration::from_micros(50));
                slept = began.elapsed();
                spin(SPIN);
            });
            // A sleep that took long by itself is none of a little.
            if slept < Duration::from_nanos(LIMIT_NANOS / 2) {
                assert!(!is_found);
                short_count += 1;
            }
        }
    }

    #[test]
    fn what_was_waited_for_before_a_call_is_not_put_down_to_it() {
        let waits = Waits::new();
        waits.prepare(now_nanos());
        thread::sleep(Duration::from_millis(100));
        assert!(!is_found(&waits, || spin(SPIN)));
    }

    #[test]
    fn a_thread_of_the_pool_tells_them_apart_too() {
        let waits = PoolWaits::new();
        let is_found = |call: &dyn Fn()| {
            let began = waits.begin(now_nanos());
            call();
            began.has_waited(now_nanos(), LIMIT_NANOS)
        };
        for _ in 0..3 {
            assert!(is_found(&|| thread::sleep(Duration::from_millis(800))));
            assert!(!is_found(&|| thread::sleep(Duration::from_micros(50))));
            assert!(!is_found(&|| {
                thread::sleep(Duration::from_micros(50));
                spin(SPIN);
            }));
        }
    }

    #[test]
    fn times_are_read_as_the_system_writes_them() {
        let times = Times {
            ran_nanos: 319_368_955,
            queued_nanos: 1_804_202_190,
        };
        assert_eq!(parse_times(b"319368955 1804202190 138\n"), Some(times));
        for text in [&b""[..], b"1", b"1 x 3", b"\xff 2 3"] {
            assert_eq!(parse_times(text), None);
        }
        let own = Waits::new().look(0).times.expect("this kernel tells");
        assert!(own.queued_nanos < u64::MAX / 2);
    }
}
