//! The workspace's files, for `tidy.rs`: found once, Rust split into code and
//! the rest. Imports std only.

use std::fs;
use std::path::{Path, PathBuf};

/// Directories deeper than this are no part of the workspace.
const DEPTH_MAX: usize = 12;

/// One file of the workspace.
pub(crate) struct SourceFile {
    /// From the top of the workspace, with `/`.
    pub(crate) path: String,
    /// All of it.
    pub(crate) text: String,
}

/// The top of the workspace.
pub(crate) fn workspace() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest
        .parent()
        .expect("this crate lies in the workspace")
        .to_path_buf()
}

/// Every file whose name ends in `.extension`, build output and hidden
/// directories apart, sorted by path.
pub(crate) fn files(extension: &str) -> Vec<SourceFile> {
    let top = workspace();
    let mut found = Vec::new();
    collect(&top, &top, extension, 0, &mut found);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(!found.is_empty(), "no .{extension} file below {top:?}");
    found
}

fn collect(top: &Path, below: &Path, extension: &str, depth: usize, found: &mut Vec<SourceFile>) {
    assert!(depth < DEPTH_MAX, "{below:?} lies too deep");
    for entry in fs::read_dir(below).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        let name = name.to_str().expect("names in the repository are UTF-8");
        let path = entry.path();
        if entry.file_type().unwrap().is_dir() {
            if !name.starts_with('.') && name != "target" {
                collect(top, &path, extension, depth + 1, found);
            }
        } else if path.extension().is_some_and(|end| end == extension) {
            let relative = path.strip_prefix(top).unwrap();
            found.push(SourceFile {
                path: relative.to_str().unwrap().to_owned(),
                text: fs::read_to_string(&path).unwrap(),
            });
        }
    }
}

impl SourceFile {
    /// The crate it belongs to: its top directory.
    pub(crate) fn crate_name(&self) -> &str {
        self.path.split('/').next().unwrap_or_default()
    }

    /// Whether all of it is tests, benches or examples.
    pub(crate) fn is_beside_the_product(&self) -> bool {
        let mut parts = self.path.split('/').skip(1);
        parts.any(|part| {
            matches!(
                part,
                "tests" | "tests.rs" | "benches" | "examples" | "models" | "models.rs"
            )
        }) || self.path.starts_with("benches/")
    }

    /// Its code: comments and the insides of literals are blanks, lines stay.
    pub(crate) fn code(&self) -> String {
        blank_prose(&self.text)
    }

    /// Its code without the tests at its end.
    pub(crate) fn product_code(&self) -> String {
        if self.is_beside_the_product() {
            return String::new();
        }
        let mut code = self.code();
        for marker in [
            "#[cfg(test)]\nmod tests {",
            "#[cfg(all(test, not(loom)))]\nmod tests {",
        ] {
            if let Some(start) = code.find(marker) {
                code.truncate(start);
            }
        }
        code
    }
}

/// Whether `code` names `word`, not as part of a longer name.
pub(crate) fn names(code: &str, word: &str) -> bool {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let bytes = code.as_bytes();
    code.match_indices(word).any(|(start, _)| {
        let before = start.checked_sub(1).and_then(|index| bytes.get(index));
        let after = bytes.get(start + word.len());
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

/// The words of all names that `code` declares or uses after `keyword`.
pub(crate) fn declared<'a>(code: &'a str, keyword: &str) -> Vec<&'a str> {
    let mut words = code
        .split(|letter: char| !(letter.is_alphanumeric() || letter == '_'))
        .filter(|word| !word.is_empty());
    let mut found = Vec::new();
    while let Some(word) = words.next() {
        if word == keyword
            && let Some(name) = words.next()
        {
            found.push(name);
        }
    }
    found
}

/// Replaces comments and the insides of string and character literals by blanks.
fn blank_prose(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let length = prose_length(rest, code.as_bytes().last().copied());
        if length == 0 {
            code.push(letter);
            rest = &rest[letter.len_utf8()..];
        } else {
            let (prose, after) = rest.split_at(length);
            code.extend(prose.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
            rest = after;
        }
    }
    code
}

/// How long the comment or literal is that `rest` begins with, in bytes; 0 if
/// it begins with code. `before` is the byte of code in front of it.
fn prose_length(rest: &str, before: Option<u8>) -> usize {
    let is_in_name = before.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if rest.starts_with("//") {
        rest.find('\n').unwrap_or(rest.len())
    } else if rest.starts_with("/*") {
        block_comment_length(rest)
    } else if rest.starts_with('"') {
        literal_length(rest, 1, b'"')
    } else if !is_in_name && (rest.starts_with("r\"") || rest.starts_with("r#")) {
        raw_string_length(rest)
    } else if !is_in_name && (rest.starts_with("br\"") || rest.starts_with("br#")) {
        1 + raw_string_length(&rest[1..])
    } else if rest.starts_with("'\\") {
        literal_length(rest, 1, b'\'')
    } else if rest.starts_with('\'') {
        // A character literal has its end after one character; else a lifetime.
        let mut letters = rest.char_indices().skip(2);
        match letters.next() {
            Some((end, '\'')) => end + 1,
            _ => 0,
        }
    } else {
        0
    }
}

fn block_comment_length(rest: &str) -> usize {
    let mut depth = 0_usize;
    let bytes = rest.as_bytes();
    let mut index = 0;
    while index < bytes.len() {
        match bytes.get(index..index + 2) {
            Some(b"/*") => {
                depth += 1;
                index += 2;
            }
            Some(b"*/") => {
                depth -= 1;
                index += 2;
                if depth == 0 {
                    return index;
                }
            }
            _ => index += 1,
        }
    }
    bytes.len()
}

fn literal_length(rest: &str, opening: usize, end: u8) -> usize {
    let bytes = rest.as_bytes();
    let mut index = opening;
    while index < bytes.len() {
        match bytes[index] {
            b'\\' => index += 2,
            byte if byte == end => return index + 1,
            _ => index += 1,
        }
    }
    bytes.len()
}

fn raw_string_length(rest: &str) -> usize {
    let hashes = rest[1..].bytes().take_while(|byte| *byte == b'#').count();
    if rest.as_bytes().get(1 + hashes) != Some(&b'"') {
        return 0;
    }
    let end = format!("\"{}", "#".repeat(hashes));
    let body = 2 + hashes;
    rest[body..]
        .find(&end)
        .map_or(rest.len(), |found| body + found + end.len())
}

#[test]
fn prose_is_blanked_and_code_is_not() {
    let text = "let a = \"unsafe \\\" b\"; // unsafe\nlet 'x: &'a str; '\"' /* /* n */ unsafe */ r#\"unsafe\"#; ok";
    let code = blank_prose(text);
    assert!(!names(&code, "unsafe"), "{code}");
    assert!(
        names(&code, "ok") && names(&code, "str") && names(&code, "x"),
        "{code}"
    );
    assert_eq!(code.lines().count(), 2);
    assert!(!names("io_uring_enter", "io_uring"));
}
