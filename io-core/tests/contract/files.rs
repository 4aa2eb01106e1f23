//! The typed front over files that have no descriptor: one program that uses all
//! of it, with what each step has to give. The same program runs over real files
//! and has to give the same.

use std::io::{self, IoSlice, IoSliceMut, Read, Seek, SeekFrom, Write};
use std::path::Path;

use io_core::fs::{self, Dir, File, FileType, OpenOptions};
use io_core::{BatchEntry, Io, Operation, OperationKind, Outcome};

use crate::backend::{Jobs, Tiny};
use crate::memory::name_of;
use crate::watchdog::Watchdog;

fn code<T>(result: io::Result<T>) -> Option<i32> {
    result.err().and_then(|error| error.raw_os_error())
}

fn transfers(io: &dyn Io, top: &Path) -> io::Result<()> {
    let path = top.join("file");
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(true);
    let mut file = options.open(io, &path)?;
    file.write_all(b"hello world")?;
    let count = file.write_vectored(&[IoSlice::new(b", "), IoSlice::new(b"again")])?;
    assert_eq!(count, 7);
    assert_eq!(file.stream_position()?, 18);
    file.seek(SeekFrom::End(-5))?;
    let mut text = String::new();
    (&file).read_to_string(&mut text)?;
    assert_eq!(text, "again");
    let (mut head, mut tail) = ([0; 5], [0; 100]);
    let mut buffers = [IoSliceMut::new(&mut head), IoSliceMut::new(&mut tail)];
    assert_eq!(file.read_vectored_at(&mut buffers, 6)?, 12);
    assert_eq!((&head, &tail[..7]), (b"world", b", again".as_slice()));
    assert_eq!(file.read_at(&mut tail, 18)?, 0);
    assert_eq!(file.read_at(&mut tail, 4000)?, 0);
    file.write_all_at(b"HELLO", 0)?;
    file.read_exact_at(&mut head, 0)?;
    assert_eq!(&head, b"HELLO");
    let error = file.read_exact_at(&mut tail, 10).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    file.set_len(5)?;
    file.write_all_at(b"!", 7)?;
    file.sync_data()?;
    file.sync_all()?;
    let mut other = file.try_clone()?;
    other.rewind()?;
    assert_eq!(file.stream_position()?, 0, "one cursor");
    file.close()?;
    assert_eq!(other.read_fully(&mut tail).finish()?, 8);
    assert_eq!(&tail[..8], b"HELLO\0\0!");
    assert_eq!(code(File::create_new(io, &path)), Some(libc::EEXIST));
    let mut appending = OpenOptions::new().append(true).open(io, &path)?;
    appending.write_all(b"?")?;
    assert_eq!(code((&appending).read(&mut tail)), Some(libc::EBADF));
    assert_eq!(
        code((&File::open(io, &path)?).write(b"x")),
        Some(libc::EBADF)
    );
    assert_eq!(fs::read(io, &path)?, b"HELLO\0\0!?");
    Ok(())
}

fn names(io: &dyn Io, top: &Path) -> io::Result<()> {
    fs::create_dir_all(io, top.join("a/b/c"))?;
    fs::create_dir_all(io, top.join("a/b/c"))?;
    fs::write(io, top.join("a/b/text"), "grüße")?;
    assert_eq!(fs::read_to_string(io, top.join("a/b/text"))?, "grüße");
    assert_eq!(fs::copy(io, top.join("a/b/text"), top.join("a/copy"))?, 7);
    fs::hard_link(io, top.join("a/copy"), top.join("a/second"))?;
    assert_eq!(fs::metadata(io, top.join("a/copy"))?.link_count, 2);
    fs::symlink(io, "b/text", top.join("a/link"))?;
    assert_eq!(fs::read_link(io, top.join("a/link"))?, Path::new("b/text"));
    assert_eq!(fs::read_to_string(io, top.join("a/link"))?, "grüße");
    assert!(fs::symlink_metadata(io, top.join("a/link"))?.is_symlink());
    assert!(fs::metadata(io, top.join("a/link"))?.is_file());
    fs::set_permissions(io, top.join("a/copy"), 0o640)?;
    let metadata = fs::metadata(io, top.join("a/second"))?;
    assert_eq!(metadata.permission_bits(), 0o640);
    fs::rename(io, top.join("a/second"), top.join("a/b/c/moved"))?;
    assert!(!fs::exists(io, top.join("a/second"))?);
    assert!(fs::exists(io, top.join("a/b/c/moved"))?);

    assert_eq!(
        code(fs::remove_dir(io, top.join("a"))),
        Some(libc::ENOTEMPTY)
    );
    assert_eq!(code(fs::remove_file(io, top.join("a"))), Some(libc::EISDIR));
    assert_eq!(
        code(fs::remove_dir(io, top.join("a/copy"))),
        Some(libc::ENOTDIR)
    );
    assert_eq!(code(fs::create_dir(io, top.join("a"))), Some(libc::EEXIST));
    assert_eq!(
        code(fs::read(io, top.join("a/copy/x"))),
        Some(libc::ENOTDIR)
    );
    assert_eq!(code(fs::read(io, top.join("none"))), Some(libc::ENOENT));
    fs::symlink(io, "loop", top.join("loop"))?;
    assert_eq!(code(fs::read(io, top.join("loop"))), Some(libc::ELOOP));
    Ok(())
}

fn directories(io: &dyn Io, top: &Path) -> io::Result<()> {
    let directory = Dir::open(io, top.join("a"))?;
    for index in 0..30 {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        directory
            .open_file(&options, format!("many-{index:02}"))?
            .close()?;
    }
    let mut listed = Vec::new();
    for entry in directory.entries() {
        let entry = entry?;
        listed.push((name_of(entry.file_name()).to_owned(), entry.file_type()));
    }
    listed.sort();
    assert_eq!(listed.len(), 30 + 3, "many, copy, link and b");
    assert!(listed.contains(&("b".to_owned(), FileType::Directory)));
    assert!(listed.contains(&("link".to_owned(), FileType::SymbolicLink)));
    assert_eq!(directory.entries().count(), 0, "the position stays");
    directory.rewind()?;
    assert_eq!(directory.entries().count(), listed.len());
    let below = directory.open_dir("b")?;
    directory.rename("copy", &below, "copied")?;
    assert_eq!(below.metadata("copied")?.len(), 7);
    assert!(
        below.metadata("../link")?.is_file(),
        "a way up and over a link"
    );
    assert_eq!(code(Dir::open(io, top.join("a/link"))), Some(libc::ENOTDIR));
    directory.close()?;
    fs::remove_dir_all(io, top.join("a"))?;
    assert!(!fs::exists(io, top.join("a"))?);
    Ok(())
}

fn batches(io: &dyn Io, top: &Path) -> io::Result<()> {
    let file = File::create_new(io, top.join("batch"))?;
    let write = |bytes, offset| Operation::Write {
        handle: file.handle(),
        buffers: bytes,
        offset: Some(offset),
    };
    let (one, two) = ([IoSlice::new(b"one")], [IoSlice::new(b"two")]);
    let missing = top.join("missing");
    let at = io_core::At::working_directory(&missing);
    let mut batch = [
        BatchEntry::new(write(&one, 3)),
        BatchEntry::new(Operation::RemoveFile { at }),
        BatchEntry::new(write(&two, 0)),
    ];
    io.perform_batch(&mut batch);
    let results = batch.map(|entry| entry.result.expect("each has a result"));
    assert!(matches!(results[0], Ok(Outcome::Count(3))));
    assert!(matches!(results[2], Ok(Outcome::Count(3))));
    let [_, removal, _] = results;
    assert_eq!(code(removal), Some(libc::ENOENT));
    assert_eq!(fs::read(io, top.join("batch"))?, b"twoone");
    Ok(())
}

fn program(io: &dyn Io, top: &Path) -> io::Result<()> {
    transfers(io, top)?;
    names(io, top)?;
    directories(io, top)?;
    batches(io, top)
}

#[test]
fn files_without_descriptors_are_files() {
    let _watchdog = Watchdog::new("files_without_descriptors_are_files");
    let tiny = Tiny::new(Jobs::Threads);
    let counting = io_core::wrappers::Counting::new(&tiny);
    program(&counting, Path::new("/")).unwrap();
    let counts = counting.snapshot();
    for kind in OperationKind::ALL {
        // There is nothing to wait for in memory.
        let is_tried = counts.of(*kind).operations > 0;
        assert_eq!(is_tried, *kind != OperationKind::Poll, "{}", kind.name());
    }
}

#[test]
fn files_with_descriptors_give_the_same() {
    let _watchdog = Watchdog::new("files_with_descriptors_give_the_same");
    let directory = tempfile::tempdir().unwrap();
    program(&io_blocking::Blocking::new(), directory.path()).unwrap();
}

#[test]
fn a_file_without_a_descriptor_says_so() {
    let tiny = Tiny::new(Jobs::Inline);
    let file = File::create_new(&tiny, "/file").unwrap();
    assert!(file.try_as_fd().is_none());
    let file = file.into_fd().expect_err("it has none and comes back");
    assert!(file.metadata().unwrap().is_file());
    let (reader, _writer) = io::pipe().unwrap();
    let foreign = File::from_fd(&tiny, reader.into());
    assert_eq!(code((&foreign).read(&mut [0])), Some(libc::EBADF));
    assert!(foreign.into_fd().is_ok());
}
