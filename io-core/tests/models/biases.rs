//! The lock of a bucket: one thread is inside, whether it has the bias or takes it
//! away, and what one did inside is seen by the next.

#![expect(unsafe_code, reason = "gives a barrier that models the kernel's")]

use crate::atomics::{AtomicUsize, Ordering, light_barrier};
use crate::biased::BiasedMutex;
use crate::explore::{Arc, UnsafeCell, orders_with_preemptions, spawn, yield_now};
use crate::parking::{Bias, ProcessBarrier};

/// The kernel's barrier has all threads behave as if `light_barrier` were one of theirs.
pub(crate) fn barrier() -> ProcessBarrier {
    // SAFETY: the models' light barrier is a real one, so this side needs only its own.
    unsafe { ProcessBarrier::new(light_barrier, |_| yield_now()) }
}

struct Model {
    mutex: BiasedMutex<()>,
    bias: Bias,
    /// What the mutex guards: loom finds two threads at it.
    count: UnsafeCell<usize>,
    /// How often it was counted, relaxed.
    counted: AtomicUsize,
}

// SAFETY: loom's cell is watched by loom.
unsafe impl Sync for Model {}
// SAFETY: as above.
unsafe impl Send for Model {}

impl Model {
    fn new(locks_in_a_row: u16) -> Arc<Model> {
        let bias = Bias::after(locks_in_a_row, barrier());
        Arc::new(Model {
            mutex: BiasedMutex::new((), Some(&bias)),
            bias,
            count: UnsafeCell::new(0),
            counted: AtomicUsize::new(0),
        })
    }

    fn count(&self) {
        let _inside = self.mutex.lock(Some(&self.bias));
        // SAFETY: loom looks whether the mutex lets another in meanwhile.
        self.count.with_mut(|count| unsafe { *count += 1 });
        self.counted.fetch_add(1, Ordering::Relaxed);
    }

    fn assert_all_seen(&self) {
        let _inside = self.mutex.lock(Some(&self.bias));
        // SAFETY: as above.
        let count = self.count.with(|count| unsafe { *count });
        assert_eq!(count, self.counted.load(Ordering::Relaxed));
    }
}

/// Each of two threads locks it so many times.
fn two_threads(locks_in_a_row: u16, here: usize, there: usize) {
    orders_with_preemptions(3, move || {
        let model = Model::new(locks_in_a_row);
        let other = Arc::clone(&model);
        let other = spawn(move || (0..there).for_each(|_| other.count()));
        (0..here).for_each(|_| model.count());
        other.join().unwrap();
        model.assert_all_seen();
    });
}

#[test]
fn a_bias_that_is_taken_away_lets_nobody_in_twice() {
    two_threads(1, 3, 1);
}

#[test]
fn a_bias_that_goes_back_and_forth_lets_nobody_in_twice() {
    two_threads(0, 2, 2);
}

#[test]
fn a_bias_that_comes_late_lets_nobody_in_twice() {
    two_threads(2, 3, 2);
}

#[test]
fn of_three_threads_one_is_inside() {
    orders_with_preemptions(2, || {
        let model = Model::new(1);
        let others: Vec<_> = (0..2)
            .map(|_| {
                let model = Arc::clone(&model);
                spawn(move || model.count())
            })
            .collect();
        model.count();
        model.count();
        for other in others {
            other.join().unwrap();
        }
        model.assert_all_seen();
    });
}
