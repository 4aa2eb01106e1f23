//! The suite, stamped for configurations of the threaded executor.

use std::time::Duration;

use conformance::{Backend, Unavailable};
use io_core::Io;
use io_threaded::Threaded;

/// One configuration.
struct Configured {
    name: &'static str,
    make: fn() -> Threaded,
}

impl Backend for Configured {
    fn name(&self) -> String {
        self.name.to_owned()
    }

    fn run(&self, body: &mut dyn FnMut(&dyn Io)) -> Result<(), Unavailable> {
        body(&(self.make)());
        Ok(())
    }
}

mod default {
    conformance::conformance_suite!(crate::Configured {
        name: "threaded",
        make: super::Threaded::new,
    });
}

mod one_thread {
    conformance::conformance_suite!(crate::Configured {
        name: "threaded, one thread for spawn",
        make: || super::Threaded::builder().spawn_threads(1).build(),
    });
}

mod inline {
    conformance::conformance_suite!(crate::Configured {
        name: "threaded, every spawn inline",
        make: || super::Threaded::builder().spawn_threads(0).build(),
    });
}

mod eight_short_lived {
    conformance::conformance_suite!(crate::Configured {
        name: "threaded, eight threads that end at once",
        make: || super::Threaded::builder()
            .spawn_threads(8)
            .idle_timeout(super::Duration::ZERO)
            .build(),
    });
}
