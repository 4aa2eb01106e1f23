//! What a read promises: the end of file, short transfers, vectors, offsets.

use std::io::{IoSliceMut, Read, Seek, SeekFrom};

use io_core::fs::File;
use io_core::{Operation, Outcome};

use crate::fixture::{Fixture, Works, assert_errno};

const CONTENT: &[u8; 10] = b"0123456789";
/// The largest offset of the system.
const OFFSET_MAX: u64 = i64::MAX as u64;

pub(crate) fn read_at_the_end_gives_zero(fixture: &Fixture<'_>) {
    let mut file = fixture.open("file", CONTENT);
    let mut buffer = [7; 4];
    assert_eq!(file.read_at(&mut buffer, 10).works(), 0);
    assert_eq!(buffer, [7; 4], "nothing was read");
    file.seek(SeekFrom::End(0)).works();
    assert_eq!(file.read(&mut buffer).works(), 0);
    assert_eq!(file.read(&mut buffer).works(), 0, "the second time too");
}

pub(crate) fn read_past_the_end_gives_zero(fixture: &Fixture<'_>) {
    let mut file = fixture.open("file", CONTENT);
    let mut buffer = [7; 4];
    for offset in [11, 4096, 1 << 40, OFFSET_MAX - 4] {
        let count = file.read_at(&mut buffer, offset).works();
        assert_eq!(count, 0, "at offset {offset}");
    }
    file.seek(SeekFrom::Start(4096)).works();
    assert_eq!(file.read(&mut buffer).works(), 0);
    assert_eq!(buffer, [7; 4], "nothing was read");
}

pub(crate) fn read_across_the_end_gives_the_rest(fixture: &Fixture<'_>) {
    let file = fixture.open("file", CONTENT);
    let mut buffer = [7; 8];
    let progress = file.read_fully_at(&mut buffer, 7);
    progress.result.works();
    assert_eq!(progress.bytes, 3);
    assert_eq!(&buffer, b"789\x07\x07\x07\x07\x07");
    let count = file.read_at(&mut buffer, 7).works();
    assert!((1..=3).contains(&count), "{count} bytes of three");
}

pub(crate) fn an_empty_file_is_at_its_end(fixture: &Fixture<'_>) {
    let mut file = fixture.open("file", b"");
    assert_eq!(file.read(&mut [0; 4]).works(), 0);
    assert_eq!(file.read_at(&mut [0; 4], 0).works(), 0);
}

pub(crate) fn read_exact_across_the_end_is_an_error(fixture: &Fixture<'_>) {
    let file = fixture.open("file", CONTENT);
    let error = file.read_exact_at(&mut [0; 4], 8);
    let error = error.expect_err("there are only two bytes");
    assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof);
}

pub(crate) fn what_is_appended_after_the_end_is_read(fixture: &Fixture<'_>) {
    let mut file = fixture.create("file");
    assert_eq!(file.read(&mut [0; 4]).works(), 0);
    file.write_all_at(b"more", 0).works();
    let mut text = String::new();
    file.read_to_string(&mut text).works();
    assert_eq!(text, "more", "the end was no final state");
}

pub(crate) fn read_at_an_offset_leaves_the_cursor(fixture: &Fixture<'_>) {
    let mut file = fixture.open("file", CONTENT);
    let mut buffer = [0; 2];
    file.seek(SeekFrom::Start(3)).works();
    file.read_exact_at(&mut buffer, 8).works();
    assert_eq!(&buffer, b"89");
    assert_eq!(file.stream_position().works(), 3);
    file.read_exact(&mut buffer).works();
    assert_eq!(&buffer, b"34");
}

pub(crate) fn reading_at_the_cursor_moves_it(fixture: &Fixture<'_>) {
    let mut file = fixture.open("file", CONTENT);
    let mut read = Vec::new();
    let mut buffer = [0; 3];
    loop {
        let before = file.stream_position().works();
        let count = file.read(&mut buffer).works();
        let after = file.stream_position().works();
        assert_eq!(after, before + count as u64, "by what was read");
        if count == 0 {
            break;
        }
        read.extend_from_slice(&buffer[..count]);
    }
    assert_eq!(read, CONTENT);
}

pub(crate) fn reading_into_nothing_gives_zero(fixture: &Fixture<'_>) {
    let mut file = fixture.open("file", CONTENT);
    assert_eq!(file.read(&mut []).works(), 0);
    assert_eq!(file.read_at(&mut [], 3).works(), 0);
    assert_eq!(file.read_vectored(&mut []).works(), 0, "no buffer");
    let mut empty = [IoSliceMut::new(&mut []), IoSliceMut::new(&mut [])];
    assert_eq!(file.read_vectored(&mut empty).works(), 0, "empty buffers");
    assert_eq!(file.read_vectored_at(&mut empty, 3).works(), 0);
    assert_eq!(file.stream_position().works(), 0, "it did not move");
}

pub(crate) fn reading_nothing_of_an_empty_pipe_does_not_wait(fixture: &Fixture<'_>) {
    let (mut reader, _writer) = fixture.pipe();
    assert_eq!(reader.read(&mut []).works(), 0);
    assert_eq!(reader.read_vectored(&mut []).works(), 0);
}

pub(crate) fn buffers_are_filled_in_order(fixture: &Fixture<'_>) {
    let file = fixture.open("file", CONTENT);
    let (mut a, mut b, mut c) = ([0; 3], [0; 1], [0; 4]);
    let mut buffers = [
        IoSliceMut::new(&mut a),
        IoSliceMut::new(&mut []),
        IoSliceMut::new(&mut b),
        IoSliceMut::new(&mut c),
    ];
    let count = file.read_vectored_at(&mut buffers, 1).works();
    assert!((1..=8).contains(&count), "{count} bytes of eight");
    let read = [&a[..], &b, &c].concat();
    assert_eq!(read[..count], CONTENT[1..=count]);
    assert!(read[count..].iter().all(|byte| *byte == 0), "{read:?}");
}

/// More buffers than one system call takes (`IOV_MAX` is 1024).
pub(crate) fn a_very_long_vector_is_read_in_part_at_least(fixture: &Fixture<'_>) {
    let content = fixture.random().bytes(5000);
    for length in [1023, 1024, 1025, 5000] {
        let file = fixture.open("file", &content);
        let mut memory = vec![0_u8; length];
        let mut buffers: Vec<_> = memory.chunks_mut(1).map(IoSliceMut::new).collect();
        let count = file.read_vectored_at(&mut buffers, 0).works();
        assert!(count >= 1 && count <= length, "{count} of {length} bytes");
        assert_eq!(memory[..count], content[..count]);
    }
}

/// A call that takes the first 1024 buffers only must not answer 0: that would
/// be the end of the file.
pub(crate) fn a_vector_that_begins_with_nothing_is_no_end(fixture: &Fixture<'_>) {
    let mut file = fixture.open("file", CONTENT);
    let mut byte = [0];
    let mut buffers: Vec<_> = (0..3000).map(|_| IoSliceMut::new(&mut [])).collect();
    buffers.push(IoSliceMut::new(&mut byte));
    assert_eq!(file.read_vectored(&mut buffers).works(), 1);
    assert_eq!(&byte, b"0");
}

pub(crate) fn an_offset_beyond_the_largest_is_invalid(fixture: &Fixture<'_>) {
    let file = fixture.create("file");
    for offset in [OFFSET_MAX + 1, u64::MAX] {
        assert_errno(file.read_at(&mut [0; 4], offset), libc::EINVAL);
        assert_errno(file.write_at(b"text", offset), libc::EINVAL);
    }
}

pub(crate) fn offsets_above_four_gigabytes_are_kept_apart(fixture: &Fixture<'_>) {
    let file = fixture.create("file");
    let far = 5 << 32;
    file.write_all_at(b"far", far).works();
    file.write_all_at(b"near", 0).works();
    let mut buffer = [0; 3];
    file.read_exact_at(&mut buffer, far).works();
    assert_eq!(&buffer, b"far");
    file.read_exact_at(&mut buffer, 1 << 32).works();
    assert_eq!(&buffer, b"\0\0\0", "a hole reads as zeros");
    assert_eq!(file.metadata().works().len(), far + 3);
}

pub(crate) fn a_large_read_is_whole(fixture: &Fixture<'_>) {
    let content = fixture.random().bytes(8 << 20);
    let file = fixture.open("file", &content);
    let mut buffer = vec![0; content.len() + 1];
    let progress = file.read_fully_at(&mut buffer, 0);
    progress.result.works();
    assert_eq!(progress.bytes, content.len() as u64);
    assert!(buffer[..content.len()] == content[..], "the bytes differ");
}

pub(crate) fn a_pipe_ends_when_its_writer_is_closed(fixture: &Fixture<'_>) {
    let (mut reader, writer) = fixture.pipe();
    writer.write_fully(b"last").result.works();
    writer.close().works();
    let mut text = String::new();
    reader.read_to_string(&mut text).works();
    assert_eq!(text, "last");
    assert_eq!(reader.read(&mut [0; 4]).works(), 0, "and stays so");
}

pub(crate) fn a_read_of_a_pipe_does_not_wait_to_be_full(fixture: &Fixture<'_>) {
    let (mut reader, writer) = fixture.pipe();
    writer.write_fully(b"abc").result.works();
    let count = reader.read(&mut [0; 100]).works();
    assert!((1..=3).contains(&count), "{count} bytes of three");
}

pub(crate) fn a_read_waits_for_the_writer(fixture: &Fixture<'_>) {
    let (reader, writer) = fixture.pipe();
    let read = || {
        let mut buffer = [0; 4];
        reader.read_fully(&mut buffer).result.works();
        buffer
    };
    let write = || {
        fixture.pause();
        writer.write_fully(b"wr").result.works();
        fixture.pause();
        writer.write_fully(b"it").result.works();
    };
    let (read, ()) = fixture.beside(read, write);
    assert_eq!(&read, b"writ");
}

pub(crate) fn a_transfer_counts_bytes(fixture: &Fixture<'_>) {
    let file: File<'_> = fixture.open("file", CONTENT);
    let mut buffer = [0; 4];
    let mut read = Operation::Read {
        handle: file.handle(),
        buffers: &mut [IoSliceMut::new(&mut buffer)],
        offset: Some(0),
    };
    match fixture.io().perform(&mut read).works() {
        Outcome::Count(count) => assert!((1..=4).contains(&count), "{count} of four"),
        other => panic!("{other:?} is no count"),
    }
}
