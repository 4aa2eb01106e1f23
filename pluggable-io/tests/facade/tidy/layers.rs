//! The layers of ARCHITECTURE.md: which crate may name which, what the contract
//! may not name, and that a door's folder does not look up. Imports std only.

use super::source::{SourceFile, files, names};

/// Each crate of the workspace and those it may use, as its code names them.
const LAYERS: &[(&str, &[&str])] = &[
    ("io-core", &[]),
    ("io-blocking", &["io_core"]),
    ("io-threaded", &["io_core", "io_blocking"]),
    ("io-evloop-uring", &["io_core", "io_blocking"]),
    ("conformance", &["io_core"]),
    (
        "pluggable-io",
        &["io_core", "io_blocking", "io_threaded", "io_evloop_uring"],
    ),
];

fn crate_names() -> impl Iterator<Item = String> {
    LAYERS.iter().map(|(name, _)| name.replace('-', "_"))
}

#[test]
fn imports_point_down() {
    for file in files("rs") {
        let Some((own, below)) = LAYERS.iter().find(|(name, _)| *name == file.crate_name()) else {
            continue;
        };
        if may_look_up(&file) {
            continue;
        }
        let code = file.product_code();
        for other in crate_names() {
            let is_own = own.replace('-', "_") == other;
            let may = is_own || below.contains(&other.as_str());
            assert!(may || !names(&code, &other), "{} names {other}", file.path);
        }
    }
}

/// The programs of a crate stand beside it, not in it.
fn may_look_up(file: &SourceFile) -> bool {
    file.path.contains("/src/main.rs") || file.path.contains("/src/bin/")
}

#[test]
fn the_contract_asks_io_for_the_world() {
    for file in files("rs")
        .iter()
        .filter(|file| file.crate_name() == "io-core")
    {
        let code = file.product_code();
        let path = &file.path;
        for module in ["fs", "net", "thread", "env"] {
            for root in ["std::", "::std::"] {
                let mut rest = code.as_str();
                while let Some(start) = rest.find(&format!("{root}{module}")) {
                    rest = &rest[start + root.len() + module.len()..];
                    let goes_on = rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
                    // What a panic left, and whether one is under way, are no input.
                    let is_panic = ["::panicking", "::Result"]
                        .iter()
                        .any(|item| rest.starts_with(item));
                    assert!(goes_on || is_panic, "{path} names std::{module}");
                }
            }
        }
        for group in code.split("std::{").skip(1) {
            let inside = group.split('}').next().unwrap_or_default();
            for module in ["fs", "net", "thread", "env"] {
                assert!(!names(inside, module), "{path} names std::{module}");
            }
        }
        for call in ["Instant::now(", "SystemTime::now(", "process::Command"] {
            assert!(!code.contains(call), "{path} names {call}");
        }
    }
}

#[test]
fn what_lies_behind_a_door_does_not_look_up() {
    const BEHIND: &[(&str, &[&str])] = &[
        ("io-evloop-uring/src/fiber", &["crate::fiber"]),
        ("io-evloop-uring/src/ring", &["crate::ring"]),
        ("io-threaded/src/poller", &["crate::poller"]),
    ];
    for file in files("rs") {
        for (door, may) in BEHIND {
            if !file.path.starts_with(door) {
                continue;
            }
            let code = file.product_code();
            for (start, _) in code.match_indices("crate::") {
                // `pub(in crate::x)` and `$crate` apart, a path is an import.
                let inside = may.iter().any(|path| code[start..].starts_with(path));
                let line = code[..start].lines().count();
                assert!(inside, "{}:{line} looks up", file.path);
            }
        }
    }
}
