//! The functions on whole files, which are made of operations.

use std::io::{self, Write};

use io_core::fs::{self, OpenOptions};

use crate::fixture::{Fixture, Works, assert_errno};
use crate::system;

pub(crate) fn a_file_is_written_and_read_whole(fixture: &Fixture<'_>) {
    let io = fixture.io();
    for bytes in [0, 1, 4095, 4096, 4097, 3_000_000] {
        let content = fixture.random().bytes(bytes);
        let path = fixture.path("file");
        fs::write(io, &path, &content).works();
        assert!(fixture.content(&path) == content, "{bytes} bytes written");
        assert!(fs::read(io, &path).works() == content, "{bytes} bytes read");
    }
}

/// Files of procfs say that they have no bytes.
pub(crate) fn a_file_that_hides_its_size_is_read_whole(fixture: &Fixture<'_>) {
    let text = fs::read_to_string(fixture.io(), "/proc/self/status").works();
    assert!(
        text.starts_with("Name:") && text.contains("VmRSS"),
        "{text}"
    );
}

/// Whoever comes first waits for the other, and what is written to the end counts.
pub(crate) fn a_fifo_is_read_whole_once_it_has_a_writer(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let path = fixture.path("fifo");
    system::make_fifo(&path);
    let parts: [&[&str]; 3] = [&[], &["text"], &["text ", "in ", "parts"]];
    for (parts, is_writer_late) in parts.into_iter().flat_map(|p| [(p, false), (p, true)]) {
        let read = || {
            if !is_writer_late {
                fixture.pause();
            }
            fs::read_to_string(io, &path).works()
        };
        let write = || {
            if is_writer_late {
                fixture.pause();
            }
            let mut options = OpenOptions::new();
            let mut file = options.write(true).open(io, &path).works();
            for part in parts {
                fixture.pause();
                file.write_all(part.as_bytes()).works();
            }
            fixture.pause();
        };
        let (text, ()) = fixture.beside(read, write);
        assert_eq!(text, parts.concat());
    }
}

pub(crate) fn what_is_no_text_is_invalid_data(fixture: &Fixture<'_>) {
    let path = fixture.make_file("file", b"text \xff");
    let error = fs::read_to_string(fixture.io(), path).expect_err("it is no text");
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
}

pub(crate) fn a_copy_has_content_and_mode(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let content = fixture.random().bytes(700_000);
    let from = fixture.make_file("from", &content);
    fs::set_permissions(io, &from, 0o751).works();
    let to = fixture.make_file("to", "something longer and older");
    assert_eq!(fs::copy(io, &from, &to).works(), 700_000);
    assert!(fixture.content(&to) == content, "the bytes differ");
    assert_eq!(fs::metadata(io, &to).works().permission_bits(), 0o751);
    assert_errno(fs::copy(io, fixture.directory(), &to), libc::EINVAL);
    assert_errno(fs::copy(io, fixture.path("missing"), &to), libc::ENOENT);
}

/// It waits for no other end, and none is there.
pub(crate) fn a_copy_of_a_fifo_is_refused_at_once(fixture: &Fixture<'_>) {
    let from = fixture.path("fifo");
    system::make_fifo(&from);
    let to = fixture.path("to");
    assert_errno(fs::copy(fixture.io(), from, &to), libc::EINVAL);
    assert!(!fs::exists(fixture.io(), &to).works(), "nothing was made");
}

pub(crate) fn exists_tells_missing_from_unknown(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let path = fixture.make_file("file", "0123");
    assert!(fs::exists(io, &path).works());
    assert!(!fs::exists(io, fixture.path("missing")).works());
    fs::symlink(io, "nowhere", fixture.path("broken")).works();
    assert!(!fs::exists(io, fixture.path("broken")).works());
    assert_errno(fs::exists(io, path.join("below")), libc::ENOTDIR);
}

pub(crate) fn stds_traits_run_on_files(fixture: &Fixture<'_>) {
    use std::io::{BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
    let mut file = fixture.create("file");
    {
        let mut writer = BufWriter::new(&file);
        for line in 0..5000 {
            writeln!(writer, "line {line}").works();
        }
        writer.flush().works();
    }
    file.seek(SeekFrom::Start(0)).works();
    let lines: Vec<String> = BufReader::new(&file)
        .lines()
        .collect::<io::Result<_>>()
        .works();
    assert_eq!(lines.len(), 5000);
    assert_eq!(lines[4999], "line 4999");
    file.seek(SeekFrom::End(-5)).works();
    let mut rest = String::new();
    file.read_to_string(&mut rest).works();
    assert_eq!(rest, "4999\n");
}
