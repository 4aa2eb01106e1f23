//! Batches: each entry has a result of its own.

use std::io::{IoSlice, IoSliceMut};

use io_core::fs::{Metadata, OpenOptions};
use io_core::{At, BatchEntry, Operation, Outcome, Target};

use crate::fixture::{Fixture, Works, assert_errno};

fn count(entry: &mut BatchEntry<'_, '_>) -> std::io::Result<Outcome> {
    entry.result.take().expect("every entry has a result")
}

pub(crate) fn an_empty_batch_is_done(fixture: &Fixture<'_>) {
    fixture.io().perform_batch(&mut []);
}

pub(crate) fn every_entry_has_its_own_result(fixture: &Fixture<'_>) {
    let file = fixture.open("file", "0123456789");
    let missing = fixture.path("missing");
    let (mut a, mut b) = ([0; 1], [0; 1]);
    let (mut first, mut second) = ([IoSliceMut::new(&mut a)], [IoSliceMut::new(&mut b)]);
    let mut metadata = Metadata::default();
    let text = [IoSlice::new(b"x")];
    let mut batch = [
        BatchEntry::new(Operation::Read {
            handle: file.handle(),
            buffers: &mut first,
            offset: Some(2),
        }),
        BatchEntry::new(Operation::Open {
            at: At::working_directory(&missing),
            options: *OpenOptions::new().read(true),
        }),
        BatchEntry::new(Operation::Read {
            handle: file.handle(),
            buffers: &mut second,
            offset: Some(9),
        }),
        BatchEntry::new(Operation::Metadata {
            target: Target::Handle(file.handle()),
            out: &mut metadata,
        }),
        BatchEntry::new(Operation::Write {
            handle: file.handle(),
            buffers: &text,
            offset: Some(0),
        }),
    ];
    fixture.io().perform_batch(&mut batch);
    assert_eq!(count(&mut batch[0]).works().expect_count(1), 1);
    assert_errno(count(&mut batch[1]), libc::ENOENT);
    assert_eq!(count(&mut batch[2]).works().expect_count(1), 1);
    count(&mut batch[3]).works().expect_done();
    assert_errno(count(&mut batch[4]), libc::EBADF);
    assert_eq!((&a, &b), (b"2", b"9"));
    assert_eq!(metadata.len(), 10);
}

/// More entries than any ring has places.
pub(crate) fn a_batch_may_be_larger_than_any_queue(fixture: &Fixture<'_>) {
    const ENTRIES: usize = 6000;
    let content = fixture.random().bytes(ENTRIES);
    let file = fixture.open("file", &content);
    let mut bytes = vec![0_u8; ENTRIES];
    let mut slices: Vec<_> = bytes
        .chunks_mut(1)
        .map(|byte| [IoSliceMut::new(byte)])
        .collect();
    let entries = slices.iter_mut().zip(0_u64..);
    let mut batch: Vec<_> = entries
        .map(|(buffers, offset)| {
            BatchEntry::new(Operation::Read {
                handle: file.handle(),
                buffers,
                offset: Some(offset),
            })
        })
        .collect();
    fixture.io().perform_batch(&mut batch);
    for entry in &mut batch {
        assert_eq!(count(entry).works().expect_count(1), 1);
    }
    drop(batch);
    assert!(bytes == content, "the bytes differ");
}

pub(crate) fn a_batch_opens_and_its_handles_are_good(fixture: &Fixture<'_>) {
    let paths: Vec<_> = (0..50)
        .map(|index| fixture.path(format!("file-{index}")))
        .collect();
    let mut batch: Vec<_> = paths
        .iter()
        .map(|path| {
            BatchEntry::new(Operation::Create {
                at: At::working_directory(path),
                options: *OpenOptions::new().write(true).create_new(true),
            })
        })
        .collect();
    fixture.io().perform_batch(&mut batch);
    for (index, entry) in batch.iter_mut().enumerate() {
        let handle = count(entry).works().expect_handle();
        let file = io_core::fs::File::from_handle(fixture.io(), handle);
        file.write_all_at(format!("{index}").as_bytes(), 0).works();
    }
    for (index, path) in paths.iter().enumerate() {
        assert_eq!(fixture.content(path), format!("{index}").as_bytes());
    }
}

pub(crate) fn a_result_of_before_is_replaced(fixture: &Fixture<'_>) {
    let file = fixture.open("file", "0123");
    let mut entry = BatchEntry::new(Operation::Duplicate {
        handle: file.handle(),
    });
    entry.result = Some(Err(std::io::Error::from_raw_os_error(libc::EIO)));
    let mut batch = [entry];
    fixture.io().perform_batch(&mut batch);
    let handle = count(&mut batch[0]).works().expect_handle();
    fixture.io().close(handle).works();
}
