//! [`run`]: the pipeline, and how it is stopped.
//!
//! ```text
//!                 queue of N files          queue of N results
//!  ┌──────────┐  ┌─┬─┬─┬─┬─┬─┐  ┌────────┐  ┌─┬─┬─┬─┬─┬─┐  ┌───────────┐
//!  │ producer ├─►│ │ │ │ │ │ ├─►│ workers├─►│ │ │ │ │ │ ├─►│ collector │
//!  └────▲─────┘  └─┴─┴─┴─┴─┴─┘  └────────┘  └─┴─┴─┴─┴─┴─┘  └───────────┘
//!       │ first signal: cancel   ▲ and close
//!  ┌────┴─────┐                  │
//!  │ watcher  ├──────────────────┘
//!  └──────────┘ second signal: cancel all
//! ```
//!
//! A stage that ends closes the queue behind it, so the end travels downstream.
//! A stage that finds the queue ahead closed closes the one behind, so a failure
//! travels upstream. No task asks a flag whether it should go on.

use std::io;
use std::path::PathBuf;

use pluggable_io::fs::File;
use pluggable_io::sync::Queue;
use pluggable_io::task::{ConcurrencyUnavailable, Scope, Task};
use pluggable_io::{Io, is_canceled};

use crate::collect::{Collected, Collector, Finished, say};
use crate::count::Counter;
use crate::in_sequence::run_in_sequence;
use crate::produce::{Taker, produce};
use crate::signals::{Signal, Signals};
use crate::walk::{FoundFile, Problem};

/// What to do, and how.
pub(crate) struct Plan {
    /// Files, directories, and [`INPUT`](crate::produce::INPUT).
    pub(crate) sources: Vec<PathBuf>,
    pub(crate) workers: usize,
    /// How many files may wait for a worker, and results for the collector.
    pub(crate) queued: usize,
}

/// Standard input and the two outputs.
pub(crate) struct Console<'io> {
    pub(crate) input: File<'io>,
    pub(crate) output: File<'io>,
    pub(crate) messages: File<'io>,
}

/// What became of every file that was found.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) collected: Collected,
    /// Begun and not finished, or finished and not written.
    pub(crate) broken_off: u64,
    /// Found and not begun.
    pub(crate) unbegun: u64,
    /// What stopped it, if something did.
    pub(crate) stopped_by: Option<Signal>,
    /// The output's error, if there was one.
    pub(crate) failure: Option<io::Error>,
}

/// The tasks of a pipeline with one worker.
const TASKS_MIN: usize = 4;

/// Runs the plan until all is done or a signal stops it. After the first signal
/// no file is begun, and those that are begun are finished; after the second they
/// are broken off.
///
/// # Errors
/// The executor has no tasks to give just now.
pub(crate) fn run(
    io: &dyn Io,
    plan: &Plan,
    console: &Console<'_>,
    signals: &mut Signals,
) -> io::Result<Report> {
    if io.capabilities().concurrent_tasks_max < TASKS_MIN {
        return run_in_sequence(io, plan, console, signals);
    }
    let stages = Stages {
        io,
        plan,
        console,
        work: Queue::bounded(plan.queued),
        results: Queue::bounded(plan.queued),
    };
    io.scope(|scope| {
        let crew = stages.start(scope, signals);
        let crew = crew.inspect_err(|_unavailable| scope.cancel())?;
        Ok(stages.finish(crew))
    })
}

/// What the tasks share.
struct Stages<'env> {
    io: &'env dyn Io,
    plan: &'env Plan,
    console: &'env Console<'env>,
    work: Queue<FoundFile>,
    results: Queue<Finished>,
}

/// The tasks.
struct Crew<'scope> {
    workers: Vec<Task<'scope, u64>>,
    collector: Task<'scope, (Collected, io::Result<()>)>,
    /// It has the producer's handle.
    watcher: Task<'scope, Watched<'scope>>,
}

/// What the watcher leaves.
struct Watched<'scope> {
    producer: Task<'scope, u64>,
    stopped_by: Option<Signal>,
    unbegun: u64,
}

impl<'env> Stages<'env> {
    /// Starts all tasks, the producer last, so that it never waits for a stage
    /// that could not be started.
    fn start<'scope>(
        &'scope self,
        scope: &'scope Scope<'scope, '_>,
        signals: &'scope mut Signals,
    ) -> Result<Crew<'scope>, ConcurrencyUnavailable> {
        let collector = scope.spawn_concurrent(|| self.collect())?;
        let mut workers = vec![scope.spawn_concurrent(|| self.work())?];
        let producer = scope.spawn_concurrent(|| self.produce())?;
        let watcher = scope.spawn_concurrent(move || self.watch(scope, producer, signals))?;
        while workers.len() < self.plan.workers {
            match scope.spawn_concurrent(|| self.work()) {
                Ok(worker) => workers.push(worker),
                Err(_none_left) => break,
            }
        }
        Ok(Crew {
            workers,
            collector,
            watcher,
        })
    }

    /// Waits until all have ended, each after the one that it waits for.
    fn finish(&self, crew: Crew<'_>) -> Report {
        let broken_off = crew.workers.into_iter().map(Task::join).sum::<u64>();
        self.results.close(self.io);
        let (collected, written) = crew.collector.join();
        let watched = crew.watcher.cancel();
        // It has ended, unless it waits for input that nobody needs any more.
        let unput = watched.producer.cancel();
        let unwritten = self.results.drain(self.io, &mut Vec::new());
        let unbegun = self.work.drain(self.io, &mut Vec::new());
        Report {
            broken_off: broken_off + collected.unwritten + unwritten as u64,
            unbegun: watched.unbegun + unput + unbegun as u64,
            stopped_by: watched.stopped_by,
            failure: written.err().filter(|error| !is_canceled(error)),
            collected,
        }
    }

    /// Fills the queue of work. Returns how many files were found and not put.
    fn produce(&self) -> u64 {
        let mut putter = Putter {
            stages: self,
            unput: 0,
        };
        // Whatever ends it, nothing more comes.
        drop(produce(
            &self.plan.sources,
            &self.console.input,
            &mut putter,
        ));
        self.work.close(self.io);
        putter.unput
    }

    /// Counts files until there are no more. Returns how many it broke off.
    fn work(&self) -> u64 {
        let mut counter = Counter::new(self.io);
        while let Ok(Some(found)) = self.work.get(self.io) {
            let result = counter.count(&found);
            if result.as_ref().is_err_and(is_canceled) {
                return 1;
            }
            let path = found.path;
            if self
                .results
                .put(self.io, Finished { path, result })
                .is_err()
            {
                self.work.close(self.io);
                return 1;
            }
        }
        0
    }

    /// Writes results until there are no more.
    fn collect(&self) -> (Collected, io::Result<()>) {
        let mut collector = Collector::new(&self.console.output, &self.console.messages);
        let written = self.collect_into(&mut collector);
        self.results.close(self.io);
        (collector.into_collected(), written)
    }

    fn collect_into(&self, collector: &mut Collector<'_>) -> io::Result<()> {
        loop {
            if let Ok(finished) = self.results.try_get(self.io) {
                collector.add(finished)?;
                continue;
            }
            // Nothing to do just now: a good time to show what was done.
            collector.flush()?;
            match self.results.get(self.io)? {
                Some(finished) => collector.add(finished)?,
                None => return Ok(()),
            }
        }
    }

    /// Waits for signals, and is canceled when all is done without.
    fn watch<'scope>(
        &self,
        scope: &'scope Scope<'scope, '_>,
        producer: Task<'scope, u64>,
        signals: &mut Signals,
    ) -> Watched<'scope> {
        let mut watched = Watched {
            producer,
            stopped_by: None,
            unbegun: 0,
        };
        let Ok(first) = signals.wait(self.io) else {
            return watched;
        };
        watched.stopped_by = Some(first);
        watched.producer.request_cancel();
        self.work.close(self.io);
        watched.unbegun = self.work.drain(self.io, &mut Vec::new()) as u64;
        let text = format!("{first}: finishing what is begun; once more to break it off");
        let second = say(&self.console.messages, &text).and_then(|()| signals.wait(self.io));
        if second.is_ok() {
            scope.cancel();
        }
        watched
    }
}

/// Puts what is produced into the queues.
struct Putter<'a> {
    stages: &'a Stages<'a>,
    unput: u64,
}

impl Taker for Putter<'_> {
    fn take(&mut self, found: FoundFile) -> io::Result<()> {
        let put = self.stages.work.put(self.stages.io, found);
        self.unput += u64::from(put.is_err());
        Ok(put?)
    }

    fn note(&mut self, problem: Problem) -> io::Result<()> {
        let finished = Finished {
            path: problem.path,
            result: Err(problem.error),
        };
        Ok(self.stages.results.put(self.stages.io, finished)?)
    }

    /// A request ends the wait.
    fn await_input(&mut self, _input: &File<'_>) -> io::Result<()> {
        Ok(())
    }
}
