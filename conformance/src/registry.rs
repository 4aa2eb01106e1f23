//! The list of all claims, with the clauses that each checks and what it needs:
//! the suite at a glance. A claim is a function of the same path. As long as it
//! has to be: it is one list.

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
            read_at_the_end_gives_zero [F2];
            read_past_the_end_gives_zero [F2];
            read_across_the_end_gives_the_rest [F1, F2];
            an_empty_file_is_at_its_end [F2];
            read_exact_across_the_end_is_an_error [F2];
            what_is_appended_after_the_end_is_read [F2];
            read_at_an_offset_leaves_the_cursor [F3];
            reading_at_the_cursor_moves_it [F4];
            reading_into_nothing_gives_zero [F5];
            reading_nothing_of_an_empty_pipe_does_not_wait [F5] needs Descriptors;
            buffers_are_filled_in_order [F6];
            a_very_long_vector_is_read_in_part_at_least [F7];
            a_vector_that_begins_with_nothing_is_no_end [F7];
            an_offset_beyond_the_largest_is_invalid [F8];
            offsets_above_four_gigabytes_are_kept_apart [F8];
            a_large_read_is_whole [F1];
            a_pipe_ends_when_its_writer_is_closed [F9] needs Descriptors;
            a_read_of_a_pipe_does_not_wait_to_be_full [F9] needs Descriptors;
            a_read_waits_for_the_writer [F9] needs Descriptors;
            a_transfer_counts_bytes [O1];
        }
        writing {
            what_is_written_is_in_the_file [F11];
            a_write_counts_what_it_wrote [F11, F4];
            a_write_at_an_offset_changes_nothing_else [F3, F11];
            writing_nothing_changes_nothing [F5];
            buffers_are_written_in_order [F6];
            a_very_long_vector_is_written_in_part_at_least [F7];
            a_vector_that_begins_with_nothing_is_written [F7];
            writing_past_the_end_leaves_zeros [F13];
            an_append_goes_to_the_end_wherever_the_cursor_is [F14];
            an_append_at_an_offset_appends [F14];
            appends_of_two_handles_lose_nothing [F14];
            set_len_cuts_and_extends_with_zeros [F15];
            set_len_errors_are_exact [F15, O2] needs Descriptors;
            seeking_is_exact [F16];
            a_pipe_has_no_offsets [F17] needs Descriptors;
            a_write_to_a_full_pipe_waits_for_room [F18] needs Descriptors;
            a_write_that_nobody_reads_gives_epipe [F18] needs Descriptors, OwnProcess;
            many_tasks_write_one_file_at_offsets [F19];
        }
        opening {
            opening_what_is_missing_gives_enoent [N1, O2];
            opening_below_a_file_gives_enotdir [N1, O2];
            opening_a_directory_for_writing_gives_eisdir [N1, O2];
            create_makes_a_file_or_empties_it [N2];
            create_without_truncate_keeps_the_content [N2];
            create_new_refuses_what_exists [N2];
            create_new_succeeds_once [N2];
            truncate_empties_on_opening_only [N2];
            the_mode_is_that_asked_less_the_umask [N3] needs Descriptors, OwnProcess;
            options_that_contradict_each_other_are_invalid [N4];
            custom_flags_reach_the_system [N5];
            custom_flags_do_not_change_the_access [N5];
            what_may_not_be_read_gives_eacces [N6] needs Descriptors, OwnProcess;
            what_may_not_be_changed_gives_the_systems_error [N6] needs Descriptors, OwnProcess;
            both_ways_of_opening_create [N1];
        }
        fifo {
            the_reader_waits_for_the_writer [N7] needs Descriptors;
            the_writer_waits_for_the_reader [N7] needs Descriptors;
            an_open_that_waits_delays_nobody [N7, T5] needs Concurrency, Descriptors;
            a_nonblocking_open_does_not_wait [N7] needs Descriptors;
        }
        handles {
            a_duplicate_shares_the_cursor [H3];
            closing_a_duplicate_leaves_the_other [H3];
            a_closed_number_reused_by_an_open_harms_no_wait [H4] needs Descriptors;
            a_task_keeps_its_wait_when_a_duplicate_is_closed [H4] needs Concurrency, Descriptors;
            a_closed_descriptor_is_closed [H2] needs Descriptors, OwnProcess;
            a_dropped_file_is_closed [H6] needs Descriptors, OwnProcess;
            a_close_of_a_pipe_is_seen_at_its_other_end [H2] needs Descriptors;
            new_descriptors_are_not_inherited [H7] needs Descriptors;
            a_fresh_descriptor_has_the_flags_that_were_asked [H8] needs Descriptors;
            no_operation_changes_the_flags_of_a_descriptor [H8] needs Descriptors;
            an_operation_on_a_nonblocking_descriptor_waits [H8] needs Descriptors;
            a_descriptor_comes_out_as_it_went_in [H9] needs Descriptors;
            a_close_can_not_be_canceled [H10] needs Descriptors;
            an_open_file_outlives_its_name [H1];
            another_executors_handle_is_ebadf [H5];
            an_absolute_path_needs_no_directory [N16];
            a_write_only_file_is_not_read [H5];
            a_read_only_file_is_not_written [H5];
            the_wrong_end_of_a_pipe_is_ebadf [H5] needs Descriptors;
            a_directory_is_not_read_as_a_file [H5];
            a_file_is_not_listed [H5];
            a_path_only_handle_transfers_nothing [H5] needs Descriptors;
            a_socket_has_no_offsets [F17] needs Descriptors;
        }
        paths {
            an_empty_path_is_enoent [O6];
            a_missing_directory_is_enoent [O6];
            a_file_on_the_way_is_enotdir [O6];
            a_name_that_is_too_long_is_enametoolong [O6];
            a_path_that_is_too_long_is_enametoolong [O6];
            a_cycle_of_links_is_eloop [O6];
            a_path_with_a_nul_is_einval [O6] needs Descriptors;
            a_link_that_says_a_nul_is_einval [O6];
            names_need_not_be_text [O6];
            the_longest_name_works [O6];
            a_relative_path_starts_at_the_working_directory [N16] needs Descriptors, OwnProcess;
            a_path_starts_at_its_directory_wherever_that_moves [N16];
        }
        metadata {
            it_is_what_the_system_says [I1] needs Descriptors;
            a_handle_and_its_path_say_the_same [I1];
            every_type_is_told [I1] needs Descriptors;
            a_link_is_followed_or_not [I2];
            the_size_follows_every_change [I1];
            an_error_leaves_the_result_alone [O3];
            times_are_those_of_the_changes [I1];
            permissions_are_set_on_paths_and_handles [I3];
            permissions_go_through_a_link [I2, I3];
        }
        directories {
            a_directory_is_made_once [N8];
            only_an_empty_directory_is_removed [N9];
            a_directory_is_not_removed_as_a_file [N9];
            a_file_is_removed_once [N9];
            an_empty_directory_lists_nothing [N10];
            every_entry_is_listed_once [N10];
            an_entry_has_its_inode [N10];
            a_listing_starts_again_when_rewound [N12];
            duplicates_share_the_listing_position [N12];
            removing_while_listing_loses_no_other_entry [N10];
            a_removed_directory_lists_nothing [N10];
            opening_a_file_as_a_directory_gives_enotdir [N1];
            a_link_is_followed_to_its_directory_or_refused [N1];
            a_whole_path_is_made_and_removed [U3];
            tasks_that_make_the_same_path_all_succeed [U3];
        }
        links {
            a_rename_replaces_what_is_there [N13];
            a_rename_is_atomic [N13];
            a_rename_refuses_what_does_not_fit [N13];
            a_rename_onto_itself_does_nothing [N13];
            a_rename_moves_a_link_itself [N13];
            a_symbolic_link_says_what_it_was_told [N14];
            a_link_of_any_length_is_read_whole [N14];
            only_a_link_is_read_as_a_link [N14];
            removing_a_link_leaves_its_target [N9];
            a_hard_link_is_a_second_name [N15];
            a_hard_link_does_not_follow_a_link [N15];
            a_hard_link_refuses_what_does_not_fit [N15];
            names_do_not_cross_file_systems [N13, N15] needs Descriptors;
        }
        durability {
            sync_all_leaves_nothing_to_write [Y1] needs Descriptors, DirtyPages;
            sync_data_leaves_nothing_to_write [Y1] needs Descriptors, DirtyPages;
            a_sync_in_a_batch_leaves_nothing_to_write [Y1, B1] needs Descriptors, DirtyPages;
            what_can_not_be_synced_says_so [Y2] needs Descriptors;
            a_directory_can_be_synced [Y3];
            a_file_that_was_only_read_can_be_synced [Y1];
            syncs_of_many_tasks_all_succeed [Y1];
        }
        batch {
            an_empty_batch_is_done [B1];
            every_entry_has_its_own_result [B1];
            a_batch_may_be_larger_than_any_queue [B2];
            a_batch_opens_and_its_handles_are_good [B1];
            a_result_of_before_is_replaced [B1];
        }
        whole {
            a_file_is_written_and_read_whole [U1];
            a_file_that_hides_its_size_is_read_whole [U1] needs Descriptors;
            a_fifo_is_read_whole_once_it_has_a_writer [U1, N7] needs Descriptors;
            what_is_no_text_is_invalid_data [U1];
            a_copy_has_content_and_mode [U2];
            a_copy_of_a_fifo_is_refused_at_once [U2] needs Descriptors;
            exists_tells_missing_from_unknown [U4];
            stds_traits_run_on_files [U5];
        }
        resources {
            no_descriptor_left_is_emfile [O9] needs Descriptors, OwnProcess;
            a_file_that_may_not_grow_is_efbig [O9] needs Descriptors, OwnProcess;
            no_room_left_is_enospc [O9] needs Descriptors;
            an_interrupted_call_goes_on [O5] needs Descriptors, OwnProcess;
            an_interrupted_pipe_read_goes_on_waiting [O5] needs Descriptors, OwnProcess;
            an_interrupted_open_of_a_fifo_goes_on_waiting [O5, N7] needs Descriptors, OwnProcess;
            failed_operations_leak_no_descriptor [O8] needs Descriptors, OwnProcess;
        }
    }
    task {
        joining {
            join_returns_the_result [T1];
            a_scope_returns_what_its_body_does [T3];
            results_are_of_any_size_and_alignment [T1];
            closures_are_of_any_size_and_alignment [T1];
            a_result_that_nobody_wants_is_dropped_once [T2];
            a_result_that_is_taken_is_the_joiners [T1];
            captures_are_gone_when_a_join_returns [T1];
            a_scope_ends_after_its_last_task [T3];
            tasks_change_what_they_borrow [T3];
            scopes_nest_in_tasks [T3];
            a_member_may_add_members [T3];
            is_finished_tells_the_end [T4];
            joins_come_in_any_order [T1];
            a_handle_may_be_joined_by_another_task [T1];
            a_long_scope_does_not_grow [T2] needs Descriptors, OwnProcess;
        }
        panics {
            try_join_gives_the_payload [P1];
            join_raises_the_panic [P1];
            spawn_itself_never_panics [P1];
            a_panic_that_nobody_joined_is_raised_by_the_scope [P2];
            a_panic_that_was_joined_is_not_raised_again [P2];
            a_dropped_handle_loses_no_panic [P2];
            further_panics_are_counted [P2];
            the_bodys_panic_comes_first_and_after_its_tasks [P3];
            a_panicking_body_cancels_its_tasks [P3] needs Concurrency, Interrupts;
            operations_work_while_unwinding [P4];
            other_tasks_do_not_look_as_if_they_panicked [P4];
            a_panic_in_an_operations_task_closes_its_files [P4] needs Descriptors;
        }
        starting {
            every_task_runs_exactly_once [T6];
            every_concurrent_task_runs_exactly_once [T6] needs Concurrency;
            concurrent_tasks_make_progress_together [T8] needs Concurrency;
            a_concurrent_task_runs_while_its_spawner_waits [T8] needs Concurrency, Descriptors;
            concurrency_is_had_or_declared [T9];
            what_can_not_run_concurrently_is_dropped_unrun [T9];
            a_job_that_is_dropped_unrun_is_reported [T10];
            children_of_children_run [T6];
            thousands_of_tasks_that_wait_all_end [T6];
            many_tasks_wait_at_once [T8] needs Concurrency;
        }
        progress {
            two_yielding_tasks_delay_no_timer_and_no_file [T5] needs Concurrency;
            tasks_that_always_do_something_delay_no_timer [T5] needs Concurrency;
            yielding_tasks_delay_no_pipe [T5] needs Concurrency, Descriptors;
            a_yield_lets_others_run [T11] needs Concurrency;
            a_started_task_keeps_its_thread [T12];
            more_operations_than_any_queue_holds [O7];
            many_reads_in_flight_get_each_their_own [O7] needs Concurrency, Descriptors;
            tasks_work_on_many_files_at_once [O7];
            no_suspend_runs_its_body_once [T13];
        }
        locals {
            a_task_has_the_name_it_was_given_and_no_other [T20];
            members_of_groups_and_awaited_tasks_have_names [T20];
            a_value_is_bound_for_a_closure [T21];
            a_panic_restores_what_was_bound [T21];
            names_and_values_stay_with_their_task_across_waits [T20, T21];
            children_inherit_what_is_bound_at_their_spawn [T22];
            whatever_starts_a_task_hands_values_on [T22];
            parent_and_child_bind_apart [T22] needs Concurrency;
            a_foreign_thread_binds_and_hands_on [T21, T22];
            each_executor_has_its_own_values [T21];
        }
        offload {
            offload_returns_the_result [T14];
            offload_raises_the_panic [T14];
            offloaded_code_may_use_the_executor [T14];
            offloaded_code_that_blocks_delays_no_task [T15] needs Concurrency;
            offloaded_code_has_a_large_stack [T16];
            a_task_has_a_usable_stack [T16];
            many_offloads_all_end [T14];
        }
        foreign {
            a_foreign_thread_performs_operations [T17];
            a_foreign_thread_spawns_and_joins [T17];
            a_foreign_thread_spawns_concurrently [T17] needs Concurrency, Descriptors;
            a_foreign_thread_sleeps_and_yields [T17];
            a_foreign_thread_has_deadlines [T17];
            foreign_threads_and_tasks_share_a_lock [T17];
            a_foreign_thread_and_a_task_wake_each_other [T17];
            a_foreign_thread_is_notified [T17];
            a_foreign_thread_joins_a_task_of_another [T17];
            many_foreign_threads_at_once [T17];
            foreign_threads_come_and_go [T17];
        }
        ending {
            an_executor_may_end_right_after_work [E1];
            an_executor_may_end_unused [E1];
            an_executor_may_end_right_after_operations [E1];
            executors_that_ended_leave_no_descriptor_and_no_thread [E2] needs Descriptors, OwnProcess;
            two_executors_do_not_disturb_each_other [E3];
            a_task_of_one_may_use_another [E3];
        }
    }
    futex {
        waiting {
            a_changed_word_ends_the_wait_at_once [X1];
            a_wake_ends_a_wait [X2];
            a_wait_ends_at_its_deadline_and_not_before [X4];
            a_deadline_that_has_passed_ends_the_wait [X4];
            deadlines_of_other_clocks_are_kept [X4];
            a_changed_word_comes_before_the_deadline [X1];
            waiting_uses_no_processor [X5] needs Descriptors, OwnProcess;
            waiting_tasks_use_no_processor [X5] needs Concurrency, Descriptors, OwnProcess;
        }
        waking {
            a_wake_without_a_wait_does_nothing [X6];
            a_wake_needs_no_memory_at_the_address [X6];
            a_wake_of_all_ends_all_waits [X2] needs Concurrency;
            each_wake_of_one_ends_a_wait [X2] needs Concurrency;
            a_wake_of_another_word_takes_no_wake_away [X2] needs Concurrency;
            no_wake_is_lost_in_many_rounds [X2] needs Concurrency;
            a_wake_works_where_nothing_may_wait [X6];
        }
    }
    time {
        clocks {
            a_steady_clock_never_steps_back [M1];
            an_instant_carries_its_clock [M1];
            a_clock_goes_on [M1];
            all_threads_see_one_clock [M1];
            the_time_of_day_is_the_systems [M2];
        }
        sleeping {
            a_sleep_is_never_shorter [M3];
            a_sleep_is_not_much_longer [M4];
            a_sleep_until_the_past_returns [M3];
            every_clock_can_be_slept_on [M3];
            sleeping_uses_no_processor [M5] needs Descriptors, OwnProcess;
            tasks_sleep_at_the_same_time [M4] needs Concurrency;
            many_sleeps_end_each_in_its_time [M3];
            a_short_sleep_is_not_delayed_by_a_long_one [M4] needs Concurrency, Interrupts;
        }
        random {
            the_whole_buffer_is_filled [R1];
            no_two_answers_are_alike [R1];
            the_bits_are_balanced [R1];
            tasks_get_different_bytes [R1];
        }
    }
    sync {
        locks {
            a_lock_is_exclusive [S1];
            tasks_take_turns_under_a_lock [S1];
            try_lock_never_waits [S2];
            a_lock_may_be_held_across_waits [S1];
            a_release_wakes_who_waits [S3];
            a_panic_leaves_the_lock_usable [S4];
            a_deadline_ends_the_wait_for_a_lock [S5];
        }
        conditions {
            a_notification_ends_a_wait [S6];
            notify_all_ends_all_waits [S6] needs Concurrency;
            no_notification_is_lost [S6];
            a_wait_gives_the_lock_free_and_takes_it_back [S7];
            a_wait_ends_at_its_timeout_with_the_lock [S7];
            a_notification_without_a_wait_is_forgotten [S6];
        }
        semaphores {
            permits_bound_how_many_are_inside [S9];
            a_permit_given_back_wakes_who_waits [S9];
            no_permit_is_lost_to_a_cancel [S10] needs Concurrency, Interrupts;
            who_gives_up_lets_those_behind_go_on [S10] needs Concurrency, Interrupts;
            a_deadline_ends_the_wait_for_a_permit [S10];
        }
        readers_writers {
            a_writer_is_alone [S11];
            readers_are_in_together [S11];
            readers_that_keep_coming_let_a_writer_in [S12];
            a_canceled_writer_lets_readers_in [S10, S12] needs Concurrency, Interrupts;
            a_deadline_ends_the_wait_of_readers_and_writers [S10];
        }
        queues {
            each_item_arrives_once_and_in_order [S13];
            a_put_waits_for_room [S13];
            a_closed_queue_gives_out_what_is_left [S14];
            a_close_ends_the_waits [S14];
            a_canceled_put_gives_its_item_back_or_has_put_it [S15] needs Concurrency, Interrupts;
            a_deadline_ends_the_wait_and_gives_the_item_back [S15];
        }
        signals {
            a_set_ends_all_waits [S16];
            a_canceled_wait_leaves_the_others_alone [S10, S16] needs Concurrency, Interrupts;
            nobody_passes_a_barrier_alone [S17];
            who_gives_up_has_not_come [S10, S17] needs Concurrency, Interrupts;
            a_sent_value_arrives [S18];
            the_latest_value_is_seen [S19];
            a_cell_is_filled_once [S20];
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
            event_wait [C1, C9];
            oneshot_receive [C1, C9];
            watch_changed [C1, C9];
            barrier_wait [C1, C9];
            cell_init [C1, C9];
            regular_read [C1, C9];
            regular_write [C1, C9];
            file_sync [C1, C9];
            metadata [C1, C9];
            checkpoint [C1, C9];
            join [C1, C9];
            join_all [C1, C9];
            scope_end [C1, C9];
            inline_child [C1, C9];
            offload [C1, C9];
            race [C1, C9] needs EndsOfMembers;
            group_next [C1, C9] needs EndsOfMembers;
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
            event_wait [C1, C2, C3];
            oneshot_receive [C1, C2, C3];
            watch_changed [C1, C2, C3];
            barrier_wait [C1, C2, C3];
            cell_init [C1, C2, C3];
            regular_read [C1, C2, C3];
            regular_write [C1, C2, C3];
            file_sync [C1, C2, C3];
            metadata [C1, C2, C3];
            checkpoint [C1, C2, C3];
            join [C1, C2, C3];
            join_all [C1, C2, C3];
            scope_end [C1, C2, C3];
            inline_child [C1, C2, C3];
            offload [C1, C2, C3];
            race [C1, C2, C3] needs EndsOfMembers;
            group_next [C1, C2, C3] needs EndsOfMembers;
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
            event_wait [C4, C6];
            oneshot_receive [C4, C6];
            watch_changed [C4, C6];
            barrier_wait [C4, C6];
            cell_init [C4, C6];
            regular_read [C3, C6];
            regular_write [C3, C6];
            file_sync [C3, C6];
            metadata [C3, C6];
            checkpoint [C3, C6];
            join [C4, C6];
            join_all [C4, C6];
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
            event_wait [C1, C5] needs Concurrency, Interrupts;
            oneshot_receive [C1, C5] needs Concurrency, Interrupts;
            watch_changed [C1, C5] needs Concurrency, Interrupts;
            barrier_wait [C1, C5] needs Concurrency, Interrupts;
            cell_init [C1, C5] needs Concurrency, Interrupts;
            join [C1, C5] needs Concurrency, Interrupts;
            join_all [C1, C5] needs Concurrency, Interrupts;
            scope_end [C1, C5] needs Concurrency, Interrupts;
            inline_child [C1, C5] needs Concurrency, Interrupts;
            offload [C1, C5] needs Concurrency, Interrupts;
            race [C1, C5] needs Concurrency, Interrupts;
            group_next [C1, C5] needs Concurrency, Interrupts;
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
            event_wait [C6, C18];
            oneshot_receive [C6, C18];
            watch_changed [C6, C18];
            barrier_wait [C6, C18];
            cell_init [C6, C18];
            regular_read [C6];
            regular_write [C6];
            file_sync [C6];
            metadata [C6];
            join [C6, C18];
            join_all [C6, C18];
            scope_end [C6, C18];
            inline_child [C6, C18];
            offload [C6, C18];
            race [C6, C18];
            group_next [C6, C18];
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
            event_wait [C1, C6];
            oneshot_receive [C1, C6];
            watch_changed [C1, C6];
            barrier_wait [C1, C6];
            cell_init [C1, C6];
            regular_read [C1, C6];
            regular_write [C1, C6];
            file_sync [C1, C6];
            metadata [C1, C6];
            checkpoint [C1, C6];
            join [C1, C6];
            join_all [C1, C6];
            scope_end [C1, C6];
            inline_child [C1, C6];
            offload [C1, C6];
            race [C1, C6] needs EndsOfMembers;
            group_next [C1, C6] needs EndsOfMembers;
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
            event_wait [C14];
            oneshot_receive [C14];
            watch_changed [C14];
            barrier_wait [C14];
            cell_init [C14];
            regular_read [C14];
            regular_write [C14];
            file_sync [C14];
            metadata [C14];
            checkpoint [C14];
            join [C14];
            join_all [C14];
            scope_end [C14];
            inline_child [C14];
            offload [C14];
            race [C14];
            group_next [C14];
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
            event_wait [C15];
            oneshot_receive [C15];
            watch_changed [C15];
            barrier_wait [C15];
            cell_init [C15];
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
            event_wait [C11, C12];
            oneshot_receive [C11, C12];
            watch_changed [C11, C12];
            barrier_wait [C11, C12];
            cell_init [C11, C12];
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
            event_wait [C11, C12];
            oneshot_receive [C11, C12];
            watch_changed [C11, C12];
            barrier_wait [C11, C12];
            cell_init [C11, C12];
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
            event_wait [C11, C12];
            oneshot_receive [C11, C12];
            watch_changed [C11, C12];
            barrier_wait [C11, C12];
            cell_init [C11, C12];
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
            event_wait [C11, C12];
            oneshot_receive [C11, C12];
            watch_changed [C11, C12];
            barrier_wait [C11, C12];
            cell_init [C11, C12];
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
            event_wait [C10, C11, C12] needs Concurrency, Interrupts;
            oneshot_receive [C10, C11, C12] needs Concurrency, Interrupts;
            watch_changed [C10, C11, C12] needs Concurrency, Interrupts;
            barrier_wait [C10, C11, C12] needs Concurrency, Interrupts;
            cell_init [C10, C11, C12] needs Concurrency, Interrupts;
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
            event_wait [C10, C11, C12] needs Concurrency, Interrupts;
            oneshot_receive [C10, C11, C12] needs Concurrency, Interrupts;
            watch_changed [C10, C11, C12] needs Concurrency, Interrupts;
            barrier_wait [C10, C11, C12] needs Concurrency, Interrupts;
            cell_init [C10, C11, C12] needs Concurrency, Interrupts;
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
            event_wait [C10, C11, C12] needs Concurrency, Interrupts;
            oneshot_receive [C10, C11, C12] needs Concurrency, Interrupts;
            watch_changed [C10, C11, C12] needs Concurrency, Interrupts;
            barrier_wait [C10, C11, C12] needs Concurrency, Interrupts;
            cell_init [C10, C11, C12] needs Concurrency, Interrupts;
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
            event_wait [C10, C11, C12] needs Concurrency, Interrupts;
            oneshot_receive [C10, C11, C12] needs Concurrency, Interrupts;
            watch_changed [C10, C11, C12] needs Concurrency, Interrupts;
            barrier_wait [C10, C11, C12] needs Concurrency, Interrupts;
            cell_init [C10, C11, C12] needs Concurrency, Interrupts;
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
        races {
            a_canceled_read_loses_no_byte [C6] needs Concurrency, Interrupts, Descriptors;
            a_request_is_delivered_or_pending [C6] needs Concurrency, Interrupts, Descriptors;
            a_canceled_open_leaks_no_descriptor [C6, O8] needs Concurrency, Interrupts, Descriptors, OwnProcess;
            a_canceled_wait_takes_no_wake_away [C18] needs Concurrency, Interrupts;
            canceled_waits_for_a_lock_leave_it_usable [S5] needs Concurrency, Interrupts;
            a_storm_of_requests_ends [C5] needs Concurrency, Interrupts, Descriptors;
        }
        beside_another {
            pipe_read [C18] needs Concurrency, Interrupts, Descriptors;
            futex_wait [C18] needs Concurrency, Interrupts;
            mutex_lock [C18] needs Concurrency, Interrupts;
            condvar_wait [C18] needs Concurrency, Interrupts;
            semaphore [C18] needs Concurrency, Interrupts;
            queue_get [C18] needs Concurrency, Interrupts;
            queue_put [C18] needs Concurrency, Interrupts;
            rwlock_write [C18] needs Concurrency, Interrupts;
        }
        cost {
            sleep [C22] needs Concurrency, Interrupts, OwnProcess;
            open_fifo [C22] needs Concurrency, Interrupts, OwnProcess, Descriptors;
            pipe_read [C22] needs Concurrency, Interrupts, OwnProcess, Descriptors;
            pipe_write [C22] needs Concurrency, Interrupts, OwnProcess, Descriptors;
            wait_readable [C22] needs Concurrency, Interrupts, OwnProcess, Descriptors;
            wait_writable [C22] needs Concurrency, Interrupts, OwnProcess, Descriptors;
            batch [C22] needs Concurrency, Interrupts, OwnProcess, Descriptors;
            futex_wait [C22] needs Concurrency, Interrupts, OwnProcess;
            mutex_lock [C22] needs Concurrency, Interrupts, OwnProcess;
            condvar_wait [C22] needs Concurrency, Interrupts, OwnProcess;
            semaphore [C22] needs Concurrency, Interrupts, OwnProcess;
            queue_get [C22] needs Concurrency, Interrupts, OwnProcess;
            queue_put [C22] needs Concurrency, Interrupts, OwnProcess;
            rwlock_read [C22] needs Concurrency, Interrupts, OwnProcess;
            rwlock_write [C22] needs Concurrency, Interrupts, OwnProcess;
            event_wait [C22] needs Concurrency, Interrupts, OwnProcess;
            oneshot_receive [C22] needs Concurrency, Interrupts, OwnProcess;
            watch_changed [C22] needs Concurrency, Interrupts, OwnProcess;
            barrier_wait [C22] needs Concurrency, Interrupts, OwnProcess;
            cell_init [C22] needs Concurrency, Interrupts, OwnProcess;
            join [C22] needs Concurrency, Interrupts, OwnProcess;
            join_all [C22] needs Concurrency, Interrupts, OwnProcess;
            scope_end [C22] needs Concurrency, Interrupts, OwnProcess;
            inline_child [C22] needs Concurrency, Interrupts, OwnProcess;
            offload [C22] needs Concurrency, Interrupts, OwnProcess;
            race [C22] needs Concurrency, Interrupts, OwnProcess;
            group_next [C22] needs Concurrency, Interrupts, OwnProcess;
        }
        leaks {
            yield_now [C23] needs Concurrency, Interrupts, Descriptors, OwnProcess;
            sleep [C23] needs Concurrency, Interrupts, Descriptors, OwnProcess;
            open_fifo [C23] needs Concurrency, Interrupts, Descriptors, OwnProcess;
            pipe_read [C23] needs Concurrency, Interrupts, Descriptors, OwnProcess;
            pipe_write [C23] needs Concurrency, Interrupts, Descriptors, OwnProcess;
            wait_readable [C23] needs Concurrency, Interrupts, Descriptors, OwnProcess;
            wait_writable [C23] needs Concurrency, Interrupts, Descriptors, OwnProcess;
            batch [C23] needs Concurrency, Interrupts, Descriptors, OwnProcess;
            futex_wait [C23] needs Concurrency, Interrupts, Descriptors, OwnProcess;
            mutex_lock [C23] needs Concurrency, Interrupts, Descriptors, OwnProcess;
            condvar_wait [C23] needs Concurrency, Interrupts, Descriptors, OwnProcess;
            semaphore [C23] needs Concurrency, Interrupts, Descriptors, OwnProcess;
            queue_get [C23] needs Concurrency, Interrupts, Descriptors, OwnProcess;
            queue_put [C23] needs Concurrency, Interrupts, Descriptors, OwnProcess;
            rwlock_read [C23] needs Concurrency, Interrupts, Descriptors, OwnProcess;
            rwlock_write [C23] needs Concurrency, Interrupts, Descriptors, OwnProcess;
            event_wait [C23] needs Concurrency, Interrupts, Descriptors, OwnProcess;
            oneshot_receive [C23] needs Concurrency, Interrupts, Descriptors, OwnProcess;
            watch_changed [C23] needs Concurrency, Interrupts, Descriptors, OwnProcess;
            barrier_wait [C23] needs Concurrency, Interrupts, Descriptors, OwnProcess;
            cell_init [C23] needs Concurrency, Interrupts, Descriptors, OwnProcess;
            join [C23] needs Concurrency, Interrupts, Descriptors, OwnProcess;
            join_all [C23] needs Concurrency, Interrupts, Descriptors, OwnProcess;
            scope_end [C23] needs Concurrency, Interrupts, Descriptors, OwnProcess;
            inline_child [C23] needs Concurrency, Interrupts, Descriptors, OwnProcess;
            offload [C23] needs Concurrency, Interrupts, Descriptors, OwnProcess;
            race [C23] needs Concurrency, Interrupts, Descriptors, OwnProcess;
            group_next [C23] needs Concurrency, Interrupts, Descriptors, OwnProcess;
            regular_read [C23] needs Concurrency, Interrupts, Descriptors, OwnProcess;
            regular_write [C23] needs Concurrency, Interrupts, Descriptors, OwnProcess;
            file_sync [C23] needs Concurrency, Interrupts, Descriptors, OwnProcess;
            metadata [C23] needs Concurrency, Interrupts, Descriptors, OwnProcess;
            deadlines [C23, D8] needs Bounds, Descriptors, OwnProcess;
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
            event_wait [D1];
            oneshot_receive [D1];
            watch_changed [D1];
            barrier_wait [D1];
            cell_init [D1];
            regular_read [D1];
            regular_write [D1];
            file_sync [D1];
            metadata [D1];
            checkpoint [D1];
            join [D1];
            join_all [D1];
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
            event_wait [D1, D2, D9];
            oneshot_receive [D1, D2, D9];
            watch_changed [D1, D2, D9];
            barrier_wait [D1, D2, D9];
            cell_init [D1, D2, D9];
            join [D1, D2, D9];
            join_all [D1, D2, D9];
            scope_end [D1, D2, D9];
            inline_child [D1, D2, D9];
            offload [D1, D2, D9];
            race [D1, D2, D9];
            group_next [D1, D2, D9];
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
            event_wait [D8];
            oneshot_receive [D8];
            watch_changed [D8];
            barrier_wait [D8];
            cell_init [D8];
            join [D8];
            join_all [D8];
            scope_end [D8];
            inline_child [D8];
            offload [D8];
            race [D8];
            group_next [D8];
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
            event_wait [D4];
            oneshot_receive [D4];
            watch_changed [D4];
            barrier_wait [D4];
            cell_init [D4];
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
            event_wait [D6];
            oneshot_receive [D6];
            watch_changed [D6];
            barrier_wait [D6];
            cell_init [D6];
            regular_read [D6];
            regular_write [D6];
            file_sync [D6];
            metadata [D6];
            checkpoint [D6];
            join [D6];
            join_all [D6];
            scope_end [D6];
            inline_child [D6];
            offload [D6];
            race [D6];
            group_next [D6];
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
            event_wait [D6];
            oneshot_receive [D6];
            watch_changed [D6];
            barrier_wait [D6];
            cell_init [D6];
            join [D6];
            join_all [D6];
            scope_end [D6];
            inline_child [D6];
            offload [D6];
            race [D6];
            group_next [D6];
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
            event_wait [D7];
            oneshot_receive [D7];
            watch_changed [D7];
            barrier_wait [D7];
            cell_init [D7];
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
            a_plain_thread_has_deadlines_on_openings [D10] needs Bounds, Interrupts, Descriptors;
            a_deadline_is_not_late_by_much [D2];
        }
    }
    wrappers {
        capabilities {
            they_do_not_change [A1];
            handles_are_descriptors_as_declared [A1];
            the_id_names_the_executor [A2];
            no_operation_is_falsely_unsupported [O4];
            a_foreign_handle_is_refused_not_followed [H5];
        }
        forwarding {
            a_wrapper_has_the_id_of_what_it_wraps [A2];
            tasks_of_a_wrapper_are_tasks_of_its_executor [W1];
            a_wrapper_sees_every_operation [W2];
            each_failure_is_reported_and_none_made_up [W3] needs Descriptors, OwnProcess;
            a_failed_operation_has_no_effect [W3] needs Descriptors;
            an_operation_can_be_performed_again [W1];
        }
    }
}
