//! Bounded work: every item once, never more than the limit at once, an end at
//! the first error.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use io_core::{is_canceled, task};

use super::{on_concurrent_executors, on_every_executor};

#[test]
fn every_item_is_worked_on_once_and_within_the_limit() {
    on_every_executor(|io| {
        for limit in [1, 2, 7, 100] {
            let (running, most, sum) = <(AtomicUsize, AtomicUsize, AtomicUsize)>::default();
            task::for_each_concurrent(io, limit, 1..=50, |item| {
                let now = running.fetch_add(1, Ordering::SeqCst) + 1;
                most.fetch_max(now, Ordering::SeqCst);
                io.yield_now()?;
                sum.fetch_add(item, Ordering::SeqCst);
                running.fetch_sub(1, Ordering::SeqCst);
                Ok(())
            })
            .unwrap();
            assert_eq!(sum.load(Ordering::SeqCst), 50 * 51 / 2);
            assert!(most.load(Ordering::SeqCst) <= limit);
        }
    });
}

#[test]
fn results_come_in_the_order_of_the_items() {
    on_every_executor(|io| {
        let results = task::map_concurrent(io, 5, 0..40_u64, |item| {
            io.sleep(Duration::from_micros(item * 7 % 5 * 100))?;
            Ok(item * item)
        });
        let squares: Vec<_> = (0..40).map(|item| item * item).collect();
        assert_eq!(results.unwrap(), squares);
        let nothing = task::map_concurrent(io, 5, [0_u8; 0], Ok);
        assert_eq!(nothing.unwrap(), []);
    });
}

#[test]
fn the_first_error_takes_no_further_item_and_cancels_the_rest() {
    on_concurrent_executors(|io| {
        let (begun, canceled) = <(AtomicUsize, AtomicUsize)>::default();
        let result = task::for_each_concurrent(io, 3, 0..1000, |item| {
            begun.fetch_add(1, Ordering::SeqCst);
            if item == 2 {
                return Err(io::Error::from_raw_os_error(5));
            }
            let result = io.sleep(Duration::from_secs(600));
            let is_canceled = result.as_ref().is_err_and(is_canceled);
            canceled.fetch_add(usize::from(is_canceled), Ordering::SeqCst);
            result
        });
        assert_eq!(result.unwrap_err().raw_os_error(), Some(5));
        let begun = begun.load(Ordering::SeqCst);
        assert_eq!(begun, 3);
        assert_eq!(canceled.load(Ordering::SeqCst), begun - 1);
    });
}

#[test]
fn an_iterator_may_wait() {
    on_every_executor(|io| {
        let items = (0..20).inspect(|_| io.sleep(Duration::from_micros(50)).unwrap());
        let results = task::map_concurrent(io, 4, items, Ok).unwrap();
        assert_eq!(results, (0..20).collect::<Vec<_>>());
    });
}
