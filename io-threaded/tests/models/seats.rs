//! An idle thread, and those who hand it orders: steps 2 to 4 of `pool.rs`.

use crate::atomics::Ordering;
use crate::explore::{Arc, Condvar, Mutex, every_order, spawn};
use crate::seat_word::SeatWord;

/// One thread of a pool, its seat, and the list that it may be on.
struct World {
    is_listed: Mutex<bool>,
    word: SeatWord,
    order: Mutex<Option<u32>>,
    /// The kernel's side of a sleep on the word, as in `interrupts.rs`.
    sleep: Mutex<()>,
    woken: Condvar,
}

impl World {
    fn new() -> Arc<World> {
        Arc::new(World {
            is_listed: Mutex::new(true),
            word: SeatWord::new(),
            order: Mutex::new(None),
            sleep: Mutex::new(()),
            woken: Condvar::new(),
        })
    }

    /// Hands an order over if the thread is idle.
    fn start(&self, order: u32) -> bool {
        if !std::mem::take(&mut *self.is_listed.lock().unwrap()) {
            return false;
        }
        let before = self.order.lock().unwrap().replace(order);
        assert_eq!(before, None, "an idle thread has no order");
        if self.word.take() {
            drop(self.sleep.lock().unwrap());
            self.woken.notify_all();
        }
        true
    }

    /// Waits for an order; a time-out comes as soon as the thread sleeps.
    fn next_order(&self, times_out: bool) -> Option<u32> {
        if self.word.fall_asleep() && !times_out {
            while self.word.is_asleep() {
                let asleep = self.sleep.lock().unwrap();
                if self.word.atomic().fetch_or(0, Ordering::AcqRel) == SeatWord::ASLEEP {
                    drop(self.woken.wait(asleep).unwrap());
                }
            }
        }
        let has_order = self.word.wake_up();
        has_order.then(|| self.order.lock().unwrap().take().expect("an order came"))
    }

    /// The thread until its end: what it was told to do.
    fn serve(&self) -> Vec<u32> {
        let mut done = Vec::new();
        loop {
            let mut order = self.next_order(true);
            if order.is_none() && !std::mem::take(&mut *self.is_listed.lock().unwrap()) {
                order = self.next_order(false);
            }
            match order {
                None => return done,
                Some(order) => done.push(order),
            }
            *self.is_listed.lock().unwrap() = true;
        }
    }
}

#[test]
fn an_order_that_was_handed_over_is_carried_out_once() {
    every_order(|| {
        let world = World::new();
        let starters = [1, 2].map(|order| {
            let world = Arc::clone(&world);
            spawn(move || world.start(order).then_some(order))
        });
        let mut done = world.serve();
        let mut accepted: Vec<u32> = starters
            .into_iter()
            .filter_map(|starter| starter.join().unwrap())
            .collect();
        done.sort_unstable();
        accepted.sort_unstable();
        assert_eq!(done, accepted);
    });
}
