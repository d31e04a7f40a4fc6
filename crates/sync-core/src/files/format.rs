//! The formats that are known, and the room of each.

use super::{
    Encoding, FileError,
    book::{Book, Contact, TextFrame},
    canon_abk, canon_room,
    convert::{ReadOptions, WriteOptions},
    fit::Fitted,
    google,
    holds::Holds,
    hp, konica, kyocera, kyocera_xml, ldif, outlook, plain_csv, ricoh, ricoh_program, sharp,
    text::Text,
    thunderbird, toshiba, toshiba_22, vcard, xerox, xerox_plain,
};
use alloc::{string::String, vec::Vec};
use core::fmt;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A format of address book files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Format {
    /// Canon, as CSV.
    CanonCsv,
    /// Canon, in the custom format.
    CanonAbk,
    /// LDIF, of directories, Thunderbird and Canon.
    Ldif,
    /// vCard, of telephones and mail programs.
    Vcard,
    /// HP Edgeline, as CSV.
    HpCsv,
    /// Konica Minolta and Develop, as tab-separated text.
    KonicaMinoltaAbbr,
    /// KYOCERA Net Viewer, as XML.
    KyoceraXml,
    /// Kyocera, as CSV whose columns are guessed.
    KyoceraCsv,
    /// Ricoh, as CSV of the format version 5.1.1.
    RicohCsv,
    /// Ricoh, as CSV of the format version 3.1.1.
    RicohProgramCsv,
    /// Sharp, as CSV.
    SharpCsv,
    /// Toshiba TopAccess, as CSV.
    ToshibaCsv,
    /// Toshiba, as CSV of 22 columns.
    Toshiba22Csv,
    /// Xerox, as CSV with a column line.
    XeroxCsv,
    /// Xerox, as CSV of two columns without names.
    XeroxPlainCsv,
    /// Google contacts, as CSV.
    GoogleCsv,
    /// Google contacts, as CSV before 2024.
    Google2015Csv,
    /// Outlook's contacts, as CSV.
    OutlookCsv,
    /// Thunderbird's address book, as CSV.
    ThunderbirdCsv,
    /// CSV with columns of anybody's choice.
    Csv,
}

/// A format's room: how its files are known, read and written, and what they hold.
pub(super) struct Room {
    pub(super) format: Format,
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    /// What such files' names end in.
    pub(super) extensions: &'static [&'static str],
    /// Where an administrator gets such a file.
    pub(super) origin: &'static str,
    pub(super) holds: Holds,
    /// That of new files.
    pub(super) encoding: Encoding,
    pub(super) recognizes: fn(&Text) -> bool,
    pub(super) read: fn(&Text, &ReadOptions) -> Result<Book, FileError>,
    pub(super) writer: Writer,
}

/// Writes what fits into a file; the book is there if it is of the same format.
type WriteWhole = fn(&mut Fitted, Option<&Book>, &WriteOptions) -> Result<Vec<u8>, FileError>;

/// How a format is written.
pub(super) enum Writer {
    /// Contact by contact, in a frame.
    Text {
        /// What stands around the contacts of a new file.
        frame: fn(&[Contact], &WriteOptions) -> TextFrame,
        /// The text of one contact, with its line end.
        contact: fn(&[Contact], usize, &TextFrame) -> String,
    },
    /// By itself. The book is there if it is of the same format.
    Whole(WriteWhole),
}

/// In the order in which a file is tried: the surest first.
pub(super) const ROOMS: &[&Room] = &[
    &canon_abk::ROOM,
    &canon_room::ROOM,
    &ldif::ROOM,
    &vcard::ROOM,
    &konica::ROOM,
    &ricoh::ROOM,
    &ricoh_program::ROOM,
    &xerox::ROOM,
    &kyocera_xml::ROOM,
    &kyocera::ROOM,
    &sharp::ROOM,
    &hp::ROOM,
    &toshiba::ROOM,
    &toshiba_22::ROOM,
    &google::ROOM,
    &google::OLD_ROOM,
    &thunderbird::ROOM,
    &outlook::ROOM,
    // It has no column line: only what nothing else is.
    &xerox_plain::ROOM,
    // Last: any table whose column names say something.
    &plain_csv::ROOM,
];

impl Format {
    /// All, in the order of documents.
    pub fn all() -> impl Iterator<Item = Self> {
        ROOMS.iter().map(|room| room.format)
    }

    pub(super) fn room(self) -> &'static Room {
        // The first stands for one that is missing; a test holds that none is.
        ROOMS.iter().find(|room| room.format == self).unwrap_or(&ROOMS[0])
    }

    /// Its name in commands, such as `canon-csv`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.room().name
    }

    /// What a person reads.
    #[must_use]
    pub fn title(self) -> &'static str {
        self.room().title
    }

    /// Where an administrator gets such a file.
    #[must_use]
    pub fn origin(self) -> &'static str {
        self.room().origin
    }

    /// The encoding of its new files.
    #[must_use]
    pub fn usual_encoding(self) -> Encoding {
        self.room().encoding
    }

    /// What such files' names end in, without the dot.
    #[must_use]
    pub fn extensions(self) -> &'static [&'static str] {
        self.room().extensions
    }

    /// What it can hold.
    #[must_use]
    pub fn holds(self) -> &'static Holds {
        &self.room().holds
    }

    /// The format of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        ROOMS.iter().find(|room| room.name == name).map(|room| room.format)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Format {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::named(&name).ok_or_else(|| D::Error::custom(alloc::format!("there is no format `{name}`")))
    }
}

impl Serialize for Format {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}
