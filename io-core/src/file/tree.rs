//! Whole trees of directories: [`create_dir_all`], [`remove_dir_all`].

use std::ffi::OsString;
use std::io;
use std::path::Path;

use crate::error::{is_canceled, is_deadline};
use crate::file::{Dir, DirectoryEntries, Metadata, paths};
use crate::io::Io;
use crate::operation::At;

/// Creates a directory and those above it that are missing.
///
/// # Errors
/// What mkdirat(2) says, `EEXIST` if something else is there; Canceled; deadline
/// passed. Directories that were created by then stay.
///
/// # Cancellation
/// A point at each of its operations.
///
/// ```
/// use io_core::fs;
///
/// # let blocking = io_blocking::Blocking::new();
/// # let io: &dyn io_core::Io = &blocking;
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path();
/// fs::create_dir_all(io, path.join("a/b/c"))?;
/// assert!(fs::metadata(io, path.join("a/b/c"))?.is_dir());
/// fs::remove_dir_all(io, path.join("a"))?;
/// assert!(!fs::exists(io, path.join("a"))?);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn create_dir_all(io: &dyn Io, path: impl AsRef<Path>) -> io::Result<()> {
    let path = path.as_ref();
    // The empty path at the end of `ancestors` is the working directory.
    let is_named = |path: &&Path| !path.as_os_str().is_empty();
    let mut missing = Vec::new();
    for directory in path.ancestors().filter(is_named) {
        match paths::create_dir(io, directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => missing.push(directory),
            other => {
                accept_existing(io, directory, other)?;
                break;
            }
        }
    }
    for directory in missing.into_iter().rev() {
        accept_existing(io, directory, paths::create_dir(io, directory))?;
    }
    Ok(())
}

/// Whatever made `create_dir` fail does not matter if the directory is there;
/// another task may have been faster. A delivered request does matter.
fn accept_existing(io: &dyn Io, directory: &Path, result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if is_canceled(&error) || is_deadline(&error) => Err(error),
        Err(error) => match paths::metadata(io, directory) {
            Ok(metadata) if metadata.is_dir() => Ok(()),
            Err(other) if is_canceled(&other) || is_deadline(&other) => Err(other),
            _ => Err(error),
        },
        Ok(()) => Ok(()),
    }
}

/// How many directories of the path down to where it works a removal holds open.
/// Below that it closes the uppermost ones and comes back to them by `..`.
const OPEN_LEVELS_MAX: usize = 64;
/// How often a removal lists a directory again that is not empty after all its
/// entries were removed, because others create entries in it.
const ROUNDS_MAX: u32 = 16;

/// Removes a directory with everything below it. Links are removed, not
/// followed, wherever they are, also by a race: it works relative to open
/// directories. `path` itself may be a link, which is then removed. What others
/// remove meanwhile is not missed.
///
/// # Errors
/// `ENOTDIR` if `path` is neither a directory nor a link, `ENOTEMPTY` if others
/// keep creating entries, what openat(2), getdents64(2) and unlinkat(2) say;
/// Canceled; deadline passed. What is not removed by then stays.
///
/// # Cancellation
/// A point at each of its operations.
pub fn remove_dir_all(io: &dyn Io, path: impl AsRef<Path>) -> io::Result<()> {
    let path = path.as_ref();
    if paths::symlink_metadata(io, path)?.is_symlink() {
        return paths::remove_file(io, path);
    }
    let root = Dir::open_with(io, At::working_directory(path), libc::O_NOFOLLOW)?;
    let mut removal = Removal::of(root)?;
    for _ in 0..ROUNDS_MAX {
        removal.run()?;
        match paths::remove_dir(io, path) {
            Err(error) if is_not_empty(&error) => removal.level().directory().rewind()?,
            Err(error) if is_gone(&error) => return Ok(()),
            other => return other,
        }
    }
    removal.run()?;
    paths::remove_dir(io, path)
}

/// A removal on its way through a tree, without recursion: stacks may be small.
struct Removal<'io> {
    /// From the root down to the directory it works in; never empty.
    levels: Vec<Level<'io>>,
    /// Of the directory it works in, used again for each.
    entries: DirectoryEntries,
}

struct Level<'io> {
    /// `None` while it is closed for the sake of the levels below it.
    directory: Option<Dir<'io>>,
    identity: Identity,
    /// Its name in the level above.
    name: OsString,
    /// Directories that were listed and are still to be removed.
    pending: Vec<OsString>,
    round: u32,
}

/// Which directory it is, so that coming back by `..` is not led astray by a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    fn of(metadata: &Metadata) -> Identity {
        Identity {
            device: metadata.device,
            inode: metadata.inode,
        }
    }
}

impl<'io> Level<'io> {
    fn of(directory: Dir<'io>, name: OsString) -> io::Result<Level<'io>> {
        Ok(Level {
            identity: Identity::of(&directory.own_metadata()?),
            directory: Some(directory),
            name,
            pending: Vec::new(),
            round: 0,
        })
    }

    fn directory(&self) -> &Dir<'io> {
        self.directory
            .as_ref()
            .expect("the level that is worked in is open")
    }
}

impl<'io> Removal<'io> {
    fn of(root: Dir<'io>) -> io::Result<Removal<'io>> {
        Ok(Removal {
            levels: vec![Level::of(root, OsString::new())?],
            entries: DirectoryEntries::new(),
        })
    }

    /// Removes everything below the root. Each turn removes at least one entry,
    /// goes down one level, or counts a round.
    fn run(&mut self) -> io::Result<()> {
        loop {
            if let Some(name) = self.level().pending.pop() {
                self.descend(name)?;
            } else if self.list()? {
                continue;
            } else if self.levels.len() == 1 {
                return Ok(());
            } else {
                self.ascend()?;
            }
        }
    }

    fn level(&mut self) -> &mut Level<'io> {
        self.levels.last_mut().expect("the root stays")
    }

    /// Removes the files among the next entries and notes the directories.
    /// Returns whether there were entries.
    fn list(&mut self) -> io::Result<bool> {
        let level = self.levels.last_mut().expect("the root stays");
        let directory = level
            .directory
            .as_ref()
            .expect("the level that is worked in is open");
        if directory.read_entries(&mut self.entries)? == 0 {
            return Ok(false);
        }
        for entry in self.entries.iter() {
            let name = entry.file_name();
            let may_be_directory = entry.file_type().is_dir() || entry.file_type().is_unknown();
            if may_be_directory || !remove_unless_directory(directory, name.as_ref())? {
                level.pending.push(name.to_os_string());
            }
        }
        Ok(true)
    }

    /// Goes into a directory below, or removes what is there instead.
    fn descend(&mut self, name: OsString) -> io::Result<()> {
        let directory = self.level().directory();
        match directory.open_dir_no_follow(&name) {
            Ok(below) => {
                self.levels.push(Level::of(below, name)?);
                if let Some(above) = self.levels.len().checked_sub(OPEN_LEVELS_MAX + 1) {
                    self.levels[above].directory = None;
                }
                Ok(())
            }
            Err(error) if is_gone(&error) => Ok(()),
            Err(error) if is_no_directory(&error) => {
                // If it became a directory again meanwhile, the next round sees it.
                remove_unless_directory(directory, name.as_ref()).map(drop)
            }
            Err(error) => Err(error),
        }
    }

    /// Leaves an emptied directory and removes it from the one above.
    fn ascend(&mut self) -> io::Result<()> {
        let below = self.levels.pop().expect("there are two levels at least");
        if self.level().directory.is_none() {
            let above = below.directory().open_dir_no_follow("..")?;
            if Identity::of(&above.own_metadata()?) != self.level().identity {
                // Somebody moved it out of the tree: not ours to go on in.
                return Err(io::Error::from_raw_os_error(libc::ENOENT));
            }
            self.level().directory = Some(above);
        }
        match self.level().directory().remove_dir(&below.name) {
            Err(error) if is_gone(&error) => Ok(()),
            Err(error) if is_not_empty(&error) && below.round < ROUNDS_MAX => {
                below.directory().rewind()?;
                let round = below.round + 1;
                self.levels.push(Level { round, ..below });
                Ok(())
            }
            other => other,
        }
    }
}

/// Removes a file. False if it is a directory; true if it is not there any more.
fn remove_unless_directory(directory: &Dir<'_>, name: &Path) -> io::Result<bool> {
    match directory.remove_file(name) {
        Ok(()) => Ok(true),
        Err(error) if is_gone(&error) => Ok(true),
        Err(error) if error.raw_os_error() == Some(libc::EISDIR) => Ok(false),
        Err(error) => Err(error),
    }
}

fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
}

/// What open(2) says with `O_DIRECTORY | O_NOFOLLOW` to files and to links.
fn is_no_directory(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOTDIR | libc::ELOOP))
}

/// What unlinkat(2) says to a directory with entries (POSIX allows both).
fn is_not_empty(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOTEMPTY | libc::EEXIST))
}
