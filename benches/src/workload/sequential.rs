//! A large file from its start to its end in blocks of 128 KiB, read from the page
//! cache or written over into it. The limit is read(2) and write(2) on one thread.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};

use io_core::{Io, fs};

use super::of_executors;
use crate::contender::{Contender, Scale, Shape, Workload};
use crate::data::CachedFile;
use crate::executor::Executor;

const BLOCK_BYTES: usize = 128 << 10;

pub(super) fn read() -> Workload {
    workload("sequential-read", |scale, megabytes| {
        let of_std: OfStd = |file, blocks| turn(&mut &*file, blocks, read_block);
        contenders(scale, megabytes, of_std, |file, blocks| {
            turn(&mut &*file, blocks, read_block)
        })
    })
}

pub(super) fn write() -> Workload {
    workload("sequential-write", |scale, megabytes| {
        let of_std: OfStd = |file, blocks| turn(&mut &*file, blocks, write_block);
        contenders(scale, megabytes, of_std, |file, blocks| {
            turn(&mut &*file, blocks, write_block)
        })
    })
}

fn workload(name: &'static str, contenders: fn(Scale, u64) -> Vec<Contender>) -> Workload {
    Workload {
        name,
        operation: "one block of 128 KiB",
        parameter: Some("MiB"),
        parameters: megabytes,
        reference: "std-1-thread",
        contenders,
        shape: Shape::Points,
    }
}

fn megabytes(scale: Scale) -> &'static [u64] {
    match scale {
        Scale::Small => &[4],
        Scale::Full => &[256, 4096],
    }
}

type OfStd = fn(&File, u64) -> Duration;
type Ours = fn(&fs::File<'_>, u64) -> Duration;

fn contenders(scale: Scale, megabytes: u64, of_std: OfStd, ours: Ours) -> Vec<Contender> {
    let name = format!("sequential-{megabytes}");
    let file = Rc::new(CachedFile::of_bytes(scale, &name, megabytes << 20));
    let shared = Rc::clone(&file);
    let mut all = vec![Contender::new("std-1-thread", 1, move |blocks| {
        of_std(&open(&shared.path), blocks)
    })];
    let ours = move |io: &dyn Io, blocks| {
        let opened = open(&file.path);
        ours(&fs::File::from_fd(io, opened.into()), blocks)
    };
    all.extend(of_executors(&Executor::ALL, 1, ours).map(|contender| contender.on_cpus(1)));
    all
}

fn open(path: &Path) -> File {
    let opened = File::options().read(true).write(true).open(path);
    opened.expect("it was written")
}

/// So many blocks, from the start again at the end.
fn turn<F: Read + Write + Seek>(
    file: &mut F,
    blocks: u64,
    one: fn(&mut F, &mut [u8]) -> usize,
) -> Duration {
    let mut block = vec![0x5a; BLOCK_BYTES];
    let bytes = file.seek(SeekFrom::End(0)).expect("it is a file");
    let per_pass = bytes / BLOCK_BYTES as u64;
    let begin = Instant::now();
    for index in 0..blocks {
        if index % per_pass == 0 {
            file.rewind().expect("it is a file");
        }
        assert_eq!(one(file, &mut block), BLOCK_BYTES, "it is read whole");
    }
    begin.elapsed()
}

/// One read may give less (F10), where a part of the file has left the cache.
fn read_block(file: &mut impl Read, block: &mut [u8]) -> usize {
    file.read_exact(block).expect("it can be read");
    block.len()
}

fn write_block(file: &mut impl Write, block: &mut [u8]) -> usize {
    file.write(block).expect("there is room")
}
