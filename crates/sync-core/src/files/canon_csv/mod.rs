//! The Canon address book as CSV, versions 0x0002 and 0x0003.
//!
//! Liberal in reading: with and without `#` lines, a byte-order mark, quotes; any line ends; any order of columns.
//! Strict in writing. Every column comes back, also those that nobody here understands.
//!
//! ```
//! use sync_core::files::canon_csv;
//! let file = b"objectclass,cn,mailaddress,indxid,\r\nemail,\"Desk 01\",\"desk01@branch.example\",201,\r\n";
//! let mut book = canon_csv::read(file)?;
//! assert_eq!(book.report.read, 1);
//! assert_eq!(canon_csv::write(&book)?, file);
//!
//! book.rows_mut().for_each(|row| row.address.name = "Front desk".into());
//! assert!(canon_csv::write(&book)?.ends_with(b"email,\"Front desk\",\"desk01@branch.example\",201,\r\n"));
//! # Ok::<(), sync_core::files::FileError>(())
//! ```

mod cells;
pub(in crate::files) mod columns;
mod commas;
mod export;
mod frame;
mod header;
mod read;
#[cfg(test)]
mod tests;
mod write;

pub(in crate::files) use commas::{other_separator, with_commas};
pub(in crate::files) use export::{Numbering, settle};
pub use export::{Options, new_book, sort};
pub(crate) use export::{Spot, spots};
pub(in crate::files) use frame::{Frame, read_apart};
pub use header::Header;
pub use read::{each_row, read, read_in};
pub use write::write;
pub(in crate::files) use write::write_new;

use super::{Encoding, Owner, Report, charset::Charset, text::UTF8_MARK};
use crate::address::Address;
use alloc::{boxed::Box, string::String, vec::Vec};
use core::{array, fmt};

pub use super::MAX_BYTES;
/// How many rows a file may have.
pub const MAX_ROWS: usize = 500_000;
/// How many columns a file may have.
pub const MAX_COLUMNS: usize = 512;
/// How many bytes a cell may have.
pub const MAX_CELL: usize = 64 << 10;

/// How lines end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LineEnd {
    /// As machines write it.
    #[default]
    CrLf,
    /// As scripts write it.
    Lf,
}

impl LineEnd {
    const fn as_str(self) -> &'static str {
        match self {
            Self::CrLf => "\r\n",
            Self::Lf => "\n",
        }
    }
}

/// One entry of the book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The line at which it stood, from 1; `None` if it was added.
    pub line: Option<u64>,
    /// Whose list it is in.
    pub owner: Owner,
    /// The entry. Its group members are numbers, as in the file; see [`super::link_members`].
    pub address: Address,
    /// The row as it stood, with its line end.
    source: Option<Source>,
}

/// Bytes of the file, which may hold a secret.
#[derive(Clone, PartialEq, Eq)]
struct Source(Vec<u8>);

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

/// What stands after the column line.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Item {
    Row(Box<Row>),
    /// Empty lines, remarks and wrong rows: they stay where they are.
    Verbatim(Source),
}

/// What a column of the file is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Slot {
    /// By place in the format's table.
    Known(usize),
    /// By a name that the table doesn't have.
    Extra(String),
    /// Without a name: what the comma at the end makes.
    Nameless,
}

/// A Canon address book with all that is needed to write it back as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressBook {
    /// What became of the rows, and what was odd.
    pub report: Report,
    header: Header,
    charset: Charset,
    /// The encoding of the file where it is UTF-16; all that is kept here is in UTF-8 then.
    wide: Option<Encoding>,
    /// Everything up to and with the column line, as it stands in the file.
    head: Vec<u8>,
    columns: Vec<Slot>,
    line_end: LineEnd,
    items: Vec<Item>,
}

impl AddressBook {
    /// What its `#` lines say.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The characters that it is in.
    #[must_use]
    pub fn encoding(&self) -> Encoding {
        let narrow = Encoding::of_charset(self.charset, self.head.starts_with(UTF8_MARK));
        self.wide.unwrap_or(narrow)
    }

    /// Its entries, in their order.
    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        self.items.iter().filter_map(|item| match item {
            Item::Row(row) => Some(&**row),
            Item::Verbatim(_) => None,
        })
    }

    /// Its entries, to edit: what is edited is written anew, cell by cell.
    pub fn rows_mut(&mut self) -> impl Iterator<Item = &mut Row> {
        self.items.iter_mut().filter_map(|item| match item {
            Item::Row(row) => Some(&mut **row),
            Item::Verbatim(_) => None,
        })
    }

    /// Removes the entries that `keep` does not want.
    pub fn retain(&mut self, mut keep: impl FnMut(&Row) -> bool) {
        self.items.retain(|item| match item {
            Item::Row(row) => keep(row),
            Item::Verbatim(_) => true,
        });
    }

    /// Adds an entry at the end.
    pub fn push(&mut self, owner: Owner, address: Address) {
        self.items.push(Item::Row(Box::new(Row { line: None, owner, address, source: None })));
    }

    /// Which of the format's columns the file has.
    fn present(&self) -> [bool; columns::COLUMNS.len()] {
        array::from_fn(|place| self.columns.contains(&Slot::Known(place)))
    }

    /// The scheme of its passwords, if they are encrypted.
    fn scheme(&self) -> Option<String> {
        self.header
            .encrypts_passwords()
            .then(|| columns::scheme(self.header.crypto_version.as_deref().unwrap_or("")))
    }
}
