//! Readers and writers of address book files: bytes in, entries and a report out, and back. One format a room.
//!
//! A reader keeps what it doesn't understand, so that a file which nobody edits is written back byte for byte, and an
//! entry that went through a record comes back with every column that it had.
//!
//! ```
//! use sync_core::files::{convert, read, Format, ReadOptions, WriteOptions};
//! let file = b"\"NAME\",\"Email Address\",\"Tel Number\",\"ABB_ID\",\"OT_ID\",\"Search Letter\"\r\n\
//!     \"Desk\",\"desk@branch.example\",\"\",\"1\",\"\",\"D\"\r\n";
//! let book = read(file, &ReadOptions::default())?;
//! assert_eq!(book.format(), Format::ToshibaCsv);
//! let written = convert(&book, Format::CanonCsv, &WriteOptions::default())?;
//! assert!(String::from_utf8_lossy(&written.bytes).contains("desk@branch.example"));
//! # Ok::<(), sync_core::files::FileError>(())
//! ```

mod book;
mod canon_abk;
pub mod canon_csv;
mod canon_room;
mod charset;
mod columns;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod contact_tests;
mod convert;
mod csv_mapping;
mod detect;
mod duplicates;
mod error;
pub mod field;
mod fit;
mod fit_groups;
mod folder;
mod format;
mod google;
mod headings;
pub mod holds;
mod hp;
mod initial;
mod konica;
mod kyocera;
mod kyocera_xml;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod laws;
mod ldif;
mod links;
mod listed;
mod membership;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod odd_files;
mod outlook;
mod owner;
mod plain_csv;
mod ricoh;
mod ricoh_program;
mod rings;
mod rows;
mod sharp;
mod table;
#[cfg(test)]
mod tests;
mod text;
mod thunderbird;
mod toshiba;
mod toshiba_22;
mod usual;
mod vcard;
mod xerox;
mod xerox_plain;
mod xml;

pub use book::{Book, Contact, Link};
pub use convert::{ReadOptions, WriteOptions, Written, convert, read, text_of};
pub use csv_mapping::{BadMapping, MappedColumn, Mapping, Meaning, mapping_to_begin_with, suggest_mapping};
pub use duplicates::Duplicate;
pub use error::FileError;
pub use format::Format;
pub(crate) use links::Numbers;
pub use links::{Listed, link_members};
pub use listed::each_listed;
pub use owner::{Owner, Place, Split, Target, split};
pub use text::{Encoding, MAX_BYTES};

use alloc::{string::String, vec::Vec};
use serde::Serialize;

/// How much a remark weighs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Weight {
    /// Something is odd; nothing was lost by it.
    #[default]
    Remark,
    /// Something was written otherwise than it stood.
    Correction,
    /// Something is not in what was read or written.
    Loss,
}

impl Weight {
    fn is_remark(&self) -> bool {
        *self == Self::Remark
    }
}

/// One remark on a file. It never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Note {
    /// The line of the file, from 1, where there is one.
    pub line: Option<u64>,
    /// The name of the entry that it speaks of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<String>,
    /// A stable word for scripts.
    pub code: &'static str,
    /// What a person reads.
    pub text: String,
    /// How much it weighs.
    #[serde(skip_serializing_if = "Weight::is_remark")]
    pub weight: Weight,
}

impl Note {
    /// A remark.
    #[must_use]
    pub fn new(line: Option<u64>, code: &'static str, text: impl Into<String>) -> Self {
        Self { line, entry: None, code, text: text.into(), weight: Weight::Remark }
    }

    /// That something is not in what was read.
    #[must_use]
    pub fn loss(line: Option<u64>, code: &'static str, text: impl Into<String>) -> Self {
        Self { weight: Weight::Loss, ..Self::new(line, code, text) }
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
