//! The documents: links resolve, commands name what exists. Imports std only.

use std::path::Path;

use super::source::{files, workspace};

#[test]
fn links_lead_somewhere() {
    for file in files("md") {
        let text = without_code(&file.text);
        for link in text.split("](").skip(1) {
            let target = link.split(')').next().unwrap_or_default();
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
            let place = Path::new(&file.path).parent().unwrap().join(path);
            let place = if path.is_empty() {
                file.path.clone().into()
            } else {
                place
            };
            let found = workspace().join(&place);
            assert!(found.exists(), "{}: no {target}", file.path);
            if !anchor.is_empty() && place.extension().is_some_and(|end| end == "md") {
                let text = std::fs::read_to_string(&found).unwrap();
                let known = headings(&text).any(|heading| heading == anchor);
                assert!(known, "{}: no heading for {target}", file.path);
            }
        }
    }
}

/// The text without blocks of code and inline code, which link nowhere.
fn without_code(text: &str) -> String {
    let blocks = text.split("```").step_by(2).collect::<String>();
    blocks.split('`').step_by(2).collect()
}

/// The anchors of a document's headings, as the usual hosts make them.
fn headings(text: &str) -> impl Iterator<Item = String> {
    text.lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| {
            let title = line.trim_start_matches('#').trim().to_lowercase();
            let kept = title
                .chars()
                .filter(|c| c.is_alphanumeric() || "-_ ".contains(*c));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        })
}

#[test]
fn commands_name_what_exists() {
    let mut commands = 0;
    for file in files("md") {
        let blocks = file.text.split("```").skip(1).step_by(2);
        for block in
            blocks.filter(|block| block.starts_with("sh\n") || block.starts_with("console\n"))
        {
            for command in block
                .lines()
                .map(|line| line.trim_start_matches("$ ").trim())
            {
                commands += check_command(&file.path, command);
            }
        }
    }
    assert!(commands >= 2, "the README has at least its two commands");
}

/// Checks one line of a shell block; says how many commands it saw.
fn check_command(path: &str, command: &str) -> usize {
    let words: Vec<&str> = command.split_whitespace().collect();
    let after = |flag: &str| {
        let place = words.iter().position(|word| *word == flag)?;
        words.get(place + 1).copied()
    };
    let top = workspace();
    if let Some(example) = after("--example") {
        let base = top.join("pluggable-io/examples");
        let exists = base.join(format!("{example}.rs")).exists()
            || base.join(example).join("main.rs").exists();
        assert!(exists, "{path}: no example {example}");
    }
    if let Some(package) = after("-p").filter(|_| words.contains(&"cargo")) {
        assert!(
            top.join(package).join("Cargo.toml").exists(),
            "{path}: no crate {package}"
        );
    }
    for word in words.iter().filter(|word| word.contains(".ci/")) {
        assert!(top.join(word).exists(), "{path}: no {word}");
    }
    usize::from(!words.is_empty())
}
