//! Many checks of one test, several at a time: most of them wait most of the time.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What `check` complains about, of all the items.
pub(crate) fn complaints<T: Sync>(
    items: &[T],
    threads: usize,
    check: impl Fn(&T) -> Option<String> + Sync,
) -> Vec<String> {
    // Relaxed: each number is given once in any case.
    let (next, complaints) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let complaint = check(item);
                    let mut complaints = complaints.lock().expect("no check panics with it");
                    complaints.extend(complaint);
                }
            });
        }
    });
    let complaints = complaints.into_inner();
    complaints.expect("no check panics with it")
}
