//! Memory of task blocks: a bounded cache per thread, so that spawning
//! allocates nothing in steady state. Used by `block.rs` only.

#![expect(unsafe_code, reason = "hands out raw memory")]

use std::alloc::{self, Layout};
use std::cell::RefCell;
use std::ptr::NonNull;

/// Sizes of the cached blocks in bytes; a larger task is allocated each time.
const CLASS_BYTES: [usize; 4] = [256, 512, 1024, 2048];
/// The alignment of cached blocks; a task that wants more is allocated each time.
const CLASS_ALIGN: usize = 16;
/// How much one thread keeps in each class, in bytes: 2048 of the smallest tasks.
const CLASS_CACHE_BYTES: usize = 512 * 1024;

struct Cache {
    free: [Vec<NonNull<u8>>; CLASS_BYTES.len()],
}

thread_local! {
    static CACHE: RefCell<Cache> = const { RefCell::new(Cache { free: [const { Vec::new() }; CLASS_BYTES.len()] }) };
}

impl Drop for Cache {
    fn drop(&mut self) {
        for (class, blocks) in self.free.iter_mut().enumerate() {
            for block in blocks.drain(..) {
                // SAFETY: a cached block was allocated by `take` with its class's layout.
                unsafe { alloc::dealloc(block.as_ptr(), class_layout(class)) };
            }
        }
    }
}

fn class_of(layout: Layout) -> Option<usize> {
    if layout.align() > CLASS_ALIGN {
        return None;
    }
    CLASS_BYTES.iter().position(|&bytes| layout.size() <= bytes)
}

fn class_layout(class: usize) -> Layout {
    Layout::from_size_align(CLASS_BYTES[class], CLASS_ALIGN).expect("the classes are valid layouts")
}

/// Memory for `layout`, uninitialised. Aborts if there is none.
pub(super) fn take(layout: Layout) -> NonNull<u8> {
    let class = class_of(layout);
    if let Some(class) = class {
        let cached = CACHE.try_with(|cache| cache.borrow_mut().free[class].pop());
        if let Ok(Some(block)) = cached {
            return block;
        }
    }
    let whole = class.map_or(layout, class_layout);
    assert!(whole.size() > 0, "a task block is never empty");
    // SAFETY: the layout has a size, as asserted above.
    let memory = unsafe { alloc::alloc(whole) };
    NonNull::new(memory).unwrap_or_else(|| alloc::handle_alloc_error(whole))
}

/// Gives memory back.
///
/// # Safety
/// `memory` came from [`take`] with the same `layout` and is not used any more.
pub(super) unsafe fn give_back(memory: NonNull<u8>, layout: Layout) {
    let class = class_of(layout);
    if let Some(class) = class {
        let is_kept = CACHE.try_with(|cache| {
            let free = &mut cache.borrow_mut().free[class];
            let has_room = free.len() < CLASS_CACHE_BYTES / CLASS_BYTES[class];
            if has_room {
                free.push(memory);
            }
            has_room
        });
        if is_kept == Ok(true) {
            return;
        }
    }
    // SAFETY: allocated by `take` with this very layout (the caller's contract).
    unsafe { alloc::dealloc(memory.as_ptr(), class.map_or(layout, class_layout)) };
}
