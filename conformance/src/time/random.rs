//! What randomness promises.

use std::collections::HashSet;

use crate::fixture::Fixture;

pub(crate) fn the_whole_buffer_is_filled(fixture: &Fixture<'_>) {
    for bytes in [0, 1, 255, 256, 257, 4096, 1 << 17] {
        // A byte that is left alone stays 0 in both rounds and then is 0 in the sum.
        let mut seen = vec![0_u8; bytes];
        for _ in 0..8 {
            let mut buffer = vec![0; bytes];
            fixture.io().random(&mut buffer);
            seen.iter_mut()
                .zip(&buffer)
                .for_each(|(seen, byte)| *seen |= byte);
        }
        let untouched = seen.iter().filter(|byte| **byte == 0).count();
        assert_eq!(untouched, 0, "of {bytes} bytes");
    }
}

pub(crate) fn no_two_answers_are_alike(fixture: &Fixture<'_>) {
    let mut seen = HashSet::new();
    for _ in 0..2000 {
        let mut bytes = [0; 16];
        fixture.io().random(&mut bytes);
        assert!(seen.insert(bytes), "{bytes:?} came twice");
    }
}

/// Far beyond any chance: each bit of a mebibyte is set about half of the time.
pub(crate) fn the_bits_are_balanced(fixture: &Fixture<'_>) {
    let mut bytes = vec![0; 1 << 20];
    fixture.io().random(&mut bytes);
    let mut counts = [0_u32; 256];
    bytes
        .iter()
        .for_each(|byte| counts[usize::from(*byte)] += 1);
    for bit in 0..8 {
        let with_bit = (0..256).filter(|value| value >> bit & 1 == 1);
        let set: u32 = with_bit.map(|value| counts[value]).sum();
        assert!((520_000..528_600).contains(&set), "bit {bit}: {set}");
    }
    for (value, count) in counts.iter().enumerate() {
        assert!((3600..4600).contains(count), "{value}: {count} of 4096");
    }
}

pub(crate) fn tasks_get_different_bytes(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let draw = || {
        let mut bytes = [0_u8; 16];
        io.random(&mut bytes);
        bytes
    };
    let drawn: HashSet<[u8; 16]> = io.scope(|scope| {
        let tasks: Vec<_> = (0..100).map(|_| scope.spawn(draw)).collect();
        tasks.into_iter().map(|task| task.join()).collect()
    });
    assert_eq!(drawn.len(), 100);
}
