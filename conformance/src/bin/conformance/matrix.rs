//! The matrix: runs every claim on every executor in a child process and prints
//! a row as soon as its cells are known. Called by `main.rs`.

use std::process::{Command, ExitCode};
use std::slice;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use conformance::stamp::run_bounded;
use conformance::{Backend, Claim, claim_limit, skip_reason};

use crate::status;

/// What is printed for one claim on one executor, and what is said about it below.
enum Cell {
    Passed,
    /// What the process said.
    Failed(String),
    /// Why it is not run, or why it may fail.
    Skipped(String),
    /// The executor can not be had.
    Unavailable(String),
}

impl Cell {
    fn word(&self) -> &'static str {
        match self {
            Cell::Passed => "pass",
            Cell::Failed(_) => "FAIL",
            Cell::Skipped(_) => "skip",
            Cell::Unavailable(_) => "-",
        }
    }
}

type Column = Box<dyn Backend>;

/// Prints the matrix. Fails if a claim does, or if nothing ran.
pub(crate) fn print(columns: &[Column], claims: &[&Claim]) -> ExitCode {
    let names: Vec<String> = columns.iter().map(|column| column.name()).collect();
    let claim_width = claims.iter().map(|claim| claim.name.len()).max();
    let claim_width = claim_width.unwrap_or(0);
    print!("{:claim_width$}", "claim");
    names.iter().for_each(|name| print!("  {name}"));
    println!();
    let mut notes = Vec::new();
    let mut counts = Counts::default();
    run_all(columns, claims, |row, cells| {
        print!("{:claim_width$}", claims[row].name);
        for (name, cell) in names.iter().zip(&cells) {
            print!("  {:1$}", cell.word(), name.len());
            counts.add(cell);
            if let Some(note) = note(claims[row].name, name, cell) {
                notes.push(note);
            }
        }
        println!();
    });
    report(&mut notes, &counts);
    counts.verdict()
}

/// Prints a line for each column. Fails as [`print`] does.
pub(crate) fn print_totals(columns: &[Column], claims: &[&Claim]) -> ExitCode {
    let width = columns.iter().map(|column| column.name().len()).max();
    let width = width.unwrap_or(0);
    println!(
        "{:width$}  passed  failed  skipped  not run  seconds",
        "configuration"
    );
    let mut notes = Vec::new();
    let mut total = Counts::default();
    for column in columns {
        let (began, name) = (Instant::now(), column.name());
        let mut counts = Counts::default();
        run_all(slice::from_ref(column), claims, |row, cells| {
            for cell in &cells {
                counts.add(cell);
                total.add(cell);
                notes.extend(note(claims[row].name, &name, cell));
            }
        });
        println!(
            "{name:width$}  {:6}  {:6}  {:7}  {:7}  {:7.1}",
            counts.passed,
            counts.failed,
            counts.skipped,
            counts.unavailable,
            began.elapsed().as_secs_f64()
        );
    }
    report(&mut notes, &total);
    total.verdict()
}

#[derive(Default)]
struct Counts {
    passed: usize,
    failed: usize,
    skipped: usize,
    unavailable: usize,
}

impl Counts {
    fn verdict(&self) -> ExitCode {
        if self.failed > 0 || self.passed == 0 {
            ExitCode::FAILURE
        } else {
            ExitCode::SUCCESS
        }
    }

    fn add(&mut self, cell: &Cell) {
        match cell {
            Cell::Passed => self.passed += 1,
            Cell::Failed(_) => self.failed += 1,
            Cell::Skipped(_) => self.skipped += 1,
            Cell::Unavailable(_) => self.unavailable += 1,
        }
    }
}

/// What is said below the matrix about a cell.
fn note(claim: &str, backend: &str, cell: &Cell) -> Option<String> {
    match cell {
        Cell::Passed => None,
        Cell::Failed(said) => Some(format!("FAIL {claim} on {backend}:\n{said}")),
        Cell::Skipped(reason) => Some(format!("skip {claim} on {backend}: {reason}")),
        Cell::Unavailable(reason) => Some(format!("{backend}: unavailable: {reason}")),
    }
}

fn report(notes: &mut Vec<String>, counts: &Counts) {
    println!();
    // An executor that is unavailable says so for each claim: once is enough.
    notes.sort();
    notes.dedup();
    for note in notes {
        println!("{}", note.trim_end());
    }
    println!(
        "\n{} passed, {} failed, {} skipped, {} not run",
        counts.passed, counts.failed, counts.skipped, counts.unavailable
    );
    if counts.passed == 0 {
        println!("nothing ran, which proves nothing");
    }
}

/// How many cells are run at a time for each processor: most of the time they wait.
const AT_ONCE: usize = 3;

/// Runs all cells, some for each processor at a time; gives the rows in
/// order.
fn run_all(columns: &[Column], claims: &[&Claim], mut row_done: impl FnMut(usize, Vec<Cell>)) {
    let next = AtomicUsize::new(0);
    let total = columns.len() * claims.len();
    let (send, receive) = mpsc::channel();
    let processors = thread::available_parallelism().map_or(1, |count| count.get());
    let workers = AT_ONCE * processors;
    thread::scope(|threads| {
        for _ in 0..workers {
            let (send, next) = (send.clone(), &next);
            threads.spawn(move || {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= total {
                        break;
                    }
                    let claim = claims[index / columns.len()];
                    let cell = run_cell(columns[index % columns.len()].as_ref(), claim);
                    send.send((index, cell)).expect("the rows are awaited");
                }
            });
        }
        drop(send);
        let mut cells: Vec<Option<Cell>> = (0..total).map(|_| None).collect();
        let mut row = 0;
        for (index, cell) in receive {
            cells[index] = Some(cell);
            while row < claims.len() {
                let span = row * columns.len()..(row + 1) * columns.len();
                if cells[span.clone()].iter().any(Option::is_none) {
                    break;
                }
                row_done(
                    row,
                    cells[span].iter_mut().filter_map(Option::take).collect(),
                );
                row += 1;
            }
        }
    });
}

fn run_cell(backend: &dyn Backend, claim: &Claim) -> Cell {
    let program = std::env::current_exe().expect("a program knows itself");
    let mut command = Command::new(program);
    command.args([
        "--child",
        "--backend",
        &backend.name(),
        "--claim",
        claim.name,
    ]);
    command.env("RUST_BACKTRACE", "0");
    let ended = run_bounded(&mut command, claim_limit() * 2);
    let reason = || {
        let last = ended.said.trim_end().lines().last();
        last.unwrap_or_default().to_owned()
    };
    let code = ended.code.and_then(|code| u8::try_from(code).ok());
    match (code, skip_reason(backend, claim)) {
        (Some(status::UNAVAILABLE), _) => Cell::Unavailable(reason()),
        (Some(status::SKIPPED), _) => Cell::Skipped(reason()),
        (Some(status::PASSED), None) => Cell::Passed,
        (Some(status::PASSED), Some(reason)) => Cell::Failed(format!(
            "it holds, and the executor declares that it does not: {reason}"
        )),
        (_, Some(reason)) => Cell::Skipped(format!("declared: {reason}")),
        (Some(status::FAILED) | _, None) => Cell::Failed(ended.said),
    }
}
