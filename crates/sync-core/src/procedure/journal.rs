//! What the journal of a procedure keeps: what was ordered, and what each step left behind.

use super::Step;
use crate::{
    id::{Generation, ImportId, Sequence, SnapshotId},
    item::Item,
    space::SpaceName,
    time::Timestamp,
};
use alloc::{string::String, vec::Vec};
use core::{fmt, str::FromStr};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// SHA-256 of a file, written in hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FileHash(pub [u8; 32]);

impl fmt::Display for FileHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The text was not a SHA-256 in hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no SHA-256: write 64 hexadecimal digits")]
pub struct NotAFileHash(pub String);

impl FromStr for FileHash {
    type Err = NotAFileHash;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || NotAFileHash(text.into());
        let mut hash = [0; 32];
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        if pairs.len() != hash.len() || !rest.is_empty() {
            return Err(wrong());
        }
        let digit = |byte: u8| {
            char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok()).ok_or_else(wrong)
        };
        for (byte, pair) in hash.iter_mut().zip(pairs) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Ok(Self(hash))
    }
}

impl Serialize for FileHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for FileHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// The file that is imported. Its hash is kept, so that a resumed import is of the same file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Where it lies, as it was named.
    pub name: String,
    /// What it held when the procedure began.
    pub hash: FileHash,
}

/// What the import does with a list that has entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ListMode {
    /// The file's entries take the place of the list's; otherwise the machine's old copy would come back with the start.
    #[default]
    Replace,
    /// The file's entries come beside the list's: the same name makes a second entry, an identical entry does not.
    Append,
    /// An entry of the file takes the place of the entry with the same list and number, all else stays.
    Overwrite,
}

impl ListMode {
    /// Its name in commands and files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Replace => "replace",
            Self::Append => "append",
            Self::Overwrite => "overwrite",
        }
    }
}

/// What a procedure is to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Order {
    /// The users and groups concerned.
    pub spaces: Vec<SpaceName>,
    /// The items that are taken from the file.
    pub items: Vec<Item>,
    /// The file.
    pub source: Source,
    /// What happens to lists that have entries.
    #[serde(default)]
    pub mode: ListMode,
    /// Where rows without an owner go; `None` leaves them out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unowned: Option<SpaceName>,
}

impl Order {
    /// An order that replaces lists.
    #[must_use]
    pub const fn new(spaces: Vec<SpaceName>, items: Vec<Item>, source: Source) -> Self {
        Self { spaces, items, source, mode: ListMode::Replace, unowned: None }
    }

    /// The same with a place for rows without an owner.
    #[must_use]
    pub fn with_unowned(mut self, space: Option<SpaceName>) -> Self {
        self.unowned = space;
        self
    }

    /// The same with another mode.
    #[must_use]
    pub const fn with_mode(mut self, mode: ListMode) -> Self {
        self.mode = mode;
        self
    }
}

/// What a step left behind, and what its undoing needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
pub enum Evidence {
    /// Of [`Step::Join`].
    #[serde(rename = "join")]
    Joined {
        /// Up to where the copy of each space was brought.
        level: Vec<(SpaceName, Generation, Sequence)>,
    },
    /// Of [`Step::Stop`].
    #[serde(rename = "stop")]
    Stopped {
        /// How many changes could not be sent before the deadline; they wait in the outbox.
        unsent: u64,
    },
    /// Of [`Step::BackUp`].
    #[serde(rename = "back-up")]
    BackedUp {
        /// The backup's name on the server.
        backup: String,
        /// Its hash.
        hash: FileHash,
    },
    /// Of [`Step::Delete`].
    #[serde(rename = "delete")]
    Deleted {
        /// The generation in which each space goes on, empty.
        spaces: Vec<(SpaceName, Generation)>,
        /// What the server kept of them; nothing of a space that held nothing.
        #[serde(default)]
        snapshots: Vec<SnapshotId>,
        /// Until when the server reserves them for this machine, by the server's clock.
        reserved_until: Timestamp,
    },
    /// Of [`Step::Import`].
    #[serde(rename = "import")]
    Imported {
        /// The import's id, which its changes carry.
        import: ImportId,
        /// How many records it touched.
        records: u64,
    },
    /// Of [`Step::Start`].
    #[serde(rename = "start")]
    Started {
        /// The spaces that the server had data in before the copy arrived: there the server's stands, and the import
        /// was set aside in a snapshot.
        set_aside: Vec<SpaceName>,
    },
}

impl Evidence {
    /// The step that it is of.
    #[must_use]
    pub const fn step(&self) -> Step {
        match self {
            Self::Joined { .. } => Step::Join,
            Self::Stopped { .. } => Step::Stop,
            Self::BackedUp { .. } => Step::BackUp,
            Self::Deleted { .. } => Step::Delete,
            Self::Imported { .. } => Step::Import,
            Self::Started { .. } => Step::Start,
        }
    }
}

/// A step that was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// When, by the machine's clock.
    pub at: Timestamp,
    /// What it left behind.
    pub evidence: Evidence,
}

/// Why a step failed. It left the fleet as it was before the step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// A stable code.
    pub code: String,
    /// What was wrong and what to do, for people.
    pub message: String,
    /// Whether trying again without changing anything is in vain.
    pub permanent: bool,
}
