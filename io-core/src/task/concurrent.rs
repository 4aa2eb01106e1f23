//! Work on many items with a bounded number of tasks: [`for_each_concurrent`] and
//! [`map_concurrent`]. Programs use them.
//!
//! `limit` tasks take items from one iterator, each the next one as soon as it is
//! done with its last: no task waits while there are items.

use std::io;
use std::panic::Location;
use std::sync::PoisonError;

use crate::io::Io;
use crate::sync::Mutex;
use crate::task::record::Spawned;

/// Calls `body` with every item, at most `limit` of them at once; in no order
/// between them.
///
/// After the first error no further item is taken, the calls that are under way
/// are canceled, and that error is returned. `items` is asked by one task at a
/// time and may wait. On an executor without concurrency this is a loop.
///
/// # Cancellation
/// A forwarding point: a request goes on to the calls. One that receives it as an
/// error ends the rest.
///
/// # Errors
/// The first of a call.
///
/// # Panics
/// If `limit` is zero; with the panic of a call.
///
/// ```
/// use std::sync::atomic::{AtomicUsize, Ordering};
///
/// use io_core::{fs, task};
///
/// # let blocking = io_blocking::Blocking::new();
/// # let io: &dyn io_core::Io = &blocking;
/// let bytes = AtomicUsize::new(0);
/// let files = ["/proc/self/comm", "/proc/self/limits"];
/// task::for_each_concurrent(io, 8, files, |file| {
///     bytes.fetch_add(fs::read(io, file)?.len(), Ordering::Relaxed);
///     Ok(())
/// })?;
/// assert!(bytes.into_inner() > 0);
/// # Ok::<(), std::io::Error>(())
/// ```
#[track_caller]
pub fn for_each_concurrent<I>(
    io: &dyn Io,
    limit: usize,
    items: impl IntoIterator<Item = I, IntoIter: Send>,
    body: impl Fn(I) -> io::Result<()> + Sync,
) -> io::Result<()>
where
    I: Send,
{
    assert!(limit > 0, "no task would work on any item");
    let items = Mutex::new(Some(items.into_iter()));
    let first_error = std::sync::Mutex::new(None);
    let at = Location::caller();
    io.scope(|scope| {
        let work = || {
            while let Some(item) = next_item(io, &items) {
                let Err(error) = body(item) else { continue };
                let mut first = first_error.lock().unwrap_or_else(PoisonError::into_inner);
                if first.is_none() {
                    *first = Some(error);
                }
                drop(first);
                *items.lock_uncancelable(io) = None;
                scope.cancel();
                return;
            }
        };
        for _ in 0..limit {
            // Whoever ran inline may have done it all.
            if items.lock_uncancelable(io).is_none() {
                break;
            }
            // `limit` is a wish for so many at once, whatever `spawn` thinks fit;
            // if they can not be had, `spawn` works on all of it in place.
            let spawned = || Spawned { name: None, at };
            if scope.start_concurrent(spawned(), work).is_err() {
                scope.start(spawned(), work);
            }
        }
    });
    let first = first_error.into_inner();
    first
        .unwrap_or_else(PoisonError::into_inner)
        .map_or(Ok(()), Err)
}

/// The next item; `None` when there are no more, also for all others.
fn next_item<N: Iterator>(io: &dyn Io, items: &Mutex<Option<N>>) -> Option<N::Item> {
    let mut items = items.lock_uncancelable(io);
    let next = items.as_mut()?.next();
    if next.is_none() {
        *items = None;
    }
    next
}

/// Calls `body` with every item, at most `limit` of them at once, and returns the
/// results in the order of the items.
///
/// # Cancellation
/// As [`for_each_concurrent`].
///
/// # Errors
/// As [`for_each_concurrent`]; other results are dropped then.
///
/// # Panics
/// As [`for_each_concurrent`].
///
/// ```
/// use io_core::{Io, task};
///
/// # let blocking = io_blocking::Blocking::new();
/// # let io: &dyn Io = &blocking;
/// let squares = task::map_concurrent(io, 8, 1..=4, |number| Ok(number * number))?;
/// assert_eq!(squares, [1, 4, 9, 16]);
/// # Ok::<(), std::io::Error>(())
/// ```
#[track_caller]
pub fn map_concurrent<I, R>(
    io: &dyn Io,
    limit: usize,
    items: impl IntoIterator<Item = I, IntoIter: Send>,
    body: impl Fn(I) -> io::Result<R> + Sync,
) -> io::Result<Vec<R>>
where
    I: Send,
    R: Send,
{
    let results = std::sync::Mutex::new(Vec::new());
    let numbered = items.into_iter().enumerate();
    for_each_concurrent(io, limit, numbered, |(index, item)| {
        let result = body(item)?;
        let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
        results.push((index, result));
        Ok(())
    })?;
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_unstable_by_key(|(index, _)| *index);
    Ok(results.into_iter().map(|(_, result)| result).collect())
}
