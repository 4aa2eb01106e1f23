//! The suite, stamped for configurations of the event loop. Together they have 1, 2
//! and 8 workers, the smallest and a large ring, every waker, enters that fail, a
//! switch of fibers at every call, and the forced slow ways; not each with each,
//! since a configuration is a second and more of every test run. The matrix program
//! has the others.

#![expect(unsafe_code, reason = "constructs event loops")]

use conformance::{Backend, Unavailable};
use io_core::Io;
use io_evloop_uring::{Builder, EventLoop};

/// One configuration.
struct Configured {
    name: &'static str,
    set: fn(Builder) -> Builder,
}

impl Backend for Configured {
    fn name(&self) -> String {
        self.name.to_owned()
    }

    fn run(&self, body: &mut dyn FnMut(&dyn Io)) -> Result<(), Unavailable> {
        let builder = (self.set)(EventLoop::builder());
        // SAFETY: the claims keep no thread-local scope open across a call that may
        // wait, and call `Io` from no thread-local's initialiser.
        let event_loop = unsafe { builder.build() };
        let result = event_loop.and_then(|event_loop| event_loop.run(body));
        result.map_err(|error| {
            // Set in CI, where io_uring has to be there.
            let is_required = std::env::var_os("IO_REQUIRE_URING").is_some_and(|it| it == "1");
            assert!(!is_required, "IO_REQUIRE_URING=1, and: {error}");
            Unavailable(error.to_string())
        })
    }
}

mod default_options {
    conformance::conformance_suite!(crate::Configured {
        name: "event-loop",
        set: |builder| builder,
    });
}

mod one_worker {
    use io_evloop_uring::Waker;
    conformance::conformance_suite!(crate::Configured {
        name: "1 worker, 2 entries, refused enters, futex",
        set: |builder| builder
            .workers(1)
            .ring_entries(2)
            .refuse_enters(4)
            .waker(Waker::Futex),
    });
}

mod two_workers {
    use io_evloop_uring::Waker;
    conformance::conformance_suite!(crate::Configured {
        name: "2 workers, 4096 entries, messages",
        set: |builder| builder.workers(2).ring_entries(4096).waker(Waker::MsgRing),
    });
}

mod eight_workers {
    use io_evloop_uring::Waker;
    conformance::conformance_suite!(crate::Configured {
        name: "8 workers, 2 entries, refused enters, eventfd",
        set: |builder| builder
            .workers(8)
            .ring_entries(2)
            .refuse_enters(3)
            .waker(Waker::EventFd),
    });
}

mod switching_one_worker {
    use io_evloop_uring::Waker;
    conformance::conformance_suite!(crate::Configured {
        name: "1 worker, switch at every call, eventfd",
        set: |builder| builder
            .workers(1)
            .ring_entries(4096)
            .waker(Waker::EventFd)
            .switch_everywhere(1),
    });
}

mod switching_two_workers {
    use io_evloop_uring::Waker;
    conformance::conformance_suite!(crate::Configured {
        name: "2 workers, switch at every call, messages, protected stacks",
        set: |builder| builder
            .workers(2)
            .ring_entries(2)
            .waker(Waker::MsgRing)
            .force_protected_stacks()
            .switch_everywhere(2),
    });
}

mod fallbacks {
    conformance::conformance_suite!(crate::Configured {
        name: "2 workers, no opcodes",
        set: |builder| builder.workers(2).force_fallbacks(),
    });
}
