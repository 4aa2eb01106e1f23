//! The rows of regular files, which nobody can make wait: their cells are about
//! what a request that is there at entry does, and about results.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU8, Ordering};

use io_core::fs::{File, OpenOptions};

use super::{Span, Wait};
use crate::fixture::Fixture;

const CONTENT: &[u8] = b"content of a file";
const UNTOUCHED: u8 = 0xAA;

fn with_file(fixture: &Fixture<'_>, body: impl FnOnce(&File<'_>, PathBuf)) {
    let path = fixture.make_file("file", CONTENT);
    let mut options = OpenOptions::new();
    let file = options.read(true).write(true).open(fixture.io(), &path);
    body(&file.expect("the file is there"), path);
}

struct RegularRead<'a> {
    file: &'a File<'a>,
}

pub(super) fn regular_read(fixture: &Fixture<'_>, _: Span, body: &mut dyn FnMut(&dyn Wait)) {
    with_file(fixture, |file, _| body(&RegularRead { file }));
}

impl Wait for RegularRead<'_> {
    fn wait(&self) -> io::Result<()> {
        let mut buffer = [UNTOUCHED; CONTENT.len()];
        let result = self.file.read_at(&mut buffer, 0);
        match &result {
            Ok(count) => {
                assert!(*count > 0, "the file is not at its end");
                assert_eq!(buffer[..*count], CONTENT[..*count]);
            }
            Err(_) => assert_eq!(buffer, [UNTOUCHED; CONTENT.len()], "it failed and read"),
        }
        result.map(drop)
    }

    fn complete(&self) {}
}

/// Each write is of another byte, so that it shows whether it happened.
struct RegularWrite<'a> {
    fixture: &'a Fixture<'a>,
    file: &'a File<'a>,
    path: PathBuf,
    next: AtomicU8,
}

pub(super) fn regular_write(fixture: &Fixture<'_>, _: Span, body: &mut dyn FnMut(&dyn Wait)) {
    with_file(fixture, |file, path| {
        body(&RegularWrite {
            fixture,
            file,
            path,
            next: AtomicU8::new(0),
        });
    });
}

impl Wait for RegularWrite<'_> {
    fn wait(&self) -> io::Result<()> {
        let before = self.fixture.content(&self.path);
        let byte = self.next.fetch_add(1, Ordering::Relaxed);
        let result = self.file.write_at(&[byte], 3);
        let after = self.fixture.content(&self.path);
        match &result {
            Ok(count) => assert_eq!((*count, after[3]), (1, byte)),
            Err(_) => assert_eq!(before, after, "it failed and wrote"),
        }
        result.map(drop)
    }

    fn complete(&self) {}
}

struct FileSync<'a> {
    file: &'a File<'a>,
}

pub(super) fn file_sync(fixture: &Fixture<'_>, _: Span, body: &mut dyn FnMut(&dyn Wait)) {
    with_file(fixture, |file, _| body(&FileSync { file }));
}

impl Wait for FileSync<'_> {
    fn wait(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn complete(&self) {}
}

struct Metadata<'a> {
    file: &'a File<'a>,
}

pub(super) fn metadata(fixture: &Fixture<'_>, _: Span, body: &mut dyn FnMut(&dyn Wait)) {
    with_file(fixture, |file, _| body(&Metadata { file }));
}

impl Wait for Metadata<'_> {
    fn wait(&self) -> io::Result<()> {
        let length = self.file.metadata()?.len();
        assert_eq!(usize::try_from(length), Ok(CONTENT.len()));
        Ok(())
    }

    fn complete(&self) {}
}
