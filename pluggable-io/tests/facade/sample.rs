//! [`Sample`]: a tree in which everything is that a walk can stumble over, and
//! what std and blake3 make of it, independently of the examples.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::kernel::make_fifo;

/// A tree of nasty names and strange files; removed when it is dropped.
pub(crate) struct Sample {
    directory: TempDir,
}

/// Names that need care in lists, shells and sorts.
const NAMES: &[&[u8]] = &[
    b"plain.txt",
    b"with space",
    b"-dash",
    b"new\nline",
    b"back\\slash",
    b"both\\\nof them\r",
    b"carriage\rreturn",
    b"no UTF-8 \xff\xfe",
    "\u{fc}ml\u{e4}ut".as_bytes(),
    b"directory.txt",
    b"*",
    b"'\"$`",
];

/// Sizes around those of BLAKE3's blocks and chunks, and of the examples' buffer.
const SIZES: &[usize] = &[
    0, 1, 63, 64, 65, 1023, 1024, 1025, 65_535, 65_536, 65_537, 200_000,
];

impl Sample {
    pub(crate) fn new() -> Sample {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        for (name, size) in NAMES.iter().zip(SIZES) {
            fs::write(root.join(OsStr::from_bytes(name)), content(*size)).unwrap();
        }
        // Sorts before `directory.txt` by components, behind it by bytes.
        fs::create_dir_all(root.join("directory/below")).unwrap();
        fs::write(root.join("directory/below/file"), b"here").unwrap();
        fs::create_dir(root.join("directory/empty directory")).unwrap();
        fs::create_dir(root.join(OsStr::from_bytes(b"a\\dir\nectory"))).unwrap();
        let strange = root.join(OsStr::from_bytes(b"a\\dir\nectory"));
        fs::write(strange.join("file"), b"there").unwrap();
        let deep: PathBuf = (0..60).map(|level| format!("level {level}")).collect();
        fs::create_dir_all(root.join(&deep)).unwrap();
        fs::write(root.join(&deep).join("bottom"), b"down here").unwrap();
        let many = root.join("many");
        fs::create_dir(&many).unwrap();
        for number in 0..700 {
            fs::write(many.join(format!("file {number}")), content(number)).unwrap();
        }
        symlink(".", root.join("loop")).unwrap();
        symlink("../directory", root.join("directory/loop")).unwrap();
        symlink("plain.txt", root.join("link to a file")).unwrap();
        symlink("nowhere", root.join("link to nothing")).unwrap();
        let mode = |path: &str, mode| {
            fs::set_permissions(root.join(path), fs::Permissions::from_mode(mode)).unwrap();
        };
        mode("plain.txt", 0o640);
        mode("*", 0o4755);
        mode("directory", 0o1777);
        Sample { directory }
    }

    /// Removes the files whose names hold a carriage return.
    pub(crate) fn remove_carriage_returns(&self) {
        for name in NAMES.iter().filter(|name| name.contains(&b'\r')) {
            fs::remove_file(self.path().join(OsStr::from_bytes(name))).unwrap();
        }
    }

    /// With a FIFO and a socket, which an example must not open.
    pub(crate) fn with_special_files() -> Sample {
        let sample = Sample::new();
        make_fifo(&sample.path().join("fifo"));
        drop(UnixListener::bind(sample.path().join("socket")).unwrap());
        sample
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }
}

/// Bytes that are different in each place and for each size.
#[expect(clippy::cast_possible_truncation, reason = "the rest of 251 fits")]
fn content(size: usize) -> Vec<u8> {
    (0..size)
        .map(|index| ((index * 7 + size) % 251) as u8)
        .collect()
}

/// The list of the regular files below `root`, as b3sum and sort make it. `root`
/// is written as `find` prints it.
pub(crate) fn expected_list(roots: &[&Path]) -> Vec<u8> {
    let mut files = Vec::new();
    for root in roots {
        collect(root, &mut files);
    }
    let mut files: Vec<Vec<u8>> = files.into_iter().map(into_bytes).collect();
    files.sort();
    files.iter().flat_map(|path| expected_line(path)).collect()
}

fn into_bytes(path: PathBuf) -> Vec<u8> {
    path.into_os_string().into_vec()
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) {
    let file_type = fs::symlink_metadata(path).unwrap().file_type();
    if file_type.is_file() {
        files.push(path.to_owned());
    } else if file_type.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            // Not `entry.path()`: find does not tidy up the root it was given.
            let mut below = path.as_os_str().as_bytes().to_vec();
            if !below.ends_with(b"/") {
                below.push(b'/');
            }
            below.extend(entry.unwrap().file_name().as_bytes());
            collect(Path::new(OsStr::from_bytes(&below)), files);
        }
    }
}

fn expected_line(path: &[u8]) -> Vec<u8> {
    let digest = blake3::hash(&fs::read(OsStr::from_bytes(path)).unwrap());
    let mut name = String::new();
    for letter in String::from_utf8_lossy(path).chars() {
        match letter {
            '\\' => name.push_str("\\\\"),
            '\n' => name.push_str("\\n"),
            '\r' => name.push_str("\\r"),
            other => name.push(other),
        }
    }
    let is_escaped = path.iter().any(|byte| b"\\\n\r".contains(byte));
    let mark = if is_escaped { "\\" } else { "" };
    format!("{mark}{}  {name}\n", digest.to_hex()).into_bytes()
}

/// A chain of directories so deep that the path of the file at its end is too
/// long for the system; returns the longest path that is not.
pub(crate) fn make_too_deep(root: &Path) -> PathBuf {
    let name = "n".repeat(200);
    let chain = |top: PathBuf, length: usize| {
        let bottom = (0..length).fold(top, |path, _| path.join(&name));
        fs::create_dir_all(&bottom).unwrap();
        bottom
    };
    let lower = chain(root.join("lower"), 12);
    fs::write(lower.join("too deep"), b"out of reach").unwrap();
    let upper = chain(root.join("upper"), 12);
    fs::rename(root.join("lower"), upper.join("lower")).unwrap();
    upper
}
