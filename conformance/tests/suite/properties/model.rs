//! [`Model`]: a file system in memory, with the files that are open. It says
//! what each [`Step`] has to answer.
//!
//! Where the contract leaves a freedom the model follows what was seen, as far as
//! that is allowed: how many bytes a transfer moved (F10, F12), whether a listing
//! knows a type (N11), and which inode number a file has.

use std::collections::BTreeMap;
use std::io::SeekFrom;

use io_core::fs::FileType;

use super::program::{Answer, Entry, Errno, How, Step, content};

/// How many links the system follows in one path (path_resolution(7)).
const LINKS_MAX: usize = 40;
const ROOT: Node = Node(0);

/// An inode: its place in [`Model::nodes`], which is never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Node(usize);

#[derive(Clone, Debug)]
enum Content {
    Directory(BTreeMap<String, Node>),
    File(Vec<u8>),
    Link(&'static str),
}

/// An open file description (open(2)), which duplicates share.
struct OpenFile {
    node: Node,
    cursor: usize,
    how: How,
}

/// A name, whether there is something of that name or not.
struct Place {
    directory: Node,
    name: String,
    node: Option<Node>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum AtTheEnd {
    Follow,
    Stay,
}

/// A file, directory or link as the tree shows it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Shown {
    Directory,
    File(Vec<u8>),
    Link(String),
}

/// An empty directory at first.
pub(super) struct Model {
    nodes: Vec<Content>,
    /// What the system calls the nodes, once it was seen.
    numbers: BTreeMap<usize, u64>,
    open_files: Vec<OpenFile>,
    /// What each handle is a handle of, in [`Model::open_files`].
    handles: Vec<usize>,
}

impl Model {
    pub(super) fn new() -> Model {
        Model {
            nodes: vec![Content::Directory(BTreeMap::new())],
            numbers: BTreeMap::new(),
            open_files: Vec::new(),
            handles: Vec::new(),
        }
    }

    /// How many handles are open.
    pub(super) fn handle_count(&self) -> usize {
        self.handles.len()
    }

    /// Whether the answer is the system's affair: the positions of a directory,
    /// and whether nothing can be read from one.
    pub(super) fn leaves_open(&self, step: &Step) -> bool {
        match step {
            Step::Seek { handle, .. } => self.is_directory_handle(*handle),
            Step::Read { handle, parts, .. } => {
                self.is_directory_handle(*handle) && parts.iter().sum::<usize>() == 0
            }
            _ => false,
        }
    }

    fn is_directory_handle(&self, handle: usize) -> bool {
        let Some(index) = handle.checked_rem(self.handles.len()) else {
            return false;
        };
        let node = self.open_files[self.handles[index]].node;
        self.is_directory(node)
    }

    /// Makes `step` and says what it answers. Of what was `seen` it only takes
    /// what it is free to take.
    pub(super) fn answer(
        &mut self,
        step: &Step,
        seen: &Result<Answer, Errno>,
    ) -> Result<Answer, Errno> {
        match step {
            Step::Open { path, how } => self.open(path, *how),
            Step::Metadata { path } => {
                let node = self.existing(path, AtTheEnd::Follow)?;
                Ok(self.metadata(node, seen))
            }
            Step::SymlinkMetadata { path } => {
                let node = self.existing(path, AtTheEnd::Stay)?;
                Ok(self.metadata(node, seen))
            }
            Step::CreateDirectory { path } => self.add(path, Content::Directory(BTreeMap::new())),
            Step::SymbolicLink { target, path } => self.add(path, Content::Link(target)),
            Step::ReadLink { path } => match self.content(self.existing(path, AtTheEnd::Stay)?) {
                Content::Link(target) => Ok(Answer::Target((*target).to_owned())),
                Content::Directory(_) | Content::File(_) => Err(Errno(libc::EINVAL)),
            },
            Step::HardLink { from, to } => self.hard_link(from, to),
            Step::RemoveFile { path } => self.remove_file(path),
            Step::RemoveDirectory { path } => self.remove_directory(path),
            Step::Rename { from, to } => self.rename(from, to),
            Step::List { path } => self.list(path, seen),
            Step::Close { handle }
            | Step::Duplicate { handle }
            | Step::Read { handle, .. }
            | Step::Write { handle, .. }
            | Step::Seek { handle, .. }
            | Step::SetLength { handle, .. }
            | Step::HandleMetadata { handle } => match handle.checked_rem(self.handles.len()) {
                Some(index) => self.answer_of_handle(step, index, seen),
                None => Ok(Answer::NoHandle),
            },
        }
    }

    fn answer_of_handle(
        &mut self,
        step: &Step,
        index: usize,
        seen: &Result<Answer, Errno>,
    ) -> Result<Answer, Errno> {
        let file = self.handles[index];
        match step {
            Step::Close { .. } => {
                self.handles.remove(index);
                Ok(Answer::Done)
            }
            Step::Duplicate { .. } => {
                self.handles.push(file);
                Ok(Answer::Done)
            }
            Step::Read { parts, offset, .. } => {
                self.read(file, parts.iter().sum(), *offset, count_of(seen))
            }
            Step::Write {
                parts,
                first,
                offset,
                ..
            } => {
                let bytes = content(parts.iter().sum(), *first);
                self.write(file, &bytes, *offset, count_of(seen))
            }
            Step::Seek { to, .. } => self.seek(file, *to),
            Step::SetLength { bytes, .. } => self.set_length(file, *bytes),
            Step::HandleMetadata { .. } => Ok(self.metadata(self.open_files[file].node, seen)),
            other => unreachable!("{other:?} is about a path"),
        }
    }

    /// All that can be reached from the root, by path.
    pub(super) fn tree(&self) -> BTreeMap<String, Shown> {
        let mut shown = BTreeMap::new();
        self.show(ROOT, "", &mut shown);
        shown
    }

    fn show(&self, directory: Node, prefix: &str, shown: &mut BTreeMap<String, Shown>) {
        for (name, node) in self.entries(directory) {
            let path = format!("{prefix}{name}");
            let this = match self.content(*node) {
                Content::Directory(_) => {
                    self.show(*node, &format!("{path}/"), shown);
                    Shown::Directory
                }
                Content::File(bytes) => Shown::File(bytes.clone()),
                Content::Link(target) => Shown::Link((*target).to_owned()),
            };
            shown.insert(path, this);
        }
    }
}

/// Names: path_resolution(7), rename(2), link(2), unlink(2), ...
impl Model {
    fn place(&self, path: &str, at_the_end: AtTheEnd) -> Result<Place, Errno> {
        let mut directory = ROOT;
        let mut links_left = LINKS_MAX;
        let mut names: Vec<&str> = path.split('/').rev().collect();
        while let Some(name) = names.pop() {
            let Content::Directory(entries) = self.content(directory) else {
                return Err(Errno(libc::ENOTDIR));
            };
            let found = if name == "." {
                Some(directory)
            } else {
                entries.get(name).copied()
            };
            let is_last = names.is_empty();
            match found.map(|node| self.content(node)) {
                Some(Content::Link(target)) if !is_last || at_the_end == AtTheEnd::Follow => {
                    links_left = links_left.checked_sub(1).ok_or(Errno(libc::ELOOP))?;
                    names.extend(target.split('/').rev());
                }
                _ if is_last => {
                    let name = name.to_owned();
                    return Ok(Place {
                        directory,
                        name,
                        node: found,
                    });
                }
                _ => directory = found.ok_or(Errno(libc::ENOENT))?,
            }
        }
        unreachable!("a path has at least one name")
    }

    fn existing(&self, path: &str, at_the_end: AtTheEnd) -> Result<Node, Errno> {
        self.place(path, at_the_end)?
            .node
            .ok_or(Errno(libc::ENOENT))
    }

    /// A place where nothing is.
    fn free(&self, path: &str) -> Result<Place, Errno> {
        let place = self.place(path, AtTheEnd::Stay)?;
        match place.node {
            Some(_) => Err(Errno(libc::EEXIST)),
            None => Ok(place),
        }
    }

    fn content(&self, node: Node) -> &Content {
        &self.nodes[node.0]
    }

    fn is_directory(&self, node: Node) -> bool {
        matches!(self.content(node), Content::Directory(_))
    }

    /// What a directory holds; nothing if it is none.
    fn entries(&self, node: Node) -> impl Iterator<Item = (&String, &Node)> {
        let entries = match self.content(node) {
            Content::Directory(entries) => Some(entries),
            Content::File(_) | Content::Link(_) => None,
        };
        entries.into_iter().flatten()
    }

    fn entries_mut(&mut self, directory: Node) -> &mut BTreeMap<String, Node> {
        match &mut self.nodes[directory.0] {
            Content::Directory(entries) => entries,
            other => unreachable!("{other:?} has names below it"),
        }
    }

    fn is_within(&self, node: Node, above: Node) -> bool {
        let mut below = self.entries(above);
        node == above || below.any(|(_, child)| self.is_within(node, *child))
    }

    fn put(&mut self, place: Place, content: Content) -> Node {
        let node = Node(self.nodes.len());
        self.nodes.push(content);
        self.entries_mut(place.directory).insert(place.name, node);
        node
    }

    fn take(&mut self, place: &Place) {
        let taken = self.entries_mut(place.directory).remove(&place.name);
        assert_eq!(taken, place.node, "the model removes what it found");
    }

    fn add(&mut self, path: &str, content: Content) -> Result<Answer, Errno> {
        let place = self.free(path)?;
        self.put(place, content);
        Ok(Answer::Done)
    }

    fn hard_link(&mut self, from: &str, to: &str) -> Result<Answer, Errno> {
        let node = self.existing(from, AtTheEnd::Stay)?;
        let place = self.free(to)?;
        if self.is_directory(node) {
            return Err(Errno(libc::EPERM));
        }
        self.entries_mut(place.directory).insert(place.name, node);
        Ok(Answer::Done)
    }

    fn remove_file(&mut self, path: &str) -> Result<Answer, Errno> {
        let place = self.place(path, AtTheEnd::Stay)?;
        if self.is_directory(place.node.ok_or(Errno(libc::ENOENT))?) {
            return Err(Errno(libc::EISDIR));
        }
        self.take(&place);
        Ok(Answer::Done)
    }

    fn remove_directory(&mut self, path: &str) -> Result<Answer, Errno> {
        let place = self.place(path, AtTheEnd::Stay)?;
        let node = place.node.ok_or(Errno(libc::ENOENT))?;
        if !self.is_directory(node) {
            return Err(Errno(libc::ENOTDIR));
        }
        if self.entries(node).next().is_some() {
            return Err(Errno(libc::ENOTEMPTY));
        }
        self.take(&place);
        Ok(Answer::Done)
    }

    fn rename(&mut self, from: &str, to: &str) -> Result<Answer, Errno> {
        let from = self.place(from, AtTheEnd::Stay)?;
        let to = self.place(to, AtTheEnd::Stay)?;
        let node = from.node.ok_or(Errno(libc::ENOENT))?;
        if self.is_within(to.directory, node) {
            return Err(Errno(libc::EINVAL));
        }
        if let Some(replaced) = to.node {
            if self.is_within(from.directory, replaced) {
                return Err(Errno(libc::ENOTEMPTY));
            }
            // Two names of one file: both stay.
            if node == replaced {
                return Ok(Answer::Done);
            }
            match (self.is_directory(node), self.is_directory(replaced)) {
                (true, false) => return Err(Errno(libc::ENOTDIR)),
                (false, true) => return Err(Errno(libc::EISDIR)),
                _ if self.entries(replaced).next().is_some() => {
                    return Err(Errno(libc::ENOTEMPTY));
                }
                _ => {}
            }
        }
        self.take(&from);
        self.entries_mut(to.directory).insert(to.name, node);
        Ok(Answer::Done)
    }

    fn list(&mut self, path: &str, seen: &Result<Answer, Errno>) -> Result<Answer, Errno> {
        let directory = self.existing(path, AtTheEnd::Follow)?;
        let Content::Directory(entries) = self.content(directory).clone() else {
            return Err(Errno(libc::ENOTDIR));
        };
        let seen = match seen {
            Ok(Answer::Entries(seen)) => seen.as_slice(),
            _ => &[],
        };
        let expected = entries.into_iter().map(|(name, node)| {
            let seen = seen.iter().find(|entry| entry.name == name);
            let is_unknown = seen.is_some_and(|entry| entry.file_type.is_unknown());
            let file_type = if is_unknown {
                FileType::Unknown
            } else {
                self.file_type(node)
            };
            let inode = self.number(node, seen.and_then(|entry| entry.inode));
            Entry {
                name,
                file_type,
                inode,
            }
        });
        Ok(Answer::Entries(expected.collect()))
    }

    fn file_type(&self, node: Node) -> FileType {
        match self.content(node) {
            Content::Directory(_) => FileType::Directory,
            Content::File(_) => FileType::Regular,
            Content::Link(_) => FileType::SymbolicLink,
        }
    }

    /// The inode number of a node: what was seen first.
    fn number(&mut self, node: Node, seen: Option<u64>) -> Option<u64> {
        if let Some(seen) = seen {
            self.numbers.entry(node.0).or_insert(seen);
        }
        self.numbers.get(&node.0).copied()
    }

    fn metadata(&mut self, node: Node, seen: &Result<Answer, Errno>) -> Answer {
        let seen = match seen {
            Ok(Answer::Metadata { inode, .. }) => *inode,
            _ => None,
        };
        let size_bytes = match self.content(node) {
            Content::Directory(_) => None,
            Content::File(bytes) => Some(bytes.len()),
            Content::Link(target) => Some(target.len()),
        };
        let names = (0..self.nodes.len()).flat_map(|directory| self.entries(Node(directory)));
        let link_count = names.filter(|(_, named)| **named == node).count();
        Answer::Metadata {
            file_type: self.file_type(node),
            size_bytes,
            link_count: size_bytes.map(|_| link_count),
            inode: self.number(node, seen),
        }
    }
}

/// Open files: open(2), read(2), write(2), lseek(2), ftruncate(2).
impl Model {
    fn open(&mut self, path: &str, how: How) -> Result<Answer, Errno> {
        if how.contradicts_itself() {
            return Err(Errno(libc::EINVAL));
        }
        let at_the_end = if how.create_new {
            AtTheEnd::Stay
        } else {
            AtTheEnd::Follow
        };
        let place = self.place(path, at_the_end)?;
        let node = match place.node {
            Some(_) if how.create_new => return Err(Errno(libc::EEXIST)),
            Some(node) if self.is_directory(node) && how.writes() => {
                return Err(Errno(libc::EISDIR));
            }
            Some(node) => node,
            None if how.create || how.create_new => self.put(place, Content::File(Vec::new())),
            None => return Err(Errno(libc::ENOENT)),
        };
        if how.truncate {
            self.bytes_mut(node).clear();
        }
        self.handles.push(self.open_files.len());
        self.open_files.push(OpenFile {
            node,
            cursor: 0,
            how,
        });
        Ok(Answer::Done)
    }

    fn bytes(&self, node: Node) -> Option<&Vec<u8>> {
        match self.content(node) {
            Content::File(bytes) => Some(bytes),
            Content::Directory(_) | Content::Link(_) => None,
        }
    }

    fn bytes_mut(&mut self, node: Node) -> &mut Vec<u8> {
        match &mut self.nodes[node.0] {
            Content::File(bytes) => bytes,
            other => unreachable!("{other:?} is open for writing"),
        }
    }

    fn read(
        &mut self,
        file: usize,
        bytes_max: usize,
        offset: Option<usize>,
        count: usize,
    ) -> Result<Answer, Errno> {
        let OpenFile { node, cursor, how } = self.open_files[file];
        if !how.read {
            return Err(Errno(libc::EBADF));
        }
        let bytes = self.bytes(node).ok_or(Errno(libc::EISDIR))?;
        let rest = bytes.get(offset.unwrap_or(cursor)..).unwrap_or_default();
        let count = allowed(count, bytes_max.min(rest.len()));
        let read = rest[..count].to_vec();
        if offset.is_none() {
            self.open_files[file].cursor += count;
        }
        Ok(Answer::Read(read))
    }

    fn write(
        &mut self,
        file: usize,
        written: &[u8],
        offset: Option<usize>,
        count: usize,
    ) -> Result<Answer, Errno> {
        let OpenFile { node, cursor, how } = self.open_files[file];
        if !how.writes() {
            return Err(Errno(libc::EBADF));
        }
        let bytes = self.bytes_mut(node);
        let start = if how.append {
            bytes.len()
        } else {
            offset.unwrap_or(cursor)
        };
        let count = allowed(count, written.len());
        if count > 0 {
            let end = start + count;
            bytes.resize(bytes.len().max(end), 0);
            bytes[start..end].copy_from_slice(&written[..count]);
            if offset.is_none() {
                self.open_files[file].cursor = end;
            }
        }
        Ok(Answer::Written(count))
    }

    fn seek(&mut self, file: usize, to: SeekFrom) -> Result<Answer, Errno> {
        let OpenFile { node, cursor, .. } = self.open_files[file];
        let length = self.bytes(node).map_or(0, Vec::len);
        let (from, distance) = match to {
            SeekFrom::Start(position) => (0, i64::try_from(position)),
            SeekFrom::Current(distance) => (cursor, Ok(distance)),
            SeekFrom::End(distance) => (length, Ok(distance)),
        };
        let distance = distance
            .ok()
            .and_then(|distance| isize::try_from(distance).ok());
        let position = distance.and_then(|distance| from.checked_add_signed(distance));
        let position = position.ok_or(Errno(libc::EINVAL))?;
        self.open_files[file].cursor = position;
        Ok(Answer::Position(position))
    }

    fn set_length(&mut self, file: usize, bytes: usize) -> Result<Answer, Errno> {
        let OpenFile { node, how, .. } = self.open_files[file];
        if !how.writes() {
            return Err(Errno(libc::EINVAL));
        }
        self.bytes_mut(node).resize(bytes, 0);
        Ok(Answer::Done)
    }
}

/// How many bytes a transfer was seen to move.
fn count_of(seen: &Result<Answer, Errno>) -> usize {
    match seen {
        Ok(Answer::Read(bytes)) => bytes.len(),
        Ok(Answer::Written(count)) => *count,
        _ => usize::MAX,
    }
}

/// The count nearest to `count` that the contract allows: of `max` bytes that
/// can be moved at least one is.
fn allowed(count: usize, max: usize) -> usize {
    count.clamp(max.min(1), max)
}
