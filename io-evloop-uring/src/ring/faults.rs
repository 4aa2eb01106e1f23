//! [`EnterFaults`]: enters that a kernel in want of memory would refuse, for
//! tests. Asked by `ring.rs` before each enter; imports libc only.

/// Which enters fail, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) enum EnterFaults {
    /// So many from now on, with this code.
    #[cfg(test)]
    Next { errno: i32, count: u32 },
    /// The next one panics, as a mistake of the loop's own would.
    #[cfg(test)]
    Panic,
    /// One in four, in an order and with the codes that the seed gives.
    Seeded(u64),
}

/// What the kernel says when it means "later".
const CODES: [i32; 4] = [libc::EAGAIN, libc::EBUSY, libc::ENOMEM, libc::EINTR];

impl EnterFaults {
    /// The code of the next enter, if it fails.
    pub(crate) fn step(&mut self) -> Option<i32> {
        match self {
            #[cfg(test)]
            EnterFaults::Next { errno, count } => {
                *count = count.checked_sub(1)?;
                Some(*errno)
            }
            #[cfg(test)]
            EnterFaults::Panic => panic!("the loop makes a mistake"),
            EnterFaults::Seeded(state) => {
                // A linear congruential generator; its upper bits are the better ones.
                *state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                let draw = *state >> 60;
                CODES
                    .get(usize::try_from(draw).unwrap_or(usize::MAX))
                    .copied()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_enter_in_four_fails_with_every_code() {
        let mut faults = EnterFaults::Seeded(1);
        let drawn: Vec<i32> = (0..1000).filter_map(|_| faults.step()).collect();
        assert!((200..300).contains(&drawn.len()), "{}", drawn.len());
        assert!(CODES.iter().all(|code| drawn.contains(code)));
    }

    #[test]
    fn the_next_ones_fail_and_no_more() {
        let mut faults = EnterFaults::Next {
            errno: libc::EBUSY,
            count: 2,
        };
        let answers = [faults.step(), faults.step(), faults.step(), faults.step()];
        assert_eq!(answers, [Some(libc::EBUSY), Some(libc::EBUSY), None, None]);
    }
}
