//! CONTRACT.md as data: its numbered clauses. For tables, and for the test that
//! every clause is claimed.

const TEXT: &str = include_str!("../../CONTRACT.md");

/// Whether an executor has to do it, or is free to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Strength {
    /// Every executor does it; a claim checks it.
    Must,
    /// An executor may do it, so no program may rely on the opposite.
    May,
}

/// A numbered clause of the contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clause {
    /// Chapter letter and number, as `F12`.
    pub id: String,
    /// Must or may.
    pub strength: Strength,
    /// What it says.
    pub text: String,
}

/// All clauses, in the order of the contract. A clause is a list entry that
/// begins with `- **F12 (must)**`; its further lines are indented.
///
/// # Panics
/// If an entry has a number and neither (must) nor (may).
#[must_use]
pub fn clauses() -> Vec<Clause> {
    let mut clauses: Vec<Clause> = Vec::new();
    let mut is_inside = false;
    for line in TEXT.lines() {
        if let Some(entry) = line.strip_prefix("- **") {
            let (head, text) = entry.split_once("**").expect("the head ends in `**`");
            let (id, strength) = head.split_once(' ').expect("a number and a strength");
            let strength = match strength {
                "(must)" => Strength::Must,
                "(may)" => Strength::May,
                other => panic!("clause {id} is {other}, neither (must) nor (may)"),
            };
            clauses.push(Clause {
                id: id.to_owned(),
                strength,
                text: text.trim().to_owned(),
            });
            is_inside = true;
        } else if is_inside && line.starts_with("  ") {
            let clause = clauses.last_mut().expect("a clause has begun");
            clause.text.push(' ');
            clause.text.push_str(line.trim());
        } else {
            is_inside = false;
        }
    }
    clauses
}
