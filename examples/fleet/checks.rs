//! The table of what was checked.

use std::fmt;

/// What was checked so far.
#[derive(Debug, Default)]
pub(crate) struct Checks {
    rows: Vec<Row>,
    falsify: Option<String>,
}

#[derive(Debug)]
struct Row {
    name: String,
    expected: String,
    found: String,
}

impl Row {
    fn holds(&self) -> bool {
        self.expected == self.found
    }
}

impl Checks {
    /// An empty table; the row named `falsify` will expect what cannot be.
    pub(crate) fn new(falsify: Option<&str>) -> Self {
        Self { rows: Vec::new(), falsify: falsify.map(String::from) }
    }

    /// Adds a row: what must be there, and what a process printed.
    pub(crate) fn row(&mut self, name: &str, expected: impl fmt::Display, found: impl fmt::Display) {
        let mut expected = expected.to_string();
        if self.falsify.as_deref() == Some(name) {
            expected.push_str(", and what cannot be");
        }
        self.rows.push(Row { name: name.into(), expected, found: found.to_string() });
    }

    /// Whether every row holds, and there are some; a row that was to be falsified must be there too.
    pub(crate) fn all_hold(&self) -> bool {
        !self.rows.is_empty() && self.rows.iter().all(Row::holds)
    }
}

fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        text.into()
    } else {
        text.chars().take(most - 1).chain(['…']).collect()
    }
}

impl fmt::Display for Checks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.rows.iter().map(|row| row.name.chars().count()).max().unwrap_or(0);
        writeln!(f, "What was checked (each by a separate sync-client ... --json):")?;
        for row in &self.rows {
            let mark = if row.holds() { "holds" } else { "FAILS" };
            writeln!(f, "  {mark}  {:<name$}  {}", row.name, cut(&row.found, 72))?;
            if !row.holds() {
                writeln!(f, "         {:<name$}  expected: {}", "", row.expected)?;
            }
        }
        let failed = self.rows.iter().filter(|row| !row.holds()).count();
        write!(f, "{} checks, {failed} failed", self.rows.len())
    }
}
