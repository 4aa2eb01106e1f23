//! The executors of the workspace as backends of the suite: their names, and
//! how each is made. Used by the matrix program and by the stamped tests.

#![expect(unsafe_code, reason = "constructs event loops")]

use conformance::{BROKEN, Backend, FREEDOMS, Skip, Unavailable, Wrapped};
use io_blocking::Blocking;
use io_core::Io;
use io_evloop_uring::{EventLoop, Waker};
use io_threaded::Threaded;

/// How an executor is made.
enum Make {
    Blocking,
    EventLoop(fn(io_evloop_uring::Builder) -> io_evloop_uring::Builder),
    /// One of the full cross.
    Crossed(Crossed),
    Threaded(fn(io_threaded::Builder) -> io_threaded::Builder),
}

/// An executor in one configuration.
pub(crate) struct Executor {
    name: String,
    make: Make,
}

/// A configuration of the event loop in which every option that changes how it
/// works has a value.
#[derive(Clone, Copy)]
struct Crossed {
    workers: usize,
    entries: u32,
    waker: (Waker, &'static str),
    is_switching: bool,
}

impl Crossed {
    fn set(self, builder: io_evloop_uring::Builder) -> io_evloop_uring::Builder {
        let builder = builder
            .workers(self.workers)
            .ring_entries(self.entries)
            .waker(self.waker.0);
        match self.is_switching {
            true => builder.switch_everywhere(conformance::seed()),
            false => builder,
        }
    }

    fn name(self) -> String {
        let switch = if self.is_switching { "-switch" } else { "" };
        let Crossed {
            workers,
            entries,
            waker: (_, waker),
            ..
        } = self;
        format!("event-loop-{workers}w-{entries}e-{waker}{switch}")
    }
}

const FIFO_WITHOUT_DEADLINE: &str =
    "open(2) of a FIFO waits in the kernel, and no time-out or request ends it without a thread";

/// What Blocking does not meet, beyond what its capabilities say.
const BLOCKING_SKIPS: &[Skip] = &[
    Skip {
        claim: "deadline::passes_while_it_waits::open_fifo",
        reason: FIFO_WITHOUT_DEADLINE,
    },
    Skip {
        claim: "deadline::inherited::open_fifo",
        reason: FIFO_WITHOUT_DEADLINE,
    },
    Skip {
        claim: "deadline::inside_protect::open_fifo",
        reason: FIFO_WITHOUT_DEADLINE,
    },
];

/// Every name that [`find`] knows.
pub(crate) fn names() -> Vec<String> {
    all().into_iter().map(|executor| executor.name).collect()
}

/// The names of all configurations: the event loop with 1, 2 and 8 workers, a
/// small and a large ring, every waker, with and without a switch at every call,
/// each with each; the other executors with 1, 2 and 8 threads where they have any.
#[allow(dead_code, reason = "one program of several asks for them")]
pub(crate) fn crossed_names() -> Vec<String> {
    let crossed = crossed().into_iter().map(|executor| executor.name);
    let others = [
        "threaded-1-thread",
        "threaded-2-threads",
        "threaded-8-threads",
        "blocking",
    ];
    crossed.chain(others.map(str::to_owned)).collect()
}

const WAKERS: [(Waker, &str); Waker::ALL.len()] = [
    (Waker::Futex, "futex"),
    (Waker::MsgRing, "msg-ring"),
    (Waker::EventFd, "eventfd"),
];

fn crossed() -> Vec<Executor> {
    let mut executors = Vec::new();
    for workers in [1, 2, 8] {
        for entries in [2, 4096] {
            for waker in WAKERS {
                for is_switching in [false, true] {
                    let crossed = Crossed {
                        workers,
                        entries,
                        waker,
                        is_switching,
                    };
                    executors.push(Executor {
                        name: crossed.name(),
                        make: Make::Crossed(crossed),
                    });
                }
            }
        }
    }
    executors
}

/// The executor with this name, which may be wrapped: `blocking+NAME` takes the
/// freedom, or has the fault, that is called so.
pub(crate) fn find(name: &str) -> Option<Box<dyn Backend>> {
    let (below, wrapper) = match name.rsplit_once('+') {
        None => {
            let mut known = all().into_iter().chain(crossed());
            let found = known.find(|executor| executor.name == name)?;
            return Some(Box::new(found));
        }
        Some(parts) => parts,
    };
    let freedoms = FREEDOMS.iter().map(|freedom| (freedom.name, freedom.wrap));
    let faults = BROKEN.iter().copied().flatten();
    let faults = faults.map(|broken| (broken.name, broken.wrap));
    let (name, wrap) = freedoms.chain(faults).find(|(name, _)| *name == wrapper)?;
    Some(Box::new(Wrapped::new(find(below)?, name, wrap)))
}

/// The executors with their default options first, in the order of tables.
fn all() -> Vec<Executor> {
    let executor = |name: &str, make| Executor {
        name: name.to_owned(),
        make,
    };
    let event_loop = |name, set| executor(name, Make::EventLoop(set));
    let threaded = |name, set| executor(name, Make::Threaded(set));
    vec![
        event_loop("event-loop", |builder| builder),
        threaded("threaded", |builder| builder),
        executor("blocking", Make::Blocking),
        event_loop("event-loop-1-worker", |builder| builder.workers(1)),
        event_loop("event-loop-2-workers", |builder| builder.workers(2)),
        event_loop("event-loop-8-workers", |builder| builder.workers(8)),
        event_loop("event-loop-2-entries", |builder| builder.ring_entries(2)),
        event_loop("event-loop-4096-entries", |builder| {
            builder.ring_entries(4096)
        }),
        event_loop("event-loop-futex", |builder| builder.waker(Waker::Futex)),
        event_loop("event-loop-msg-ring", |builder| {
            builder.waker(Waker::MsgRing)
        }),
        event_loop("event-loop-eventfd", |builder| {
            builder.waker(Waker::EventFd)
        }),
        event_loop("event-loop-switch-1-worker", |builder| {
            builder.workers(1).switch_everywhere(conformance::seed())
        }),
        event_loop("event-loop-switch-2-workers", |builder| {
            builder.workers(2).switch_everywhere(conformance::seed())
        }),
        event_loop("event-loop-fallbacks", |builder| builder.force_fallbacks()),
        event_loop("event-loop-protected-stacks", |builder| {
            builder.force_protected_stacks()
        }),
        threaded("threaded-1-thread", |builder| builder.spawn_threads(1)),
        threaded("threaded-2-threads", |builder| builder.spawn_threads(2)),
        threaded("threaded-8-threads", |builder| builder.spawn_threads(8)),
    ]
}

impl Backend for Executor {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn skips(&self) -> &[Skip] {
        match &self.make {
            Make::Blocking => BLOCKING_SKIPS,
            Make::EventLoop(_) | Make::Crossed(_) | Make::Threaded(_) => &[],
        }
    }

    fn run(&self, body: &mut dyn FnMut(&dyn Io)) -> Result<(), Unavailable> {
        match &self.make {
            Make::Blocking => body(&Blocking::new()),
            Make::Threaded(set) => body(&set(Threaded::builder()).build()),
            Make::EventLoop(set) => run_event_loop(set(EventLoop::builder()), body)?,
            Make::Crossed(crossed) => run_event_loop(crossed.set(EventLoop::builder()), body)?,
        }
        Ok(())
    }
}

fn run_event_loop(
    builder: io_evloop_uring::Builder,
    body: &mut dyn FnMut(&dyn Io),
) -> Result<(), Unavailable> {
    // SAFETY: neither the claims nor this program keep a thread-local scope open
    // across a call that may wait, or call `Io` from a thread-local's initialiser.
    let event_loop = unsafe { builder.build() };
    let result = event_loop.and_then(|event_loop| event_loop.run(body));
    result.map_err(|error| {
        // Set in CI, where io_uring has to be there.
        let is_required = std::env::var_os("IO_REQUIRE_URING").is_some_and(|value| value == "1");
        assert!(!is_required, "IO_REQUIRE_URING=1, and: {error}");
        Unavailable(error.to_string())
    })
}
