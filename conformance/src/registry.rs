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
}
