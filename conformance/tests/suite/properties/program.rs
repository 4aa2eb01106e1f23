//! Programs of file operations: the [`Step`]s, how they are drawn at random, and
//! what an executor [answers](Answer) to them.

use std::fmt;
use std::io::{self, IoSlice, IoSliceMut, Read, Seek, SeekFrom, Write};
use std::path::Path;

use io_core::Io;
use io_core::fs::{self, File, FileType, Metadata, OpenOptions};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::Union;

/// Few names, so that steps meet, and how often each is drawn. Those below
/// others may stay without a parent.
const PATHS: &[(u32, &str)] = &[
    (6, "a"),
    (6, "b"),
    (3, "c"),
    (3, "a/a"),
    (3, "a/b"),
    (2, "b/a"),
    (1, "b/c"),
    (1, "a/b/c"),
];
/// Steps that make something to begin with, and steps of all kinds.
const MADE_MAX: usize = 8;
const STEPS_MAX: usize = 40;
/// Bytes of one buffer, and the largest offset or length that is asked for.
const PART_BYTES_MAX: usize = 64;
const PLACE_MAX: usize = 200;

/// How a file is opened.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct How {
    pub(super) read: bool,
    pub(super) write: bool,
    pub(super) append: bool,
    pub(super) truncate: bool,
    pub(super) create: bool,
    pub(super) create_new: bool,
}

impl How {
    pub(super) fn writes(self) -> bool {
        self.write || self.append
    }

    /// As std's options say: no access at all; a change without writing;
    /// emptying what is appended to.
    pub(super) fn contradicts_itself(self) -> bool {
        let changes = self.truncate || self.create || self.create_new;
        (!self.read && !self.writes())
            || (changes && !self.writes())
            || (self.append && self.truncate && !self.create_new)
    }

    fn options(self) -> OpenOptions {
        let mut options = OpenOptions::new();
        options
            .read(self.read)
            .write(self.write)
            .append(self.append);
        options.truncate(self.truncate).create(self.create);
        options.create_new(self.create_new);
        options
    }
}

/// One operation. A handle is a number: that of all open ones, in the order of
/// their opening, round and round.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Open {
        path: &'static str,
        how: How,
    },
    Close {
        handle: usize,
    },
    Duplicate {
        handle: usize,
    },
    /// Into as many buffers as there are parts, of these sizes.
    Read {
        handle: usize,
        parts: Vec<usize>,
        offset: Option<usize>,
    },
    /// From as many buffers as there are parts; the bytes count up from `first`.
    Write {
        handle: usize,
        parts: Vec<usize>,
        first: u8,
        offset: Option<usize>,
    },
    Seek {
        handle: usize,
        to: SeekFrom,
    },
    SetLength {
        handle: usize,
        bytes: usize,
    },
    HandleMetadata {
        handle: usize,
    },
    Metadata {
        path: &'static str,
    },
    SymlinkMetadata {
        path: &'static str,
    },
    CreateDirectory {
        path: &'static str,
    },
    RemoveDirectory {
        path: &'static str,
    },
    RemoveFile {
        path: &'static str,
    },
    Rename {
        from: &'static str,
        to: &'static str,
    },
    HardLink {
        from: &'static str,
        to: &'static str,
    },
    SymbolicLink {
        target: &'static str,
        path: &'static str,
    },
    ReadLink {
        path: &'static str,
    },
    List {
        path: &'static str,
    },
}

/// A step's result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Done,
    /// No handle is open that the step could be about.
    NoHandle,
    Read(Vec<u8>),
    Written(usize),
    Position(usize),
    /// Of a directory, what a file system may say as it likes is left out.
    Metadata {
        file_type: FileType,
        size_bytes: Option<usize>,
        link_count: Option<usize>,
        inode: Option<u64>,
    },
    Target(String),
    /// By name.
    Entries(Vec<Entry>),
}

/// An entry of a directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) file_type: FileType,
    pub(super) inode: Option<u64>,
}

/// A number of the system's; 0 for an error that has none.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Errno(pub(super) i32);

impl fmt::Debug for Errno {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        io::Error::from_raw_os_error(self.0).fmt(formatter)
    }
}

/// The bytes of a write: no two of its neighbours are alike.
pub(super) fn content(bytes: usize, first: u8) -> Vec<u8> {
    let count_up = (first..=u8::MAX).chain(0..=u8::MAX);
    count_up.take(bytes).collect()
}

// ---- at random ------------------------------------------------------------

/// Programs of some steps.
pub(super) fn programs() -> impl Strategy<Value = Vec<Step>> {
    let made = prop::collection::vec(making_step(), 0..=MADE_MAX);
    let steps = prop::collection::vec(step(), 1..=STEPS_MAX);
    (made, steps).prop_map(|(made, steps)| [made, steps].concat())
}

fn making_step() -> impl Strategy<Value = Step> {
    let how = How {
        read: true,
        write: true,
        create: true,
        ..How::default()
    };
    prop_oneof![
        3 => path().prop_map(|path| Step::CreateDirectory { path }),
        2 => path().prop_map(move |path| Step::Open { path, how }),
        1 => (path(), path()).prop_map(|(target, path)| Step::SymbolicLink { target, path }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (path(), how()).prop_map(|(path, how)| Step::Open { path, how }),
        12 => step_of_handle(),
        12 => step_of_path(),
    ]
}

fn step_of_handle() -> impl Strategy<Value = Step> {
    let handle = || 0..6_usize;
    prop_oneof![
        4 => (handle(), parts(), any::<u8>(), offset()).prop_map(
            |(handle, parts, first, offset)| Step::Write { handle, parts, first, offset }
        ),
        4 => (handle(), parts(), offset())
            .prop_map(|(handle, parts, offset)| Step::Read { handle, parts, offset }),
        2 => (handle(), seek()).prop_map(|(handle, to)| Step::Seek { handle, to }),
        1 => (handle(), 0..=PLACE_MAX)
            .prop_map(|(handle, bytes)| Step::SetLength { handle, bytes }),
        1 => handle().prop_map(|handle| Step::HandleMetadata { handle }),
        1 => handle().prop_map(|handle| Step::Duplicate { handle }),
        1 => handle().prop_map(|handle| Step::Close { handle }),
    ]
}

fn step_of_path() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => path().prop_map(|path| Step::CreateDirectory { path }),
        1 => path().prop_map(|path| Step::RemoveDirectory { path }),
        1 => path().prop_map(|path| Step::RemoveFile { path }),
        3 => (path(), path()).prop_map(|(from, to)| Step::Rename { from, to }),
        2 => (path(), path()).prop_map(|(from, to)| Step::HardLink { from, to }),
        1 => (path(), path()).prop_map(|(target, path)| Step::SymbolicLink { target, path }),
        1 => path().prop_map(|path| Step::ReadLink { path }),
        1 => path().prop_map(|path| Step::Metadata { path }),
        1 => path().prop_map(|path| Step::SymlinkMetadata { path }),
        1 => prop_oneof![Just("."), path()].prop_map(|path| Step::List { path }),
    ]
}

fn path() -> impl Strategy<Value = &'static str> {
    let all = PATHS.iter().map(|(weight, path)| (*weight, Just(*path)));
    Union::new_weighted(all.collect())
}

/// Mostly what programs ask for, now and then anything.
fn how() -> impl Strategy<Value = How> {
    let none = How::default();
    let usual = [
        How { read: true, ..none },
        How {
            read: true,
            write: true,
            create: true,
            ..none
        },
        How {
            write: true,
            create: true,
            truncate: true,
            ..none
        },
        How {
            read: true,
            append: true,
            create: true,
            ..none
        },
        How {
            read: true,
            write: true,
            create_new: true,
            ..none
        },
        How {
            write: true,
            ..none
        },
    ];
    let any =
        any::<[bool; 6]>().prop_map(|[read, write, append, truncate, create, create_new]| How {
            read,
            write,
            append,
            truncate,
            create,
            create_new,
        });
    prop_oneof![4 => select(usual.to_vec()), 1 => any]
}

/// The sizes of some buffers: mostly one that is not empty.
fn parts() -> impl Strategy<Value = Vec<usize>> {
    prop_oneof![
        3 => (1..=PART_BYTES_MAX).prop_map(|bytes| vec![bytes]),
        2 => prop::collection::vec(0..=PART_BYTES_MAX, 0..=4),
    ]
}

fn offset() -> impl Strategy<Value = Option<usize>> {
    prop_oneof![Just(None), (0..=PLACE_MAX).prop_map(Some)]
}

fn seek() -> impl Strategy<Value = SeekFrom> {
    prop_oneof![
        6 => (0..=200_u64).prop_map(SeekFrom::Start),
        4 => (-200..=200_i64).prop_map(SeekFrom::Current),
        4 => (-200..=100_i64).prop_map(SeekFrom::End),
        1 => select(vec![
            SeekFrom::Start(u64::MAX),
            SeekFrom::Current(i64::MIN),
            SeekFrom::End(i64::MIN),
        ]),
    ]
}

// ---- on an executor -------------------------------------------------------

/// Makes `step` in the directory `root`.
pub(super) fn perform<'io>(
    io: &'io dyn Io,
    root: &Path,
    handles: &mut Vec<File<'io>>,
    step: &Step,
) -> Result<Answer, Errno> {
    let answer = match step {
        Step::Open { path, how } => how.options().open(io, root.join(path)).map(|file| {
            handles.push(file);
            Answer::Done
        }),
        Step::Metadata { path } => fs::metadata(io, root.join(path)).map(told),
        Step::SymlinkMetadata { path } => fs::symlink_metadata(io, root.join(path)).map(told),
        Step::CreateDirectory { path } => fs::create_dir(io, root.join(path)).map(done),
        Step::RemoveDirectory { path } => fs::remove_dir(io, root.join(path)).map(done),
        Step::RemoveFile { path } => fs::remove_file(io, root.join(path)).map(done),
        Step::Rename { from, to } => fs::rename(io, root.join(from), root.join(to)).map(done),
        Step::HardLink { from, to } => fs::hard_link(io, root.join(from), root.join(to)).map(done),
        Step::SymbolicLink { target, path } => fs::symlink(io, target, root.join(path)).map(done),
        Step::ReadLink { path } => fs::read_link(io, root.join(path))
            .map(|target| Answer::Target(target.to_string_lossy().into_owned())),
        Step::List { path } => list(io, &root.join(path)).map(Answer::Entries),
        Step::Close { handle }
        | Step::Duplicate { handle }
        | Step::Read { handle, .. }
        | Step::Write { handle, .. }
        | Step::Seek { handle, .. }
        | Step::SetLength { handle, .. }
        | Step::HandleMetadata { handle } => match handle.checked_rem(handles.len()) {
            Some(index) => perform_on_handle(handles, index, step),
            None => Ok(Answer::NoHandle),
        },
    };
    answer.map_err(|error| Errno(error.raw_os_error().unwrap_or(0)))
}

fn perform_on_handle(handles: &mut Vec<File<'_>>, index: usize, step: &Step) -> io::Result<Answer> {
    let mut file = &handles[index];
    match step {
        Step::Close { .. } => handles.remove(index).close().map(done),
        Step::Duplicate { .. } => {
            let duplicate = file.try_clone()?;
            handles.push(duplicate);
            Ok(Answer::Done)
        }
        Step::Read { parts, offset, .. } => read(file, parts, *offset).map(Answer::Read),
        Step::Write {
            parts,
            first,
            offset,
            ..
        } => write(file, parts, *first, *offset).map(Answer::Written),
        Step::Seek { to, .. } => file
            .seek(*to)
            .map(|position| Answer::Position(whole(position))),
        Step::SetLength { bytes, .. } => file.set_len(*bytes as u64).map(done),
        Step::HandleMetadata { .. } => file.metadata().map(told),
        other => unreachable!("{other:?} is about a path"),
    }
}

fn done((): ()) -> Answer {
    Answer::Done
}

fn whole(number: u64) -> usize {
    usize::try_from(number).expect("files and their places are small here")
}

fn told(metadata: Metadata) -> Answer {
    let is_told = |number| (!metadata.is_dir()).then(|| whole(number));
    Answer::Metadata {
        file_type: metadata.file_type(),
        size_bytes: is_told(metadata.len()),
        link_count: is_told(metadata.link_count),
        inode: Some(metadata.inode),
    }
}

fn list(io: &dyn Io, path: &Path) -> io::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(io, path)? {
        let entry = entry?;
        entries.push(Entry {
            name: entry.file_name().to_string_lossy().into_owned(),
            file_type: entry.file_type(),
            inode: Some(entry.inode()),
        });
    }
    entries.sort();
    Ok(entries)
}

fn read(mut file: &File<'_>, parts: &[usize], offset: Option<usize>) -> io::Result<Vec<u8>> {
    let mut buffers: Vec<Vec<u8>> = parts.iter().map(|bytes| vec![0xEE; *bytes]).collect();
    let count = {
        let slices = buffers.iter_mut().map(|buffer| IoSliceMut::new(buffer));
        let mut slices: Vec<_> = slices.collect();
        match (slices.as_mut_slice(), offset) {
            ([single], None) => file.read(single),
            ([single], Some(offset)) => file.read_at(single, offset as u64),
            (several, None) => file.read_vectored(several),
            (several, Some(offset)) => file.read_vectored_at(several, offset as u64),
        }?
    };
    let mut bytes = buffers.concat();
    bytes.truncate(count);
    Ok(bytes)
}

fn write(
    mut file: &File<'_>,
    parts: &[usize],
    first: u8,
    offset: Option<usize>,
) -> io::Result<usize> {
    let bytes = content(parts.iter().sum(), first);
    let mut rest = bytes.as_slice();
    let cut = parts.iter().map(|bytes| {
        let (part, after) = rest.split_at(*bytes);
        rest = after;
        IoSlice::new(part)
    });
    let slices: Vec<_> = cut.collect();
    match (slices.as_slice(), offset) {
        ([single], None) => file.write(single),
        ([single], Some(offset)) => file.write_at(single, offset as u64),
        (several, None) => file.write_vectored(several),
        (several, Some(offset)) => file.write_vectored_at(several, offset as u64),
    }
}
