//! Readers and writers of address book files: bytes in, entries and a report out, and back. One format a room.
//!
//! A reader keeps what it doesn't understand, so that a file which nobody edits is written back byte for byte, and an
//! entry that went through a record comes back with every column that it had.

pub mod canon_csv;
mod charset;
mod error;
mod links;
mod owner;

pub use error::FileError;
pub(crate) use links::Numbers;
pub use links::{Listed, link_members};
pub use owner::{Owner, Place, Split, Target, split};

use alloc::{string::String, vec::Vec};
use serde::Serialize;

/// One remark on a file. It never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Note {
    /// The line of the file, from 1, where there is one.
    pub line: Option<u64>,
    /// A stable word for scripts.
    pub code: &'static str,
    /// What a person reads.
    pub text: String,
}

impl Note {
    /// A remark.
    #[must_use]
    pub fn new(line: Option<u64>, code: &'static str, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { line, code, text }
    }
}

/// What became of the rows of a file: rows = read + kept out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Rows that are entries now.
    pub read: usize,
    /// Rows that are not; each has a note.
    pub kept_out: usize,
    /// What was odd, lost or corrected, in the order of the file.
    pub warnings: Vec<Note>,
}
