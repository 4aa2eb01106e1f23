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
    threaded_1_thread "threaded-1-thread";
    threaded_8_threads "threaded-8-threads";
    event_loop "event-loop";
    event_loop_1_worker "event-loop-1-worker";
    event_loop_2_workers "event-loop-2-workers";
    event_loop_8_workers "event-loop-8-workers";
    event_loop_2_entries "event-loop-2-entries";
    event_loop_4096_entries "event-loop-4096-entries";
    event_loop_futex "event-loop-futex";
    event_loop_msg_ring "event-loop-msg-ring";
    event_loop_eventfd "event-loop-eventfd";
    event_loop_switch_1_worker "event-loop-switch-1-worker";
    event_loop_switch_2_workers "event-loop-switch-2-workers";
    event_loop_protected_stacks "event-loop-protected-stacks";
}
