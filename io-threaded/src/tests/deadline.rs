//! Deadlines: each kind of wait ends by them, on threads of the pool and others.

use super::*;

use std::sync::atomic::AtomicU32;

use io_core::{FutexWord, is_deadline};

const SHORT: Duration = Duration::from_millis(20);

/// Runs `wait` under a deadline, on a plain thread and as a task.
#[track_caller]
fn times_out<T: Send>(io: &dyn Io, wait: impl Fn() -> io::Result<T> + Send + Sync) {
    let bounded = || {
        let start = Time::now();
        let error = io.with_timeout(SHORT, &wait).err().expect("it can not end");
        assert!(is_deadline(&error), "{error:?}");
        assert!(start.elapsed() >= SHORT, "after {:?}", start.elapsed());
        assert!(io.checkpoint().is_ok());
    };
    bounded();
    io.scope(|scope| scope.spawn_concurrent(bounded).unwrap().join());
}

#[test]
fn a_deadline_ends_sleeps_and_futex_waits() {
    watched("a_deadline_ends_sleeps_and_futex_waits", || {
        let threaded = Threaded::new();
        let io: &dyn Io = &threaded;
        times_out(io, || io.sleep(Duration::from_secs(1000)));
        let word = AtomicU32::new(0);
        times_out(io, || io.futex_wait(FutexWord::of(&word), 0, None));
        assert!(threaded.shared.lot.is_empty());
    });
}

#[test]
fn a_deadline_ends_reads_and_writes_of_pipes() {
    watched("a_deadline_ends_reads_and_writes_of_pipes", || {
        let threaded = Threaded::new();
        let io: &dyn Io = &threaded;
        let (reader, writer) = pipe();
        times_out(io, || read(io, &reader, &mut [0]));
        times_out(io, || {
            while write(io, &writer, &[7; 4096])? > 0 {}
            Ok(())
        });
    });
}

/// Its clock counts nanoseconds: rounded up to milliseconds, each of these waits
/// would be late by most of one.
#[test]
fn a_deadline_of_a_pipe_is_not_rounded() {
    const TIMEOUT: Duration = Duration::from_micros(1200);
    let threaded = Threaded::new();
    let io: &dyn Io = &threaded;
    let (reader, _writer) = pipe();
    let lateness = || {
        let start = Time::now();
        let answer = io.with_timeout(TIMEOUT, || read(io, &reader, &mut [0]));
        assert!(is_deadline(&answer.unwrap_err()));
        start.elapsed().saturating_sub(TIMEOUT)
    };
    let task = || (0..300).map(|_| lateness()).min().expect("a few");
    let least = io.scope(|scope| scope.spawn_concurrent(task).unwrap().join());
    assert!(least < Duration::from_micros(500), "late by {least:?}");
}

#[test]
fn a_deadline_ends_the_opening_of_a_fifo() {
    watched("a_deadline_ends_the_opening_of_a_fifo", || {
        let threaded = Threaded::new();
        let io: &dyn Io = &threaded;
        let fifo = Fifo::new();
        times_out(io, || open(io, &fifo.path, read_only()));
        // One that is not needed does no harm.
        io.with_timeout(Duration::from_secs(1000), || {
            for _ in 0..100 {
                open(io, Path::new("/dev/null"), read_only()).map(drop)?;
            }
            Ok::<_, io::Error>(())
        })
        .unwrap();
    });
}

#[test]
fn a_nonblocking_descriptor_waits_all_the_same() {
    watched("a_nonblocking_descriptor_waits_all_the_same", || {
        let threaded = Threaded::new();
        let io: &dyn Io = &threaded;
        let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        let (ours, theirs) = (
            Handle::from_fd(OwnedFd::from(ours)),
            Handle::from_fd(OwnedFd::from(theirs)),
        );
        times_out(io, || read(io, &ours, &mut [0]));
        let whereabouts = Whereabouts::default();
        io.scope(|scope| {
            let task = scope.spawn_concurrent(|| {
                whereabouts.tell();
                read(io, &ours, &mut [0])
            });
            whereabouts.await_asleep_in(SYS_POLLER);
            assert_eq!(write(io, &theirs, b"x").unwrap(), 1);
            assert_eq!(task.unwrap().join().unwrap(), 1);
        });
    });
}

#[test]
fn devices_that_can_not_be_polled_work_for_tasks() {
    watched("devices_that_can_not_be_polled_work_for_tasks", || {
        let threaded = Threaded::new();
        let io: &dyn Io = &threaded;
        io.scope(|scope| {
            let task = scope.spawn_concurrent(|| {
                let zero = open(io, Path::new("/dev/zero"), read_only()).unwrap();
                let mut buffer = [1; 16];
                assert_eq!(read(io, &zero, &mut buffer).unwrap(), 16);
                assert_eq!(buffer, [0; 16]);
                let null = open(io, Path::new("/dev/null"), read_only()).unwrap();
                assert_eq!(read(io, &null, &mut buffer).unwrap(), 0);
                io.with_timeout(Duration::from_secs(100), || {
                    assert_eq!(read(io, &zero, &mut buffer).unwrap(), 16);
                });
            });
            task.unwrap().join();
        });
    });
}
