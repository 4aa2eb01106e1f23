//! What the compiler checks instead of a claim: programs that must not compile.
//! Each block names its clause.
//!
//! H11: a file that is in use can not be closed,
//!
//! ```compile_fail,E0505
//! fn example(io: &dyn io_core::Io, file: io_core::fs::File<'_>) {
//!     io.scope(|scope| {
//!         let reader = scope.spawn(|| file.read_at(&mut [0; 16], 0));
//!         drop(file.close());
//!         drop(reader.join());
//!     });
//! }
//! ```
//!
//! also not while a task has only borrowed its handle,
//!
//! ```compile_fail,E0505
//! fn example(io: &dyn io_core::Io, handle: io_core::Handle) {
//!     let duplicate = io_core::Operation::Duplicate { handle: &handle };
//!     drop(io.close(handle));
//!     drop(duplicate);
//! }
//! ```
//!
//! one that was closed can not be used,
//!
//! ```compile_fail,E0382
//! fn example(file: io_core::fs::File<'_>) {
//!     drop(file.close());
//!     drop(file.sync_all());
//! }
//! ```
//!
//! and what is closed in the right order does compile:
//!
//! ```
//! fn example(io: &dyn io_core::Io, file: io_core::fs::File<'_>) {
//!     io.scope(|scope| {
//!         let reader = scope.spawn(|| file.read_at(&mut [0; 16], 0));
//!         drop(reader.join());
//!     });
//!     drop(file.close());
//! }
//! ```
//!
//! T3: what a task borrows lives longer than its scope, or the program does not
//! compile:
//!
//! ```compile_fail,E0373
//! fn example(io: &dyn io_core::Io) {
//!     io.scope(|scope| {
//!         let local = 7;
//!         scope.spawn(|| local + 1);
//!     });
//! }
//! ```
//!
//! ```compile_fail,E0521
//! fn example(io: &dyn io_core::Io) {
//!     let mut kept = None;
//!     io.scope(|scope| kept = Some(scope.spawn(|| 7)));
//! }
//! ```
//!
//! T12: what is not Send stays on its thread: a task can not take it along,
//!
//! ```compile_fail,E0277
//! fn example(io: &dyn io_core::Io) {
//!     let local = std::rc::Rc::new(7);
//!     io.scope(|scope| {
//!         scope.spawn(move || *local);
//!     });
//! }
//! ```
