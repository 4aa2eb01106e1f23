//! What a read promises: the end of file, short transfers, cursor and offset.

use std::io::{Read, Seek};

use io_core::fs::File;

use crate::fixture::Fixture;

/// The largest offset of the system.
const OFFSET_MAX: u64 = i64::MAX as u64;
const CONTENT: &[u8; 10] = b"0123456789";

fn open<'a>(fixture: &Fixture<'a>) -> File<'a> {
    let path = fixture.make_file("file", CONTENT);
    File::open(fixture.io(), path).expect("the file is there")
}

pub(crate) fn read_at_the_end_gives_zero(fixture: &Fixture<'_>) {
    let mut file = open(fixture);
    let mut buffer = [7; 4];
    assert_eq!(
        file.read_at(&mut buffer, 10).expect("the end is no error"),
        0
    );
    assert_eq!(buffer, [7; 4], "nothing was read");
    file.seek(std::io::SeekFrom::End(0))
        .expect("a file can be sought");
    assert_eq!(file.read(&mut buffer).expect("the end is no error"), 0);
    assert_eq!(
        file.read(&mut buffer).expect("nor is it the second time"),
        0
    );
}

pub(crate) fn read_past_the_end_gives_zero(fixture: &Fixture<'_>) {
    let mut file = open(fixture);
    let mut buffer = [7; 4];
    for offset in [11, 4096, 1 << 40, OFFSET_MAX - 4] {
        let count = file.read_at(&mut buffer, offset).expect("no error there");
        assert_eq!(count, 0, "at offset {offset}");
    }
    file.seek(std::io::SeekFrom::Start(4096))
        .expect("a cursor may lie there");
    assert_eq!(file.read(&mut buffer).expect("no error there"), 0);
    assert_eq!(buffer, [7; 4], "nothing was read");
}

pub(crate) fn read_across_the_end_gives_the_rest(fixture: &Fixture<'_>) {
    let file = open(fixture);
    let mut buffer = [7; 8];
    let progress = file.read_fully_at(&mut buffer, 7);
    progress.result.expect("the end is no error");
    assert_eq!(progress.bytes, 3);
    assert_eq!(&buffer, b"789\x07\x07\x07\x07\x07");
    let count = file.read_at(&mut buffer, 7).expect("there are bytes");
    assert!((1..=3).contains(&count), "{count} bytes of three");
}

pub(crate) fn read_at_an_offset_leaves_the_cursor(fixture: &Fixture<'_>) {
    let mut file = open(fixture);
    let mut buffer = [0; 2];
    file.seek(std::io::SeekFrom::Start(3))
        .expect("a file can be sought");
    file.read_exact_at(&mut buffer, 8)
        .expect("there are two bytes");
    assert_eq!(&buffer, b"89");
    assert_eq!(file.stream_position().expect("it has a cursor"), 3);
    file.read_exact(&mut buffer).expect("there are two bytes");
    assert_eq!(&buffer, b"34");
}

pub(crate) fn reading_at_the_cursor_moves_it(fixture: &Fixture<'_>) {
    let mut file = open(fixture);
    let mut read = Vec::new();
    let mut buffer = [0; 3];
    loop {
        let before = file.stream_position().expect("it has a cursor");
        let count = file.read(&mut buffer).expect("it can be read");
        let after = file.stream_position().expect("it has a cursor");
        assert_eq!(after, before + count as u64, "by what was read");
        if count == 0 {
            break;
        }
        read.extend_from_slice(&buffer[..count]);
    }
    assert_eq!(read, CONTENT);
}
