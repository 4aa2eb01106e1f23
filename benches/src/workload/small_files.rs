//! Small files: created, 4 KiB written, closed and removed, each task in a
//! directory of its own. On a file system in memory: what a disk's does depends
//! on what ran minutes before. Synced they are on the disk. The limits do the same with std::fs on one thread
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
use crate::contender::{Contender, Scale, Shape, Workload};
use crate::data::{READ_BYTES, directory_in_memory, new_directory};
use crate::executor::Executor;

/// Whether the disk has to have a file before it is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    /// The page cache is enough.
    Cached,
    /// fsync(2).
    Synced,
}

pub(super) fn cached() -> Workload {
    Workload {
        name: "small-files",
        operation: "one file created, written, closed and removed",
        parameter: Some("tasks"),
        parameters: |_| &[1, 64],
        reference: "std-1-thread",
        contenders: |_, tasks| contenders(Durability::Cached, directory_in_memory(), tasks),
        shape: Shape::Points,
    }
}

pub(super) fn synced() -> Workload {
    Workload {
        name: "small-files-synced",
        operation: "one file created, written, synced, closed and removed on the disk",
        parameter: Some("tasks"),
        parameters: |scale| match scale {
            Scale::Small => &[2],
            Scale::Full => &[64],
        },
        reference: "std-1-thread",
        contenders: |_, tasks| contenders(Durability::Synced, new_directory(), tasks),
        shape: Shape::Points,
    }
}

pub(crate) const CONTENT: [u8; READ_BYTES] = [0x3c; READ_BYTES];

fn contenders(durability: Durability, directory: TempDir, tasks: u64) -> Vec<Contender> {
    let directory = Rc::new(directory);
    let shared = Rc::clone(&directory);
    let of_std = |name, thread_count: u64| {
        let directory = Rc::clone(&shared);
        Contender::new(name, tasks, move |each| {
            let each = tasks / thread_count * each;
            std_threads(&directory, durability, thread_count, each)
        })
    };
    let mut all = vec![of_std("std-1-thread", 1)];
    if tasks > 1 {
        all.push(of_std("std-2-threads", 2).on_cpus(2));
    }
    if tasks > 2 && durability == Durability::Synced {
        all.push(of_std("std-thread-each", tasks).on_cpus(2));
    }
    all.extend(crate::peers::small_files(&directory, tasks, durability));
    let ours = move |io: &dyn Io, each| files(io, &directory, durability, tasks, each);
    all.extend(of_executors(&Executor::ALL, tasks, ours));
    all
}

/// A directory for one task; it may be there from before.
pub(crate) fn directory_of(directory: &TempDir, index: u64) -> PathBuf {
    let path = directory.path().join(format!("of-{index}"));
    std::fs::create_dir_all(&path).expect("the directory is ours");
    path
}

fn std_threads(
    directory: &TempDir,
    durability: Durability,
    thread_count: u64,
    each: u64,
) -> Duration {
    let paths: Vec<_> = (0..thread_count)
        .map(|index| directory_of(directory, index))
        .collect();
    threads::timed(paths.len(), |index| {
        for number in 0..each {
            let path = paths[index].join(format!("file-{number}"));
            std_once(&path, durability).expect("there is room");
        }
    })
}

fn std_once(path: &Path, durability: Durability) -> std::io::Result<()> {
    let mut file: File = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(&CONTENT)?;
    if durability == Durability::Synced {
        file.sync_all()?;
    }
    drop(file);
    std::fs::remove_file(path)
}

fn files(
    io: &dyn Io,
    directory: &TempDir,
    durability: Durability,
    tasks: u64,
    each: u64,
) -> Duration {
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
                        let path = path.join(format!("file-{number}"));
                        io_once(io, &path, durability).expect("there is room");
                    }
                });
            }
        });
        time = begin.elapsed();
    }
    time
}

fn io_once(io: &dyn Io, path: &Path, durability: Durability) -> std::io::Result<()> {
    let file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(io, path)?;
    (&file).write_all(&CONTENT)?;
    if durability == Durability::Synced {
        file.sync_all()?;
    }
    file.close()?;
    fs::remove_file(io, path)
}
