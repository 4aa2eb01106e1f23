//! Random programs of file operations answer what a model in memory answers, on
//! every executor.
//!
//! A program that fails is cut down to the steps that it needs, and printed with
//! the seed. `CONFORMANCE_SEED` repeats a seed, `PROPTEST_CASES` runs more
//! programs. Two tests are about the programs: executors that are broken do not
//! pass them, and they meet the answers that are rare.

mod model;
mod program;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{SeekFrom, Write};
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};

use conformance::{Backend, claim_limit};
use io_core::Io;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

use model::{Model, Shown};
use program::{Answer, Errno, Step, perform, programs};

const PROGRAMS: u32 = 96;
/// More than any file here has bytes.
const ALL_BYTES: usize = 16 << 10;

/// Runs as many programs as `config` says, and returns what failed, if one did.
fn run(name: &str, seed: u64, mut config: Config) -> Result<(), TestError<Vec<Step>>> {
    let backend = crate::backends::find(name).expect("the name is in backends.rs");
    config.failure_persistence = None;
    let mut seed_bytes = [0; 32];
    seed_bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let random = TestRng::from_seed(RngAlgorithm::ChaCha, &seed_bytes);
    let started = watch(name);
    TestRunner::new_with_rng(config, random).run(&programs(), |program| {
        started
            .send(program.clone())
            .expect("the watchdog lives as long");
        run_program(backend.as_ref(), &program)
    })
}

/// Ends the process if a program takes too long, with the program.
fn watch(name: &str) -> mpsc::Sender<Vec<Step>> {
    let (started, programs) = mpsc::channel();
    let name = name.to_owned();
    std::thread::spawn(move || {
        let mut latest = Vec::new();
        loop {
            match programs.recv_timeout(claim_limit()) {
                Ok(program) => latest = program,
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    let said = format!("a program hangs on {name}: {latest:#?}\n");
                    // Not by the macro: a test's output is captured, and lost here.
                    drop(std::io::stderr().write_all(said.as_bytes()));
                    std::process::abort();
                }
            }
        }
    });
    started
}

fn run_program(backend: &dyn Backend, program: &[Step]) -> Result<(), TestCaseError> {
    let directory = tempfile::tempdir()?;
    let mut result = Ok(());
    let ran = backend.run(&mut |io| result = compare(io, directory.path(), program));
    if let Err(unavailable) = ran {
        eprintln!("NOT RUN: {}: {unavailable}", backend.name());
    }
    result
}

/// Makes every step on both sides. In the end it looks at every handle, and at
/// the tree without the executor's help.
fn compare(io: &dyn Io, root: &Path, program: &[Step]) -> Result<(), TestCaseError> {
    let (mut model, mut handles) = (Model::new(), Vec::new());
    let mut make = |model: &mut Model, step: &Step| {
        if model.leaves_open(step) {
            return Ok(());
        }
        let seen = perform(io, root, &mut handles, step);
        let expected = model.answer(step, &seen);
        if seen == expected {
            return Ok(());
        }
        let said = format!("{step:?} answers {seen:?} instead of {expected:?}");
        Err(TestCaseError::fail(said))
    };
    for step in program {
        make(&mut model, step)?;
    }
    for handle in 0..model.handle_count() {
        let (parts, offset) = (vec![ALL_BYTES], Some(0));
        let to = SeekFrom::Current(0);
        make(&mut model, &Step::Seek { handle, to })?;
        make(&mut model, &Step::HandleMetadata { handle })?;
        make(
            &mut model,
            &Step::Read {
                handle,
                parts,
                offset,
            },
        )?;
    }
    let (mut seen, expected) = (BTreeMap::new(), model.tree());
    show(root, "", &mut seen)?;
    if seen == expected {
        return Ok(());
    }
    let said = format!("in the end there is {seen:?} instead of {expected:?}");
    Err(TestCaseError::fail(said))
}

fn show(
    directory: &Path,
    prefix: &str,
    shown: &mut BTreeMap<String, Shown>,
) -> std::io::Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let file_type = entry.file_type()?;
        let this = if file_type.is_dir() {
            show(&entry.path(), &format!("{path}/"), shown)?;
            Shown::Directory
        } else if file_type.is_symlink() {
            let target = std::fs::read_link(entry.path())?;
            Shown::Link(target.to_string_lossy().into_owned())
        } else {
            Shown::File(std::fs::read(entry.path())?)
        };
        shown.insert(path, this);
    }
    Ok(())
}

#[track_caller]
fn check(name: &str) {
    let seed = conformance::seed();
    let config = match std::env::var_os("PROPTEST_CASES") {
        Some(_) => Config::default(),
        None => Config::with_cases(PROGRAMS),
    };
    if let Err(failure) = run(name, seed, config) {
        panic!("{name} (CONFORMANCE_SEED={seed}): {failure}");
    }
}

macro_rules! check {
    ($($test:ident $name:literal;)*) => {
        $( #[test] fn $test() { check($name); } )*
    };
}

check! {
    the_event_loop_answers_as_the_model "event-loop";
    the_event_loop_without_its_fast_ways_answers_as_the_model "event-loop-fallbacks";
    threaded_answers_as_the_model "threaded";
    blocking_answers_as_the_model "blocking";
    short_transfers_answer_as_the_model "blocking+short-transfers";
    listings_in_any_order_answer_as_the_model "blocking+listings-in-any-order";
}

/// Faults that the programs find; the others are in what they do not do.
const FOUND: &[&str] = &[
    "the end of file is an error",
    "a read claims to have filled its buffer",
    "a write reports more than it wrote",
    "a read at an offset moves the cursor",
    "a read at the cursor leaves it",
    "a transfer of nothing is an error",
    "buffers are filled from the last to the first",
    "setting the length moves the cursor",
    "a seek before the start goes to it",
    "a duplicate has a cursor of its own",
    "an error has the wrong number",
    "create_new takes what exists",
    "a listing has dots",
    "a rename is a removal first",
    "a link is always followed",
    "hard links are said to be unsupported",
];

#[test]
fn broken_executors_answer_otherwise() {
    for fault in FOUND {
        let config = Config {
            max_shrink_iters: 0,
            ..Config::with_cases(PROGRAMS)
        };
        let found = run(&format!("blocking+{fault}"), 1, config);
        assert!(found.is_err(), "`{fault}` is not found");
    }
}

/// Rare answers, which the programs would lose first if they met less.
const MET: &[(&str, &[i32])] = &[
    ("CreateDirectory", &[libc::EEXIST, libc::ELOOP]),
    ("HardLink", &[libc::EPERM, libc::EEXIST]),
    ("List", &[libc::ENOTDIR]),
    (
        "Open",
        &[libc::EISDIR, libc::EEXIST, libc::EINVAL, libc::ELOOP],
    ),
    ("Read", &[libc::EBADF, libc::EISDIR]),
    ("ReadLink", &[libc::EINVAL]),
    ("RemoveDirectory", &[libc::ENOTEMPTY, libc::ENOTDIR]),
    ("RemoveFile", &[libc::EISDIR]),
    (
        "Rename",
        &[
            libc::EINVAL,
            libc::EISDIR,
            libc::ENOENT,
            libc::ENOTDIR,
            libc::ENOTEMPTY,
        ],
    ),
    ("Seek", &[libc::EINVAL]),
    ("SetLength", &[libc::EINVAL]),
    ("Write", &[libc::EBADF]),
];

/// By the model alone, which needs no executor to say what it expects.
#[test]
fn the_programs_meet_the_rare_answers() {
    let mut runner = TestRunner::deterministic();
    let (mut met, mut succeeded) = (BTreeSet::new(), BTreeSet::new());
    for _ in 0..PROGRAMS * 2 {
        let program = programs().new_tree(&mut runner);
        let mut model = Model::new();
        for step in program.expect("programs are never rejected").current() {
            let said = format!("{step:?}");
            let name = said
                .split(' ')
                .next()
                .expect("a step has a name")
                .to_owned();
            match model.answer(&step, &Ok(Answer::Done)) {
                Ok(Answer::NoHandle) => {}
                Ok(_) => drop(succeeded.insert(name)),
                Err(Errno(code)) => drop(met.insert((name, code))),
            }
        }
    }
    assert_eq!(
        succeeded.len(),
        18,
        "of the steps only {succeeded:?} succeed"
    );
    for (name, errors) in MET {
        for code in *errors {
            let is_met = met.contains(&((*name).to_owned(), *code));
            assert!(is_met, "no {name} fails with {:?}", Errno(*code));
        }
    }
}
