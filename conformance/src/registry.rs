//! The list of all claims, with the clauses that each checks and what it needs:
//! the suite at a glance. A claim is a function of the same path.

use crate::claim::{Claim, Need};

/// Makes [`ALL`] and the macro that stamps a test for each claim. `$d` is a
/// dollar sign, for the macro that the macro makes.
macro_rules! registry {
    (($d:tt)
        $( $chapter:ident {
            $( $group:ident {
                $( $name:ident [$($clause:ident),+] $(needs $($need:ident),+)?; )*
            } )*
        } )*
    ) => {
        /// Every claim, by chapter.
        pub const ALL: &[Claim] = &[ $( $( $( Claim {
            name: concat!(
                stringify!($chapter), "::", stringify!($group), "::", stringify!($name)
            ),
            clauses: &[ $( stringify!($clause) ),+ ],
            needs: &[ $( $( Need::$need ),+ )? ],
            check: crate::$chapter::$group::$name,
        }, )* )* )* ];

        /// Stamps one `#[test]` for each claim of the suite, for a
        /// [`Backend`](crate::Backend): an expression, which each test evaluates.
        ///
        /// Stamped in a module of its own it can be used several times in one
        /// test binary, for several configurations.
        #[macro_export]
        macro_rules! conformance_suite {
            ($d backend:expr) => {
                fn conformance_backend() -> impl $d crate::Backend {
                    $d backend
                }

                #[test]
                fn something_of_the_suite_applies() {
                    $d crate::stamp::check_selection(&conformance_backend());
                }

                $( mod $chapter {
                    $( mod $group {
                        $( #[test]
                        fn $name() {
                            $d crate::stamp::check(
                                &super::super::conformance_backend(),
                                concat!(
                                    stringify!($chapter), "::", stringify!($group), "::",
                                    stringify!($name)
                                ),
                                module_path!(),
                                stringify!($name),
                            );
                        } )*
                    } )*
                } )*
            };
        }
    };
}

registry! { ($)
    file {
        reading {
            read_at_the_end_gives_zero [F3];
            read_past_the_end_gives_zero [F3];
            read_across_the_end_gives_the_rest [F2];
            read_at_an_offset_leaves_the_cursor [F4];
            reading_at_the_cursor_moves_it [F5];
        }
        opening {
            opening_what_is_missing_gives_enoent [O2, F1];
        }
        handles {
            a_closed_number_reused_by_an_open_harms_no_wait [H4] needs Concurrency, Descriptors;
        }
    }
    task {
        joining {
            join_returns_the_result [T1];
            join_raises_the_panic [T2];
            scope_raises_the_first_unjoined_panic [T3];
        }
        progress {
            two_yielding_tasks_delay_no_timer_and_no_file [T4] needs Concurrency;
        }
    }
    futex {
        waiting {
            a_changed_word_ends_the_wait_at_once [X1];
            a_wake_ends_a_wait [X2];
        }
    }
    time {
        sleeping {
            sleep_is_never_shorter [M1];
        }
        clocks {
            the_monotonic_clock_never_steps_back [M2];
        }
    }
    cancel {
        before_start {
            yield_now [C1, C9];
            sleep [C1, C9];
            open_fifo [C1, C9] needs Descriptors;
            pipe_read [C1, C9] needs Descriptors;
            pipe_write [C1, C9] needs Descriptors;
            wait_readable [C1, C9] needs Descriptors;
            wait_writable [C1, C9] needs Descriptors;
            batch [C1, C9] needs Descriptors;
            futex_wait [C1, C9];
            mutex_lock [C1, C9];
            condvar_wait [C1, C9];
            semaphore [C1, C9];
            queue_get [C1, C9];
            queue_put [C1, C9];
            rwlock_read [C1, C9];
            rwlock_write [C1, C9];
            regular_read [C1, C9];
            regular_write [C1, C9];
            file_sync [C1, C9];
            metadata [C1, C9];
            checkpoint [C1, C9];
            join [C1, C9];
            scope_end [C1, C9];
            inline_child [C1, C9];
            offload [C1, C9];
        }
        pending_at_entry {
            yield_now [C1, C2, C3];
            sleep [C1, C2, C3];
            open_fifo [C1, C2, C3] needs Descriptors;
            pipe_read [C1, C2, C3] needs Descriptors;
            pipe_write [C1, C2, C3] needs Descriptors;
            wait_readable [C1, C2, C3] needs Descriptors;
            wait_writable [C1, C2, C3] needs Descriptors;
            batch [C1, C2, C3] needs Descriptors;
            futex_wait [C1, C2, C3];
            mutex_lock [C1, C2, C3];
            condvar_wait [C1, C2, C3];
            semaphore [C1, C2, C3];
            queue_get [C1, C2, C3];
            queue_put [C1, C2, C3];
            rwlock_read [C1, C2, C3];
            rwlock_write [C1, C2, C3];
            regular_read [C1, C2, C3];
            regular_write [C1, C2, C3];
            file_sync [C1, C2, C3];
            metadata [C1, C2, C3];
            checkpoint [C1, C2, C3];
            join [C1, C2, C3];
            scope_end [C1, C2, C3];
            inline_child [C1, C2, C3];
            offload [C1, C2, C3];
        }
        ready_at_entry {
            yield_now [C3, C6];
            sleep [C3, C6];
            open_fifo [C3, C6] needs Descriptors;
            pipe_read [C3, C6] needs Descriptors;
            pipe_write [C3, C6] needs Descriptors;
            wait_readable [C3, C6] needs Descriptors;
            wait_writable [C3, C6] needs Descriptors;
            batch [C3, C6] needs Descriptors;
            futex_wait [C4, C6];
            mutex_lock [C4, C6];
            condvar_wait [C4, C6];
            semaphore [C4, C6];
            queue_get [C4, C6];
            queue_put [C4, C6];
            rwlock_read [C4, C6];
            rwlock_write [C4, C6];
            regular_read [C3, C6];
            regular_write [C3, C6];
            file_sync [C3, C6];
            metadata [C3, C6];
            checkpoint [C3, C6];
            join [C4, C6];
            scope_end [C4, C6];
            inline_child [C4, C6];
            offload [C4, C6];
        }
        while_it_waits {
            yield_now [C1, C5] needs Concurrency, Interrupts;
            sleep [C1, C5] needs Concurrency, Interrupts;
            open_fifo [C1, C5] needs Concurrency, Interrupts, Descriptors;
            pipe_read [C1, C5] needs Concurrency, Interrupts, Descriptors;
            pipe_write [C1, C5] needs Concurrency, Interrupts, Descriptors;
            wait_readable [C1, C5] needs Concurrency, Interrupts, Descriptors;
            wait_writable [C1, C5] needs Concurrency, Interrupts, Descriptors;
            batch [C1, C5] needs Concurrency, Interrupts, Descriptors;
            futex_wait [C1, C5] needs Concurrency, Interrupts;
            mutex_lock [C1, C5] needs Concurrency, Interrupts;
            condvar_wait [C1, C5] needs Concurrency, Interrupts;
            semaphore [C1, C5] needs Concurrency, Interrupts;
            queue_get [C1, C5] needs Concurrency, Interrupts;
            queue_put [C1, C5] needs Concurrency, Interrupts;
            rwlock_read [C1, C5] needs Concurrency, Interrupts;
            rwlock_write [C1, C5] needs Concurrency, Interrupts;
            join [C1, C5] needs Concurrency, Interrupts;
            scope_end [C1, C5] needs Concurrency, Interrupts;
            inline_child [C1, C5] needs Concurrency, Interrupts;
            offload [C1, C5] needs Concurrency, Interrupts;
        }
        as_it_completes {
            yield_now [C6];
            sleep [C6];
            open_fifo [C6] needs Descriptors;
            pipe_read [C6] needs Descriptors;
            pipe_write [C6] needs Descriptors;
            wait_readable [C6] needs Descriptors;
            wait_writable [C6] needs Descriptors;
            batch [C6] needs Descriptors;
            futex_wait [C6, C18];
            mutex_lock [C6, C18];
            condvar_wait [C6, C18];
            semaphore [C6, C18];
            queue_get [C6, C18];
            queue_put [C6, C18];
            rwlock_read [C6, C18];
            rwlock_write [C6, C18];
            regular_read [C6];
            regular_write [C6];
            file_sync [C6];
            metadata [C6];
            join [C6, C18];
            scope_end [C6, C18];
            inline_child [C6, C18];
            offload [C6, C18];
        }
        after_completion {
            yield_now [C1, C6];
            sleep [C1, C6];
            open_fifo [C1, C6] needs Descriptors;
            pipe_read [C1, C6] needs Descriptors;
            pipe_write [C1, C6] needs Descriptors;
            wait_readable [C1, C6] needs Descriptors;
            wait_writable [C1, C6] needs Descriptors;
            batch [C1, C6] needs Descriptors;
            futex_wait [C1, C6];
            mutex_lock [C1, C6];
            condvar_wait [C1, C6];
            semaphore [C1, C6];
            queue_get [C1, C6];
            queue_put [C1, C6];
            rwlock_read [C1, C6];
            rwlock_write [C1, C6];
            regular_read [C1, C6];
            regular_write [C1, C6];
            file_sync [C1, C6];
            metadata [C1, C6];
            checkpoint [C1, C6];
            join [C1, C6];
            scope_end [C1, C6];
            inline_child [C1, C6];
            offload [C1, C6];
        }
        protected {
            yield_now [C14];
            sleep [C14];
            open_fifo [C14] needs Descriptors;
            pipe_read [C14] needs Descriptors;
            pipe_write [C14] needs Descriptors;
            wait_readable [C14] needs Descriptors;
            wait_writable [C14] needs Descriptors;
            batch [C14] needs Descriptors;
            futex_wait [C14];
            mutex_lock [C14];
            condvar_wait [C14];
            semaphore [C14];
            queue_get [C14];
            queue_put [C14];
            rwlock_read [C14];
            rwlock_write [C14];
            regular_read [C14];
            regular_write [C14];
            file_sync [C14];
            metadata [C14];
            checkpoint [C14];
            join [C14];
            scope_end [C14];
            inline_child [C14];
            offload [C14];
        }
        rearmed {
            yield_now [C15];
            sleep [C15];
            open_fifo [C15] needs Descriptors;
            pipe_read [C15] needs Descriptors;
            pipe_write [C15] needs Descriptors;
            wait_readable [C15] needs Descriptors;
            wait_writable [C15] needs Descriptors;
            batch [C15] needs Descriptors;
            futex_wait [C15];
            mutex_lock [C15];
            condvar_wait [C15];
            semaphore [C15];
            queue_get [C15];
            queue_put [C15];
            rwlock_read [C15];
            rwlock_write [C15];
            regular_read [C15];
            regular_write [C15];
            file_sync [C15];
            metadata [C15];
            checkpoint [C15];
        }
        pending_at_join {
            yield_now [C11, C12];
            sleep [C11, C12];
            open_fifo [C11, C12] needs Descriptors;
            pipe_read [C11, C12] needs Descriptors;
            pipe_write [C11, C12] needs Descriptors;
            wait_readable [C11, C12] needs Descriptors;
            wait_writable [C11, C12] needs Descriptors;
            batch [C11, C12] needs Descriptors;
            futex_wait [C11, C12];
            mutex_lock [C11, C12];
            condvar_wait [C11, C12];
            semaphore [C11, C12];
            queue_get [C11, C12];
            queue_put [C11, C12];
            rwlock_read [C11, C12];
            rwlock_write [C11, C12];
            regular_read [C11, C12];
            regular_write [C11, C12];
            file_sync [C11, C12];
            metadata [C11, C12];
            checkpoint [C11, C12];
        }
        pending_at_scope_end {
            yield_now [C11, C12];
            sleep [C11, C12];
            open_fifo [C11, C12] needs Descriptors;
            pipe_read [C11, C12] needs Descriptors;
            pipe_write [C11, C12] needs Descriptors;
            wait_readable [C11, C12] needs Descriptors;
            wait_writable [C11, C12] needs Descriptors;
            batch [C11, C12] needs Descriptors;
            futex_wait [C11, C12];
            mutex_lock [C11, C12];
            condvar_wait [C11, C12];
            semaphore [C11, C12];
            queue_get [C11, C12];
            queue_put [C11, C12];
            rwlock_read [C11, C12];
            rwlock_write [C11, C12];
            regular_read [C11, C12];
            regular_write [C11, C12];
            file_sync [C11, C12];
            metadata [C11, C12];
            checkpoint [C11, C12];
        }
        pending_at_inline {
            yield_now [C11, C12];
            sleep [C11, C12];
            open_fifo [C11, C12] needs Descriptors;
            pipe_read [C11, C12] needs Descriptors;
            pipe_write [C11, C12] needs Descriptors;
            wait_readable [C11, C12] needs Descriptors;
            wait_writable [C11, C12] needs Descriptors;
            batch [C11, C12] needs Descriptors;
            futex_wait [C11, C12];
            mutex_lock [C11, C12];
            condvar_wait [C11, C12];
            semaphore [C11, C12];
            queue_get [C11, C12];
            queue_put [C11, C12];
            rwlock_read [C11, C12];
            rwlock_write [C11, C12];
            regular_read [C11, C12];
            regular_write [C11, C12];
            file_sync [C11, C12];
            metadata [C11, C12];
            checkpoint [C11, C12];
        }
        pending_at_offload {
            yield_now [C11, C12];
            sleep [C11, C12];
            open_fifo [C11, C12] needs Descriptors;
            pipe_read [C11, C12] needs Descriptors;
            pipe_write [C11, C12] needs Descriptors;
            wait_readable [C11, C12] needs Descriptors;
            wait_writable [C11, C12] needs Descriptors;
            batch [C11, C12] needs Descriptors;
            futex_wait [C11, C12];
            mutex_lock [C11, C12];
            condvar_wait [C11, C12];
            semaphore [C11, C12];
            queue_get [C11, C12];
            queue_put [C11, C12];
            rwlock_read [C11, C12];
            rwlock_write [C11, C12];
            regular_read [C11, C12];
            regular_write [C11, C12];
            file_sync [C11, C12];
            metadata [C11, C12];
            checkpoint [C11, C12];
        }
        during_join {
            yield_now [C10, C11, C12] needs Concurrency, Interrupts;
            sleep [C10, C11, C12] needs Concurrency, Interrupts;
            open_fifo [C10, C11, C12] needs Concurrency, Interrupts, Descriptors;
            pipe_read [C10, C11, C12] needs Concurrency, Interrupts, Descriptors;
            pipe_write [C10, C11, C12] needs Concurrency, Interrupts, Descriptors;
            wait_readable [C10, C11, C12] needs Concurrency, Interrupts, Descriptors;
            wait_writable [C10, C11, C12] needs Concurrency, Interrupts, Descriptors;
            batch [C10, C11, C12] needs Concurrency, Interrupts, Descriptors;
            futex_wait [C10, C11, C12] needs Concurrency, Interrupts;
            mutex_lock [C10, C11, C12] needs Concurrency, Interrupts;
            condvar_wait [C10, C11, C12] needs Concurrency, Interrupts;
            semaphore [C10, C11, C12] needs Concurrency, Interrupts;
            queue_get [C10, C11, C12] needs Concurrency, Interrupts;
            queue_put [C10, C11, C12] needs Concurrency, Interrupts;
            rwlock_read [C10, C11, C12] needs Concurrency, Interrupts;
            rwlock_write [C10, C11, C12] needs Concurrency, Interrupts;
        }
        during_scope_end {
            yield_now [C10, C11, C12] needs Concurrency, Interrupts;
            sleep [C10, C11, C12] needs Concurrency, Interrupts;
            open_fifo [C10, C11, C12] needs Concurrency, Interrupts, Descriptors;
            pipe_read [C10, C11, C12] needs Concurrency, Interrupts, Descriptors;
            pipe_write [C10, C11, C12] needs Concurrency, Interrupts, Descriptors;
            wait_readable [C10, C11, C12] needs Concurrency, Interrupts, Descriptors;
            wait_writable [C10, C11, C12] needs Concurrency, Interrupts, Descriptors;
            batch [C10, C11, C12] needs Concurrency, Interrupts, Descriptors;
            futex_wait [C10, C11, C12] needs Concurrency, Interrupts;
            mutex_lock [C10, C11, C12] needs Concurrency, Interrupts;
            condvar_wait [C10, C11, C12] needs Concurrency, Interrupts;
            semaphore [C10, C11, C12] needs Concurrency, Interrupts;
            queue_get [C10, C11, C12] needs Concurrency, Interrupts;
            queue_put [C10, C11, C12] needs Concurrency, Interrupts;
            rwlock_read [C10, C11, C12] needs Concurrency, Interrupts;
            rwlock_write [C10, C11, C12] needs Concurrency, Interrupts;
        }
        during_inline {
            yield_now [C10, C11, C12] needs Concurrency, Interrupts;
            sleep [C10, C11, C12] needs Concurrency, Interrupts;
            open_fifo [C10, C11, C12] needs Concurrency, Interrupts, Descriptors;
            pipe_read [C10, C11, C12] needs Concurrency, Interrupts, Descriptors;
            pipe_write [C10, C11, C12] needs Concurrency, Interrupts, Descriptors;
            wait_readable [C10, C11, C12] needs Concurrency, Interrupts, Descriptors;
            wait_writable [C10, C11, C12] needs Concurrency, Interrupts, Descriptors;
            batch [C10, C11, C12] needs Concurrency, Interrupts, Descriptors;
            futex_wait [C10, C11, C12] needs Concurrency, Interrupts;
            mutex_lock [C10, C11, C12] needs Concurrency, Interrupts;
            condvar_wait [C10, C11, C12] needs Concurrency, Interrupts;
            semaphore [C10, C11, C12] needs Concurrency, Interrupts;
            queue_get [C10, C11, C12] needs Concurrency, Interrupts;
            queue_put [C10, C11, C12] needs Concurrency, Interrupts;
            rwlock_read [C10, C11, C12] needs Concurrency, Interrupts;
            rwlock_write [C10, C11, C12] needs Concurrency, Interrupts;
        }
        during_offload {
            yield_now [C10, C11, C12] needs Concurrency, Interrupts;
            sleep [C10, C11, C12] needs Concurrency, Interrupts;
            futex_wait [C10, C11, C12] needs Concurrency, Interrupts;
            mutex_lock [C10, C11, C12] needs Concurrency, Interrupts;
            condvar_wait [C10, C11, C12] needs Concurrency, Interrupts;
            semaphore [C10, C11, C12] needs Concurrency, Interrupts;
            queue_get [C10, C11, C12] needs Concurrency, Interrupts;
            queue_put [C10, C11, C12] needs Concurrency, Interrupts;
            rwlock_read [C10, C11, C12] needs Concurrency, Interrupts;
            rwlock_write [C10, C11, C12] needs Concurrency, Interrupts;
        }
        delivery {
            requests_of_many_threads_are_one [C2];
            no_request_is_delivered_twice [C1];
            a_request_goes_to_its_task_alone [C8] needs Concurrency, Interrupts;
            a_request_to_a_finished_task_reaches_nobody [C8];
            a_request_beside_the_end_reaches_nobody_else [C8] needs Concurrency;
            canceling_a_scope_reaches_its_members_not_its_body [C13];
            canceling_a_scope_reaches_members_that_members_add [C13];
            a_body_that_panics_cancels_its_members [C16] needs Concurrency, Interrupts;
            task_cancel_requests_and_joins [C1, C8] needs Concurrency, Interrupts;
        }
        points {
            every_operation_is_one_and_does_nothing_then [C3, C6] needs Descriptors;
            what_is_no_point_leaves_the_request [C4];
            a_deferred_request_does_not_end_an_uncancelable_wait [C4] needs Concurrency;
        }
        progress {
            partial_progress_is_returned [C7] needs Concurrency, Interrupts, Descriptors;
            a_canceled_read_lets_go_of_its_buffer [C17] needs Concurrency, Interrupts, Descriptors;
            a_canceled_batch_keeps_what_was_done [C19] needs Concurrency, Interrupts, Descriptors;
            a_batch_with_a_pending_request_does_nothing [C19];
        }
        forwarding {
            unreceived_by_a_joined_task_it_comes_back [C12];
            unreceived_by_members_it_comes_back [C12];
            unreceived_by_an_inline_child_it_comes_back [C12];
            unreceived_by_what_is_offloaded_it_comes_back [C12];
            deferred_to_the_end_it_comes_back [C12, C14];
            put_back_before_the_end_it_comes_back [C12, C15];
            put_back_by_who_waited_it_comes_back [C12, C15];
            joining_a_finished_task_keeps_the_request [C12];
            the_end_of_a_scope_forwards_to_all_members [C11] needs Concurrency, Interrupts;
            the_end_of_a_scope_forwards_to_later_members [C11] needs Concurrency, Interrupts;
            a_join_forwards_to_the_joined_task_alone [C11] needs Concurrency, Interrupts;
            a_chain_forwards_to_its_end [C11, C12] needs Concurrency, Interrupts;
            a_pending_request_goes_to_the_end_of_a_chain [C11, C12];
            a_forwarding_point_waits_to_the_end [C10] needs Concurrency, Interrupts;
            a_request_beside_the_end_is_received_once [C11, C12];
        }
    }
    deadline {
        passed_at_entry {
            yield_now [D1];
            sleep [D1];
            open_fifo [D1] needs Descriptors;
            pipe_read [D1] needs Descriptors;
            pipe_write [D1] needs Descriptors;
            wait_readable [D1] needs Descriptors;
            wait_writable [D1] needs Descriptors;
            batch [D1] needs Descriptors;
            futex_wait [D1];
            mutex_lock [D1];
            condvar_wait [D1];
            semaphore [D1];
            queue_get [D1];
            queue_put [D1];
            rwlock_read [D1];
            rwlock_write [D1];
            regular_read [D1];
            regular_write [D1];
            file_sync [D1];
            metadata [D1];
            checkpoint [D1];
            join [D1];
            scope_end [D1];
            inline_child [D1];
            offload [D1];
        }
        passes_while_it_waits {
            yield_now [D1, D2, D9];
            sleep [D1, D2, D9];
            open_fifo [D1, D2, D9] needs Bounds, Descriptors;
            pipe_read [D1, D2, D9] needs Bounds, Descriptors;
            pipe_write [D1, D2, D9] needs Bounds, Descriptors;
            wait_readable [D1, D2, D9] needs Bounds, Descriptors;
            wait_writable [D1, D2, D9] needs Bounds, Descriptors;
            batch [D1, D2, D9] needs Bounds, Descriptors;
            futex_wait [D1, D2, D9];
            mutex_lock [D1, D2, D9];
            condvar_wait [D1, D2, D9];
            semaphore [D1, D2, D9];
            queue_get [D1, D2, D9];
            queue_put [D1, D2, D9];
            rwlock_read [D1, D2, D9];
            rwlock_write [D1, D2, D9];
            join [D1, D2, D9];
            scope_end [D1, D2, D9];
            inline_child [D1, D2, D9];
            offload [D1, D2, D9];
        }
        as_it_completes {
            yield_now [D8];
            sleep [D8];
            open_fifo [D8] needs Descriptors;
            pipe_read [D8] needs Descriptors;
            pipe_write [D8] needs Descriptors;
            wait_readable [D8] needs Descriptors;
            wait_writable [D8] needs Descriptors;
            batch [D8] needs Descriptors;
            futex_wait [D8];
            mutex_lock [D8];
            condvar_wait [D8];
            semaphore [D8];
            queue_get [D8];
            queue_put [D8];
            rwlock_read [D8];
            rwlock_write [D8];
            join [D8];
            scope_end [D8];
            inline_child [D8];
            offload [D8];
        }
        inherited {
            yield_now [D4];
            sleep [D4];
            open_fifo [D4] needs Bounds, Descriptors;
            pipe_read [D4] needs Bounds, Descriptors;
            pipe_write [D4] needs Bounds, Descriptors;
            wait_readable [D4] needs Bounds, Descriptors;
            wait_writable [D4] needs Bounds, Descriptors;
            batch [D4] needs Bounds, Descriptors;
            futex_wait [D4];
            mutex_lock [D4];
            condvar_wait [D4];
            semaphore [D4];
            queue_get [D4];
            queue_put [D4];
            rwlock_read [D4];
            rwlock_write [D4];
        }
        protected {
            yield_now [D6];
            sleep [D6];
            open_fifo [D6] needs Descriptors;
            pipe_read [D6] needs Descriptors;
            pipe_write [D6] needs Descriptors;
            wait_readable [D6] needs Descriptors;
            wait_writable [D6] needs Descriptors;
            batch [D6] needs Descriptors;
            futex_wait [D6];
            mutex_lock [D6];
            condvar_wait [D6];
            semaphore [D6];
            queue_get [D6];
            queue_put [D6];
            rwlock_read [D6];
            rwlock_write [D6];
            regular_read [D6];
            regular_write [D6];
            file_sync [D6];
            metadata [D6];
            checkpoint [D6];
            join [D6];
            scope_end [D6];
            inline_child [D6];
            offload [D6];
        }
        inside_protect {
            yield_now [D6];
            sleep [D6];
            open_fifo [D6] needs Bounds, Descriptors;
            pipe_read [D6] needs Bounds, Descriptors;
            pipe_write [D6] needs Bounds, Descriptors;
            wait_readable [D6] needs Bounds, Descriptors;
            wait_writable [D6] needs Bounds, Descriptors;
            batch [D6] needs Bounds, Descriptors;
            futex_wait [D6];
            mutex_lock [D6];
            condvar_wait [D6];
            semaphore [D6];
            queue_get [D6];
            queue_put [D6];
            rwlock_read [D6];
            rwlock_write [D6];
            join [D6];
            scope_end [D6];
            inline_child [D6];
            offload [D6];
        }
        canceled_first {
            yield_now [D7];
            sleep [D7];
            open_fifo [D7] needs Descriptors;
            pipe_read [D7] needs Descriptors;
            pipe_write [D7] needs Descriptors;
            wait_readable [D7] needs Descriptors;
            wait_writable [D7] needs Descriptors;
            batch [D7] needs Descriptors;
            futex_wait [D7];
            mutex_lock [D7];
            condvar_wait [D7];
            semaphore [D7];
            queue_get [D7];
            queue_put [D7];
            rwlock_read [D7];
            rwlock_write [D7];
            regular_read [D7];
            regular_write [D7];
            file_sync [D7];
            metadata [D7];
            checkpoint [D7];
        }
        levels {
            the_earlier_of_nested_deadlines_wins [D3];
            a_deadline_ends_with_its_call [D3];
            a_deadline_out_of_reach_is_none [D1];
            what_is_over_before_it_is_not_touched [D1];
            a_deadline_bounds_no_join [D5, C10];
            a_deadline_is_not_that_of_other_tasks [D4] needs Concurrency;
            each_of_many_tasks_has_its_own [D4] needs Concurrency;
            a_futex_wait_ends_at_the_earlier_deadline [D2, D9];
            a_plain_thread_has_deadlines [D10];
            a_plain_thread_has_deadlines_on_operations [D10] needs Bounds, Descriptors;
            a_deadline_is_not_late_by_much [D2];
        }
    }
}
