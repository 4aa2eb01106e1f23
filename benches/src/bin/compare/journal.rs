//! The journal of a run: every answer is appended to `target/compare/journal` as it
//! comes, so that a run that was interrupted goes on where it was (`--resume`). A
//! line is a key and numbers, with tabs between; the first line says which run it is.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;

use crate::directory;

pub(crate) struct Journal {
    /// What was written before, by key.
    known: HashMap<String, Vec<f64>>,
    file: File,
}

impl Journal {
    /// Opens the journal of the run that `title` names: anew, or the one that is
    /// there if it is of the same run and `resume`.
    ///
    /// # Errors
    /// The system's; there is nothing to resume.
    pub(crate) fn open(title: &str, resume: bool) -> io::Result<Journal> {
        fs::create_dir_all(directory())?;
        if !resume {
            let mut file = File::create(path())?;
            writeln!(file, "{title}")?;
            return Ok(Journal {
                known: HashMap::new(),
                file,
            });
        }
        let text = fs::read_to_string(path())
            .map_err(|error| io::Error::new(error.kind(), format!("nothing to resume: {error}")))?;
        let (first, rest) = text.split_once('\n').unwrap_or_default();
        if first != title {
            let message = format!("the journal is of another run:\n{first}\n{title}");
            return Err(io::Error::other(message));
        }
        // The last line may be half written.
        let whole = rest.rsplit_once('\n').map_or("", |(whole, _)| whole);
        fs::write(path(), format!("{first}\n{whole}\n"))?;
        Ok(Journal {
            known: whole.lines().filter_map(parse).collect(),
            file: File::options().append(true).open(path())?,
        })
    }

    /// The numbers of `key`: those that are known, or those of `measure`, which are
    /// then put down. Errors are not: a run that goes on tries again.
    ///
    /// # Errors
    /// Those of `measure`, or the system's.
    pub(crate) fn ask(
        &mut self,
        key: &str,
        measure: impl FnOnce() -> io::Result<Vec<f64>>,
    ) -> io::Result<Vec<f64>> {
        if let Some(known) = self.known.get(key) {
            return Ok(known.clone());
        }
        let numbers = measure()?;
        let texts: Vec<String> = numbers.iter().map(f64::to_string).collect();
        writeln!(self.file, "{key}\t{}", texts.join("\t"))?;
        Ok(numbers)
    }

    /// The run has ended and its results are written.
    ///
    /// # Errors
    /// The system's.
    pub(crate) fn remove(self) -> io::Result<()> {
        fs::remove_file(path())
    }
}

fn path() -> PathBuf {
    directory().join("journal")
}

fn parse(line: &str) -> Option<(String, Vec<f64>)> {
    let (key, numbers) = line.split_once('\t')?;
    let numbers: Result<Vec<f64>, _> = numbers.split('\t').map(str::parse).collect();
    Some((key.to_owned(), numbers.ok()?))
}

#[test]
fn a_line_is_read_as_it_is_written() {
    let parsed = parse("wake/2/raw 3\t1.5\t2");
    assert_eq!(parsed, Some(("wake/2/raw 3".to_owned(), vec![1.5, 2.0])));
    assert_eq!(parse("wake/2/raw"), None);
}
