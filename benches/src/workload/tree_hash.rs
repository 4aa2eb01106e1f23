//! Walking a tree of small files and hashing each with BLAKE3: names first, then
//! the files by so many tasks. The limits do the same with std::fs on one thread
//! and on two.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use io_core::{Io, fs};

use super::of_executors;
use crate::baseline::threads;
use crate::contender::{Contender, Scale, Shape, Workload};
use crate::data::Tree;
use crate::executor::Executor;

pub(super) fn workload() -> Workload {
    Workload {
        name: "tree-hash",
        operation: "one file, found, read and hashed",
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
    let with_tree = |name, hash: Box<dyn Fn(&Path) -> Hash>| {
        let tree = Rc::clone(&shared);
        Contender::new(name, file_count, move |iterations| {
            let expected = std_hash(tree.path(), 1);
            let begin = Instant::now();
            for _ in 0..iterations {
                assert!(hash(tree.path()) == expected, "the hashes differ");
            }
            begin.elapsed()
        })
    };
    let mut all = vec![with_tree(
        "std-1-thread",
        Box::new(|path| std_hash(path, 1)),
    )];
    if tasks > 1 {
        all.push(with_tree("std-2-threads", Box::new(|path| std_hash(path, 2))).on_cpus(2));
    }
    let ours = move |io: &dyn Io, iterations| {
        let expected = std_hash(tree.path(), 1);
        let once = || {
            let hash = io_hash(io, tree.path(), tasks).expect("it can be read");
            assert!(hash == expected, "the hashes differ");
        };
        timed(iterations, once)
    };
    all.extend(of_executors(&Executor::ALL, file_count, ours));
    all
}

fn timed(iterations: u64, once: impl Fn()) -> Duration {
    once();
    let begin = Instant::now();
    for _ in 0..iterations {
        once();
    }
    begin.elapsed()
}

/// The exclusive or of the files' hashes: the same in any order.
type Hash = [u8; blake3::OUT_LEN];

fn add(sum: &mut Hash, content: &[u8]) {
    for (left, right) in sum.iter_mut().zip(blake3::hash(content).as_bytes()) {
        *left ^= right;
    }
}

fn add_all(sums: impl IntoIterator<Item = Hash>) -> Hash {
    let mut total = Hash::default();
    for sum in sums {
        for (left, right) in total.iter_mut().zip(sum) {
            *left ^= right;
        }
    }
    total
}

fn std_hash(top: &Path, thread_count: usize) -> Hash {
    let mut files = Vec::new();
    let mut directories = vec![top.to_path_buf()];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(&directory).expect("it can be read") {
            let entry = entry.expect("it can be read");
            if entry.file_type().expect("it is told").is_dir() {
                directories.push(entry.path());
            } else {
                files.push(entry.path());
            }
        }
    }
    let next = AtomicUsize::new(0);
    let sums = std::sync::Mutex::new(Vec::new());
    threads::timed(thread_count, |_| {
        let mut sum = Hash::default();
        // Relaxed: the index alone is shared.
        while let Some(path) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            add(&mut sum, &std::fs::read(path).expect("it can be read"));
        }
        sums.lock().expect("no thread panics").push(sum);
    });
    add_all(sums.into_inner().expect("no thread panics"))
}

fn io_hash(io: &dyn Io, top: &Path, tasks: u64) -> std::io::Result<Hash> {
    let files = io_walk(io, top)?;
    let next = AtomicUsize::new(0);
    let hash_some = || -> std::io::Result<Hash> {
        let mut sum = Hash::default();
        // Relaxed: the index alone is shared.
        while let Some(path) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            add(&mut sum, &fs::read(io, path)?);
        }
        Ok(sum)
    };
    io.scope(|scope| {
        let tasks: Vec<_> = (0..tasks).map(|_| scope.spawn(hash_some)).collect();
        let sums: std::io::Result<Vec<Hash>> = tasks.into_iter().map(|task| task.join()).collect();
        sums.map(add_all)
    })
}

fn io_walk(io: &dyn Io, top: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut directories = vec![top.to_path_buf()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(io, &directory)? {
            let entry = entry?;
            let path = directory.join(entry.file_name());
            if entry.file_type().is_dir() {
                directories.push(path);
            } else {
                files.push(path);
            }
        }
    }
    Ok(files)
}
