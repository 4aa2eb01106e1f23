//! What hands over in a line: permits, the readers-writer lock, barriers, queues.
//! No turn is lost, none is given twice, and who gives up leaves the state as if
//! it had not been there.

use std::collections::VecDeque;

use crate::atomics::{AtomicU32, Mutex};
use crate::explore::{
    Arc, JoinHandle, OF_THREE, OF_TWO, UnsafeCell, orders_with_preemptions, spawn,
};
use crate::lot::{GaveUp, Lot};
use crate::sync::gathering::Gathering;
use crate::sync::items::{Items, Refused, Stored};
use crate::sync::line::{Lined, WaitLine};
use crate::sync::permits::{Permits, word_of};
use crate::sync::read_write::{Access, ReadWrite};

/// What the threads of a model share: the machine, the lot they wait in, and a
/// value that the machine is to protect.
struct Model<M> {
    machine: M,
    lot: Lot,
    value: UnsafeCell<u32>,
}

impl<M: Send + Sync + 'static> Model<M> {
    fn new(machine: M) -> Arc<Model<M>> {
        Arc::new(Model {
            machine,
            lot: Lot::new(),
            value: UnsafeCell::new(0),
        })
    }

    /// Writes the value: loom fails the model if another thread uses it.
    fn write(&self) {
        self.value.with_mut(add_one);
    }

    /// Reads the value: loom fails the model if another thread writes it.
    fn read(&self) -> u32 {
        self.value.with(read)
    }
}

#[expect(unsafe_code, reason = "loom's cells give out pointers")]
fn add_one(value: *mut u32) {
    // SAFETY: loom fails the model if another thread uses the cell meanwhile.
    unsafe { *value += 1 }
}

#[expect(unsafe_code, reason = "loom's cells give out pointers")]
fn read(value: *const u32) -> u32 {
    // SAFETY: loom fails the model if another thread writes the cell meanwhile.
    unsafe { value.read() }
}

fn start<M: Send + Sync + 'static, T: 'static>(
    model: &Arc<Model<M>>,
    body: impl FnOnce(&Model<M>) -> T + 'static,
) -> JoinHandle<T> {
    let model = Arc::clone(model);
    spawn(move || body(&model))
}

fn line<S, N>(state: S) -> WaitLine<S, N> {
    WaitLine::from_lock(Mutex::new(Lined::new(state)))
}

// ---- permits ----------------------------------------------------------------

fn permits(count: u32) -> Arc<Model<Permits>> {
    let word = AtomicU32::new(word_of(count));
    Model::new(Permits::from_parts(word, line(())))
}

impl Model<Permits> {
    /// Takes one and writes the value while it has it.
    fn use_one(&self, user: usize) -> Result<(), GaveUp> {
        let user = self.lot.user(user);
        self.machine.take(&user, 1)?;
        self.write();
        self.machine.release(&user, 1);
        Ok(())
    }
}

#[test]
fn one_permit_is_had_by_one_at_a_time_and_by_all_in_turn() {
    orders_with_preemptions(OF_THREE, || {
        let model = permits(1);
        let others = [1, 2].map(|user| start(&model, move |model| model.use_one(user)));
        model.use_one(0).expect("nobody cancels");
        for other in others {
            other.join().unwrap().expect("nobody cancels");
        }
        assert_eq!((model.read(), model.machine.available()), (3, 1));
    });
}

#[test]
fn a_permit_that_comes_as_a_wait_begins_is_not_missed() {
    orders_with_preemptions(OF_TWO, || {
        let model = permits(0);
        let other = start(&model, |model| {
            model.machine.release(&model.lot.user(1), 1);
        });
        model.use_one(0).expect("nobody cancels");
        other.join().unwrap();
        assert_eq!(model.machine.available(), 1);
    });
}

#[test]
fn permits_of_two_releases_show_what_was_written_before_both() {
    orders_with_preemptions(OF_THREE, || {
        let model = permits(0);
        let releases = [1, 2].map(|user| {
            start(&model, move |model| {
                if user == 1 {
                    model.write();
                }
                model.machine.release(&model.lot.user(user), 1);
            })
        });
        let taken = model.machine.take(&model.lot.user(0), 2);
        taken.expect("nobody cancels");
        assert_eq!(model.read(), 1);
        for release in releases {
            release.join().unwrap();
        }
    });
}

#[test]
fn no_permit_is_lost_to_a_wait_that_is_given_up() {
    orders_with_preemptions(OF_THREE, || {
        let model = permits(0);
        let canceled = start(&model, |model| model.use_one(1));
        let other = start(&model, |model| model.use_one(2));
        model.lot.cancel(1);
        model.machine.release(&model.lot.user(0), 1);
        other
            .join()
            .unwrap()
            .expect("one permit is enough for both");
        let gave_up = canceled.join().unwrap().is_err();
        assert_eq!(model.lot.is_pending(1), !gave_up, "delivered once or kept");
        assert_eq!(model.machine.available(), 1);
        assert_eq!(model.read(), if gave_up { 1 } else { 2 });
    });
}

#[test]
fn who_wants_many_and_gives_up_lets_those_behind_go_on() {
    orders_with_preemptions(OF_THREE, || {
        let model = permits(1);
        let both = start(&model, |model| {
            let user = model.lot.user(1);
            model.machine.take(&user, 2)
        });
        let one = start(&model, |model| model.use_one(2));
        model.lot.cancel(1);
        one.join().unwrap().expect("one is there");
        assert_eq!(both.join().unwrap(), Err(GaveUp));
        assert_eq!(model.machine.available(), 1);
    });
}

// ---- readers and writers ----------------------------------------------------

fn read_write() -> Arc<Model<ReadWrite>> {
    Model::new(ReadWrite::from_parts(AtomicU32::new(0), line(())))
}

impl Model<ReadWrite> {
    fn use_as(&self, user: usize, access: Access) -> Result<(), GaveUp> {
        let user = self.lot.user(user);
        self.machine.take(&user, access)?;
        match access {
            Access::Read => drop(self.read()),
            Access::Write => self.write(),
        }
        self.machine.release(&user, access);
        Ok(())
    }
}

#[test]
fn a_writer_excludes_readers_and_writers() {
    for others in [
        [Access::Read, Access::Read],
        [Access::Read, Access::Write],
        [Access::Write, Access::Write],
    ] {
        orders_with_preemptions(OF_THREE, move || {
            let model = read_write();
            let others = [(1, others[0]), (2, others[1])]
                .map(|(user, access)| start(&model, move |model| model.use_as(user, access)));
            model.use_as(0, Access::Write).expect("nobody cancels");
            for other in others {
                other.join().unwrap().expect("nobody cancels");
            }
            assert_eq!(model.machine.held_for(), None);
            assert!(model.machine.try_take(Access::Write));
        });
    }
}

#[test]
fn a_writer_that_gives_up_leaves_no_trace() {
    orders_with_preemptions(OF_THREE, || {
        let model = read_write();
        assert!(model.machine.try_take(Access::Read));
        let writer = start(&model, |model| model.use_as(1, Access::Write));
        let reader = start(&model, |model| model.use_as(2, Access::Read));
        model.lot.cancel(1);
        // This reader stays in until the other one was in too.
        reader.join().unwrap().expect("no writer stands before it");
        model.machine.release(&model.lot.user(0), Access::Read);
        let gave_up = writer.join().unwrap().is_err();
        assert_eq!(model.lot.is_pending(1), !gave_up, "delivered once or kept");
        assert!(model.machine.try_take(Access::Write));
    });
}

#[test]
fn a_writer_goes_on_as_a_reader_and_lets_readers_in() {
    orders_with_preemptions(OF_TWO, || {
        let model = read_write();
        assert!(model.machine.try_take(Access::Write));
        let reader = start(&model, |model| model.use_as(1, Access::Read));
        model.write();
        model.machine.downgrade(&model.lot.user(0));
        // It is still in as a reader.
        reader.join().unwrap().expect("nobody cancels");
        assert_eq!(model.read(), 1);
        model.machine.release(&model.lot.user(0), Access::Read);
        assert!(model.machine.try_take(Access::Write));
    });
}

#[test]
fn a_downgrade_keeps_a_writer_out_until_the_reader_leaves() {
    orders_with_preemptions(OF_THREE, || {
        let model = read_write();
        assert!(model.machine.try_take(Access::Write));
        let reader = start(&model, |model| model.use_as(1, Access::Read));
        let writer = start(&model, |model| model.use_as(2, Access::Write));
        model.write();
        model.machine.downgrade(&model.lot.user(0));
        assert_eq!(model.read(), 1, "no writer came in between");
        model.machine.release(&model.lot.user(0), Access::Read);
        // In whatever order they came: nobody is left behind.
        reader.join().unwrap().expect("nobody cancels");
        writer.join().unwrap().expect("nobody cancels");
        assert_eq!(model.read(), 2);
        assert!(model.machine.try_take(Access::Write));
    });
}

#[test]
fn a_writer_that_gives_up_beside_a_downgrade_lets_the_reader_in() {
    orders_with_preemptions(OF_THREE, || {
        let model = read_write();
        assert!(model.machine.try_take(Access::Write));
        let reader = start(&model, |model| model.use_as(1, Access::Read));
        let writer = start(&model, |model| model.use_as(2, Access::Write));
        model.lot.cancel(2);
        model.machine.downgrade(&model.lot.user(0));
        assert_eq!(writer.join().unwrap(), Err(GaveUp), "it is read");
        // Wherever the reader stood, it goes in beside the one that is in.
        reader.join().unwrap().expect("nobody stands before it");
        model.machine.release(&model.lot.user(0), Access::Read);
        assert!(model.machine.try_take(Access::Write));
    });
}

// ---- barriers -----------------------------------------------------------------

#[test]
fn all_come_or_nobody_has_come() {
    orders_with_preemptions(OF_THREE, || {
        let model = Model::new(Gathering::from_line(line(())));
        let come = |model: &Model<Gathering>, user: usize| {
            model.machine.come(&model.lot.user(user), 2).is_ok()
        };
        let one = start(&model, move |model| come(model, 1));
        let other = start(&model, move |model| come(model, 2));
        model.lot.cancel(1);
        model.lot.cancel(2);
        assert_eq!(one.join().unwrap(), other.join().unwrap());
    });
}

#[test]
fn two_rounds_do_not_mix() {
    orders_with_preemptions(OF_TWO, || {
        let model = Model::new(Gathering::from_line(line(())));
        let twice = |model: &Model<Gathering>, user: usize| {
            let user = model.lot.user(user);
            let first = model.machine.come(&user, 2).expect("nobody cancels");
            let second = model.machine.come(&user, 2).expect("nobody cancels");
            (first, second)
        };
        let other = start(&model, move |model| twice(model, 1));
        let own = twice(&model, 0);
        let other = other.join().unwrap();
        assert!(own.0 != other.0 && own.1 != other.1, "one leader a round");
    });
}

// ---- queues -----------------------------------------------------------------

fn items(capacity: usize) -> Arc<Model<Items<u32>>> {
    let line = line(Stored::new(VecDeque::new()));
    Model::new(Items::from_line(line, capacity))
}

#[test]
fn each_item_is_got_once() {
    for capacity in [0, 1] {
        orders_with_preemptions(OF_THREE, move || {
            let model = items(capacity);
            let puts = [1, 2].map(|item| {
                start(&model, move |model| {
                    let user = model.lot.user(item as usize);
                    model.machine.put(&user, item).is_ok()
                })
            });
            let user = model.lot.user(0);
            let mut got = [0; 2].map(|_| model.machine.get(&user).expect("nobody cancels"));
            got.sort_unstable();
            assert_eq!(got, [Some(1), Some(2)]);
            for put in puts {
                assert!(put.join().unwrap());
            }
        });
    }
}

#[test]
fn a_put_that_is_given_up_gives_its_item_back_or_has_put_it() {
    orders_with_preemptions(OF_THREE, || {
        let model = items(0);
        let put = start(&model, |model| {
            let user = model.lot.user(1);
            match model.machine.put(&user, 7) {
                Ok(()) => true,
                Err(Refused::GivenUp(item, GaveUp)) => {
                    assert_eq!(item, 7);
                    false
                }
                Err(other) => panic!("{other:?}"),
            }
        });
        let get = start(&model, |model| model.machine.get(&model.lot.user(2)));
        model.lot.cancel(1);
        let was_put = put.join().unwrap();
        model.lot.cancel(2);
        assert_eq!(model.lot.is_pending(1), was_put, "delivered once or kept");
        let got = get.join().unwrap().unwrap_or_default();
        assert_eq!(got.is_some(), was_put);
        assert_eq!(model.machine.length(), 0);
    });
}

#[test]
fn a_close_ends_every_wait_and_loses_nothing() {
    for capacity in [0, 1] {
        orders_with_preemptions(OF_THREE, move || {
            let model = items(capacity);
            let put = start(&model, |model| {
                let user = model.lot.user(1);
                model.machine.put(&user, 7).is_ok()
            });
            let get = start(&model, |model| model.machine.get(&model.lot.user(2)));
            model.machine.close(&model.lot.user(0));
            let was_put = put.join().unwrap();
            let got = get.join().unwrap().expect("nobody cancels");
            assert_eq!(got.is_some(), was_put);
        });
    }
}

#[test]
fn a_batch_arrives_whole() {
    orders_with_preemptions(OF_TWO, || {
        let model = items(1);
        let put = start(&model, |model| {
            let mut batch = VecDeque::from([1, 2, 3]);
            model
                .machine
                .put_many(&model.lot.user(1), &mut batch)
                .is_ok()
        });
        let mut got = Vec::new();
        while got.len() < 3 {
            let answer = model.machine.get_many(&model.lot.user(0), &mut got, 2);
            assert!(answer.expect("nobody cancels") > 0);
        }
        assert_eq!(got, [1, 2, 3]);
        assert!(put.join().unwrap());
    });
}
