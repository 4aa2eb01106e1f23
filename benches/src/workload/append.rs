//! A log: 4 KiB appended and synced (fdatasync(2)), by so many tasks that share one
//! file, so that the file system may sync several of them at once. The limit is as
//! many threads that do the same.

use std::fs::File;
use std::io::Write;
use std::rc::Rc;
use std::time::{Duration, Instant};

use io_core::{Io, fs};
use tempfile::TempDir;

use super::of_executors;
use crate::baseline::threads;
use crate::contender::{Contender, Scale, Shape, Workload};
use crate::data::{READ_BYTES, new_directory};
use crate::executor::Executor;

const RECORD: [u8; READ_BYTES] = [0x3c; READ_BYTES];

pub(super) fn workload() -> Workload {
    Workload {
        name: "append-sync",
        operation: "one record of 4 KiB appended and synced",
        parameter: Some("tasks"),
        parameters: |scale| match scale {
            Scale::Small => &[2],
            Scale::Full => &[1, 16],
        },
        reference: "std-thread-each",
        contenders,
        shape: Shape::Points,
    }
}

fn contenders(_scale: Scale, tasks: u64) -> Vec<Contender> {
    let directory = Rc::new(new_directory());
    let shared = Rc::clone(&directory);
    let count = usize::try_from(tasks).expect("there are few");
    let of_std = Contender::new("std-thread-each", tasks, move |each| {
        let log = log(&shared);
        threads::timed(count, |_| {
            for _ in 0..each {
                (&log).write_all(&RECORD).expect("there is room");
                log.sync_data().expect("there is room");
            }
        })
    });
    let mut all = vec![of_std.on_cpus(2)];
    let ours = move |io: &dyn Io, each| {
        let log = fs::File::from_fd(io, log(&directory).into());
        appends(io, &log, tasks, each)
    };
    all.extend(of_executors(&Executor::ALL, tasks, ours).map(|contender| contender.on_cpus(2)));
    all
}

/// An empty log.
fn log(directory: &TempDir) -> File {
    let path = directory.path().join("log");
    drop(std::fs::remove_file(&path));
    let opened = File::options().append(true).create_new(true).open(path);
    opened.expect("the directory is ours")
}

fn appends(io: &dyn Io, log: &fs::File<'_>, tasks: u64, each: u64) -> Duration {
    let begin = Instant::now();
    io.scope(|scope| {
        for _ in 0..tasks {
            scope.spawn(|| {
                let mut log = log;
                for _ in 0..each {
                    log.write_all(&RECORD).expect("there is room");
                    log.sync_data().expect("there is room");
                }
            });
        }
    });
    begin.elapsed()
}
