//! What a store does, whichever engine it is in: each test runs against a file, and against a server of PostgreSQL.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod chain;
mod counts;
mod keys;
mod place;
#[path = "../common/postgres.rs"]
mod postgres;
mod retention;
#[path = "../common/rows.rs"]
mod rows;

macro_rules! behaviours {
    ($($group:ident: $($name:ident),*;)*) => {
        mod in_a_file {
            $($(#[test] fn $name() { crate::$group::$name(&crate::place::Place::file()) })*)*
        }

        mod in_a_database {
            $($(
                #[test]
                #[ignore = "needs PostgreSQL"]
                fn $name() { crate::$group::$name(&crate::place::Place::database()) }
            )*)*
        }
    };
}

behaviours! {
    chain: what_administrators_did_is_a_chain, every_row_but_addresses_is_given_away;
    counts: counts_add_up_and_outlive_the_process, many_batches_share_a_commit, the_largest_batch_fits_beside_others,
        a_batch_that_can_never_be_written_is_lost_alone, store_05_a_value_over_64_kib_reaches_no_statement;
    keys: rows_go_with_their_key, keys_of_a_process_that_was_killed_are_entered_as_lost_and_its_addresses_are_removed,
        keys_that_a_process_left_to_the_next_are_not_lost_and_rows_before_them_are, a_key_that_a_node_has_again_is_not_lost;
    retention: old_rows_are_removed_at_the_start, a_clock_that_is_far_ahead_removes_nothing_that_is_kept_for_months,
        no_two_purposes_have_one_bit, a_policy_is_entered_once_and_ends_when_another_begins,
        what_was_before_is_added_with_how_far_it_was_read_and_goes_when_it_is_old;
}
