//! [`search_all`] and [`search_first`]: many tasks that search the files of one
//! walk.

use std::io;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use pluggable_io::sync::Mutex;
use pluggable_io::task::{TaskGroup, for_each_concurrent};
use pluggable_io::{Io, is_canceled, is_deadline};
use regex::bytes::Regex;

use crate::lines::LineSearch;
use crate::print::{Printer, format_line};
use crate::walk::{FoundFile, Problem, Walk};

/// What to look for, where, and with how many tasks.
pub(crate) struct Quest {
    pub(crate) pattern: Regex,
    pub(crate) paths: Vec<PathBuf>,
    pub(crate) tasks: usize,
}

/// What came of it. Tasks set them and the end reads them, after it has joined
/// the tasks: Relaxed, the join orders it.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) has_match: AtomicBool,
    pub(crate) has_problem: AtomicBool,
}

impl Findings {
    /// An error of a file is told; a request to end is not the file's.
    fn note(&self, problem: Problem, printer: &Printer<'_>) -> io::Result<()> {
        if is_canceled(&problem.error) || is_deadline(&problem.error) {
            return Err(problem.error);
        }
        self.has_problem.store(true, Ordering::Relaxed);
        printer.complain(&problem)
    }
}

/// Prints every line that matches.
///
/// # Cancellation
/// A point at each of its operations; ends the search.
///
/// # Errors
/// The output's; Canceled; the deadline in force has passed.
pub(crate) fn search_all(
    io: &dyn Io,
    quest: &Quest,
    printer: &Printer<'_>,
) -> io::Result<Findings> {
    let findings = Findings::default();
    let walk = Walk::new(io, quest.paths.clone());
    for_each_concurrent(io, quest.tasks, walk, |found| {
        let found = match found {
            Ok(found) => found,
            Err(problem) => return findings.note(problem, printer),
        };
        let mut page = printer.page();
        let mut written = Ok(());
        let searched = LineSearch::new(io, &quest.pattern).search(&found, |line| {
            findings.has_match.store(true, Ordering::Relaxed);
            written = page.add(&found.path, line);
            match written {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            }
        });
        // The output's error ends all, the file's only the file.
        written?;
        page.finish()?;
        searched.or_else(|error| findings.note(problem(found, error), printer))
    })?;
    Ok(findings)
}

/// Prints the first line that any task finds, and cancels the others. Which one
/// of several that is, is nobody's choice.
///
/// # Cancellation
/// A point at each of its operations; ends the search.
///
/// # Errors
/// The output's; Canceled; the deadline in force has passed.
pub(crate) fn search_first(
    io: &dyn Io,
    quest: &Quest,
    printer: &Printer<'_>,
) -> io::Result<Findings> {
    let findings = Findings::default();
    let walk = Mutex::new(Walk::new(io, quest.paths.clone()));
    let look = || look_for_one(io, quest, &walk, &findings, printer);
    let first = io.scope(|scope| {
        let mut group = TaskGroup::new(scope);
        while group.len() < quest.tasks && group.spawn_concurrent(look).is_ok() {}
        if group.is_empty() {
            group.spawn(look);
        }
        select(&mut group).inspect_err(|_error| scope.cancel())
    })?;
    if let Some(line) = first {
        printer.print(&line)?;
    }
    Ok(findings)
}

/// The first line; the other tasks are canceled, and what they say then does not
/// count.
fn select(
    group: &mut TaskGroup<'_, '_, io::Result<Option<Vec<u8>>>>,
) -> io::Result<Option<Vec<u8>>> {
    let mut first = None;
    while let Some((_index, found)) = group.wait_next()? {
        match found {
            Ok(Some(line)) => {
                group.cancel();
                first.get_or_insert(line);
            }
            Ok(None) => {}
            Err(_canceled) if first.is_some() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(first)
}

/// Takes files from the walk until one has a line that matches.
fn look_for_one(
    io: &dyn Io,
    quest: &Quest,
    walk: &Mutex<Walk<'_>>,
    findings: &Findings,
    printer: &Printer<'_>,
) -> io::Result<Option<Vec<u8>>> {
    let mut search = LineSearch::new(io, &quest.pattern);
    loop {
        // The guard goes at once: others walk on while this one searches.
        let next = walk.lock(io)?.next();
        let found = match next {
            None => return Ok(None),
            Some(Ok(found)) => found,
            Some(Err(problem)) => {
                findings.note(problem, printer)?;
                continue;
            }
        };
        let mut first = Vec::new();
        let searched = search.search(&found, |line| {
            format_line(&mut first, &found.path, line);
            ControlFlow::Break(())
        });
        if !first.is_empty() {
            findings.has_match.store(true, Ordering::Relaxed);
            return Ok(Some(first));
        }
        searched.or_else(|error| findings.note(problem(found, error), printer))?;
    }
}

fn problem(found: FoundFile, error: io::Error) -> Problem {
    let path = found.path;
    Problem { path, error }
}
