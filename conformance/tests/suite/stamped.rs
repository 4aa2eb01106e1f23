//! The suite, stamped for Blocking. The executors that have tests of their own
//! stamp it there, for their default options and others: what is stamped here too
//! would run twice.

mod blocking {
    conformance::conformance_suite!(
        crate::backends::find("blocking").expect("the name is in backends.rs")
    );
}
