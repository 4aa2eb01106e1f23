//! Tests of the ring on the real kernel. Where io_uring is refused they say so
//! loudly; with `IO_REQUIRE_URING=1` that is a failure.
#![expect(unsafe_code, reason = "entries that name memory are made here")]

use super::{
    Completion, ENTRIES_MIN, EnterFaults, Entry, LinkDuration, Opcode, OpcodeSet, PollTimes,
    Position, Ring, RingOptions, Rung, SlotAddress, SyncReach, UserData, Wait, WorkerBound, setup,
};
use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::Duration;

/// A ring of `entries`, or `None` after one loud line where the kernel has none.
fn ring_of(entries: u32) -> Option<Ring> {
    let options = RingOptions {
        entries,
        ..RingOptions::default()
    };
    match Ring::new(&options) {
        Ok(ring) => Some(ring),
        Err(error) => {
            let is_required = std::env::var_os("IO_REQUIRE_URING").is_some_and(|set| set == "1");
            assert!(!is_required, "IO_REQUIRE_URING is set: {error}");
            eprintln!("SKIPPED: {error}");
            None
        }
    }
}

/// Distinct addresses that nobody follows.
fn slot(index: usize) -> SlotAddress {
    SlotAddress::new((index + 1) * 8)
}

fn operation(index: usize) -> UserData {
    UserData::Operation(slot(index))
}

/// Long enough for any of these; a wait that reaches it is a lost completion.
const WATCHDOG: Duration = Duration::from_secs(20);

/// Reaps until nothing is in flight.
fn reap_all(ring: &mut Ring) -> Vec<Completion> {
    let mut all = Vec::new();
    while ring.in_flight() > 0 {
        let limit = Wait::OneFor(WATCHDOG);
        let reaped = ring.submit_and_reap(limit, |_, completion| all.push(completion));
        assert_ne!(reaped.expect("enter"), 0, "lost after {all:?}");
    }
    all
}

fn eventfd() -> OwnedFd {
    // SAFETY: eventfd(2) takes no memory.
    let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
    assert!(fd >= 0, "{}", io::Error::last_os_error());
    // SAFETY: the descriptor is new and has no other owner.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

/// A poll of what never becomes ready.
fn endless_poll(user_data: UserData, fd: &OwnedFd) -> Entry {
    // SAFETY: kernel borrow; each test keeps `fd` until the ring is dropped.
    unsafe {
        Entry::poll(
            user_data,
            fd.as_raw_fd(),
            libc::POLLIN as u32,
            PollTimes::Single,
        )
    }
}

#[test]
fn a_nop_comes_back_with_its_user_data() {
    for entries in [2, 4096] {
        let Some(mut ring) = ring_of(entries) else {
            return;
        };
        assert_eq!(ring.entries(), entries);
        ring.push(Entry::nop(operation(3)));
        assert_eq!(ring.in_flight(), 1);
        let all = reap_all(&mut ring);
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].user_data, operation(3));
        assert_eq!(all[0].result, 0);
        assert!(!all[0].has_more());
        let counters = ring.counters();
        assert_eq!(
            (counters.submitted, counters.completed, counters.enters),
            (1, 1, 1)
        );
    }
}

#[test]
fn the_smallest_ring_carries_any_number_in_order() {
    let Some(mut ring) = ring_of(ENTRIES_MIN) else {
        return;
    };
    for count in [1, 2, 3, 4, 5, 1000] {
        for index in 0..count {
            ring.push(Entry::nop(operation(index)));
        }
        assert_eq!(ring.in_flight(), count);
        let order: Vec<UserData> = reap_all(&mut ring).iter().map(|c| c.user_data).collect();
        let expected: Vec<UserData> = (0..count).map(operation).collect();
        assert_eq!(order, expected);
    }
    assert!(ring.counters().sq_full > 0);
    assert_eq!(ring.counters().unknown, 0);
}

#[test]
fn more_in_flight_than_completion_entries_loses_nothing() {
    let Some(mut ring) = ring_of(ENTRIES_MIN) else {
        return;
    };
    let ready = eventfd();
    let capacity = ring.completion_entries() as usize;
    for count in [capacity - 1, capacity, capacity + 1, capacity * 100] {
        for index in 0..count {
            ring.push(endless_poll(operation(index), &ready));
        }
        ring.submit().expect("submit");
        assert_eq!(ring.in_flight(), count);
        let one = 1_u64;
        // SAFETY: eight bytes of `one` are read.
        let written = unsafe { libc::write(ready.as_raw_fd(), (&raw const one).cast(), 8) };
        assert_eq!(written, 8);
        let all = reap_all(&mut ring);
        let distinct: HashSet<UserData> = all.iter().map(|c| c.user_data).collect();
        assert_eq!((all.len(), distinct.len()), (count, count));
        assert!(all.iter().all(|completion| completion.result > 0));
        let mut read = 0_u64;
        // SAFETY: eight bytes of `read` are written.
        let count = unsafe { libc::read(ready.as_raw_fd(), (&raw mut read).cast(), 8) };
        assert_eq!(count, 8);
    }
    assert!(
        ring.counters().cq_overflows > 0,
        "the bound was not reached"
    );
}

/// Where in its memory a ring counts completions that the kernel has lost: the
/// field `cq_off.overflow` of io_uring_setup(2), the same for every ring.
fn lost_count_offset() -> usize {
    // struct io_uring_params, in words.
    let mut parameters = [0_u32; 30];
    // SAFETY: the structure is written.
    let fd = unsafe { libc::syscall(libc::SYS_io_uring_setup, 4, parameters.as_mut_ptr()) };
    let fd = i32::try_from(fd).expect("a descriptor");
    assert!(fd >= 0, "{}", io::Error::last_os_error());
    // SAFETY: the descriptor is new and has no other owner.
    drop(unsafe { OwnedFd::from_raw_fd(fd) });
    usize::try_from(parameters[24]).expect("it lies in the first page")
}

#[test]
fn a_completion_that_the_kernel_has_lost_is_an_error() {
    let Some(mut ring) = ring_of(4) else { return };
    let offset = lost_count_offset();
    assert!(offset < 4096);
    // SAFETY: a new mapping; the ring's first page.
    let page = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            4096,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_SHARED,
            ring.fd(),
            0,
        )
    };
    assert_ne!(page, libc::MAP_FAILED);
    // SAFETY: within the page.
    let count = unsafe { page.byte_add(offset) }.cast::<u32>();
    ring.push(Entry::nop(operation(0)));
    assert_eq!(reap_all(&mut ring).len(), 1);
    // SAFETY: it is mapped, and aligned as the kernel's own word is.
    unsafe { count.write_volatile(1) };
    ring.push(Entry::nop(operation(1)));
    for _ in 0..2 {
        let answer = ring.submit_and_reap(Wait::One, |_, _| ());
        let error = answer.expect_err("one is lost");
        assert_eq!(error.raw_os_error(), Some(libc::EBADR));
    }
    // SAFETY: as above.
    unsafe { count.write_volatile(0) };
    assert_eq!(reap_all(&mut ring).len(), 1);
    // SAFETY: nothing refers to the mapping any more.
    assert_eq!(unsafe { libc::munmap(page, 4096) }, 0);
}

#[test]
fn enters_that_are_refused_now_and_then_lose_nothing() {
    for entries in [ENTRIES_MIN, 8] {
        let Some(mut ring) = ring_of(entries) else {
            return;
        };
        ring.fail_enters_for_test(EnterFaults::Seeded(entries.into()));
        let ready = eventfd();
        let count = ring.completion_entries() as usize * 100;
        for index in 0..count {
            ring.push(endless_poll(operation(index), &ready));
        }
        while ring.has_unsubmitted() {
            ring.submit().expect("later is no error");
        }
        let one = 1_u64;
        // SAFETY: eight bytes of `one` are read.
        let written = unsafe { libc::write(ready.as_raw_fd(), (&raw const one).cast(), 8) };
        assert_eq!(written, 8);
        let mut seen = HashSet::new();
        while ring.in_flight() > 0 {
            let reaped = ring.submit_and_reap(Wait::OneFor(WATCHDOG), |_, completion| {
                assert!(seen.insert(completion.user_data));
            });
            reaped.expect("later is no error");
        }
        assert_eq!(seen.len(), count);
        assert!(ring.counters().refused > 0);
        assert!(ring.counters().cq_overflows > 0);
        // What is in flight is ended all the same.
        let never = eventfd();
        ring.push(endless_poll(operation(0), &never));
        drop(ring);
    }
}

#[test]
fn a_kernel_that_refuses_for_good_is_asked_seldom_until_it_is_an_error() {
    const LIMIT: Duration = Duration::from_millis(300);
    let options = RingOptions {
        refused_time_max: LIMIT,
        ..RingOptions::default()
    };
    for errno in [libc::EAGAIN, libc::EBUSY, libc::ENOMEM] {
        if ring_of(4).is_none() {
            return;
        }
        let mut ring = Ring::new(&options).expect("a ring was possible above");
        ring.push(Entry::nop(operation(0)));
        let count = u32::MAX;
        ring.fail_enters_for_test(EnterFaults::Next { errno, count });
        let began = std::time::Instant::now();
        let error = loop {
            match ring.submit_and_reap(Wait::One, |_, _| ()) {
                Ok(reaped) => assert_eq!(reaped, 0),
                Err(error) => break error,
            }
        };
        assert_eq!(error.raw_os_error(), Some(errno));
        assert!(began.elapsed() >= LIMIT);
        // Twice in a millisecond, and a few more.
        let refused = ring.counters().refused;
        assert!(u128::from(refused) < began.elapsed().as_millis() * 2 + 100);
        // Nothing is lost when it changes its mind.
        ring.fail_enters_for_test(EnterFaults::Next { errno, count: 0 });
        assert_eq!(reap_all(&mut ring).len(), 1);
    }
}

#[test]
fn a_linked_pair_is_never_split() {
    let never = eventfd();
    for entries in [2_u32, 4, 8] {
        let Some(mut ring) = ring_of(entries) else {
            return;
        };
        for before in 0..=2 * entries as usize + 1 {
            for index in 0..before {
                ring.push(Entry::nop(operation(index)));
            }
            let limit = LinkDuration::from(Duration::from_millis(1));
            let bounded = endless_poll(operation(1000), &never);
            // SAFETY: kernel borrow; everything is reaped before `limit` ends.
            let timeout = unsafe { Entry::link_timeout(slot(1000), &raw const limit) };
            ring.push_linked(bounded, timeout);
            let all = reap_all(&mut ring);
            assert_eq!(all.len(), before + 2);
            let result_of = |user_data| {
                let found = all
                    .iter()
                    .find(|completion| completion.user_data == user_data);
                found.expect("it completed").result
            };
            // Split, the timeout would answer EINVAL and the poll never end.
            assert_eq!(result_of(UserData::Deadline(slot(1000))), -libc::ETIME);
            assert_eq!(result_of(operation(1000)), -libc::ECANCELED);
        }
    }
}

#[test]
fn a_sink_may_push_and_its_entries_complete() {
    let Some(mut ring) = ring_of(ENTRIES_MIN) else {
        return;
    };
    ring.push(Entry::nop(operation(0)));
    let mut next = 1;
    while ring.in_flight() > 0 {
        let step = ring.submit_and_reap(Wait::One, |ring, _| {
            while next < 500 && ring.in_flight() < 7 {
                ring.push(Entry::nop(operation(next)));
                next += 1;
            }
        });
        step.expect("enter");
    }
    assert_eq!(ring.counters().completed, 500);
}

#[test]
fn a_wait_ends_at_its_limit() {
    let Some(mut ring) = ring_of(ENTRIES_MIN) else {
        return;
    };
    let limit = Duration::from_millis(5);
    let start = std::time::Instant::now();
    let reaped = ring.submit_and_reap(Wait::OneFor(limit), |_, _| ());
    assert_eq!(reaped.expect("enter"), 0);
    assert!(start.elapsed() >= limit);
    assert_eq!(
        ring.submit_and_reap(Wait::None, |_, _| ())
            .expect("no enter"),
        0
    );
    assert_eq!(
        ring.counters().enters,
        1,
        "there was nothing to do in the second"
    );
}

#[test]
fn dropping_a_ring_ends_what_is_in_flight() {
    let Some(mut ring) = ring_of(4) else { return };
    let never = eventfd();
    for index in 0..50 {
        ring.push(endless_poll(operation(index), &never));
    }
    ring.submit().expect("submit");
    let mut canceled = 0;
    ring.drain(|_, completion| {
        canceled += usize::from(completion.result == -libc::ECANCELED);
    })
    .expect("drain");
    assert_eq!(canceled, 50);
    ring.push(endless_poll(operation(50), &never));
    drop(ring);
}

#[test]
fn cancel_names_one_operation() {
    let Some(mut ring) = ring_of(4) else { return };
    let never = eventfd();
    ring.push(endless_poll(operation(0), &never));
    ring.push(endless_poll(operation(1), &never));
    ring.push(Entry::cancel(slot(1)));
    let mut seen = Vec::new();
    while seen.len() < 2 {
        ring.submit_and_reap(Wait::One, |_, completion| seen.push(completion))
            .expect("enter");
    }
    assert_eq!(ring.in_flight(), 1);
    let of = |user_data| {
        seen.iter()
            .find(|c| c.user_data == user_data)
            .map(|c| c.result)
    };
    assert_eq!(of(UserData::Cancel(slot(1))), Some(0));
    assert_eq!(of(operation(1)), Some(-libc::ECANCELED));
    assert_eq!(of(operation(0)), None);
}

#[test]
fn each_rung_of_the_ladder_makes_a_ring_that_works() {
    if ring_of(ENTRIES_MIN).is_none() {
        return;
    }
    for (index, lowest) in Rung::LADDER.into_iter().enumerate() {
        let options = RingOptions {
            entries: 4,
            ..RingOptions::default()
        };
        let refused = &Rung::LADDER[..index];
        let ring = Ring::build(&options, |rung, entries| {
            if refused.contains(&rung) {
                return Err(io::Error::from_raw_os_error(libc::EINVAL));
            }
            setup::make(rung, entries)
        });
        let mut ring = ring.expect("this kernel has every rung");
        assert_eq!(ring.rung(), lowest);
        for index in 0..100 {
            ring.push(Entry::nop(operation(index)));
        }
        assert_eq!(reap_all(&mut ring).len(), 100, "{lowest:?}");
    }
}

#[test]
fn the_ladder_ends_with_the_last_refusal() {
    let mut tried = Vec::new();
    let result = setup::climb_down(64, |rung, entries| -> io::Result<()> {
        tried.push((rung, entries));
        Err(io::Error::from_raw_os_error(libc::EINVAL))
    });
    assert_eq!(
        result.err().and_then(|e| e.raw_os_error()),
        Some(libc::EINVAL)
    );
    assert_eq!(tried, Rung::LADDER.map(|rung| (rung, 64)));
}

#[test]
fn want_of_memory_halves_the_ring_down_to_a_pair() {
    let mut tried = Vec::new();
    let result = setup::climb_down(9, |rung, entries| -> io::Result<()> {
        assert_eq!(rung, Rung::Full, "memory is no reason to drop flags");
        tried.push(entries);
        Err(io::Error::from_raw_os_error(libc::ENOMEM))
    });
    assert_eq!(
        result.err().and_then(|e| e.raw_os_error()),
        Some(libc::ENOMEM)
    );
    assert_eq!(tried, [9, 4, 2]);
    let found = setup::climb_down(64, |_, entries| match entries {
        16 => Ok(entries),
        _ => Err(io::Error::from_raw_os_error(libc::ENOMEM)),
    });
    assert_eq!(found.expect("at 16").ring, 16);
}

#[test]
fn a_refusal_of_another_kind_ends_the_ladder_at_once() {
    let mut tried = 0;
    let result = setup::climb_down(64, |_, _| -> io::Result<()> {
        tried += 1;
        Err(io::Error::from_raw_os_error(libc::EPERM))
    });
    assert_eq!(
        result.err().and_then(|e| e.raw_os_error()),
        Some(libc::EPERM)
    );
    assert_eq!(tried, 1);
}

#[test]
fn the_probe_can_be_forced_to_deny() {
    let Some(ring) = ring_of(ENTRIES_MIN) else {
        return;
    };
    assert!(ring.supports(Opcode::Read) && ring.supports(Opcode::OpenAt));
    assert_eq!(ring.worker_bound(), WorkerBound::Set);
    let denied = OpcodeSet::EMPTY.with(Opcode::Read).with(Opcode::Ftruncate);
    let options = RingOptions {
        forced_missing: denied,
        ..RingOptions::default()
    };
    let ring = Ring::new(&options).expect("a ring was possible above");
    for opcode in Opcode::ALL {
        let is_denied = denied.contains(opcode);
        assert_eq!(
            is_denied,
            matches!(opcode, Opcode::Read | Opcode::Ftruncate)
        );
        assert!(!(is_denied && ring.supports(opcode)), "{opcode:?}");
    }
    assert!(ring.supports(Opcode::Write));
}

#[test]
fn a_set_of_opcodes_has_room_for_all() {
    let all = Opcode::ALL
        .into_iter()
        .fold(OpcodeSet::EMPTY, OpcodeSet::with);
    assert!(Opcode::ALL.into_iter().all(|opcode| all.contains(opcode)));
    let codes: HashSet<u8> = Opcode::ALL.into_iter().map(Opcode::code).collect();
    assert_eq!(codes.len(), Opcode::ALL.len());
}

#[test]
fn a_file_is_written_synced_and_read_back() {
    let Some(mut ring) = ring_of(4) else { return };
    let path = std::env::temp_dir().join(format!("ring-file-{}", std::process::id()));
    let file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(&path);
    let file = file.expect("a temporary file");
    std::fs::remove_file(&path).expect("it was just made");
    let fd = file.as_raw_fd();
    let mut run = |entry: Entry| {
        ring.push(entry);
        let all = reap_all(&mut ring);
        all[0].outcome()
    };
    let text = b"in the ring";
    // SAFETY: kernel borrow; `text` is static and `file` outlives the closure.
    let write = unsafe { Entry::write(operation(0), fd, text.as_ptr(), 11, Position::At(5)) };
    assert_eq!(run(write).expect("write"), 11);
    for reach in [SyncReach::All, SyncReach::Data] {
        // SAFETY: kernel borrow; `file` outlives the closure.
        let sync = unsafe { Entry::sync(operation(0), fd, reach) };
        assert_eq!(run(sync).expect("sync"), 0);
    }
    let mut buf = [7_u8; 16];
    // SAFETY: kernel borrow; `buf` is untouched until the completion is reaped.
    let read = unsafe { Entry::read(operation(0), fd, buf.as_mut_ptr(), 16, Position::Current) };
    assert_eq!(run(read).expect("read"), 16);
    assert_eq!(&buf, b"\0\0\0\0\0in the ring");
    // SAFETY: kernel borrow, as above; the position is now at the end.
    let read = unsafe { Entry::read(operation(0), fd, buf.as_mut_ptr(), 16, Position::Current) };
    assert_eq!(run(read).expect("end of file"), 0);
    // SAFETY: kernel borrow, as above.
    let wrong = unsafe { Entry::read(operation(0), -1, buf.as_mut_ptr(), 16, Position::At(0)) };
    assert_eq!(
        run(wrong).expect_err("no such descriptor").raw_os_error(),
        Some(libc::EBADF)
    );
}
