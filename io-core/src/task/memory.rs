//! Memory of task blocks: a bounded cache, so that spawning allocates nothing in
//! steady state. Used by `block.rs` only.
//!
//! ```text
//! take ◄── thread: loaded, spare ◄── pool: batches ◄── allocator
//!      ──►         (a batch each) ──►              ──►
//! ```
//! A thread that spawns takes memory, the one that ends the task gives it back:
//! often another one. Whole batches go back through the pool, so that its lock, and
//! the allocator's, are met once for many tasks.

#![expect(unsafe_code, reason = "hands out raw memory")]

use std::alloc::{self, Layout};
use std::cell::RefCell;
use std::mem;
use std::ptr::{self, NonNull};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Sizes of the cached blocks in bytes; a larger task is allocated each time.
const CLASS_BYTES: [usize; 4] = [256, 512, 1024, 2048];
/// The alignment of cached blocks, a line of the cache; a task that wants more is
/// allocated each time.
const CLASS_ALIGN: usize = 64;
/// A batch in bytes: 256 of the smallest tasks. A thread keeps at most two in each
/// class.
const BATCH_BYTES: usize = 64 * 1024;
/// How many batches the pool keeps in each class: 4 MiB.
const POOL_BATCHES_MAX: usize = 64;

/// Free memory; its first word leads to more.
struct Free {
    next: *mut Free,
}

/// Free blocks of one class.
struct Batch {
    first: *mut Free,
    count: usize,
}

// SAFETY: memory that is free belongs to whoever has its batch.
unsafe impl Send for Batch {}

impl Batch {
    const EMPTY: Batch = Batch {
        first: ptr::null_mut(),
        count: 0,
    };

    #[inline]
    fn pop(&mut self) -> Option<NonNull<u8>> {
        let block = NonNull::new(self.first)?;
        // SAFETY: what is in a batch was pushed, and is this one's until it is popped.
        self.first = unsafe { block.read() }.next;
        self.count -= 1;
        Some(block.cast())
    }

    /// # Safety
    /// `memory` is a block of this batch's class that nobody uses.
    #[inline]
    unsafe fn push(&mut self, memory: NonNull<u8>) {
        let block = memory.cast::<Free>();
        // SAFETY: a block is large enough, aligned for a pointer, and free.
        unsafe { block.write(Free { next: self.first }) };
        self.first = block.as_ptr();
        self.count += 1;
    }

    fn free_all(&mut self, class: usize) {
        while let Some(block) = self.pop() {
            // SAFETY: a block of this class was allocated by `take` with its layout.
            unsafe { alloc::dealloc(block.as_ptr(), class_layout(class)) };
        }
    }
}

/// What one thread has of one class.
struct Shelf {
    loaded: Batch,
    /// Empty or full.
    spare: Batch,
}

impl Shelf {
    const EMPTY: Shelf = Shelf {
        loaded: Batch::EMPTY,
        spare: Batch::EMPTY,
    };

    #[inline]
    fn take(&mut self, class: usize) -> Option<NonNull<u8>> {
        self.loaded.pop().or_else(|| self.take_from_next(class))
    }

    #[cold]
    fn take_from_next(&mut self, class: usize) -> Option<NonNull<u8>> {
        self.loaded = match self.spare.count {
            0 => pool(class).pop()?,
            _ => mem::replace(&mut self.spare, Batch::EMPTY),
        };
        self.loaded.pop()
    }

    /// # Safety
    /// `memory` is a block of this class that nobody uses.
    #[inline]
    unsafe fn give_back(&mut self, memory: NonNull<u8>, class: usize) {
        if self.loaded.count >= BATCH_BYTES / CLASS_BYTES[class] {
            self.put_away(class);
        }
        // SAFETY: the caller's contract.
        unsafe { self.loaded.push(memory) };
    }

    /// Makes room for a batch.
    #[cold]
    fn put_away(&mut self, class: usize) {
        let full = mem::replace(&mut self.loaded, Batch::EMPTY);
        let mut before = mem::replace(&mut self.spare, full);
        if before.count == 0 {
            return;
        }
        let mut pool = pool(class);
        if pool.len() < POOL_BATCHES_MAX {
            pool.push(before);
            return;
        }
        drop(pool);
        before.free_all(class);
    }
}

struct Cache {
    shelves: [Shelf; CLASS_BYTES.len()],
}

thread_local! {
    static CACHE: RefCell<Cache> = const { RefCell::new(Cache { shelves: [Shelf::EMPTY; CLASS_BYTES.len()] }) };
}

/// Batches that no thread has.
static POOL: [Mutex<Vec<Batch>>; CLASS_BYTES.len()] =
    [const { Mutex::new(Vec::new()) }; CLASS_BYTES.len()];

fn pool(class: usize) -> MutexGuard<'static, Vec<Batch>> {
    POOL[class].lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Cache {
    fn drop(&mut self) {
        for (class, shelf) in self.shelves.iter_mut().enumerate() {
            shelf.loaded.free_all(class);
            shelf.spare.free_all(class);
        }
    }
}

/// What a block needs: worked out once for each type of task.
#[derive(Clone, Copy)]
pub(super) struct BlockLayout {
    /// Of its type, or of its class.
    whole: Layout,
    class: Option<usize>,
}

impl BlockLayout {
    pub(super) const fn of<B>() -> BlockLayout {
        let layout = Layout::new::<B>();
        let mut class = 0;
        while class < CLASS_BYTES.len() {
            if layout.size() <= CLASS_BYTES[class] && layout.align() <= CLASS_ALIGN {
                return BlockLayout {
                    whole: class_layout(class),
                    class: Some(class),
                };
            }
            class += 1;
        }
        BlockLayout {
            whole: layout,
            class: None,
        }
    }
}

const fn class_layout(class: usize) -> Layout {
    match Layout::from_size_align(CLASS_BYTES[class], CLASS_ALIGN) {
        Ok(layout) => layout,
        Err(_) => panic!("the classes are valid layouts"),
    }
}

/// Memory for `layout`, uninitialised. Aborts if there is none.
#[inline]
pub(super) fn take(layout: BlockLayout) -> NonNull<u8> {
    if let Some(class) = layout.class {
        let cached = CACHE.try_with(|cache| cache.borrow_mut().shelves[class].take(class));
        if let Ok(Some(block)) = cached {
            return block;
        }
    }
    allocate(layout.whole)
}

#[cold]
fn allocate(layout: Layout) -> NonNull<u8> {
    assert!(layout.size() > 0, "a task block is never empty");
    // SAFETY: the layout has a size, as asserted above.
    let memory = unsafe { alloc::alloc(layout) };
    NonNull::new(memory).unwrap_or_else(|| alloc::handle_alloc_error(layout))
}

/// Gives memory back.
///
/// # Safety
/// `memory` came from [`take`] with the same `layout` and is not used any more.
pub(super) unsafe fn give_back(memory: NonNull<u8>, layout: BlockLayout) {
    if let Some(class) = layout.class {
        // SAFETY: the caller's contract; the class is that of its layout.
        let keep = |shelf: &mut Shelf| unsafe { shelf.give_back(memory, class) };
        let kept = CACHE.try_with(|cache| keep(&mut cache.borrow_mut().shelves[class]));
        if kept.is_ok() {
            return;
        }
    }
    // SAFETY: allocated by `take` with this very layout (the caller's contract).
    unsafe { alloc::dealloc(memory.as_ptr(), layout.whole) };
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// A size that no other test of this program uses.
    const LAST: usize = CLASS_BYTES.len() - 1;
    const BATCH_COUNT: usize = BATCH_BYTES / CLASS_BYTES[LAST];
    const LARGE: BlockLayout = BlockLayout::of::<[u8; CLASS_BYTES[LAST]]>();

    fn give_back_elsewhere(addresses: Vec<usize>) {
        let give_back = move || {
            for address in addresses {
                let memory = NonNull::new(ptr::with_exposed_provenance_mut(address));
                // SAFETY: the test took it and uses it no more.
                unsafe { super::give_back(memory.expect("it is none"), LARGE) };
            }
        };
        std::thread::spawn(give_back).join().unwrap();
    }

    fn take_many(count: usize) -> Vec<usize> {
        let take = |_| take(LARGE).as_ptr().expose_provenance();
        (0..count).map(take).collect()
    }

    #[test]
    fn what_another_thread_gives_back_is_taken_again_within_a_bound() {
        // That thread keeps two batches, which go with it.
        let taken = take_many(6 * BATCH_COUNT);
        let known: HashSet<usize> = taken.iter().copied().collect();
        give_back_elsewhere(taken);
        let again = take_many(4 * BATCH_COUNT);
        assert!(again.iter().all(|address| known.contains(address)));
        give_back_elsewhere(again);
        give_back_elsewhere(take_many((POOL_BATCHES_MAX + 5) * BATCH_COUNT));
        assert_eq!(pool(LAST).len(), POOL_BATCHES_MAX);
    }

    #[test]
    fn a_block_has_the_smallest_class_that_holds_it() {
        for (bytes, class) in [(255, Some(0)), (256, Some(0)), (257, Some(1))] {
            let of = |layout: BlockLayout| (layout.class, layout.whole.size());
            let (found, size) = match bytes {
                255 => of(BlockLayout::of::<[u8; 255]>()),
                256 => of(BlockLayout::of::<[u8; 256]>()),
                _ => of(BlockLayout::of::<[u8; 257]>()),
            };
            assert_eq!(found, class, "{bytes}");
            assert!(size >= bytes, "{bytes}");
        }
        #[repr(align(64))]
        struct OfALine(#[expect(dead_code, reason = "its size counts")] [u8; 64]);
        assert_eq!(BlockLayout::of::<OfALine>().class, Some(0));
        #[repr(align(128))]
        struct Aligned(#[expect(dead_code, reason = "its size counts")] [u8; 128]);
        assert_eq!(BlockLayout::of::<Aligned>().class, None);
        assert_eq!(BlockLayout::of::<[u8; 2049]>().class, None);
    }
}
