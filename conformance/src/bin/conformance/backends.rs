//! The executors of the workspace as backends of the suite: their names, and
//! how each is made. Used by the matrix program and by the stamped tests.

#![expect(unsafe_code, reason = "constructs event loops")]

use conformance::{Backend, Skip, Unavailable};
use io_blocking::Blocking;
use io_core::Io;
use io_evloop_uring::{Builder, EventLoop};
use io_threaded::Threaded;

/// How an executor is made.
enum Make {
    Blocking,
    EventLoop(fn(Builder) -> Builder),
    Threaded,
}

/// An executor in one configuration.
pub(crate) struct Executor {
    name: String,
    make: Make,
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

/// The executor with this name.
pub(crate) fn find(name: &str) -> Option<Box<dyn Backend>> {
    let found = all().into_iter().find(|executor| executor.name == name)?;
    Some(Box::new(found))
}

/// The executors with their default options first, in the order of tables.
fn all() -> Vec<Executor> {
    let executor = |name: &str, make| Executor {
        name: name.to_owned(),
        make,
    };
    vec![
        executor("event-loop", Make::EventLoop(|builder| builder)),
        executor("threaded", Make::Threaded),
        executor("blocking", Make::Blocking),
    ]
}

impl Backend for Executor {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn skips(&self) -> &[Skip] {
        match &self.make {
            Make::Blocking => BLOCKING_SKIPS,
            Make::EventLoop(_) | Make::Threaded => &[],
        }
    }

    fn run(&self, body: &mut dyn FnMut(&dyn Io)) -> Result<(), Unavailable> {
        match &self.make {
            Make::Blocking => body(&Blocking::new()),
            Make::Threaded => body(&Threaded::new()),
            Make::EventLoop(set) => run_event_loop(set(EventLoop::builder()), body)?,
        }
        Ok(())
    }
}

fn run_event_loop(builder: Builder, body: &mut dyn FnMut(&dyn Io)) -> Result<(), Unavailable> {
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
