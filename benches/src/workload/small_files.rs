//! Small files: created, 4 KiB written, closed and removed, each task in a
//! directory of its own. On a file system in memory: what a disk's does depends
//! on what ran minutes before. The limits do the same with std::fs on one thread
//! and on two.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use io_core::{Io, fs};
use tempfile::TempDir;

use super::of_executors;
use crate::baseline::threads;
use crate::contender::{Contender, Scale, Workload};
use crate::data::{READ_BYTES, directory_in_memory};
use crate::executor::Executor;

pub(super) fn workload() -> Workload {
    Workload {
        name: "small-files",
        operation: "one file created, written, closed and removed",
        parameter: Some("tasks"),
        parameters: |_| &[1, 64],
        reference: "std-1-thread",
        contenders,
    }
}

const CONTENT: [u8; READ_BYTES] = [0x3c; READ_BYTES];

fn contenders(_scale: Scale, tasks: u64) -> Vec<Contender> {
    let directory = Rc::new(directory_in_memory());
    let shared = Rc::clone(&directory);
    let of_std = |name, thread_count: u64| {
        let directory = Rc::clone(&shared);
        Contender::new(name, tasks, move |each| {
            std_threads(&directory, thread_count, tasks / thread_count * each)
        })
    };
    let mut all = vec![of_std("std-1-thread", 1)];
    if tasks > 1 {
        all.push(of_std("std-2-threads", 2).on_cpus(2));
    }
    let ours = move |io: &dyn Io, each| files(io, &directory, tasks, each);
    all.extend(of_executors(&Executor::ALL, tasks, ours));
    all
}

/// A directory for one task; it may be there from before.
fn directory_of(directory: &TempDir, index: u64) -> PathBuf {
    let path = directory.path().join(format!("of-{index}"));
    std::fs::create_dir_all(&path).expect("the directory is ours");
    path
}

fn std_threads(directory: &TempDir, thread_count: u64, each: u64) -> Duration {
    let paths: Vec<_> = (0..thread_count)
        .map(|index| directory_of(directory, index))
        .collect();
    threads::timed(paths.len(), |index| {
        for number in 0..each {
            std_once(&paths[index].join(format!("file-{number}"))).expect("there is room");
        }
    })
}

fn std_once(path: &Path) -> std::io::Result<()> {
    let mut file: File = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(&CONTENT)?;
    drop(file);
    std::fs::remove_file(path)
}

fn files(io: &dyn Io, directory: &TempDir, tasks: u64, each: u64) -> Duration {
    let paths: Vec<_> = (0..tasks)
        .map(|index| directory_of(directory, index))
        .collect();
    let mut time = Duration::ZERO;
    for each in [1, each] {
        let begin = Instant::now();
        io.scope(|scope| {
            for path in &paths {
                scope.spawn(move || {
                    for number in 0..each {
                        io_once(io, &path.join(format!("file-{number}"))).expect("there is room");
                    }
                });
            }
        });
        time = begin.elapsed();
    }
    time
}

fn io_once(io: &dyn Io, path: &Path) -> std::io::Result<()> {
    let file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(io, path)?;
    (&file).write_all(&CONTENT)?;
    file.close()?;
    fs::remove_file(io, path)
}
