//! The list of a tree's files, as b3sum prints it, and the digest of the tree,
//! which is that of its list.
//!
//! For the paths given to `find`, this prints the same list:
//!
//! ```sh
//! find PATH... -type f -print0 | LC_ALL=C sort -z | xargs -0 b3sum
//! ```

use std::path::Path;

use blake3::Hash;

use crate::hash::HashedFile;

/// The list: a line for each file, sorted by the bytes of its path.
pub(crate) fn list(files: &mut [HashedFile]) -> String {
    files.sort_by(|a, b| a.path.as_os_str().cmp(b.path.as_os_str()));
    files.iter().map(line).collect()
}

/// The digest of the tree.
pub(crate) fn tree_digest(list: &str) -> Hash {
    blake3::hash(list.as_bytes())
}

fn line(file: &HashedFile) -> String {
    let (mark, path) = escaped(&file.path);
    format!("{mark}{}  {path}\n", file.digest)
}

/// The path as b3sum prints it, and what it puts in front of the line: what would
/// break the line is escaped, and the line marked with a backslash; what is no
/// UTF-8 is replaced.
pub(crate) fn escaped(path: &Path) -> (&'static str, String) {
    let path = path.to_string_lossy();
    if path.contains(['\\', '\n', '\r']) {
        let path = path.replace('\\', "\\\\");
        ("\\", path.replace('\n', "\\n").replace('\r', "\\r"))
    } else {
        ("", path.into_owned())
    }
}
