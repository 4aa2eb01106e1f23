//! Syncs of one file by several fibers, which go together.

use std::fs::OpenOptions;
use std::io::Write;
use std::time::Duration;

use io_core::fs::File;
use io_core::task::Task;
use io_core::{Clock, is_canceled, is_deadline};
use tempfile::TempDir;

use super::{Watchdog, with_workers};

const TASKS: usize = 16;
const RECORD: [u8; 512] = [0x3c; 512];

fn log() -> (TempDir, std::fs::File) {
    let directory = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).expect("a disk");
    let path = directory.path().join("log");
    let opened = OpenOptions::new().append(true).create(true).open(path);
    (directory, opened.expect("a place for files"))
}

#[test]
fn syncs_of_one_file_by_many_tasks_are_fewer_submissions() {
    const ROUNDS: usize = 8;
    let _watchdog = Watchdog::new();
    let event_loop = with_workers(1);
    let (_directory, file) = log();
    let look = file.try_clone().expect("a descriptor");
    event_loop
        .run(|io| {
            let file = File::from_fd(io, file.into());
            io.scope(|scope| {
                for _ in 0..TASKS {
                    scope.spawn(|| {
                        for _ in 0..ROUNDS {
                            (&file).write_all(&RECORD).expect("there is room");
                            file.sync_data().expect("a disk");
                        }
                    });
                }
            });
        })
        .expect("a ring");
    let bytes = look.metadata().expect("it is open").len();
    assert_eq!(bytes, (TASKS * ROUNDS * RECORD.len()) as u64);
    let submissions = event_loop.metrics().submissions;
    assert!(submissions < (TASKS * ROUNDS / 2) as u64, "{submissions}");
}

#[test]
fn a_sync_that_is_refused_is_refused_for_all() {
    let _watchdog = Watchdog::new();
    let event_loop = with_workers(1);
    event_loop
        .run(|io| {
            let (reader, _writer) = std::io::pipe().expect("a pipe");
            let reader = File::from_fd(io, reader.into());
            let code = || reader.sync_all().expect_err("it is a pipe").raw_os_error();
            io.scope(|scope| {
                let tasks: Vec<_> = (0..TASKS).map(|_| scope.spawn(code)).collect();
                for task in tasks {
                    assert_eq!(task.join(), Some(libc::EINVAL));
                }
            });
        })
        .expect("a ring");
}

#[test]
fn deadlines_and_requests_end_no_sync_of_others() {
    const ROUNDS: u64 = 40;
    let _watchdog = Watchdog::new();
    let event_loop = with_workers(1);
    let (_directory, file) = log();
    event_loop
        .run(|io| {
            let file = File::from_fd(io, file.into());
            let file = &file;
            let hurried = |index: u64| {
                for round in 0..ROUNDS {
                    let limit = Duration::from_micros((index * 37 + round * 61) % 400);
                    (&*file).write_all(&RECORD).expect("no deadline is set");
                    match io.with_timeout(limit, || file.sync_all()) {
                        Ok(()) => {}
                        Err(error) => assert!(is_deadline(&error), "{error}"),
                    }
                }
            };
            let patient = || (0..ROUNDS).for_each(|_| file.sync_all().expect("a disk"));
            let canceled = || loop {
                if let Err(error) = file.sync_all() {
                    assert!(is_canceled(&error), "{error}");
                    break file.sync_all().expect("it was delivered once");
                }
            };
            io.scope(|scope| {
                for index in 0..8 {
                    scope.spawn(move || hurried(index));
                    scope.spawn(patient);
                }
                for _ in 0..ROUNDS {
                    let tasks: Vec<_> = (0..3).map(|_| scope.spawn(canceled)).collect();
                    let soon = io
                        .now(Clock::Monotonic)
                        .saturating_add(Duration::from_micros(300));
                    io.sleep_until(soon).expect("nobody cancels");
                    tasks.into_iter().for_each(Task::cancel);
                }
            });
        })
        .expect("a ring");
}
