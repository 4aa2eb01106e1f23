//! Copying a tree of small files from the disk's cache to a file system in memory:
//! names and directories first, then the files by so many tasks. The limits do the
//! same with `std::fs` on one thread and on two.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use io_core::{Io, fs};

use super::of_executors;
use crate::baseline::threads;
use crate::contender::{Contender, Scale, Shape, Workload};
use crate::data::{Tree, directory_in_memory};
use crate::executor::Executor;

pub(super) fn workload() -> Workload {
    Workload {
        name: "copy-tree",
        operation: "one file, found and copied",
        parameter: Some("tasks"),
        parameters: |_| &[1, 32],
        reference: "std-1-thread",
        contenders,
        shape: Shape::Points,
    }
}

fn contenders(scale: Scale, tasks: u64) -> Vec<Contender> {
    let tree = Rc::new(Tree::new(scale));
    let file_count = tree.file_count;
    let shared = Rc::clone(&tree);
    let of_std = |name, thread_count| {
        let tree = Rc::clone(&shared);
        Contender::new(name, file_count, move |iterations| {
            timed(iterations, &tree, |to| {
                std_copy(tree.path(), to, thread_count);
            })
        })
    };
    let mut all = vec![of_std("std-1-thread", 1)];
    if tasks > 1 {
        all.push(of_std("std-2-threads", 2).on_cpus(2));
    }
    let ours = move |io: &dyn Io, iterations| {
        timed(iterations, &tree, |to| {
            io_copy(io, tree.path(), to, tasks).expect("there is room");
        })
    };
    all.extend(of_executors(&Executor::ALL, file_count, ours));
    all
}

/// Times so many copies, each to a new directory; what becomes of it is not timed.
fn timed(iterations: u64, tree: &Tree, copy: impl Fn(&Path)) -> Duration {
    let mut time = Duration::ZERO;
    for _ in 0..iterations {
        let place = directory_in_memory();
        let to = place.path().join("copy");
        let begin = Instant::now();
        copy(&to);
        time += begin.elapsed();
        let copied = std::fs::read_dir(&to).expect("it was made").count();
        assert_eq!(copied, tree.directory_count, "every directory is there");
    }
    time
}

/// From and to.
type Pair = (PathBuf, PathBuf);

fn std_copy(from: &Path, to: &Path, thread_count: usize) {
    let mut files = Vec::new();
    let mut directories = vec![(from.to_path_buf(), to.to_path_buf())];
    while let Some((from, to)) = directories.pop() {
        std::fs::create_dir(&to).expect("there is room");
        for entry in std::fs::read_dir(&from).expect("it can be read") {
            let entry = entry.expect("it can be read");
            let pair: Pair = (entry.path(), to.join(entry.file_name()));
            if entry.file_type().expect("it is told").is_dir() {
                directories.push(pair);
            } else {
                files.push(pair);
            }
        }
    }
    let next = AtomicUsize::new(0);
    threads::timed(thread_count, |_| {
        // Relaxed: the index alone is shared.
        while let Some((from, to)) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            std::fs::copy(from, to).expect("there is room");
        }
    });
}

fn io_copy(io: &dyn Io, from: &Path, to: &Path, tasks: u64) -> std::io::Result<()> {
    let mut files = Vec::new();
    let mut directories = vec![(from.to_path_buf(), to.to_path_buf())];
    while let Some((from, to)) = directories.pop() {
        fs::create_dir(io, &to)?;
        for entry in fs::read_dir(io, &from)? {
            let entry = entry?;
            let pair: Pair = (from.join(entry.file_name()), to.join(entry.file_name()));
            if entry.file_type().is_dir() {
                directories.push(pair);
            } else {
                files.push(pair);
            }
        }
    }
    let next = AtomicUsize::new(0);
    let copy_some = || -> std::io::Result<()> {
        // Relaxed: the index alone is shared.
        while let Some((from, to)) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            fs::copy(io, from, to)?;
        }
        Ok(())
    };
    io.scope(|scope| {
        let tasks: Vec<_> = (0..tasks).map(|_| scope.spawn(copy_some)).collect();
        tasks.into_iter().try_for_each(|task| task.join())
    })
}
