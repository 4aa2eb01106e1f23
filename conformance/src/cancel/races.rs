//! Requests that race with results: nothing is lost, nothing comes twice.

use std::io::Read;
use std::sync::atomic::{AtomicU32, Ordering};

use io_core::fs::File;
use io_core::sync::Mutex;
use io_core::{FutexAddress, FutexWord, is_canceled};

use crate::fixture::{Fixture, Works};
use crate::growth::assert_no_descriptors_left;
use crate::system;

/// Bytes read and bytes left are the bytes written, whenever the request comes.
pub(crate) fn a_canceled_read_loses_no_byte(fixture: &Fixture<'_>) {
    const ROUNDS: u32 = 400;
    let io = fixture.io();
    let (reader, writer) = fixture.pipe();
    let mut random = fixture.random();
    for round in 0..ROUNDS {
        let bytes = round.to_le_bytes();
        let mut buffer = [0; 4];
        let first = io.scope(|scope| {
            let read = || (&reader).read(&mut buffer);
            let task = scope.spawn_concurrent(read).works();
            for _ in 0..random.below(4) {
                io.yield_now().works();
            }
            if random.below(2) == 0 {
                writer.write_fully(&bytes).result.works();
                task.cancel()
            } else {
                task.request_cancel();
                writer.write_fully(&bytes).result.works();
                task.join()
            }
        });
        let have = match first {
            Ok(count) => count,
            Err(error) => {
                assert!(is_canceled(&error), "{error:?}");
                0
            }
        };
        assert!(have <= 4);
        reader.read_fully(&mut buffer[have..]).result.works();
        assert_eq!(buffer, bytes, "round {round}, {have} bytes by the task");
    }
}

/// A request that lost the race is still pending.
pub(crate) fn a_request_is_delivered_or_pending(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let (reader, writer) = fixture.pipe();
    for round in 0..200 {
        let deliveries = io.scope(|scope| {
            let work = || {
                let mut deliveries = 0;
                let mut byte = [0; 1];
                loop {
                    match (&reader).read(&mut byte) {
                        Ok(count) => {
                            assert_eq!(count, 1);
                            break;
                        }
                        Err(error) => {
                            assert!(is_canceled(&error), "{error:?}");
                            deliveries += 1;
                        }
                    }
                }
                deliveries + usize::from(io.checkpoint().is_err())
            };
            let task = scope.spawn_concurrent(work).works();
            if round % 3 == 0 {
                io.yield_now().works();
            }
            task.request_cancel();
            writer.write_fully(b"x").result.works();
            task.join()
        });
        assert_eq!(deliveries, 1, "in round {round}");
    }
}

pub(crate) fn a_canceled_open_leaks_no_descriptor(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let path = fixture.make_file("file", "0123");
    let fifo = fixture.path("fifo");
    system::make_fifo(&fifo);
    assert_no_descriptors_left(|| {
        for round in 0..200 {
            io.scope(|scope| {
                let path = if round % 4 == 0 { &fifo } else { &path };
                let open = move || File::open(io, path).map(drop);
                let task = scope.spawn_concurrent(open).works();
                if round % 3 == 0 {
                    io.yield_now().works();
                }
                drop(task.cancel());
            });
        }
    });
}

/// Two wait, one wake and one request race: whoever got no wake leaves it to the
/// other. A wake that a canceled wait took away would leave the other for ever.
pub(crate) fn a_canceled_wait_takes_no_wake_away(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let tickets = AtomicU32::new(0);
    let take = || -> std::io::Result<()> {
        loop {
            let seen = tickets.load(Ordering::Acquire);
            if seen == 0 {
                io.futex_wait(FutexWord::of(&tickets), 0, None)?;
            } else if tickets
                .compare_exchange(seen, seen - 1, Ordering::AcqRel, Ordering::Relaxed)
                .is_ok()
            {
                return Ok(());
            }
        }
    };
    for round in 0..200 {
        io.scope(|scope| {
            let first = scope.spawn_concurrent(take).works();
            let second = scope.spawn_concurrent(take).works();
            if round % 2 == 0 {
                fixture.pause();
            }
            tickets.fetch_add(1, Ordering::AcqRel);
            io.futex_wake(FutexAddress::of(&tickets), 1);
            if first.cancel().is_ok() {
                // The second one gets a ticket of its own.
                tickets.fetch_add(1, Ordering::AcqRel);
                io.futex_wake(FutexAddress::of(&tickets), 1);
            }
            second.join().works();
        });
        assert_eq!(tickets.load(Ordering::Relaxed), 0, "in round {round}");
    }
}

pub(crate) fn canceled_waits_for_a_lock_leave_it_usable(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let mutex = Mutex::new(0_u32);
    let mut expected = 0;
    for round in 0..100 {
        io.scope(|scope| {
            let held = mutex.lock(io).works();
            let add = || -> std::io::Result<()> {
                *mutex.lock(io)? += 1;
                Ok(())
            };
            let canceled = scope.spawn_concurrent(add).works();
            let other = scope.spawn_concurrent(add).works();
            if round % 2 == 0 {
                fixture.pause();
            }
            canceled.request_cancel();
            drop(held);
            other.join().works();
            expected += 1 + u32::from(canceled.join().is_ok());
        });
        assert_eq!(*mutex.lock(io).works(), expected);
    }
}

pub(crate) fn a_storm_of_requests_ends(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let (reader, _writer) = fixture.pipe();
    for _ in 0..20 {
        io.scope(|scope| {
            for index in 0..12 {
                let reader = &reader;
                let wait = move || match index % 3 {
                    0 => io.sleep(std::time::Duration::from_secs(3600)),
                    1 => (&mut &*reader).read(&mut [0; 4]).map(drop),
                    _ => {
                        let word = AtomicU32::new(0);
                        loop {
                            io.futex_wait(FutexWord::of(&word), 0, None)?;
                        }
                    }
                };
                scope
                    .spawn_concurrent(move || assert!(wait().is_err()))
                    .works();
            }
            scope.cancel();
        });
    }
}
