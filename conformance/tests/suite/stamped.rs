//! One module per executor and configuration.

use conformance::{Backend, Skip, Unavailable};
use io_core::Io;

/// An executor by its name in `backends.rs`.
struct Named(Box<dyn Backend>);

fn found(name: &str) -> Named {
    Named(crate::backends::find(name).expect("the name is in backends.rs"))
}

impl Backend for Named {
    fn name(&self) -> String {
        self.0.name()
    }

    fn run(&self, body: &mut dyn FnMut(&dyn Io)) -> Result<(), Unavailable> {
        self.0.run(body)
    }

    fn skips(&self) -> &[Skip] {
        self.0.skips()
    }
}

mod blocking {
    conformance::conformance_suite!(crate::stamped::found("blocking"));
}

mod event_loop {
    conformance::conformance_suite!(crate::stamped::found("event-loop"));
}

mod threaded {
    conformance::conformance_suite!(crate::stamped::found("threaded"));
}
