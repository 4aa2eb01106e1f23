//! [`Progress`]: the bar on the terminal. The tasks report to it; it draws at
//! most some twenty times a second, and nothing at all where nobody looks.

use std::io::{self, IsTerminal};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar that grows with what is found and fills with what is hashed.
pub(crate) struct Progress {
    /// `None` where standard error is no terminal.
    bar: Option<ProgressBar>,
}

impl Progress {
    /// A bar with `title` in front, on standard error if that is a terminal.
    pub(crate) fn new(title: &str) -> Progress {
        let bar = io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template(
                "{prefix:>11.cyan} {wide_bar:.cyan/dim} {human_pos} of {human_len} files",
            );
            let style = style.expect("the template is well-formed");
            let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
            bar.with_style(style).with_prefix(title.to_owned())
        });
        Progress { bar }
    }

    /// So many more files have been found.
    pub(crate) fn found(&self, files: usize) {
        if let Some(bar) = &self.bar
            && files > 0
        {
            bar.inc_length(files as u64);
        }
    }

    /// A file more has been hashed, or could not be.
    pub(crate) fn finished_file(&self) {
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
    }
}

/// The bar is gone when the work is done: the result takes its place.
impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
