//! Records into a bundle: once over them to count, once to write.

use super::{
    BundleError, Entry, FRAME_HEAD, HEADER, MAGIC, MAJOR, MAX_NESTING, MAX_PLACE, Manifest, Protection,
    Section,
    decode::weigh,
    manifest::{Fault, fits},
    running::{Running, head, kind},
};
use crate::{canonical::Encoder, value::Value};
use alloc::{collections::BTreeMap, format, string::String, vec::Vec};
use sha2::{Digest, Sha256};

/// Where a bundle is written to. With `std`, whatever implements [`std::io::Write`].
pub trait Push {
    /// Takes all of these bytes.
    ///
    /// # Errors
    /// [`BundleError::Io`] where it can't.
    fn push(&mut self, bytes: &[u8]) -> Result<(), BundleError>;
}

#[cfg(feature = "std")]
impl<W: std::io::Write> Push for W {
    fn push(&mut self, bytes: &[u8]) -> Result<(), BundleError> {
        self.write_all(bytes).map_err(|error| BundleError::Io(format!("{error}")))
    }
}

#[cfg(not(feature = "std"))]
impl Push for Vec<u8> {
    fn push(&mut self, bytes: &[u8]) -> Result<(), BundleError> {
        self.extend_from_slice(bytes);
        Ok(())
    }
}

/// Writes a whole bundle. `manifest` names the sections in their order (its sums are ignored and counted anew), and
/// `entries` gives the records, in the order of the sections and in rising order of (place, id) within each; it is
/// called twice and has to give the same both times, as it does within one transaction. `progress` is told how many
/// bytes of how many are written. Returns the manifest as it was written.
///
/// # Errors
/// What `entries` says, or [`BundleError`]; what was written so far is no bundle then.
pub fn write<S, I, F, E>(
    out: S,
    protection: Protection,
    mut manifest: Manifest,
    mut entries: F,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Manifest, E>
where
    S: Push,
    F: FnMut() -> Result<I, E>,
    I: IntoIterator<Item = Result<Entry, E>>,
    E: From<BundleError>,
{
    count(&mut manifest, protection, entries()?)?;
    let mut writer = Writer::begin(out, protection, &manifest)?;
    let total = writer.total();
    progress(writer.done(), total);
    for entry in entries()? {
        writer.entry(&entry?)?;
        progress(writer.done(), total);
    }
    writer.finish()?;
    progress(total, total);
    Ok(manifest)
}

/// Counts the records into the manifest's sections: the first way over them.
///
/// # Errors
/// What `entries` says, or [`BundleError`] where they can't be written so.
pub fn count<E: From<BundleError>>(
    manifest: &mut Manifest,
    protection: Protection,
    entries: impl IntoIterator<Item = Result<Entry, E>>,
) -> Result<(), E> {
    let mut sections = manifest.sections.iter_mut();
    let mut open: Option<(&mut Section, Running)> = None;
    for entry in entries {
        let entry = entry?;
        loop {
            match &mut open {
                Some((row, running)) if row.item == entry.item => {
                    running.rise(&entry)?;
                    let payload = encoded(&entry, protection)?;
                    running.add(&head(kind::RECORD, &payload)?, &payload);
                    break;
                }
                _ => {
                    let done = open.take();
                    let Some(row) = sections.next() else {
                        return Err(
                            BundleError::Section { found: entry.item, expected: "the end".into() }.into()
                        );
                    };
                    if let Some((row, running)) = done {
                        running.close_into(row);
                    }
                    open = Some((row, Running::default()));
                }
            }
        }
    }
    if let Some((row, running)) = open {
        running.close_into(row);
    }
    for row in sections {
        Running::default().close_into(row);
    }
    Ok(())
}

/// Writes a bundle whose manifest is counted, record by record: the second way over them.
#[derive(Debug)]
pub struct Writer<'m, S> {
    out: S,
    protection: Protection,
    sections: &'m [Section],
    /// How many of the sections were begun.
    begun: usize,
    open: Running,
    whole: Sha256,
    done: u64,
    total: u64,
}

impl<'m, S: Push> Writer<'m, S> {
    /// Writes the header and the manifest.
    ///
    /// # Errors
    /// [`BundleError`] where the manifest can't be written.
    pub fn begin(out: S, protection: Protection, manifest: &'m Manifest) -> Result<Self, BundleError> {
        let payload = encode_named(&manifest.to_named().map_err(Fault::writing)?);
        let total = total((HEADER + FRAME_HEAD + payload.len()) as u64, &manifest.sections);
        let (open, whole) = (Running::default(), Sha256::new());
        let mut writer =
            Self { out, protection, sections: &manifest.sections, begun: 0, open, whole, done: 0, total };
        writer.push(&MAGIC)?;
        writer.push(&MAJOR.to_be_bytes())?;
        writer.push(&manifest.minor.to_be_bytes())?;
        writer.frame(kind::MANIFEST, &payload)?;
        Ok(writer)
    }

    /// How many bytes are written.
    #[must_use]
    pub const fn done(&self) -> u64 {
        self.done
    }

    /// How many bytes the bundle will have.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// Writes a record.
    ///
    /// # Errors
    /// [`BundleError`] where it can't stand there; [`BundleError::Changed`] where it was not so when it was counted.
    pub fn entry(&mut self, entry: &Entry) -> Result<(), BundleError> {
        while self.begun == 0 || self.sections.get(self.begun - 1).is_none_or(|row| row.item != entry.item) {
            if self.begun == self.sections.len() {
                return Err(BundleError::Section { found: entry.item.clone(), expected: "the end".into() });
            }
            self.begin_section()?;
        }
        self.open.rise(entry)?;
        let payload = encoded(entry, self.protection)?;
        let head = self.frame(kind::RECORD, &payload)?;
        self.open.add(&head, &payload);
        Ok(())
    }

    /// Writes what is left: empty sections, and the end. Returns what was written to; flushing is its owner's.
    ///
    /// # Errors
    /// [`BundleError::Changed`] where records are not as they were counted.
    pub fn finish(mut self) -> Result<S, BundleError> {
        while self.begun < self.sections.len() {
            self.begin_section()?;
        }
        self.end_section()?;
        let hash: [u8; 32] = self.whole.clone().finalize().into();
        let mut payload = Encoder::default();
        payload.bytes(&hash);
        self.frame(kind::END, &payload.finish())?;
        Ok(self.out)
    }

    fn begin_section(&mut self) -> Result<(), BundleError> {
        self.end_section()?;
        if let Some(row) = self.sections.get(self.begun) {
            let mut payload = Encoder::default();
            payload.text(&row.item);
            self.frame(kind::SECTION, &payload.finish())?;
        }
        self.begun += 1;
        Ok(())
    }

    fn end_section(&mut self) -> Result<(), BundleError> {
        let ended = core::mem::take(&mut self.open);
        match self.begun.checked_sub(1).and_then(|at| self.sections.get(at)) {
            Some(row) if !ended.is(row) => Err(BundleError::Changed { item: row.item.clone() }),
            _ => Ok(()),
        }
    }

    fn frame(&mut self, kind: u8, payload: &[u8]) -> Result<[u8; FRAME_HEAD], BundleError> {
        let head = head(kind, payload)?;
        self.push(&head)?;
        self.push(payload)?;
        Ok(head)
    }

    fn push(&mut self, bytes: &[u8]) -> Result<(), BundleError> {
        self.whole.update(bytes);
        self.out.push(bytes)?;
        self.done += bytes.len() as u64;
        Ok(())
    }
}

/// How many bytes a bundle has, of whose start so many are known.
pub(super) fn total(start: u64, sections: &[Section]) -> u64 {
    /// The end: a frame with the 32 bytes of a hash behind their tag and length.
    const END: u64 = FRAME_HEAD as u64 + 2 + 32;
    sections.iter().fold(start + END, |sum, row| {
        // The name's tag is one byte up to 31 bytes, two above that.
        let name = row.item.len() + if row.item.len() < 32 { 1 } else { 2 };
        sum.saturating_add((FRAME_HEAD + name) as u64).saturating_add(row.bytes)
    })
}

fn encode_named(named: &BTreeMap<String, Value>) -> Vec<u8> {
    let mut encoder = Encoder::default();
    encoder.map(named.len());
    for (name, value) in named {
        encoder.text(name);
        encoder.value(value);
    }
    encoder.finish()
}

/// The names that a record's payload has itself; in [`Entry::rest`] they have no place.
const KNOWN: [&str; 4] = ["fields", "id", "place", "secret"];

/// A record's payload, held to the rules.
fn encoded(entry: &Entry, protection: Protection) -> Result<Vec<u8>, BundleError> {
    check(entry).map_err(Fault::writing)?;
    if entry.secret && protection == Protection::Plain {
        return Err(secret(entry));
    }
    let known = KNOWN.into_iter().filter(|name| *name != "secret" || entry.secret);
    let mut names: Vec<&str> = known.chain(entry.rest.keys().map(String::as_str)).collect();
    names.sort_unstable();
    let mut encoder = Encoder::default();
    encoder.map(names.len());
    for name in names {
        encoder.text(name);
        match (name, entry.rest.get(name)) {
            (_, Some(value)) => encoder.value(value),
            ("fields", _) => {
                encoder.map(entry.fields.len());
                for (field, value) in &entry.fields {
                    encoder.text(field);
                    encoder.value(value);
                }
            }
            ("id", _) => encoder.bytes(entry.id.0.as_bytes()),
            ("place", _) => encoder.text(&entry.place),
            (_, None) => encoder.bool(true),
        }
    }
    Ok(encoder.finish())
}

pub(super) fn secret(entry: &Entry) -> BundleError {
    BundleError::Secret { item: entry.item.clone(), place: entry.place.clone(), id: entry.id }
}

/// The rules that a record is held to, beside those of its section.
fn check(entry: &Entry) -> Result<(), Fault> {
    check_place(&entry.place)?;
    if let Some(name) = KNOWN.into_iter().find(|name| entry.rest.contains_key(*name)) {
        return Err(Fault::Form(format!("`rest` has `{name}`, which has a meaning of its own")));
    }
    // The payload itself, place, id, and the map of fields are values too.
    let own = 4 + usize::from(entry.secret);
    let fields = weigh(entry.fields.values(), MAX_NESTING - 1)?;
    fits(own + weigh(entry.rest.values(), MAX_NESTING)? + fields)
}

pub(super) fn check_place(place: &str) -> Result<(), Fault> {
    if (1..=MAX_PLACE).contains(&place.len()) {
        return Ok(());
    }
    let (found, most) = (place.len() as u64, MAX_PLACE as u64);
    Err(Fault::TooLarge { what: "the bytes of a place label (at least 1)", found, most })
}
