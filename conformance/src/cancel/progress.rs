//! What a canceled transfer or batch has done, and that it is over.

use std::io::{self, IoSlice, IoSliceMut};

use io_core::fs::{File, OpenOptions};
use io_core::{BatchEntry, Operation};

use super::trial::{
    Pause, as_task, assert_canceled, assert_no_request, assert_result, settle, trial,
};
use super::waits::{PIPE_READ, Span};
use crate::fixture::Fixture;

/// A long write into a pipe that nobody reads, canceled: what it says it wrote is
/// what is in the pipe.
pub(crate) fn partial_progress_is_returned(fixture: &Fixture<'_>) {
    const BYTES: usize = 1 << 20;
    let io = fixture.io();
    for pause in Pause::ALL {
        let (reader, writer) = io::pipe().expect("there are descriptors");
        let file = File::from_fd(io, writer.into());
        let progress = io.scope(|scope| {
            let content = vec![b'x'; BYTES];
            let write = move || {
                let progress = file.write_fully(&content);
                assert_no_request(io);
                progress
            };
            let task = scope.spawn_concurrent(write).expect("needs Concurrency");
            settle(io, pause);
            task.cancel()
        });
        assert_canceled(progress.result);
        let mut content = Vec::new();
        io::Read::read_to_end(&mut &reader, &mut content).expect("a pipe can be read");
        assert_eq!(content.len() as u64, progress.bytes, "after {pause:?}");
    }
}

/// After Canceled the read is over: what the pipe gets then goes into no buffer
/// of before, and is there for the next read.
pub(crate) fn a_canceled_read_lets_go_of_its_buffer(fixture: &Fixture<'_>) {
    let io = fixture.io();
    for _ in 0..50 {
        trial(fixture, &PIPE_READ, Span::Long, |wait| {
            io.scope(|scope| {
                let task = scope.spawn_concurrent(|| {
                    assert_canceled(wait.wait());
                    // The same stack memory as the buffer of the read had.
                    let memory = [0x55_u8; 512];
                    wait.complete();
                    settle(io, Pause::Yield);
                    let memory = std::hint::black_box(memory);
                    assert!(memory.iter().all(|&byte| byte == 0x55), "written to");
                    assert_result(wait.wait());
                });
                let task = task.expect("needs Concurrency");
                settle(io, Pause::Yield);
                let () = task.cancel();
            });
        });
    }
}

/// One request to a task in a batch: what was done keeps its result, the rest
/// answers Canceled, and nothing is pending afterwards.
pub(crate) fn a_canceled_batch_keeps_what_was_done(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let path = fixture.make_file("file", CONTENT);
    let file = File::open(io, &path).expect("it is there");
    for pause in Pause::ALL {
        let (reader, _writer) = io::pipe().expect("there are descriptors");
        let reader = File::from_fd(io, reader.into());
        io.scope(|scope| {
            let task = scope.spawn_concurrent(|| batch_with_an_empty_pipe(&file, &reader));
            let task = task.expect("needs Concurrency");
            settle(io, pause);
            let () = task.cancel();
        });
    }
}

const CONTENT: &[u8] = b"some content";

/// Reads a file three times and in between a pipe that has nothing.
fn batch_with_an_empty_pipe(file: &File<'_>, reader: &File<'_>) {
    const PIPE: usize = 2;
    let io = file.io();
    let mut buffers = [[0; CONTENT.len()]; 4];
    let mut slices = buffers.each_mut().map(|buffer| [IoSliceMut::new(buffer)]);
    let mut batch = Vec::new();
    for (index, slices) in slices.iter_mut().enumerate() {
        let (file, offset) = if index == PIPE {
            (reader, None)
        } else {
            (file, Some(0))
        };
        let (handle, buffers) = (file.handle(), slices);
        batch.push(BatchEntry::new(Operation::Read {
            handle,
            buffers,
            offset,
        }));
    }
    io.perform_batch(&mut batch);
    let results: Vec<_> = batch.into_iter().map(|entry| entry.result).collect();
    for (index, result) in results.into_iter().enumerate() {
        match result.expect("every entry has a result") {
            Ok(outcome) => {
                assert_ne!(index, PIPE, "an empty pipe has nothing");
                assert_eq!(outcome.expect_count(CONTENT.len()), CONTENT.len());
                assert_eq!(buffers[index], CONTENT);
            }
            Err(error) => {
                assert!(io_core::is_canceled(&error), "{error:?}");
                assert_eq!(buffers[index], [0; CONTENT.len()], "it failed and read");
            }
        }
    }
    assert_no_request(io);
}

pub(crate) fn a_batch_with_a_pending_request_does_nothing(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let path = fixture.make_file("file", "content");
    let mut options = OpenOptions::new();
    let file = options.write(true).open(io, &path).expect("it is there");
    as_task(io, |request| {
        request();
        let writing = [
            [IoSlice::new(b"a")],
            [IoSlice::new(b"b")],
            [IoSlice::new(b"c")],
        ];
        let entry = |(offset, buffers)| {
            BatchEntry::new(Operation::Write {
                handle: file.handle(),
                buffers,
                offset: Some(offset),
            })
        };
        let mut batch: Vec<_> = (0..)
            .zip(writing.iter().map(|slice| &slice[..]))
            .map(entry)
            .collect();
        io.perform_batch(&mut batch);
        for entry in batch {
            let result = entry.result.expect("every entry has a result");
            assert!(result.is_err_and(|error| io_core::is_canceled(&error)));
        }
        assert_no_request(io);
    });
    assert_eq!(fixture.content(&path), b"content");
}
