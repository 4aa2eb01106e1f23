//! Rules of STYLE.md and ARCHITECTURE.md that a reader would otherwise have to
//! check: headers, sizes, doors, layers, unsafe, names, the documents' links
//! and commands. Everything else is clippy's part. Imports std only.

mod documents;
mod layers;
mod source;

pub(crate) use source::workspace;
use source::{SourceFile, declared, files, names};

/// Files above this many lines, tests apart, say in their header why.
const LINES_MAX: usize = 800;

/// The files that may be longer, with the reason.
const LONGER: &[(&str, &str)] = &[(
    "conformance/src/registry.rs",
    "one list, a line for each claim",
)];

/// The files that contain unsafe code: each opts in with a reason of its own.
/// Tests are listed by their module.
const UNSAFE: &[&str] = &[
    "benches/src/baseline/coroutine.rs",
    "benches/src/baseline/readiness.rs",
    "benches/src/baseline/ring.rs",
    "benches/src/baseline/wakes.rs",
    "benches/src/executor.rs",
    "benches/src/instructions/counter.rs",
    "benches/src/machine.rs",
    "benches/src/peers/may.rs",
    "conformance/src/bin/conformance/backends.rs",
    "conformance/src/system.rs",
    "io-blocking/src/syscall.rs",
    "io-blocking/src/tests/barrier.rs",
    "io-core/src/biased.rs",
    "io-core/src/parking.rs",
    "io-core/src/sync/line.rs",
    "io-core/src/sync/mutex.rs",
    "io-core/src/sync/rwlock.rs",
    "io-core/src/task/block.rs",
    "io-core/src/task/future.rs",
    "io-core/src/task/memory.rs",
    "io-core/src/task/record.rs",
    "io-core/src/task/scope.rs",
    "io-core/src/task/slot.rs",
    "io-core/src/tests",
    "io-core/tests/models",
    "io-core/tests/sync/crew.rs",
    "io-core/tests/sync_models/lines.rs",
    "io-core/tests/sync_models/signals.rs",
    "io-evloop-uring/src/cell.rs",
    "io-evloop-uring/src/event_loop.rs",
    "io-evloop-uring/src/fiber/coroutine.rs",
    "io-evloop-uring/src/fiber/overflow.rs",
    "io-evloop-uring/src/fiber/stack.rs",
    "io-evloop-uring/src/fiber/suspender.rs",
    "io-evloop-uring/src/fiber/switch.rs",
    "io-evloop-uring/src/fiber/switch/x86_64.rs",
    "io-evloop-uring/src/fiber/tests",
    "io-evloop-uring/src/fiber/threads.rs",
    "io-evloop-uring/src/file/open.rs",
    "io-evloop-uring/src/file/submission.rs",
    "io-evloop-uring/src/foreign.rs",
    "io-evloop-uring/src/foreign/opening.rs",
    "io-evloop-uring/src/foreign/readiness.rs",
    "io-evloop-uring/src/offload.rs",
    "io-evloop-uring/src/options.rs",
    "io-evloop-uring/src/prefetch.rs",
    "io-evloop-uring/src/ring.rs",
    "io-evloop-uring/src/ring/entry.rs",
    "io-evloop-uring/src/ring/failure.rs",
    "io-evloop-uring/src/ring/tests",
    "io-evloop-uring/src/shared.rs",
    "io-evloop-uring/src/tests.rs",
    "io-evloop-uring/src/tests/child.rs",
    "io-evloop-uring/src/tests/failing.rs",
    "io-evloop-uring/src/tests/files.rs",
    "io-evloop-uring/src/tests/refused.rs",
    "io-evloop-uring/src/wake/kernel.rs",
    "io-evloop-uring/src/wake/tests.rs",
    "io-evloop-uring/src/worker.rs",
    "io-evloop-uring/src/worker/caller.rs",
    "io-evloop-uring/src/worker/jobs.rs",
    "io-evloop-uring/src/worker/park.rs",
    "io-evloop-uring/src/worker/ready.rs",
    "io-evloop-uring/src/worker/watched.rs",
    "io-evloop-uring/tests/suite/main.rs",
    "io-threaded/src/futex.rs",
    "io-threaded/src/poller.rs",
    "io-threaded/src/signal.rs",
    "io-threaded/src/tests",
    "pluggable-io/examples/copy-tree/main.rs",
    "pluggable-io/examples/pipeline/main.rs",
    "pluggable-io/examples/search/main.rs",
    "pluggable-io/examples/tree-hash/main.rs",
    "pluggable-io/src/executor.rs",
    "pluggable-io/tests/facade/kernel.rs",
];

/// Runs `rule` on every Rust file and fails with all that it found.
#[track_caller]
fn every_rust_file(rule: impl Fn(&SourceFile) -> Option<String>) {
    let broken: Vec<String> = files("rs")
        .iter()
        .filter_map(|file| rule(file).map(|what| format!("{}: {what}", file.path)))
        .collect();
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

#[test]
fn every_file_opens_with_what_it_is() {
    every_rust_file(|file| {
        let starts = file.text.starts_with("//! ");
        (!starts).then(|| "does not start with `//!`".to_owned())
    });
}

#[test]
fn no_file_is_too_long() {
    for (path, _) in LONGER {
        let text = std::fs::read_to_string(source::workspace().join(path)).unwrap();
        assert!(
            text.lines().count() > LINES_MAX,
            "{path} needs no exception"
        );
    }
    every_rust_file(|file| {
        let lines = file.text.lines().count();
        let may = file.is_beside_the_product() || LONGER.iter().any(|(path, _)| *path == file.path);
        (lines > LINES_MAX && !may).then(|| format!("{lines} lines, at most {LINES_MAX}"))
    });
}

#[test]
fn a_module_lies_beside_its_folder() {
    every_rust_file(|file| {
        let is_mod = file.path.ends_with("/mod.rs");
        is_mod.then(|| "name the file after its module".to_owned())
    });
}

#[test]
fn nothing_is_left_over() {
    // In two parts, or this file would be the first to be found.
    let words = [
        concat!("FIX", "ME"),
        concat!("TO", "DO"),
        concat!("XX", "X"),
        concat!("todo", "!("),
        concat!("unimplemented", "!("),
        concat!("dbg", "!("),
        concat!("#[ig", "nore"),
    ];
    every_rust_file(|file| {
        let word = words.iter().find(|word| file.text.contains(**word))?;
        Some(format!("contains {word}"))
    });
}

#[test]
fn names_say_something() {
    const BANNED: &[&str] = &[
        "util", "utils", "helper", "helpers", "manager", "common", "misc", "inner",
    ];
    // What std calls it, in types that have std's shape; and what is got from a
    // queue, which waits for it, is no field.
    const FROM_STD: &[&str] = &[
        "into_inner",
        "get_mut",
        "get_or_init",
        "get_or_try_init",
        "get_or_init_uncancelable",
        "get_many",
        "get_uncancelable",
    ];
    let is_banned = |name: &str| {
        if FROM_STD.contains(&name) {
            return false;
        }
        let mut words = String::new();
        for letter in name.chars() {
            if letter.is_uppercase() {
                words.push('_');
            }
            words.extend(letter.to_lowercase());
        }
        words.starts_with("get_") || words.split('_').any(|word| BANNED.contains(&word))
    };
    every_rust_file(|file| {
        let stem = file.path.trim_end_matches(".rs").rsplit('/').next()?;
        let code = file.code();
        let keywords = ["mod", "struct", "enum", "trait", "fn", "type"];
        let mut all = keywords.iter().flat_map(|keyword| declared(&code, keyword));
        let name = all.find(|name| is_banned(name));
        let name = name.or_else(|| is_banned(stem).then_some(stem))?;
        Some(format!("`{name}` says nothing"))
    });
}

#[test]
fn each_dependency_has_one_door() {
    // The name in code, and where it may stand.
    const DOORS: &[(&str, &[&str])] = &[
        (
            "io_uring",
            &[
                "io-evloop-uring/src/ring.rs",
                "io-evloop-uring/src/ring/",
                "benches/",
            ],
        ),
        ("mio", &["io-threaded/src/poller.rs"]),
        ("corosensei", &["io-evloop-uring/src/fiber/", "benches/"]),
        ("loom", &["io-evloop-uring/src/sync.rs"]),
    ];
    every_rust_file(|file| {
        let code = file.code();
        let is_model = code.contains("loom::model");
        DOORS.iter().find_map(|(name, doors)| {
            let may = doors.iter().any(|door| file.path.starts_with(door));
            let may = may || (*name == "loom" && is_model);
            // `cfg(loom)` is a switch, not the crate.
            let used = names(&code.replace("(loom)", "").replace(", loom)", ""), name);
            (used && !may).then(|| format!("names {name}; its door is {doors:?}"))
        })
    });
}

#[test]
fn unsafe_code_is_where_it_is_listed() {
    let mut found = Vec::new();
    for file in files("rs") {
        if names(&file.code(), "unsafe") {
            let text = &file.text;
            let opts_in = text.contains("unsafe_code") && text.contains("reason =");
            assert!(opts_in, "{} uses unsafe without saying why", file.path);
            found.push(file.path);
        }
    }
    // `tests` stands for `tests.rs` and `tests/`.
    let belongs = |path: &str, listed: &str| {
        let rest = path.strip_prefix(listed);
        rest.is_some_and(|rest| rest.is_empty() || rest == ".rs" || rest.starts_with('/'))
    };
    for path in &found {
        let is_listed = UNSAFE.iter().any(|listed| belongs(path, listed));
        assert!(is_listed, "{path} uses unsafe and is not in tidy.rs");
    }
    for listed in UNSAFE {
        let exists = found.iter().any(|path| belongs(path, listed));
        assert!(exists, "{listed} is in tidy.rs and uses no unsafe");
    }
}
