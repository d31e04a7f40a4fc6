//! From an address book to bytes.

use super::{
    AddressBook, Item, Slot, Source,
    cells::{cells, first_row, push_cell},
    columns::{COLUMNS, Cells, interpret, keep, render},
    read::by_column,
};
use crate::{
    address::{Address, AddressKind, Member, Password},
    files::{FileError, Owner, links::Outgoing},
};
use alloc::{
    string::{String, ToString},
    vec::Vec,
};

/// Writes an address book. What was read and not edited comes out byte for byte as it was; of an edited row only the
/// cells that differ are written anew.
///
/// # Errors
/// [`FileError`] where the book holds what this file can't: a character that its character set lacks, a value for
/// which it has no column, a member that is no number, a password of the other kind.
pub fn write(book: &AddressBook) -> Result<Vec<u8>, FileError> {
    let mut writer = Writer::new(book);
    for item in &book.items {
        match item {
            Item::Verbatim(Source(bytes)) => writer.as_it_stands(bytes),
            Item::Row(row) => {
                let source = row.source.as_ref().map(|Source(bytes)| &**bytes);
                writer.row(&row.owner, &row.address, source)?;
            }
        }
    }
    Ok(writer.finish())
}

/// Writes entries into a new file, see [`super::settle`].
///
/// # Errors
/// As [`write`].
pub(in crate::files) fn write_new(
    book: &AddressBook,
    entries: &[Outgoing<'_>],
) -> Result<Vec<u8>, FileError> {
    let mut writer = Writer::new(book);
    for entry in entries {
        writer.row(entry.owner, entry.address, None)?;
    }
    Ok(writer.finish())
}

/// Writes a file row after row.
pub(super) struct Writer<'a> {
    book: &'a AddressBook,
    scheme: Option<String>,
    present: [bool; COLUMNS.len()],
    rows: usize,
    out: Vec<u8>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(book: &'a AddressBook) -> Self {
        let (scheme, present, out) = (book.scheme(), book.present(), book.head.clone());
        Self { book, scheme, present, rows: 0, out }
    }

    /// What was last may have had no line end.
    fn begin(&mut self) {
        if !self.out.is_empty() && !self.out.ends_with(b"\n") && !self.out.ends_with(b"\r") {
            self.out.extend_from_slice(self.book.line_end.as_str().as_bytes());
        }
    }

    pub(super) fn as_it_stands(&mut self, bytes: &[u8]) {
        self.begin();
        self.out.extend_from_slice(bytes);
    }

    /// Writes the row of an entry, which stood there before as `source`.
    pub(super) fn row(
        &mut self,
        owner: &Owner,
        address: &Address,
        source: Option<&[u8]>,
    ) -> Result<(), FileError> {
        self.begin();
        self.rows += 1;
        let (book, scheme, present) = (self.book, self.scheme.as_deref(), &self.present);
        let writer = RowWriter { book, owner, address, entry: self.rows, scheme, present };
        writer.write(&mut self.out, source)
    }

    pub(super) fn finish(self) -> Vec<u8> {
        let Some(wide) = self.book.wide else { return self.out };
        let mut out = wide.mark_bytes().to_vec();
        wide.encode(&String::from_utf8_lossy(&self.out), &mut out, |_| {});
        out
    }
}

struct RowWriter<'a> {
    book: &'a AddressBook,
    owner: &'a Owner,
    address: &'a Address,
    entry: usize,
    scheme: Option<&'a str>,
    present: &'a [bool; COLUMNS.len()],
}

impl RowWriter<'_> {
    fn write(&self, out: &mut Vec<u8>, source: Option<&[u8]>) -> Result<(), FileError> {
        let old = source.and_then(|source| {
            let span = first_row(source)?;
            let text = self.book.charset.decode(&source[..span.text])?;
            Some((source, text, span.text))
        });
        let Some((source, text, end)) = old else {
            return self.anew(out, None, self.book.line_end.as_str().as_bytes());
        };
        let columns = &self.book.columns;
        let found = cells(&text).unwrap_or_default();
        let raw: Vec<&str> = found.iter().map(|cell| cell.raw).collect();
        let by_column = by_column(columns, found);
        let (owner, mut address) = interpret(&by_column, self.scheme);
        keep(&owner, &mut address, &by_column, |place| self.present[place]);
        if owner == *self.owner && address == *self.address {
            out.extend_from_slice(source);
            return Ok(());
        }
        let old = (raw, render(&owner, &address));
        self.anew(out, Some(old), &source[end..])
    }

    /// Writes the row from its entry; cells that say what they said before stay as they stood.
    fn anew(
        &self,
        out: &mut Vec<u8>,
        old: Option<(Vec<&str>, Cells)>,
        line_end: &[u8],
    ) -> Result<(), FileError> {
        self.check()?;
        let new = render(self.owner, self.address);
        let (raw, before) = match old {
            Some((raw, before)) => (raw, before),
            None => {
                // What an entry of this kind says anyway needs no column.
                let bare = Address { kind: self.address.kind.clone(), ..Address::default() };
                (Vec::new(), render(&Owner::None, &bare))
            }
        };
        self.check_columns(&new, &before)?;
        let width = self.book.columns.len().max(raw.len());
        for place in 0..width {
            if place > 0 {
                out.push(b',');
            }
            let mut text = String::new();
            let (name, cell, same, quoted) = match self.book.columns.get(place) {
                Some(Slot::Known(known)) => {
                    let column = &COLUMNS[*known];
                    let cell = &*new.known[*known];
                    let encrypted = column.name == "pwd" && self.scheme.is_some();
                    let same = cell == before.known[*known];
                    (column.name, cell, same, column.quoted && !encrypted)
                }
                Some(Slot::Extra(name)) => {
                    let cell = new.extra.get(name).map_or("", |cell| cell);
                    let same = Some(cell) == before.extra.get(name).map(|cell| &**cell)
                        || (cell.is_empty() && !before.extra.contains_key(name));
                    (&**name, cell, same, false)
                }
                Some(Slot::Nameless) | None => ("", "", true, false),
            };
            match raw.get(place) {
                Some(raw) if same => text.push_str(raw),
                _ => push_cell(&mut text, cell, quoted),
            }
            let bytes = self.book.charset.encode(&text).ok_or_else(|| FileError::Unmappable {
                entry: self.entry,
                column: name.to_string(),
                charset: self.book.charset.name().to_string(),
            })?;
            out.extend_from_slice(&bytes);
        }
        out.extend_from_slice(line_end);
        Ok(())
    }

    fn check(&self) -> Result<(), FileError> {
        let entry = self.entry;
        let address = self.address;
        if matches!(&address.kind, AddressKind::Other(name) if name.trim().is_empty()) {
            return Err(FileError::NoKind { entry });
        }
        if address.members.keys().any(|member| matches!(member, Member::Record(_))) {
            return Err(FileError::UnlinkedMember { entry });
        }
        let password = address.login.as_ref().and_then(|l| l.password.as_ref());
        let fits = match (password, self.scheme) {
            (None, _) | (Some(Password::Plain(_)), None) => true,
            (Some(Password::Encrypted { scheme, .. }), Some(of_file)) => scheme == of_file,
            _ => false,
        };
        if fits { Ok(()) } else { Err(FileError::MixedPasswords { entry }) }
    }

    fn check_columns(&self, new: &Cells, before: &Cells) -> Result<(), FileError> {
        let missing =
            |column: &str| Err(FileError::NoColumn { entry: self.entry, column: column.to_string() });
        for (place, column) in COLUMNS.iter().enumerate() {
            let differs = new.known[place] != before.known[place];
            if differs && !self.present[place] {
                return missing(column.name);
            }
        }
        for (name, cell) in &new.extra {
            let differs = !cell.is_empty() && before.extra.get(name) != Some(cell);
            if differs && !self.book.columns.contains(&Slot::Extra(name.clone())) {
                return missing(name);
            }
        }
        Ok(())
    }
}
