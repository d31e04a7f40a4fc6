//! A bundle back into records, one by one, with everything held against the manifest.

use super::{
    BundleError, Entry, FRAME_HEAD, HEADER, MAGIC, MAJOR, MAX_FRAME, Manifest, Protection,
    decode::{Wrong, named, one},
    manifest::{Fault, map, text},
    running::{Running, kind, too_long},
    writer::{check_place, secret, total},
};
use crate::{id::RecordId, value::Value};
use alloc::{format, string::String, vec::Vec};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// Where a bundle is read from. With `std`, whatever implements [`std::io::Read`].
pub trait Pull {
    /// Puts the next bytes to the front of `into` and says how many they are; 0 at the end alone.
    ///
    /// # Errors
    /// [`BundleError`] where they can't be had.
    fn pull(&mut self, into: &mut [u8]) -> Result<usize, BundleError>;
}

#[cfg(feature = "std")]
impl<R: std::io::Read> Pull for R {
    fn pull(&mut self, into: &mut [u8]) -> Result<usize, BundleError> {
        loop {
            match self.read(into) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                read => return read.map_err(|error| BundleError::Io(format!("{error}"))),
            }
        }
    }
}

#[cfg(not(feature = "std"))]
impl Pull for &[u8] {
    fn pull(&mut self, into: &mut [u8]) -> Result<usize, BundleError> {
        let len = self.len().min(into.len());
        let (now, later) = self.split_at(len);
        into[..len].copy_from_slice(now);
        *self = later;
        Ok(len)
    }
}

/// So many bytes of a payload are asked for at a time: a length that is not true takes no more memory than that.
const STEP: usize = 64 << 10;

/// Reads a bundle: an iterator of its records in their order, [`None`] after the last one **and** the verified end, or
/// one error and then [`None`].
///
/// Nothing that was read is sure before [`Reader::is_complete`]: a damaged byte may come to light at the end only. It
/// takes memory for one frame and the record in it, at most 4 times the bytes of the input and 4 MiB, whatever the input
/// is.
#[derive(Debug)]
pub struct Reader<S> {
    source: S,
    protection: Protection,
    manifest: Manifest,
    /// The payload of the frame.
    payload: Vec<u8>,
    /// How many of the sections were begun.
    begun: usize,
    open: Running,
    whole: Sha256,
    done: u64,
    total: u64,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Reading,
    Failed,
    Complete,
}

impl<S: Pull> Reader<S> {
    /// Reads the header and the manifest.
    ///
    /// # Errors
    /// [`BundleError`] where this is no bundle, or one of a later major version.
    pub fn open(source: S, protection: Protection) -> Result<Self, BundleError> {
        let nothing = Manifest::new("", crate::time::Timestamp(0), super::Source::default());
        let mut reader = Self {
            source,
            protection,
            manifest: nothing,
            payload: Vec::new(),
            begun: 0,
            open: Running::default(),
            whole: Sha256::new(),
            done: 0,
            total: 0,
            state: State::Reading,
        };
        let mut header = [0; HEADER];
        let len = reader.fill(&mut header)?;
        let magic = MAGIC.len().min(len);
        if len == 0 || header[..magic] != MAGIC[..magic] {
            return Err(BundleError::NotABundle);
        }
        if len < HEADER {
            return Err(reader.cut());
        }
        reader.whole.update(header);
        let [.., a, b, c, d] = header;
        let (major, minor) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        if major > MAJOR {
            return Err(BundleError::Newer { found: format!("{major}.{minor}"), known: MAJOR });
        }
        if major < MAJOR {
            return Err(reader.malformed("there is no such format version"));
        }
        let (frame, _) = reader.frame()?;
        if frame != kind::MANIFEST {
            return Err(reader.malformed("the manifest does not come first"));
        }
        let named = named(&reader.payload).map_err(|wrong| reader.wrong(wrong))?;
        reader.whole.update(&reader.payload);
        let at = reader.done;
        reader.manifest = Manifest::from_named(named, minor).map_err(|fault| fault.reading(at))?;
        reader.total = total(reader.done, &reader.manifest.sections);
        Ok(reader)
    }

    /// What the bundle says of itself. In a plain bundle it is sure only once [`Reader::is_complete`].
    #[must_use]
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The same by value, once everything was read.
    #[must_use]
    pub fn into_manifest(self) -> Manifest {
        self.manifest
    }

    /// Whether the end was reached and everything is as it was written.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.state == State::Complete
    }

    /// How many bytes are read.
    #[must_use]
    pub const fn done(&self) -> u64 {
        self.done
    }

    /// How many bytes the bundle has, by its manifest.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// The next record; [`None`] at the verified end.
    fn advance(&mut self) -> Result<Option<Entry>, BundleError> {
        loop {
            let before = self.whole.clone();
            let (frame, head) = self.frame()?;
            match frame {
                kind::RECORD => return self.record(&head).map(Some),
                kind::SECTION => self.section()?,
                kind::END => return self.end(before).map(|()| None),
                _ => return Err(self.malformed("a frame is of no known kind")),
            }
        }
    }

    fn record(&mut self, head: &[u8; FRAME_HEAD]) -> Result<Entry, BundleError> {
        self.whole.update(&self.payload);
        self.open.add(head, &self.payload);
        let Some(row) = self.begun.checked_sub(1).and_then(|at| self.manifest.sections.get(at)) else {
            return Err(self.malformed("a record stands before the first section"));
        };
        let count =
            |what, found, expected| BundleError::Count { item: row.item.clone(), what, found, expected };
        if self.open.records > row.records {
            return Err(count("records", self.open.records, row.records));
        }
        if self.open.bytes > row.bytes {
            return Err(count("bytes", self.open.bytes, row.bytes));
        }
        let named = named(&self.payload).map_err(|wrong| self.wrong(wrong))?;
        let entry = entry(row.item.clone(), named).map_err(|fault| fault.reading(self.done))?;
        if entry.secret && self.protection == Protection::Plain {
            return Err(secret(&entry));
        }
        self.open.rise(&entry)?;
        Ok(entry)
    }

    fn section(&mut self) -> Result<(), BundleError> {
        self.whole.update(&self.payload);
        self.end_section()?;
        let Value::Text(found) = one(&self.payload).map_err(|wrong| self.wrong(wrong))? else {
            return Err(self.malformed("the name of a section is no text"));
        };
        match self.manifest.sections.get(self.begun) {
            Some(row) if row.item == found => {
                self.begun += 1;
                Ok(())
            }
            _ => {
                let found = found.chars().take(super::MAX_NAME).collect();
                Err(BundleError::Section { found, expected: self.expected() })
            }
        }
    }

    /// `before` is the sum of all bytes before the end's frame.
    fn end(&mut self, before: Sha256) -> Result<(), BundleError> {
        self.end_section()?;
        if self.begun < self.manifest.sections.len() {
            return Err(BundleError::Section { found: "the end".into(), expected: self.expected() });
        }
        let hash: [u8; 32] = before.finalize().into();
        let Value::Bytes(found) = one(&self.payload).map_err(|wrong| self.wrong(wrong))? else {
            return Err(self.malformed("the end has no hash"));
        };
        if found != hash {
            return Err(BundleError::Damaged { what: "its hash is another than the one at its end".into() });
        }
        let at = self.done;
        if self.fill(&mut [0])? != 0 {
            return Err(BundleError::Trailing { at });
        }
        self.state = State::Complete;
        Ok(())
    }

    fn end_section(&mut self) -> Result<(), BundleError> {
        let ended = core::mem::take(&mut self.open);
        let Some(row) = self.begun.checked_sub(1).and_then(|at| self.manifest.sections.get(at)) else {
            return Ok(());
        };
        let (records, bytes) = (ended.records, ended.bytes);
        let count =
            |what, found, expected| BundleError::Count { item: row.item.clone(), what, found, expected };
        if records != row.records {
            Err(count("records", records, row.records))
        } else if bytes != row.bytes {
            Err(count("bytes", bytes, row.bytes))
        } else if !ended.is(row) {
            let what = format!("the records of section `{}` are not those that were written", row.item);
            Err(BundleError::Damaged { what })
        } else {
            Ok(())
        }
    }

    fn expected(&self) -> String {
        self.manifest
            .sections
            .get(self.begun)
            .map_or_else(|| "the end".into(), |row| format!("section `{}`", row.item))
    }

    /// Reads a frame: its kind, its head as it stands, and its payload into `self.payload`. The head is summed up, the
    /// payload is not yet.
    fn frame(&mut self) -> Result<(u8, [u8; FRAME_HEAD]), BundleError> {
        let mut head = [0; FRAME_HEAD];
        if self.fill(&mut head)? < FRAME_HEAD {
            return Err(self.cut());
        }
        self.whole.update(head);
        let [frame, a, b, c, d] = head;
        let len = u32::from_be_bytes([a, b, c, d]);
        let most = usize::try_from(len).ok().filter(|len| *len <= MAX_FRAME);
        let Some(len) = most else { return Err(too_long(u64::from(len))) };
        let mut payload = core::mem::take(&mut self.payload);
        payload.clear();
        while payload.len() < len {
            let (from, to) = (payload.len(), len.min(payload.len() + STEP));
            payload.resize(to, 0);
            if self.fill(&mut payload[from..])? < to - from {
                return Err(self.cut());
            }
        }
        self.payload = payload;
        Ok((frame, head))
    }

    /// Fills `into`, or as much of it as there is.
    fn fill(&mut self, into: &mut [u8]) -> Result<usize, BundleError> {
        let mut len = 0;
        while let Some(rest) = into.get_mut(len..).filter(|rest| !rest.is_empty()) {
            let room = rest.len();
            match self.source.pull(rest)? {
                0 => break,
                // A source that claims more than there is room for must not lead anywhere.
                read => len += read.min(room),
            }
        }
        self.done += len as u64;
        Ok(len)
    }

    const fn cut(&self) -> BundleError {
        BundleError::Cut { at: self.done }
    }

    fn malformed(&self, what: &str) -> BundleError {
        Fault::Form(what.into()).reading(self.done)
    }

    fn wrong(&self, wrong: Wrong) -> BundleError {
        Fault::from(wrong).reading(self.done)
    }
}

impl<S: Pull> Iterator for Reader<S> {
    type Item = Result<Entry, BundleError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.state != State::Reading {
            return None;
        }
        let next = self.advance();
        if next.is_err() {
            self.state = State::Failed;
        }
        next.transpose()
    }
}

impl<S: Pull> core::iter::FusedIterator for Reader<S> {}

/// The record of a payload.
fn entry(item: String, mut named: super::decode::Named) -> Result<Entry, Fault> {
    let id = match named.remove("id") {
        Some(Value::Bytes(id)) => Uuid::from_slice(&id).ok(),
        _ => None,
    };
    let id = RecordId(id.ok_or_else(|| Fault::Form("a record's `id` is missing or not of 16 bytes".into()))?);
    let place = text(&mut named, "place")?;
    check_place(&place)?;
    let fields = map(&mut named, "fields")?;
    let secret = match named.remove("secret") {
        None => false,
        Some(Value::Bool(true)) => true,
        Some(_) => return Err(Fault::Form("a record's `secret` is not yes".into())),
    };
    Ok(Entry { item, place, id, fields, secret, rest: named })
}
