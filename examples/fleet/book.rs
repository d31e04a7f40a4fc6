//! What the address book file says of its owners, so that the story speaks of the people and groups of that file.

use harness::programs::Failure;
use std::{collections::BTreeMap, path::Path};
use sync_core::files::{Owner, canon_csv};

/// The owners of a file.
#[derive(Debug)]
pub(crate) struct Book {
    /// The names of each person's entries, in the file's order.
    pub(crate) persons: BTreeMap<String, Vec<String>>,
    /// The names of each group's entries.
    pub(crate) groups: BTreeMap<String, Vec<String>>,
    /// The names of the entries without an owner.
    pub(crate) unowned: Vec<String>,
}

/// Who the story is about where a file names nobody.
const SOMEBODY: &str = "alice";
const SOME_GROUP: &str = "staff";

impl Book {
    /// Reads a file.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let bytes = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let book = canon_csv::read(&bytes).map_err(|error| format!("{}: {error}", path.display()))?;
        let mut this = Self { persons: BTreeMap::new(), groups: BTreeMap::new(), unowned: Vec::new() };
        for row in book.rows() {
            let name = row.address.name.clone();
            match &row.owner {
                Owner::None => this.unowned.push(name),
                Owner::Person { user, .. } => this.persons.entry(user.clone()).or_default().push(name),
                Owner::Group { name: group } => this.groups.entry(group.clone()).or_default().push(name),
            }
        }
        Ok(this)
    }

    /// The person of the story.
    pub(crate) fn person(&self) -> &str {
        self.persons.keys().next().map_or(SOMEBODY, String::as_str)
    }

    /// The groups of the story; the first is the one that is imported alone.
    pub(crate) fn group_names(&self) -> Vec<&str> {
        if self.groups.is_empty() {
            vec![SOME_GROUP]
        } else {
            self.groups.keys().map(String::as_str).collect()
        }
    }

    /// The users and groups as the server's file has them: every person belongs to every group.
    pub(crate) fn users_toml(&self) -> String {
        let quoted = |text: &str| toml_text(text);
        let groups: Vec<&str> = self.group_names();
        let list = groups.iter().map(|group| quoted(group)).collect::<Vec<_>>().join(", ");
        let mut text = String::from("realm = \"office\"\n");
        let persons: Vec<&str> = if self.persons.is_empty() {
            vec![SOMEBODY]
        } else {
            self.persons.keys().map(String::as_str).collect()
        };
        for person in persons {
            text.push_str(&format!("\n[[user]]\nname = {}\ngroups = [{list}]\n", quoted(person)));
        }
        for group in groups {
            text.push_str(&format!("\n[[group]]\nid = {}\n", quoted(group)));
        }
        text
    }
}

/// A basic string of TOML.
fn toml_text(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c.is_control() => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
