//! What the workloads read and write: files on the disk of the build directory
//! (a file system in memory has other ways through the kernel), random offsets,
//! and a piece of work of a known size.

use std::fs::{self, File};
use std::hint::black_box;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use tempfile::TempDir;

use crate::contender::Scale;

/// The size of a block, in bytes: a page.
pub(crate) const READ_BYTES: usize = 4096;

/// The environment variable that says where files are kept.
pub const DATA_DIRECTORY: &str = "BENCHES_DATA";

/// Where files are kept: below the build directory, so on the disk that the
/// workspace is on, or where [`DATA_DIRECTORY`] says.
///
/// # Panics
/// If there can be none.
#[must_use]
pub fn data_directory() -> PathBuf {
    let below_target = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/bench-data");
    let path = std::env::var_os(DATA_DIRECTORY).map_or_else(below_target, PathBuf::from);
    fs::create_dir_all(&path).expect("the build directory can be written");
    path
}

/// A new directory on the disk.
pub(crate) fn new_directory() -> TempDir {
    tempfile::Builder::new()
        .tempdir_in(data_directory())
        .expect("the build directory can be written")
}

/// Whether files that are kept have been read by whoever started this process.
/// Written by [`assume_prepared`], read when a file is made.
static IS_PREPARED: AtomicBool = AtomicBool::new(false);

/// Tells that the process which started this one has made the workloads that it
/// asks for: their files are in the page cache.
pub fn assume_prepared() {
    // Relaxed: see its declaration.
    IS_PREPARED.store(true, Ordering::Relaxed);
}

/// Where data lies.
#[derive(Debug)]
enum Place {
    /// Removed with this value.
    Temporary(TempDir),
    /// Kept in the build directory: it is large, and each measurement of a
    /// comparison is a process of its own.
    Kept(PathBuf),
}

impl Place {
    /// A directory that `fill` fills: small data each time, large data once.
    fn filled(scale: Scale, name: &str, fill: impl FnOnce(&Path)) -> Place {
        let kept = data_directory().join(name);
        if scale == Scale::Full && kept.exists() {
            return Place::Kept(kept);
        }
        let new = new_directory();
        fill(new.path());
        if scale == Scale::Small {
            return Place::Temporary(new);
        }
        // Whoever is first wins; another process may have been.
        if fs::rename(new.path(), &kept).is_ok() {
            drop(new.keep());
        }
        Place::Kept(kept)
    }

    fn path(&self) -> &Path {
        match self {
            Place::Temporary(directory) => directory.path(),
            Place::Kept(path) => path,
        }
    }
}

/// On a file system in memory, if there is one.
pub(crate) fn directory_in_memory() -> TempDir {
    let shared_memory = Path::new("/dev/shm");
    let place = shared_memory.is_dir().then(|| shared_memory.to_path_buf());
    tempfile::Builder::new()
        .tempdir_in(place.unwrap_or_else(std::env::temp_dir))
        .expect("there is a place for temporary files")
}

/// How a file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Through the page cache.
    Cached,
    /// Past it (O_DIRECT): the device is asked.
    Direct,
}

impl Access {
    /// What open(2) is told beyond the usual.
    pub(crate) const fn flags(self) -> i32 {
        match self {
            Access::Cached => 0,
            Access::Direct => libc::O_DIRECT,
        }
    }

    /// Opens `path` to be read with std.
    pub(crate) fn open(self, path: &Path) -> File {
        File::options()
            .read(true)
            .custom_flags(self.flags())
            .open(path)
            .expect("it was written")
    }
}

/// What is read into: a page, aligned as reads past the cache want it.
#[derive(Clone)]
#[repr(align(4096))]
pub(crate) struct Block(pub(crate) [u8; READ_BYTES]);

impl Block {
    pub(crate) const ZERO: Block = Block([0; READ_BYTES]);
}

/// A file of whole pages, all of which are in the page cache.
#[derive(Debug)]
pub struct CachedFile {
    _place: Place,
    /// Where it is.
    pub path: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
}

impl CachedFile {
    /// Writes the file, larger than the processor's caches unless it is small,
    /// and waits until the disk has it: writing back later would disturb.
    ///
    /// # Panics
    /// If it can not be written.
    #[must_use]
    pub fn new(scale: Scale) -> CachedFile {
        let bytes = match scale {
            Scale::Small => 4 << 20,
            Scale::Full => 256 << 20,
        };
        CachedFile::of_bytes(scale, "cached-file", bytes)
    }

    /// A file of so many bytes, a multiple of 1 MiB.
    pub(crate) fn of_bytes(scale: Scale, name: &str, bytes: u64) -> CachedFile {
        let place = Place::filled(scale, name, |directory| {
            let mut file = File::create(directory.join("cached")).expect("the directory is new");
            let chunk = vec![0x5a; 1 << 20];
            for _ in 0..bytes >> 20 {
                file.write_all(&chunk).expect("there is room on the disk");
            }
            file.sync_all().expect("there is room on the disk");
        });
        let path = place.path().join("cached");
        // Relaxed: set before the first file is made, by the same thread.
        if !IS_PREPARED.load(Ordering::Relaxed) {
            let mut file = File::open(&path).expect("it was written");
            let cached = std::io::copy(&mut file, &mut std::io::sink());
            assert_eq!(cached.expect("it can be read"), bytes, "it is whole");
        }
        CachedFile {
            _place: place,
            path,
            bytes,
        }
    }
}

/// A directory of files to be walked and read.
pub(crate) struct Tree {
    place: Place,
    pub(crate) file_count: u64,
    pub(crate) directory_count: usize,
}

impl Tree {
    /// Directories of files of differing sizes, 16 KiB on average.
    pub(crate) fn new(scale: Scale) -> Tree {
        let (directories, files) = match scale {
            Scale::Small => (4, 16),
            Scale::Full => (64, 16),
        };
        let content = vec![0xa5; 32 << 10];
        let place = Place::filled(scale, "tree-of-1024", |directory| {
            for outer in 0..directories {
                let below = directory.join(format!("directory-{outer}"));
                fs::create_dir(&below).expect("the directory is new");
                for index in 0..files {
                    let bytes = (index + 1) * content.len() / (files + 1);
                    let path = below.join(format!("file-{index}"));
                    fs::write(path, &content[..bytes]).expect("there is room on the disk");
                }
            }
        });
        let file_count = (directories * files) as u64;
        Tree {
            place,
            file_count,
            directory_count: directories,
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.place.path()
    }
}

/// Random offsets of whole blocks of a file, the same for the same seed.
pub(crate) struct Offsets {
    state: u64,
    blocks: u64,
}

impl Offsets {
    pub(crate) fn new(seed: u64, file_bytes: u64) -> Offsets {
        Offsets {
            state: (seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15),
            blocks: file_bytes / READ_BYTES as u64,
        }
    }

    #[inline]
    pub(crate) fn next_offset(&mut self) -> u64 {
        // Marsaglia, "Xorshift RNGs", 2003.
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        (self.state >> 11) % self.blocks * READ_BYTES as u64
    }
}

/// About 50 ns of work that the compiler can not leave out or do in parallel.
#[inline(never)]
pub(crate) fn work(seed: u64) -> u64 {
    let mut value = black_box(seed);
    for _ in 0..36 {
        value = value.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(31);
    }
    value
}
