//! What a write promises: counts, vectors, appending, length, cursor.

use std::io::{IoSlice, Read, Seek, SeekFrom, Write};

use io_core::fs::{File, OpenOptions};

use crate::fixture::{Fixture, Works, assert_errno};

fn appending<'a>(fixture: &Fixture<'a>, name: &str) -> File<'a> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    options.open(fixture.io(), fixture.path(name)).works()
}

pub(crate) fn what_is_written_is_in_the_file(fixture: &Fixture<'_>) {
    let content = fixture.random().bytes(100_000);
    let mut file = fixture.create("file");
    file.write_all(&content).works();
    assert!(fixture.content(fixture.path("file")) == content);
}

pub(crate) fn a_write_counts_what_it_wrote(fixture: &Fixture<'_>) {
    let mut file = fixture.create("file");
    let count = file.write(b"0123456789").works();
    assert!((1..=10).contains(&count), "{count} bytes of ten");
    assert_eq!(
        fixture.content(fixture.path("file")),
        b"0123456789"[..count]
    );
    assert_eq!(file.stream_position().works(), count as u64);
}

pub(crate) fn a_write_at_an_offset_changes_nothing_else(fixture: &Fixture<'_>) {
    let mut file = fixture.create("file");
    file.write_all(b"0123456789").works();
    file.seek(SeekFrom::Start(2)).works();
    file.write_all_at(b"xyz", 5).works();
    assert_eq!(fixture.content(fixture.path("file")), b"01234xyz89");
    assert_eq!(file.stream_position().works(), 2, "the cursor stays");
}

pub(crate) fn writing_nothing_changes_nothing(fixture: &Fixture<'_>) {
    let mut file = fixture.create("file");
    file.write_all(b"abc").works();
    assert_eq!(file.write(b"").works(), 0);
    assert_eq!(file.write_vectored(&[]).works(), 0, "no buffer");
    let empty = [IoSlice::new(b""), IoSlice::new(b"")];
    assert_eq!(file.write_vectored(&empty).works(), 0, "empty buffers");
    assert_eq!(file.write_at(b"", 1000).works(), 0);
    assert_eq!(file.metadata().works().len(), 3);
    assert_eq!(file.stream_position().works(), 3);
}

pub(crate) fn buffers_are_written_in_order(fixture: &Fixture<'_>) {
    let file = fixture.create("file");
    let buffers = [
        IoSlice::new(b"01"),
        IoSlice::new(b""),
        IoSlice::new(b"2"),
        IoSlice::new(b"3456"),
    ];
    let count = file.write_vectored_at(&buffers, 3).works();
    assert!((1..=7).contains(&count), "{count} bytes of seven");
    let written = fixture.content(fixture.path("file"));
    assert_eq!(written, [b"\0\0\0", &b"0123456"[..count]].concat());
}

/// More buffers than one system call takes (`IOV_MAX` is 1024).
pub(crate) fn a_very_long_vector_is_written_in_part_at_least(fixture: &Fixture<'_>) {
    let content = fixture.random().bytes(5000);
    for length in [1023, 1024, 1025, 5000] {
        let name = format!("file-{length}");
        let file = fixture.create(&name);
        let buffers: Vec<_> = content[..length].chunks(1).map(IoSlice::new).collect();
        let count = file.write_vectored_at(&buffers, 0).works();
        assert!(count >= 1 && count <= length, "{count} of {length} bytes");
        let written = fixture.content(fixture.path(name));
        assert_eq!(written, content[..count]);
    }
}

pub(crate) fn a_vector_that_begins_with_nothing_is_written(fixture: &Fixture<'_>) {
    let mut file = fixture.create("file");
    let mut buffers = vec![IoSlice::new(b""); 3000];
    buffers.push(IoSlice::new(b"x"));
    assert_eq!(file.write_vectored(&buffers).works(), 1);
    assert_eq!(fixture.content(fixture.path("file")), b"x");
}

pub(crate) fn writing_past_the_end_leaves_zeros(fixture: &Fixture<'_>) {
    let file = fixture.create("file");
    file.write_all_at(b"ab", 0).works();
    file.write_all_at(b"yz", 6).works();
    assert_eq!(fixture.content(fixture.path("file")), b"ab\0\0\0\0yz");
}

pub(crate) fn an_append_goes_to_the_end_wherever_the_cursor_is(fixture: &Fixture<'_>) {
    fixture.make_file("file", "0123");
    let mut file = appending(fixture, "file");
    file.seek(SeekFrom::Start(1)).works();
    file.write_all(b"45").works();
    assert_eq!(file.stream_position().works(), 6, "at the new end");
    assert_eq!(fixture.content(fixture.path("file")), b"012345");
    file.seek(SeekFrom::Start(1)).works();
    let mut byte = [0];
    file.read_exact(&mut byte).works();
    assert_eq!(&byte, b"1", "reading is not bound to the end");
}

/// pwrite(2) on Linux appends whatever the offset says, a quirk that programs
/// on top may know.
pub(crate) fn an_append_at_an_offset_appends(fixture: &Fixture<'_>) {
    fixture.make_file("file", "0123");
    let file = appending(fixture, "file");
    file.write_all_at(b"45", 0).works();
    assert_eq!(fixture.content(fixture.path("file")), b"012345");
}

pub(crate) fn appends_of_two_handles_lose_nothing(fixture: &Fixture<'_>) {
    const LINES: usize = 200;
    let (first, second) = (appending(fixture, "file"), appending(fixture, "file"));
    let write = |file: &File<'_>, line: &[u8; 8]| {
        for _ in 0..LINES {
            // Two writers of whole short lines: each is one write as a rule, and
            // whole whatever the other does.
            file.write_fully(line).result.works();
        }
    };
    fixture.beside(
        || write(&first, b"aaaaaaaa"),
        || write(&second, b"bbbbbbbb"),
    );
    let content = fixture.content(fixture.path("file"));
    let count = |letter: u8| content.iter().filter(|byte| **byte == letter).count();
    assert_eq!((count(b'a'), count(b'b')), (LINES * 8, LINES * 8));
}

pub(crate) fn set_len_cuts_and_extends_with_zeros(fixture: &Fixture<'_>) {
    let mut file = fixture.create("file");
    file.write_all(b"0123456789").works();
    file.set_len(4).works();
    assert_eq!(fixture.content(fixture.path("file")), b"0123");
    assert_eq!(file.stream_position().works(), 10, "the cursor stays");
    file.set_len(7).works();
    assert_eq!(fixture.content(fixture.path("file")), b"0123\0\0\0");
    file.set_len(0).works();
    assert_eq!(file.metadata().works().len(), 0);
}

pub(crate) fn set_len_errors_are_exact(fixture: &Fixture<'_>) {
    let read_only = fixture.open("file", "0123");
    assert_errno(read_only.set_len(2), libc::EINVAL);
    let (_reader, writer) = fixture.pipe();
    assert_errno(writer.set_len(2), libc::EINVAL);
    let file = fixture.create("new");
    assert_errno(file.set_len(u64::MAX), libc::EINVAL);
    assert_errno(file.set_len(1 << 63), libc::EINVAL);
    assert_eq!(file.metadata().works().len(), 0);
}

pub(crate) fn seeking_is_exact(fixture: &Fixture<'_>) {
    let mut file = fixture.open("file", "0123456789");
    assert_eq!(file.seek(SeekFrom::Start(4)).works(), 4);
    assert_eq!(file.seek(SeekFrom::Current(-3)).works(), 1);
    assert_eq!(file.stream_position().works(), 1);
    assert_eq!(file.seek(SeekFrom::End(-2)).works(), 8);
    assert_eq!(file.seek(SeekFrom::End(90)).works(), 100, "past the end");
    assert_errno(file.seek(SeekFrom::Current(-101)), libc::EINVAL);
    assert_errno(file.seek(SeekFrom::Start(u64::MAX)), libc::EINVAL);
    assert_eq!(
        file.stream_position().works(),
        100,
        "an error moves nothing"
    );
}

pub(crate) fn a_pipe_has_no_offsets(fixture: &Fixture<'_>) {
    let (mut reader, writer) = fixture.pipe();
    assert_errno(reader.read_at(&mut [0; 4], 0), libc::ESPIPE);
    assert_errno(writer.write_at(b"text", 0), libc::ESPIPE);
    assert_errno(reader.seek(SeekFrom::Start(0)), libc::ESPIPE);
}

pub(crate) fn a_write_to_a_full_pipe_waits_for_room(fixture: &Fixture<'_>) {
    let (reader, writer) = fixture.pipe();
    // More than any pipe holds by default.
    let content = fixture.random().bytes(300_000);
    let mut read = vec![0; content.len()];
    let (progress, ()) = fixture.beside(
        || reader.read_fully(&mut read),
        || writer.write_fully(&content).result.works(),
    );
    progress.result.works();
    assert!(read == content, "the bytes differ");
}

/// Rust programs ignore SIGPIPE; the error tells.
/// In a process of its own: one that another test starts has a copy of the reader
/// between its fork and its exec.
pub(crate) fn a_write_that_nobody_reads_gives_epipe(fixture: &Fixture<'_>) {
    let (reader, writer) = fixture.pipe();
    reader.close().works();
    assert_errno(writer.write_fully(b"text").finish(), libc::EPIPE);
}

pub(crate) fn many_tasks_write_one_file_at_offsets(fixture: &Fixture<'_>) {
    const PARTS: u64 = 64;
    const PART_BYTES: usize = 1000;
    let io = fixture.io();
    let file = fixture.create("file");
    io.scope(|scope| {
        for part in 0..PARTS {
            let file = &file;
            scope.spawn(move || {
                let letter = u8::try_from(part).expect("it is below 256");
                file.write_all_at(&[letter; PART_BYTES], part * PART_BYTES as u64)
                    .works();
            });
        }
    });
    let content = fixture.content(fixture.path("file"));
    assert_eq!(content.len(), 64 * PART_BYTES);
    for (index, part) in content.chunks(PART_BYTES).enumerate() {
        assert!(
            part.iter().all(|byte| usize::from(*byte) == index),
            "part {index}"
        );
    }
}
