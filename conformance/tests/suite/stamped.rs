//! One module per executor, with its default options. Other configurations are
//! stamped in the executor's own crate.

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

macro_rules! stamped {
    ($($module:ident $name:literal;)*) => {
        $( mod $module {
            conformance::conformance_suite!(crate::stamped::found($name));
        } )*
    };
}

stamped! {
    blocking "blocking";
    threaded "threaded";
    event_loop "event-loop";
}
