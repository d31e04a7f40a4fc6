//! The bundle: one file that holds all items of a batch, or those that were named. `docs/bundle.md` states the format.
//!
//! This is the inner stream, as it stands before it is encrypted: a header, the manifest, a section for each item, the
//! end. It is pure and streamed: [`write()`] goes twice over the records (it counts, then it writes), [`Reader`] gives
//! them back one by one, and neither keeps more than one of them in memory.
//!
//! One content has one encoding. What a reader of this version doesn't know (items, record types, fields, and names that
//! a later version adds to the manifest or to a record) is kept and written again.
//!
//! ```
//! use sync_core::bundle::{BundleError, Entry, Manifest, Protection, Reader, Section, Source, write};
//! use sync_core::{id::RecordId, time::Timestamp, value::Value};
//! let source = Source { name: "Copier 3".into(), model: "iX-1".into(), ..Source::default() };
//! let mut manifest = Manifest::new("fleet-sync 0.1.0", Timestamp(0), source);
//! manifest.sections.push(Section::named("forwarding"));
//! let id = RecordId::of_setting("forward-everything");
//! let fields = [("type".into(), Value::from("setting")), ("value".into(), Value::from(true))];
//! let entry = Entry::new("forwarding", "local", id, fields.into());
//!
//! let mut file = Vec::new();
//! let entries = || Ok::<_, BundleError>([Ok(entry.clone())]);
//! let written = write(&mut file, Protection::Plain, manifest, entries, &mut |_, _| {})?;
//!
//! let mut reader = Reader::open(&*file, Protection::Plain)?;
//! assert_eq!(reader.manifest(), &written);
//! assert_eq!(reader.next(), Some(Ok(entry)));
//! assert_eq!(reader.next(), None);
//! assert!(reader.is_complete());
//! # Ok::<(), BundleError>(())
//! ```

mod decode;
mod error;
#[cfg(feature = "locked")]
pub mod locked;
mod manifest;
mod reader;
mod running;
#[cfg(test)]
mod tests;
mod writer;

pub use error::BundleError;
pub use manifest::{Manifest, PolicyPassword, Section, Source};
pub use reader::{Pull, Reader};
pub use writer::{Push, Writer, count, write};

use crate::{
    id::RecordId,
    record::FieldName,
    space::SpaceName,
    value::{MAX_DEPTH, Value},
};
use alloc::{collections::BTreeMap, format, string::String};

/// The first bytes of every bundle. The first is no text, and the line ends show a file that was transferred as text.
pub const MAGIC: [u8; 8] = *b"\x89FSB\r\n\x1a\n";
/// The major version of the format: a higher one can't be read.
pub const MAJOR: u16 = 1;
/// The minor version: a higher one has more names, which are kept.
pub const MINOR: u16 = 0;
/// The longest payload of a frame, in bytes.
pub const MAX_FRAME: usize = 4 << 20;
/// How many sections a bundle holds at most.
pub const MAX_SECTIONS: usize = 256;
/// The longest name of an item, in bytes.
pub const MAX_NAME: usize = 64;
/// The longest place label, in bytes.
pub const MAX_PLACE: usize = 1024;
/// How much the values of one payload weigh at most: each value 1, each list and each map 8 more. It bounds what a
/// small payload of many small values takes in memory.
pub const MAX_WEIGHT: usize = 16_384;
/// How many lists and maps lie inside one another in a payload at most: the record, its fields, and a value.
pub const MAX_NESTING: usize = MAX_DEPTH + 2;

/// What follows the magic: the two versions.
const HEADER: usize = MAGIC.len() + 4;
/// A kind and a length.
const FRAME_HEAD: usize = 5;

/// How the stream travels. It decides whether a secret may stand in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protection {
    /// As it is: no record may be secret.
    Plain,
    /// Inside an encrypted file.
    Encrypted,
}

/// One record of a bundle.
///
/// In a section, entries come in rising order of place (byte by byte), then id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The item whose section it is in, such as `forwarding`.
    pub item: String,
    /// Where it belongs, without the realm: `local`, `local/settings`, `user/alice`, `group/sales`, `common/home`.
    /// See [`place_label`].
    pub place: String,
    /// Its name.
    pub id: RecordId,
    /// Its fields, `type` among them.
    pub fields: BTreeMap<FieldName, Value>,
    /// Whether it holds what leaves a machine only encrypted: a private key, a PIN, a keychain. It is written into the
    /// file, so that nobody who reads it writes it into a plain one by mistake.
    pub secret: bool,
    /// What a later version says of it beside that.
    pub rest: BTreeMap<String, Value>,
}

impl Entry {
    /// A record that is not secret.
    #[must_use]
    pub fn new(
        item: impl Into<String>,
        place: impl Into<String>,
        id: RecordId,
        fields: BTreeMap<FieldName, Value>,
    ) -> Self {
        Self { item: item.into(), place: place.into(), id, fields, secret: false, rest: BTreeMap::new() }
    }
}

/// The label of a space: its name without the realm, since another machine's fleet may call its realm otherwise.
/// [`SpaceName::parse_in`] reads it in the realm of the machine that imports.
///
/// ```
/// use sync_core::{bundle::place_label, space::SpaceName};
/// let space = SpaceName::user("office", "alice");
/// assert_eq!(place_label(&space), "user/alice");
/// assert_eq!(SpaceName::parse_in("office", "user/alice"), Ok(space));
/// assert_eq!(place_label(&SpaceName::local("forwarding")), "local/forwarding");
/// ```
#[must_use]
pub fn place_label(space: &SpaceName) -> String {
    format!("{}/{}", space.kind.as_str(), space.name)
}
