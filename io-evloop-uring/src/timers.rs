//! The timers of one worker: which parked fiber is to go on at which time. Used
//! by the worker and by the chapters that wait. Imports nothing.
//!
//! A hierarchical timing wheel (Varghese and Lauck, 1987): arming and disarming
//! cost the same whether ten timers are armed or a million.
//!
//! ```text
//! a time in ticks of 8.192 us:   | level 8 | ... | level 2 | level 1 | level 0 |
//!                                  6 bits each, 64 slots a level
//!
//! level 0   slot = one tick        level 1   slot = 64 ticks       level 2 ...
//! ┌─┬─┬─┬─┬─┐                      ┌─┬─┬─┬─┬─┐
//! │ │ │■│ │ │ ──► due              │ │■│ │ │ │ ──► its start is reached:
//! └─┴─┴─┴─┴─┘                      └─┴─┴─┴─┴─┘     its timers move down
//! ```
//! A timer lies at the level of the highest group of bits in which its tick
//! differs from the wheel's own (`elapsed`), so all slots of a level lie ahead of
//! it within one turn, and the lowest level that has a timer has the next one. A
//! timer moves down at most once for each level.
//!
//! Times are rounded up to ticks: a timer is never early and less than a tick late.

/// A tick is `1 << TICK_SHIFT` nanoseconds.
const TICK_SHIFT: u32 = 13;
const SLOT_BITS: u32 = 6;
const SLOTS: usize = 1 << SLOT_BITS;
/// Enough for every time that fits in 64 bits of nanoseconds.
const LEVELS: usize = 9;
/// The list of timers that are due, behind those of the slots.
const DUE: usize = LEVELS * SLOTS;
/// No timer, in links.
const NONE: u32 = u32::MAX;

/// Names an armed timer, until it is disarmed or taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimerKey {
    index: u32,
    /// Tells it from later timers with the same index.
    generation: u32,
}

#[derive(Debug)]
struct Timer<T> {
    generation: u32,
    /// The list it is in, if it is armed.
    list: usize,
    previous: u32,
    /// The next in its list; in the free list if it is not armed.
    next: u32,
    tick: u64,
    value: Option<T>,
}

#[derive(Clone, Copy, Debug)]
struct List {
    first: u32,
    last: u32,
}

impl List {
    const EMPTY: List = List {
        first: NONE,
        last: NONE,
    };
}

/// Armed timers. Bounded by the fibers that wait: each has at most one.
#[derive(Debug)]
pub(crate) struct Timers<T> {
    /// Timers by index, and the places of former ones.
    timers: Vec<Timer<T>>,
    free: u32,
    /// One list for each slot of each level, and the one of those that are due.
    lists: Box<[List]>,
    /// For each level, which slots have a timer.
    occupied: [u64; LEVELS],
    /// The tick up to which slots have been emptied.
    elapsed: u64,
}

impl<T> Default for Timers<T> {
    fn default() -> Timers<T> {
        Timers {
            timers: Vec::new(),
            free: NONE,
            lists: vec![List::EMPTY; DUE + 1].into_boxed_slice(),
            occupied: [0; LEVELS],
            elapsed: 0,
        }
    }
}

impl<T: Copy> Timers<T> {
    /// Arms a timer for a time in nanoseconds of the monotonic clock.
    pub(crate) fn arm(&mut self, nanos: u64, value: T) -> TimerKey {
        let tick = nanos.div_ceil(1 << TICK_SHIFT);
        let index = if self.free == NONE {
            let index = u32::try_from(self.timers.len()).expect("fewer fibers than 2^32");
            self.timers.push(Timer {
                generation: 0,
                list: DUE,
                previous: NONE,
                next: NONE,
                tick,
                value: Some(value),
            });
            index
        } else {
            let index = self.free;
            let timer = self.timer(index);
            timer.tick = tick;
            timer.value = Some(value);
            self.free = timer.next;
            index
        };
        self.file(index);
        TimerKey {
            index,
            generation: self.timer(index).generation,
        }
    }

    /// Disarms a timer; nothing if it was taken.
    pub(crate) fn disarm(&mut self, key: TimerKey) {
        if self.timer(key.index).generation == key.generation {
            self.take(key.index);
        }
    }

    /// Takes a timer that is due at `now_nanos`, if there is one. To be called
    /// now and then even if nothing is armed, with times that do not go back.
    pub(crate) fn take_due(&mut self, now_nanos: u64) -> Option<T> {
        let now = now_nanos >> TICK_SHIFT;
        loop {
            let first = self.lists[DUE].first;
            if first != NONE {
                return self.take(first);
            }
            let next = self.next_slot().filter(|slot| slot.start <= now);
            let Some(slot) = next else {
                self.elapsed = self.elapsed.max(now);
                return None;
            };
            self.elapsed = slot.start;
            self.empty(slot.level * SLOTS + slot.index);
        }
    }

    /// When to call `take_due` next, in nanoseconds: not later than the earliest
    /// timer is due.
    pub(crate) fn next_nanos(&self) -> Option<u64> {
        if self.lists[DUE].first != NONE {
            return Some(0);
        }
        let slot = self.next_slot()?;
        Some(slot.start.saturating_mul(1 << TICK_SHIFT))
    }

    /// How many timers are armed.
    #[cfg(test)]
    pub(crate) fn armed_count(&self) -> usize {
        self.timers
            .iter()
            .filter(|timer| timer.value.is_some())
            .count()
    }

    fn timer(&mut self, index: u32) -> &mut Timer<T> {
        &mut self.timers[index as usize]
    }

    /// The slot whose start comes next.
    fn next_slot(&self) -> Option<Slot> {
        let level = self.occupied.iter().position(|slots| *slots != 0)?;
        // All slots of a level lie ahead within one turn, so the lowest is next.
        let index = self.occupied[level].trailing_zeros();
        let shift = SLOT_BITS * u32::try_from(level).expect("a small number");
        let turn = self.elapsed >> shift >> SLOT_BITS << SLOT_BITS;
        Some(Slot {
            level,
            index: index as usize,
            start: (turn | u64::from(index)) << shift,
        })
    }

    /// Puts a timer where its tick belongs.
    fn file(&mut self, index: u32) {
        let tick = self.timer(index).tick;
        let list = if tick <= self.elapsed {
            DUE
        } else {
            let highest_bit = 63 - (tick ^ self.elapsed).leading_zeros();
            let level = highest_bit / SLOT_BITS;
            let slot = (tick >> (level * SLOT_BITS)) % (1 << SLOT_BITS);
            let (level, slot) = (level as usize, usize::try_from(slot).expect("six bits"));
            self.occupied[level] |= 1 << slot;
            level * SLOTS + slot
        };
        let last = std::mem::replace(&mut self.lists[list].last, index);
        let timer = self.timer(index);
        timer.list = list;
        timer.previous = last;
        timer.next = NONE;
        if last == NONE {
            self.lists[list].first = index;
        } else {
            self.timer(last).next = index;
        }
    }

    /// Files the timers of a slot whose start was reached anew: as due, or lower.
    fn empty(&mut self, list: usize) {
        self.occupied[list / SLOTS] &= !(1 << (list % SLOTS));
        let mut next = std::mem::replace(&mut self.lists[list], List::EMPTY).first;
        while next != NONE {
            let index = next;
            next = self.timer(index).next;
            self.file(index);
        }
    }

    /// Takes an armed timer out.
    fn take(&mut self, index: u32) -> Option<T> {
        let free = self.free;
        let timer = self.timer(index);
        let (list, previous, next) = (timer.list, timer.previous, timer.next);
        let value = timer.value.take();
        timer.generation = timer.generation.wrapping_add(1);
        timer.next = free;
        self.free = index;
        if previous == NONE {
            self.lists[list].first = next;
        } else {
            self.timer(previous).next = next;
        }
        if next == NONE {
            self.lists[list].last = previous;
        } else {
            self.timer(next).previous = previous;
        }
        if self.lists[list].first == NONE && list != DUE {
            self.occupied[list / SLOTS] &= !(1 << (list % SLOTS));
        }
        value
    }
}

/// A slot that has timers.
struct Slot {
    level: usize,
    index: usize,
    /// Its first tick.
    start: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    const TICK: u64 = 1 << TICK_SHIFT;

    #[test]
    fn a_timer_is_never_early_and_less_than_a_tick_late() {
        for nanos in [1, TICK - 1, TICK, TICK + 1, 1000 * TICK + 7, 1 << 40] {
            let mut timers = Timers::default();
            timers.arm(nanos, ());
            assert_eq!(timers.take_due(nanos - 1), None, "{nanos}");
            assert_eq!(timers.take_due(nanos + TICK - 1), Some(()), "{nanos}");
            assert_eq!(timers.take_due(u64::MAX), None);
        }
    }

    #[test]
    fn a_time_that_has_passed_is_due_at_once() {
        let mut timers = Timers::default();
        assert_eq!(timers.take_due(1 << 40), None);
        timers.arm(5, 'a');
        assert_eq!(timers.next_nanos(), Some(0));
        assert_eq!(timers.take_due(1 << 40), Some('a'));
        assert_eq!(timers.next_nanos(), None);
    }

    #[test]
    fn the_end_of_time_can_be_armed() {
        let mut timers = Timers::default();
        let key = timers.arm(u64::MAX, ());
        assert!(timers.next_nanos().is_some());
        assert_eq!(timers.take_due(u64::MAX >> 1), None);
        timers.disarm(key);
        assert_eq!(timers.next_nanos(), None);
    }

    #[test]
    fn a_key_does_not_name_a_later_timer() {
        let mut timers = Timers::default();
        let first = timers.arm(TICK, 'a');
        assert_eq!(timers.take_due(TICK), Some('a'));
        timers.arm(2 * TICK, 'b');
        timers.disarm(first);
        assert_eq!(timers.armed_count(), 1);
        assert_eq!(timers.take_due(2 * TICK), Some('b'));
    }

    #[test]
    fn the_wheel_agrees_with_a_sorted_map() {
        for seed in 1..=60_u64 {
            let mut state = seed;
            let mut random = || {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state
            };
            let (mut timers, mut model) = (Timers::default(), BTreeMap::new());
            let mut now = random() >> (random() % 40);
            for number in 0..2000_u64 {
                match random() % 4 {
                    0 | 1 => {
                        let nanos = now.saturating_add(random() >> (random() % 60));
                        let key = timers.arm(nanos, number);
                        model.insert((nanos.div_ceil(TICK), number), key);
                    }
                    2 if !model.is_empty() => {
                        let index = usize::try_from(random()).unwrap() % model.len();
                        let (found, key) = model.iter().nth(index).unwrap();
                        let (found, key) = (*found, *key);
                        timers.disarm(key);
                        model.remove(&found);
                    }
                    _ => {
                        now = now.saturating_add(random() >> (24 + random() % 36));
                        let mut due: Vec<u64> =
                            std::iter::from_fn(|| timers.take_due(now)).collect();
                        due.sort_unstable();
                        let later = model.split_off(&((now >> TICK_SHIFT) + 1, 0));
                        let mut expected: Vec<u64> =
                            model.keys().map(|(_, number)| *number).collect();
                        expected.sort_unstable();
                        model = later;
                        assert_eq!(due, expected, "seed {seed}, step {number}");
                    }
                }
                assert_eq!(timers.armed_count(), model.len(), "seed {seed}");
                let earliest = model
                    .keys()
                    .next()
                    .map(|(tick, _)| tick.saturating_mul(TICK));
                assert_eq!(timers.next_nanos().is_some(), earliest.is_some());
                assert!(
                    timers.next_nanos() <= earliest,
                    "seed {seed}, step {number}"
                );
            }
        }
    }
}
