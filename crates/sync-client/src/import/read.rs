//! From the bytes of a file to entries, sorted by whose list they go into.

use crate::{
    error::{Error, Result},
    lists::item_of,
};
use std::{collections::BTreeMap, fs, path::Path};
use sync_core::{
    files::{FileError, Format, MAX_BYTES, Note, Place, ReadOptions, Split, each_listed},
    import::Incoming,
    item::Item,
};

/// A file that was read, with its entries by where they go.
pub(crate) struct Read {
    pub(crate) split: Split<Incoming>,
    pub(crate) format: Format,
    pub(crate) entries: usize,
    pub(super) unreadable: usize,
    pub(crate) warnings: Vec<Note>,
}

/// What became of the rows of a file.
pub(super) struct RowCounts {
    pub(super) read: usize,
    pub(super) unreadable: usize,
    pub(super) kept_out: BTreeMap<String, usize>,
}

impl Read {
    pub(super) fn counts(&self) -> RowCounts {
        let kept_out = self.split.kept_out.iter().map(|(place, count)| (label(place), *count)).collect();
        RowCounts { read: self.entries, unreadable: self.unreadable, kept_out }
    }
}

/// Reads the bytes of an address book of any format, and takes what belongs to the items.
pub(crate) fn read(
    bytes: &[u8],
    items: &[Item],
    unowned: Option<&Place>,
    options: &ReadOptions,
) -> Result<Read> {
    let mut split = Split { taken: BTreeMap::new(), kept_out: BTreeMap::new() };
    let mut nameless = 0;
    let (report, nowhere, format) = each_listed(bytes, options, |id, line, owner, address| {
        let place = match (owner.place(), unowned) {
            (Place::Local, Some(place)) => place.clone(),
            (place, _) => place,
        };
        let named = !matches!(&place, Place::Person(name) | Place::Group(name) if name.is_empty());
        if !named {
            nameless += 1;
        }
        if named && (items.is_empty() || items.contains(&item_of(&place))) {
            let entry = Incoming { source: id, ..Incoming::of_row(line, &owner, &address) };
            split.taken.entry(place).or_insert_with(Vec::new).push(entry);
        } else {
            *split.kept_out.entry(place).or_insert(0) += 1;
        }
    })
    .map_err(from_file)?;
    let mut warnings = report.warnings;
    if nameless > 0 {
        let text =
            format!("{nameless} rows name their owner without a user name or group name; they stay out");
        warnings.push(Note::new(None, "owner_without_name", text));
    }
    if nowhere > 0 {
        let text = format!("{nowhere} contacts lead nowhere that a machine can send to; they stay out");
        warnings.push(Note::loss(None, "contacts_without_destination", text));
    }
    Ok(Read { split, format, entries: report.read, unreadable: report.kept_out + nowhere, warnings })
}

pub(crate) fn from_file(error: FileError) -> Error {
    Error::Denied {
        code: error.code().into(),
        message: error.to_string(),
        remedy: "nothing was changed; correct the file or export it again at its source".into(),
    }
}

pub(crate) fn read_bytes(file: &Path) -> Result<Vec<u8>> {
    let failed = |source| Error::File { path: file.into(), source };
    let most = MAX_BYTES as u64;
    let found = fs::metadata(file).map_err(failed)?.len();
    if found > most {
        // Said before it is read into memory.
        let bytes = usize::try_from(found).unwrap_or(usize::MAX);
        return Err(from_file(FileError::TooLarge { bytes, limit: MAX_BYTES }));
    }
    fs::read(file).map_err(failed)
}

/// Moves the entries of lists that are not taken out.
pub(super) fn keep_out(split: &mut Split<Incoming>, keep: impl Fn(&Place) -> bool) {
    let kept_out = &mut split.kept_out;
    split.taken.retain(|place, entries| {
        let keep = keep(place);
        if !keep {
            *kept_out.entry(place.clone()).or_default() += entries.len();
        }
        keep
    });
}

/// How scripts read whose a list is: `local`, `user/NAME` or `group/ID`.
fn label(place: &Place) -> String {
    match place {
        Place::Local => "local".into(),
        Place::Person(user) => format!("user/{user}"),
        Place::Group(name) => format!("group/{name}"),
    }
}
