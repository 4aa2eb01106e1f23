//! A sync reaches the kernel, for the right file, with all that was written.
//!
//! What cannot be seen from outside is whether a device keeps its word. What can:
//! how many pages of a file the kernel still has to write (cachestat(2)). A sync
//! that does nothing, or that syncs another file, leaves them dirty. And the
//! kernel's answer: it refuses to sync a pipe, which a sync that does not ask it
//! would not notice.

use std::path::PathBuf;

use io_core::fs::{self, Dir, File};

use crate::fixture::{Fixture, Works, assert_errno};
use crate::system;

const FILE_BYTES: usize = 256 * 1024;

/// A new file on a file system that counts pages that are to be written.
struct Observed<'io> {
    file: File<'io>,
    path: PathBuf,
}

impl Drop for Observed<'_> {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.path));
    }
}

impl<'io> Observed<'io> {
    fn new(fixture: &Fixture<'io>, name: &str) -> Observed<'io> {
        let place = system::directory_with_dirty_pages().expect("needs DirtyPages");
        let unique = fixture.directory().file_name();
        let unique = unique.expect("a temporary directory has a name");
        let path = place.join(format!("{}-{name}", unique.display()));
        let file = File::create_new(fixture.io(), &path).works();
        Observed { file, path }
    }

    /// Gives it pages that are to be written.
    fn dirty(&self) {
        self.file.write_all_at(&[b'x'; FILE_BYTES], 0).works();
    }

    fn dirty_pages(&self) -> u64 {
        let fd = self.file.try_as_fd().expect("needs Descriptors");
        system::dirty_pages(fd).expect("needs DirtyPages")
    }
}

fn check(fixture: &Fixture<'_>, sync: impl Fn(&File<'_>) -> std::io::Result<()>) {
    let (file, other) = (Observed::new(fixture, "one"), Observed::new(fixture, "two"));
    // The kernel may have begun to write by itself, so it is written again.
    for _ in 0..3 {
        file.dirty();
        other.dirty();
        assert!(file.dirty_pages() > 0, "there is something to write");
        sync(&file.file).works();
        assert_eq!(file.dirty_pages(), 0, "the kernel was not asked to write");
    }
    sync(&other.file).works();
    assert_eq!(other.dirty_pages(), 0, "each file is synced for itself");
}

pub(crate) fn sync_all_leaves_nothing_to_write(fixture: &Fixture<'_>) {
    check(fixture, |file| file.sync_all());
}

pub(crate) fn sync_data_leaves_nothing_to_write(fixture: &Fixture<'_>) {
    check(fixture, |file| file.sync_data());
}

pub(crate) fn a_sync_in_a_batch_leaves_nothing_to_write(fixture: &Fixture<'_>) {
    use io_core::{BatchEntry, Operation, SyncLevel};
    check(fixture, |file| {
        let mut batch = [BatchEntry::new(Operation::Sync {
            handle: file.handle(),
            level: SyncLevel::All,
        })];
        fixture.io().perform_batch(&mut batch);
        let [entry] = batch;
        let result = entry.result.expect("every entry has a result");
        result.map(io_core::Outcome::expect_done)
    });
}

/// A sync that does not ask the kernel would say that all is well.
pub(crate) fn what_can_not_be_synced_says_so(fixture: &Fixture<'_>) {
    let (reader, writer) = fixture.pipe();
    for file in [&reader, &writer] {
        assert_errno(file.sync_all(), libc::EINVAL);
        assert_errno(file.sync_data(), libc::EINVAL);
    }
    let null = File::create(fixture.io(), "/dev/null").works();
    assert_errno(null.sync_all(), libc::EINVAL);
}

pub(crate) fn a_directory_can_be_synced(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let directory = Dir::open(io, fixture.directory()).works();
    fs::write(io, fixture.path("file"), "0123").works();
    directory.sync_all().works();
    fs::remove_file(io, fixture.path("file")).works();
    directory.sync_all().works();
}

pub(crate) fn a_file_that_was_only_read_can_be_synced(fixture: &Fixture<'_>) {
    let file = fixture.open("file", "0123");
    file.sync_all().works();
    file.sync_data().works();
}

pub(crate) fn syncs_of_many_tasks_all_succeed(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let file = fixture.create("file");
    io.scope(|scope| {
        for index in 0..8 {
            let file = &file;
            scope.spawn(move || {
                file.write_all_at(b"0123", index * 4).works();
                file.sync_data().works();
            });
        }
    });
    assert_eq!(fixture.content(fixture.path("file")), b"0123".repeat(8));
}
