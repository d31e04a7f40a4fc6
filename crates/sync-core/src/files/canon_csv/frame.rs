//! The rows of a file as they stood, for whoever keeps the entries elsewhere.

use super::{AddressBook, Item, Row, Source, read::walk, write::Writer};
use crate::{
    address::Address,
    files::{Encoding, FileError, Owner},
};
use alloc::{collections::BTreeMap, vec::Vec};

/// A file without its entries: what stands around them, and their rows as they stood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::files) struct Frame {
    /// Without items.
    pub(in crate::files) shell: AddressBook,
    body: Source,
    /// How long each piece of the body is, one after the other, and the line of the entry that it is, if it is one.
    pieces: Vec<(Option<u64>, usize)>,
}

/// Reads the entries one after the other, and gives the file around them.
///
/// # Errors
/// As [`super::read`].
pub(in crate::files) fn read_apart(
    bytes: &[u8],
    told: Option<Encoding>,
    mut each: impl FnMut(Row),
) -> Result<Frame, FileError> {
    let (mut body, mut pieces) = (Vec::new(), Vec::new());
    let shell = walk(bytes, told, |item, _| match item {
        Item::Verbatim(Source(bytes)) => {
            pieces.push((None, bytes.len()));
            body.extend_from_slice(&bytes);
        }
        Item::Row(mut row) => {
            let bytes = row.source.take().map(|Source(bytes)| bytes).unwrap_or_default();
            pieces.push((row.line, bytes.len()));
            body.extend_from_slice(&bytes);
            each(*row);
        }
    })?;
    Ok(Frame { shell, body: Source(body), pieces })
}

impl Frame {
    /// Makes it that of a file in UTF-16, which was read as this one.
    pub(in crate::files) fn in_utf16(mut self, wide: Encoding) -> Self {
        self.shell.wide = Some(wide);
        self
    }

    /// The file with these entries, by their lines: `None` stands for one that was not edited, and those that are not among
    /// them are left out.
    ///
    /// # Errors
    /// As [`super::write`].
    pub(in crate::files) fn write(
        &self,
        entries: &BTreeMap<u64, Option<(&Owner, &Address)>>,
    ) -> Result<Vec<u8>, FileError> {
        let mut writer = Writer::new(&self.shell);
        let mut rest = &*self.body.0;
        for (line, length) in &self.pieces {
            let (piece, next) = rest.split_at((*length).min(rest.len()));
            rest = next;
            match line.map(|line| entries.get(&line)) {
                None | Some(Some(None)) => writer.as_it_stands(piece),
                Some(Some(Some((owner, address)))) => writer.row(owner, address, Some(piece))?,
                Some(None) => {}
            }
        }
        Ok(writer.finish())
    }
}
