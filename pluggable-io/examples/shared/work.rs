//! [`do_all`]: work that finds more work, done by many tasks. The examples
//! `tree-hash` and `copy-tree` walk their trees with it.
//!
//! It shows what a library on `&dyn Io` looks like: a scope, tasks, a mutex and a
//! condition, and no word about threads, fibers or rings.

use std::collections::VecDeque;
use std::io;
use std::thread;

use pluggable_io::Io;
use pluggable_io::sync::{Condvar, Mutex};
use pluggable_io::task::{Scope, Task};

/// Does the pieces in `first`, and all that are found while doing them, up to
/// `tasks` at once.
///
/// Each task has a state of its own, made by `begin`: its buffers, its results.
/// `step` does one piece and hands in what it finds. The states of all tasks come
/// back.
///
/// An executor that can have no further task gets along with those it has; if it
/// can have none (`blocking`), the caller does all the work itself.
///
/// # Errors
/// Canceled; the deadline in force has passed.
pub(crate) fn do_all<P: Send, S: Send>(
    io: &dyn Io,
    tasks: usize,
    first: Vec<P>,
    begin: impl Fn() -> S + Sync,
    step: impl Fn(&mut S, P, &mut Found<P>) + Sync,
) -> io::Result<Vec<S>> {
    let board = Board::new(first);
    let (board, begin, step) = (&board, &begin, &step);
    io.scope(|scope| {
        let mut members = Vec::new();
        while members.len() < tasks {
            let work = move || board.work(io, CancelOnPanic(scope), begin(), step);
            match scope.spawn_concurrent(work) {
                Ok(member) => members.push(member),
                Err(_none_left) => break,
            }
        }
        if members.is_empty() {
            let own = board.work(io, CancelOnPanic(scope), begin(), step)?;
            return Ok(vec![own]);
        }
        members.into_iter().map(Task::join).collect()
    })
}

/// What doing one piece has found.
pub(crate) struct Found<P> {
    /// To be done before anything that was found until now, the last one first.
    pub(crate) next: Vec<P>,
    /// To be done when there is nothing else to do.
    pub(crate) later: Vec<P>,
}

impl<P> Found<P> {
    fn len(&self) -> usize {
        self.next.len() + self.later.len()
    }
}

/// The pieces that wait to be done, and who waits for them.
struct Board<P> {
    state: Mutex<State<P>>,
    /// Something was found, or all is done.
    news: Condvar,
}

struct State<P> {
    /// Found and not begun. The last one is done first.
    open: VecDeque<P>,
    /// Found and not done: those that are open, and those that tasks are at.
    unfinished: usize,
    /// Tasks that wait for news.
    waiting: usize,
}

impl<P> Board<P> {
    fn new(first: Vec<P>) -> Board<P> {
        let state = State {
            unfinished: first.len(),
            open: first.into(),
            waiting: 0,
        };
        Board {
            state: Mutex::new(state),
            news: Condvar::new(),
        }
    }

    /// What each task does: one piece after another, until all are done.
    fn work<S>(
        &self,
        io: &dyn Io,
        _guard: CancelOnPanic<'_, '_>,
        mut state: S,
        step: impl Fn(&mut S, P, &mut Found<P>),
    ) -> io::Result<S> {
        let mut found = Found {
            next: Vec::new(),
            later: Vec::new(),
        };
        let mut next = self.exchange(io, 0, &mut found)?;
        while let Some(piece) = next {
            step(&mut state, piece, &mut found);
            next = self.exchange(io, 1, &mut found)?;
        }
        Ok(state)
    }

    /// Hands in what was done and found, and takes the next piece; waits for one
    /// if others may still find some. `None` when all is done.
    fn exchange(&self, io: &dyn Io, done: usize, found: &mut Found<P>) -> io::Result<Option<P>> {
        let mut state = self.state.lock(io)?;
        let mut has_news = found.len() > 0;
        state.unfinished = state.unfinished + found.len() - done;
        state.open.extend(found.next.drain(..));
        for piece in found.later.drain(..) {
            state.open.push_front(piece);
        }
        while state.open.is_empty() && state.unfinished > 0 {
            state.waiting += 1;
            let waited = self.news.wait(&mut state);
            state.waiting -= 1;
            has_news = true;
            waited?;
        }
        let next = state.open.pop_back();
        let is_over = state.unfinished == 0;
        // Who brings news wakes one task; that one, if it leaves work behind,
        // wakes the next. So as many wake up as there is work for.
        let wakes_next = has_news && !state.open.is_empty() && state.waiting > 0;
        drop(state);
        if is_over {
            self.news.notify_all(io);
        } else if wakes_next {
            self.news.notify_one(io);
        }
        Ok(next)
    }
}

/// Ends the other tasks if this one panics: they may wait for what it would have
/// found. The scope then raises the panic.
struct CancelOnPanic<'scope, 'env>(&'scope Scope<'scope, 'env>);

impl Drop for CancelOnPanic<'_, '_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.cancel();
        }
    }
}
