//! [`MemoryFiles`]: a file system in memory, for a backend whose handles are
//! tokens. Plain and slow: one lock, permissions are kept but not enforced.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::{self, IoSlice, IoSliceMut, SeekFrom};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use io_core::fs::{DirectoryEntries, FileType, Metadata, OpenOptions};
use io_core::{At, Handle, Links, Operation, Outcome, Target};

/// Links that one path may lead over, as on Linux.
const LINKS_MAX: u32 = 40;
/// Entries that one listing gives at most, so that listings take several.
const LISTED_MAX: usize = 7;

type Result<T> = io::Result<T>;

fn errno<T>(code: i32) -> Result<T> {
    Err(io::Error::from_raw_os_error(code))
}

/// An index into the nodes; they are never freed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Node(usize);

const ROOT: Node = Node(0);

#[derive(Debug)]
enum Body {
    File(Vec<u8>),
    Directory(BTreeMap<OsString, Node>),
    Link(PathBuf),
}

#[derive(Debug)]
struct Inode {
    body: Body,
    permission_bits: u32,
    names: u64,
    parent: Node,
}

/// What a token of this backend names.
#[derive(Debug)]
struct Open {
    node: Node,
    options: OpenOptions,
    /// Bytes from the start of a file, or entries from that of a listing. Shared
    /// with duplicates.
    cursor: Arc<Mutex<u64>>,
}

pub(crate) struct MemoryFiles {
    nodes: Mutex<Vec<Inode>>,
}

struct Tree<'a>(MutexGuard<'a, Vec<Inode>>);

/// Where a path leads: a directory, a name in it, and what has that name.
struct Place {
    directory: Node,
    name: OsString,
    node: Option<Node>,
}

impl MemoryFiles {
    pub(crate) fn new() -> MemoryFiles {
        let root = Inode {
            body: Body::Directory(BTreeMap::new()),
            permission_bits: 0o755,
            names: 1,
            parent: ROOT,
        };
        MemoryFiles {
            nodes: Mutex::new(vec![root]),
        }
    }

    fn tree(&self) -> Tree<'_> {
        Tree(self.nodes.lock().unwrap())
    }

    pub(crate) fn close(&self, handle: Handle) -> Result<()> {
        open(&handle).map(drop)
    }

    pub(crate) fn perform(&self, operation: &mut Operation<'_, '_>) -> Result<Outcome> {
        match operation {
            Operation::Create { at, options } | Operation::Open { at, options } => {
                self.tree().open(at, *options).map(Outcome::Handle)
            }
            Operation::Read {
                handle,
                buffers,
                offset,
            } => self.read(handle, buffers, *offset).map(Outcome::Count),
            Operation::Write {
                handle,
                buffers,
                offset,
            } => self.write(handle, buffers, *offset).map(Outcome::Count),
            Operation::Seek { handle, to } => self.seek(handle, *to).map(Outcome::Position),
            Operation::Sync { handle, .. } => open(handle).map(|_| Outcome::Done),
            Operation::SetLength { handle, bytes } => self.set_length(handle, *bytes),
            Operation::Metadata { target, out } => {
                let mut tree = self.tree();
                let node = tree.target(target)?;
                **out = tree.metadata(node);
                Ok(Outcome::Done)
            }
            Operation::SetPermissions { target, mode } => {
                let mut tree = self.tree();
                let node = tree.target(target)?;
                tree.inode(node).permission_bits = *mode & 0o7777;
                Ok(Outcome::Done)
            }
            Operation::CreateDirectory { at, mode } => {
                let body = Body::Directory(BTreeMap::new());
                self.tree().add(at, body, *mode).map(|_| Outcome::Done)
            }
            Operation::SymbolicLink { target, at } => {
                let body = Body::Link(target.to_path_buf());
                self.tree().add(at, body, 0o777).map(|_| Outcome::Done)
            }
            Operation::RemoveDirectory { at } => self.tree().remove(at, FileType::Directory),
            Operation::RemoveFile { at } => self.tree().remove(at, FileType::Regular),
            Operation::ReadDirectory { handle, entries } => {
                self.list(handle, entries).map(Outcome::Count)
            }
            Operation::Rename { from, to } => self.tree().rename(from, to),
            Operation::HardLink { from, to } => self.tree().hard_link(from, to),
            Operation::ReadLink { at, out } => {
                let mut tree = self.tree();
                let node = tree.existing(at, Links::NoFollow)?;
                match &tree.inode(node).body {
                    Body::Link(target) => target.clone_into(out),
                    _ => return errno(libc::EINVAL),
                }
                Ok(Outcome::Done)
            }
            Operation::Duplicate { handle } => {
                let Open {
                    node,
                    options,
                    cursor,
                } = open(handle)?;
                let cursor = Arc::clone(cursor);
                Ok(Outcome::Handle(token(*node, *options, cursor)))
            }
            _ => Err(io_core::unsupported()),
        }
    }

    fn read(
        &self,
        handle: &Handle,
        buffers: &mut [IoSliceMut<'_>],
        offset: Option<u64>,
    ) -> Result<usize> {
        let open = open(handle)?;
        if !open.options.is_read() {
            return errno(libc::EBADF);
        }
        let mut cursor = open.cursor.lock().unwrap();
        let mut tree = self.tree();
        let content = tree.content(open.node)?;
        let start = index(offset.unwrap_or(*cursor))?.min(content.len());
        let mut rest = &content[start..];
        let mut count = 0;
        for buffer in buffers {
            count += io::Read::read(&mut rest, buffer)?;
        }
        if offset.is_none() {
            *cursor += count as u64;
        }
        Ok(count)
    }

    fn write(
        &self,
        handle: &Handle,
        buffers: &[IoSlice<'_>],
        offset: Option<u64>,
    ) -> Result<usize> {
        let open = open(handle)?;
        if !open.options.is_write() && !open.options.is_append() {
            return errno(libc::EBADF);
        }
        let mut cursor = open.cursor.lock().unwrap();
        let mut tree = self.tree();
        let content = tree.content(open.node)?;
        let start = if open.options.is_append() {
            content.len()
        } else {
            index(offset.unwrap_or(*cursor))?
        };
        let count: usize = buffers.iter().map(|buffer| buffer.len()).sum();
        if count > 0 && content.len() < start + count {
            content.resize(start + count, 0);
        }
        let mut end = start;
        for buffer in buffers {
            content[end..end + buffer.len()].copy_from_slice(buffer);
            end += buffer.len();
        }
        if offset.is_none() {
            *cursor = end as u64;
        }
        Ok(count)
    }

    fn seek(&self, handle: &Handle, to: SeekFrom) -> Result<u64> {
        let open = open(handle)?;
        let mut cursor = open.cursor.lock().unwrap();
        let position = match to {
            SeekFrom::Start(position) => i64::try_from(position).ok(),
            SeekFrom::Current(by) => cursor.checked_add_signed(by).map(u64::cast_signed),
            SeekFrom::End(by) => {
                let length = self.tree().metadata(open.node).size_bytes;
                length.checked_add_signed(by).map(u64::cast_signed)
            }
        };
        match position.filter(|position| *position >= 0) {
            Some(position) => *cursor = position.cast_unsigned(),
            None => return errno(libc::EINVAL),
        }
        Ok(*cursor)
    }

    fn set_length(&self, handle: &Handle, bytes: u64) -> Result<Outcome> {
        let open = open(handle)?;
        if !open.options.is_write() && !open.options.is_append() {
            return errno(libc::EINVAL);
        }
        self.tree().content(open.node)?.resize(index(bytes)?, 0);
        Ok(Outcome::Done)
    }

    fn list(&self, handle: &Handle, entries: &mut DirectoryEntries) -> Result<usize> {
        let open = open(handle)?;
        let mut cursor = open.cursor.lock().unwrap();
        let mut tree = self.tree();
        let names = tree.names(open.node)?.clone();
        entries.clear();
        let start = index(*cursor)?;
        for (name, node) in names.iter().skip(start).take(LISTED_MAX) {
            entries.push(name, tree.metadata(*node).file_type(), node.0 as u64);
        }
        *cursor += entries.len() as u64;
        Ok(entries.len())
    }
}

fn index(position: u64) -> Result<usize> {
    match i64::try_from(position) {
        Ok(position) => Ok(usize::try_from(position).expect("not negative")),
        Err(_) => errno(libc::EINVAL),
    }
}

fn open(handle: &Handle) -> Result<&Open> {
    handle
        .token::<Open>()
        .map_or_else(|| errno(libc::EBADF), Ok)
}

fn token(node: Node, options: OpenOptions, cursor: Arc<Mutex<u64>>) -> Handle {
    Handle::from_token(Box::new(Open {
        node,
        options,
        cursor,
    }))
}

impl Tree<'_> {
    fn inode(&mut self, node: Node) -> &mut Inode {
        &mut self.0[node.0]
    }

    fn names(&mut self, node: Node) -> Result<&mut BTreeMap<OsString, Node>> {
        match &mut self.inode(node).body {
            Body::Directory(names) => Ok(names),
            _ => errno(libc::ENOTDIR),
        }
    }

    fn content(&mut self, node: Node) -> Result<&mut Vec<u8>> {
        match &mut self.inode(node).body {
            Body::File(content) => Ok(content),
            Body::Directory(_) => errno(libc::EISDIR),
            Body::Link(_) => errno(libc::EBADF),
        }
    }

    fn metadata(&mut self, node: Node) -> Metadata {
        let inode = self.inode(node);
        let (kind, size) = match &inode.body {
            Body::File(content) => (0o100_000, content.len()),
            Body::Directory(names) => (0o040_000, names.len()),
            Body::Link(target) => (0o120_000, target.as_os_str().len()),
        };
        Metadata {
            mode: kind | inode.permission_bits,
            size_bytes: size as u64,
            device: 1,
            inode: node.0 as u64,
            link_count: inode.names,
            block_bytes: 4096,
            ..Metadata::default()
        }
    }

    // ---- paths ------------------------------------------------------------

    fn place(&mut self, at: &At<'_>, links: Links) -> Result<Place> {
        let start = match at.directory {
            Some(directory) if at.path.is_relative() => open(directory)?.node,
            _ => ROOT,
        };
        self.walk(start, at.path, links, 0)
    }

    fn walk(&mut self, start: Node, path: &Path, links: Links, depth: u32) -> Result<Place> {
        if depth > LINKS_MAX {
            return errno(libc::ELOOP);
        }
        if path.as_os_str().is_empty() {
            return errno(libc::ENOENT);
        }
        let mut directory = start;
        let mut components = path.components().peekable();
        while let Some(component) = components.next() {
            let name = match component {
                Component::Normal(name) => name,
                Component::RootDir => {
                    directory = ROOT;
                    continue;
                }
                Component::ParentDir => {
                    self.names(directory)?;
                    directory = self.inode(directory).parent;
                    continue;
                }
                Component::CurDir | Component::Prefix(_) => continue,
            };
            let node = self.names(directory)?.get(name).copied();
            let is_last = components.peek().is_none();
            let target = node.and_then(|node| match &self.inode(node).body {
                Body::Link(target) if !is_last || links == Links::Follow => Some(target.clone()),
                _ => None,
            });
            if let Some(target) = target {
                let place = self.walk(directory, &target, Links::Follow, depth + 1)?;
                if is_last {
                    return Ok(place);
                }
                directory = place.node.map_or_else(|| errno(libc::ENOENT), Ok)?;
            } else if is_last {
                let name = name.to_os_string();
                return Ok(Place {
                    directory,
                    name,
                    node,
                });
            } else {
                directory = node.map_or_else(|| errno(libc::ENOENT), Ok)?;
            }
        }
        // It ended with a directory that has no name here: `/`, `.` or `..`.
        Ok(Place {
            directory,
            name: OsString::new(),
            node: Some(directory),
        })
    }

    fn existing(&mut self, at: &At<'_>, links: Links) -> Result<Node> {
        let place = self.place(at, links)?;
        place.node.map_or_else(|| errno(libc::ENOENT), Ok)
    }

    fn target(&mut self, target: &Target<'_>) -> Result<Node> {
        match target {
            Target::Handle(handle) => open(handle).map(|open| open.node),
            Target::Path(at, links) => self.existing(at, *links),
        }
    }

    // ---- names ------------------------------------------------------------

    fn open(&mut self, at: &At<'_>, options: OpenOptions) -> Result<Handle> {
        let may_write = options.is_write() || options.is_append();
        let changes = options.may_create() || options.is_truncate();
        if !may_write && (changes || !options.is_read()) {
            return errno(libc::EINVAL);
        }
        let is_refused = options.is_create_new() || options.extra_flags() & libc::O_NOFOLLOW != 0;
        let links = if is_refused {
            Links::NoFollow
        } else {
            Links::Follow
        };
        let place = self.place(at, links)?;
        let node = match place.node {
            Some(_) if options.is_create_new() => return errno(libc::EEXIST),
            Some(node) => node,
            None if options.may_create() => {
                let body = Body::File(Vec::new());
                self.add_to(&place, body, options.permission_bits() & 0o777 & !0o022)?
            }
            None => return errno(libc::ENOENT),
        };
        match &mut self.inode(node).body {
            Body::File(_) if options.is_directory() => return errno(libc::ENOTDIR),
            Body::File(content) if options.is_truncate() => content.clear(),
            Body::File(_) => {}
            Body::Directory(_) if may_write => return errno(libc::EISDIR),
            Body::Directory(_) => {}
            Body::Link(_) => return errno(libc::ELOOP),
        }
        Ok(token(node, options, Arc::default()))
    }

    fn add(&mut self, at: &At<'_>, body: Body, mode: u32) -> Result<Node> {
        let place = self.place(at, Links::NoFollow)?;
        if place.node.is_some() {
            return errno(libc::EEXIST);
        }
        self.add_to(&place, body, mode & !0o022)
    }

    fn add_to(&mut self, place: &Place, body: Body, permission_bits: u32) -> Result<Node> {
        let node = Node(self.0.len());
        self.names(place.directory)?
            .insert(place.name.clone(), node);
        self.0.push(Inode {
            body,
            permission_bits,
            names: 1,
            parent: place.directory,
        });
        Ok(node)
    }

    fn remove(&mut self, at: &At<'_>, what: FileType) -> Result<Outcome> {
        let place = self.place(at, Links::NoFollow)?;
        let node = place.node.map_or_else(|| errno(libc::ENOENT), Ok)?;
        if place.name.is_empty() {
            return errno(libc::EBUSY);
        }
        match (&self.inode(node).body, what) {
            (Body::Directory(names), FileType::Directory) if names.is_empty() => {}
            (Body::Directory(_), FileType::Directory) => return errno(libc::ENOTEMPTY),
            (Body::Directory(_), _) => return errno(libc::EISDIR),
            (_, FileType::Directory) => return errno(libc::ENOTDIR),
            _ => {}
        }
        self.inode(node).names -= 1;
        self.names(place.directory)?.remove(&place.name);
        Ok(Outcome::Done)
    }

    fn rename(&mut self, from: &At<'_>, to: &At<'_>) -> Result<Outcome> {
        let source = self.place(from, Links::NoFollow)?;
        let node = source.node.map_or_else(|| errno(libc::ENOENT), Ok)?;
        let place = self.place(to, Links::NoFollow)?;
        if place.node == Some(node) {
            return Ok(Outcome::Done);
        }
        let is_directory = self.names(node).is_ok();
        if let Some(replaced) = place.node {
            match &self.inode(replaced).body {
                Body::Directory(_) if !is_directory => return errno(libc::EISDIR),
                Body::Directory(names) if !names.is_empty() => return errno(libc::ENOTEMPTY),
                Body::Directory(_) => {}
                _ if is_directory => return errno(libc::ENOTDIR),
                _ => {}
            }
            self.inode(replaced).names -= 1;
        }
        let mut above = place.directory;
        while above != ROOT {
            if above == node {
                return errno(libc::EINVAL);
            }
            above = self.inode(above).parent;
        }
        self.names(source.directory)?.remove(&source.name);
        self.names(place.directory)?.insert(place.name, node);
        self.inode(node).parent = place.directory;
        Ok(Outcome::Done)
    }

    fn hard_link(&mut self, from: &At<'_>, to: &At<'_>) -> Result<Outcome> {
        let node = self.existing(from, Links::NoFollow)?;
        let place = self.place(to, Links::NoFollow)?;
        if place.node.is_some() {
            return errno(libc::EEXIST);
        }
        if self.names(node).is_ok() {
            return errno(libc::EPERM);
        }
        self.inode(node).names += 1;
        self.names(place.directory)?.insert(place.name, node);
        Ok(Outcome::Done)
    }
}

/// The name of an entry, for tests.
pub(crate) fn name_of(entry: &OsStr) -> &str {
    entry.to_str().expect("tests use names in UTF-8")
}
