//! Executors that break one rule of cancellation or of deadlines each, as
//! wrappers of Threaded, and the claim that catches each: that claim has to fail
//! on it, and to check the clause that is broken. This shows that the chapter is
//! worth running.

mod breaking;

use conformance::{Backend, Skip, Unavailable};
use io_core::Io;
use io_threaded::Threaded;

use breaking::{Break, Breaker};

/// One broken executor.
struct Broken {
    what: Break,
    clause: &'static str,
    /// The claim that catches it: as a declared skip it has to fail.
    caught_by: [Skip; 1],
}

impl Backend for Broken {
    fn name(&self) -> String {
        format!("threaded that {:?}", self.what)
    }

    fn skips(&self) -> &[Skip] {
        &self.caught_by
    }

    fn run(&self, body: &mut dyn FnMut(&dyn Io)) -> Result<(), Unavailable> {
        let threaded = Threaded::new();
        body(&Breaker::new(&threaded, self.what));
        Ok(())
    }
}

/// A test for each broken executor, and the list of them.
macro_rules! broken {
    ($( $name:ident $what:ident, $clause:ident, $claim:literal; )*) => {
        const LIST: &[(Break, &str, &str)] = &[
            $( (Break::$what, stringify!($clause), $claim), )*
        ];

        $( #[test]
        fn $name() {
            let caught_by = Skip { claim: $claim, reason: "it is broken" };
            let broken = Broken {
                what: Break::$what,
                clause: stringify!($clause),
                caught_by: [caught_by],
            };
            check(&broken, module_path!(), stringify!($name));
        } )*
    };
}

broken! {
    interrupts_are_ignored IgnoresInterrupts, C5, "cancel::while_it_waits::futex_wait";
    a_request_at_entry_is_ignored OperatesInSpiteOfRequests, C3, "cancel::pending_at_entry::regular_read";
    a_canceled_operation_is_done_all_the_same OperatesAndSaysCanceled, C6, "cancel::ready_at_entry::pipe_read";
    a_canceled_write_is_done_all_the_same OperatesAndSaysCanceled, C3, "cancel::points::every_operation_is_one_and_does_nothing_then";
    a_request_is_delivered_twice DeliversTwice, C1, "cancel::pending_at_entry::pipe_read";
    a_request_is_delivered_again_by_a_flag DeliversAgainLater, C1, "cancel::while_it_waits::pipe_read";
    a_request_goes_to_who_comes_next DeliversToWhoComesNext, C8, "cancel::delivery::a_request_goes_to_its_task_alone";
    a_wait_that_need_not_wait_is_a_point FutexIsAlwaysPoint, C4, "cancel::points::what_is_no_point_leaves_the_request";
    a_close_is_a_point CloseIsPoint, C4, "cancel::points::what_is_no_point_leaves_the_request";
    a_yield_is_no_point YieldIsNoPoint, C3, "cancel::pending_at_entry::yield_now";
    a_sleep_that_is_over_is_no_point SleepThatIsOverIsNoPoint, C3, "cancel::ready_at_entry::sleep";
    a_request_becomes_a_spurious_wake SwallowsInFutex, C1, "cancel::pending_at_entry::futex_wait";
    a_wake_is_lost_to_a_request LosesWakes, C18, "cancel::beside_another::futex_wait";
    a_request_that_was_put_back_is_lost SwallowsAfterDelivery, C15, "cancel::rearmed::regular_read";
    a_join_forwards_nothing JoinsWithoutForwarding, C11, "cancel::during_join::futex_wait";
    a_canceled_read_goes_on ReadsOnAfterCanceled, C17, "cancel::progress::a_canceled_read_lets_go_of_its_buffer";
    a_batch_goes_on_after_canceled BatchGoesOn, C19, "cancel::progress::a_batch_with_a_pending_request_does_nothing";
    partial_progress_is_lost LosesProgress, C7, "cancel::progress::partial_progress_is_returned";
    a_canceled_call_leaks_a_descriptor LeaksDescriptors, C23, "cancel::leaks::pipe_read";
    a_wait_is_a_busy_loop WaitsBusily, C22, "cancel::cost::futex_wait";
    a_deadline_is_not_looked_at IgnoresDeadlines, D2, "deadline::passes_while_it_waits::pipe_read";
    a_deadline_is_an_edge DeadlineIsEdge, D1, "deadline::passed_at_entry::regular_read";
    an_operation_is_started_after_the_deadline OperatesAndSaysTimedOut, D1, "deadline::passed_at_entry::regular_write";
    a_deadline_is_not_inherited ForgetsDeadlinesOnOtherThreads, D4, "deadline::inherited::pipe_read";
    a_deadline_applies_in_protect DeadlinesPassProtect, D6, "deadline::protected::regular_read";
    a_deadline_comes_before_a_request DeadlineFirst, D7, "deadline::canceled_first::regular_read";
    a_deadline_comes_early DeadlineComesEarly, D2, "deadline::passes_while_it_waits::futex_wait";
    a_deadline_outlives_its_call DeadlineLingers, D3, "deadline::levels::a_deadline_ends_with_its_call";
}

fn check(broken: &Broken, module: &str, function: &str) {
    let claim = conformance::find(broken.caught_by[0].claim).expect("it names a claim");
    let clause = broken.clause;
    assert!(
        claim.clauses.contains(&clause),
        "{} does not check {clause}",
        claim.name
    );
    conformance::stamp::check(broken, claim.name, module, function);
}

/// The claims that catch something hold where nothing is broken: on the same
/// wrapper, which then changes nothing.
#[test]
fn nothing_is_caught_where_nothing_is_broken() {
    struct Whole;

    impl Backend for Whole {
        fn name(&self) -> String {
            "threaded in a wrapper".to_owned()
        }

        fn run(&self, body: &mut dyn FnMut(&dyn Io)) -> Result<(), Unavailable> {
            let threaded = Threaded::new();
            body(&Breaker::new(&threaded, Break::Nothing));
            Ok(())
        }
    }

    for (what, _, name) in LIST {
        let claim = conformance::find(name).expect("it names a claim");
        // What measures the process is stamped for the plain executors.
        if !claim.needs_own_process() {
            let verdict = conformance::run(&Whole, claim, conformance::seed());
            assert_eq!(verdict, conformance::Verdict::Passed, "{what:?}: {name}");
        }
    }
}
