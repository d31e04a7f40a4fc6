//! Snapshots: what was set aside, so that it can be brought back.

use crate::{
    change::Change,
    id::{Epoch, Generation, MachineId, RecordId, Sequence, SnapshotId},
    record::{Record, Superseded},
    space::SpaceName,
    time::Timestamp,
};
use alloc::{string::String, vec::Vec};
use serde::{Deserialize, Serialize};

/// Why something was set aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// A Start where replica and server differed: the server's data stand.
    Start,
    /// Another machine's Start was first.
    Occupied,
    /// The machine may no longer have the space (the person left the group).
    Forbidden,
    /// The space was deleted at the server.
    Gone,
    /// The server's store was restored.
    Restored,
    /// An administrator deleted the space.
    Deleted,
    /// Something is about to be brought back over it.
    BroughtBack,
    /// An import is about to replace it.
    Import,
    /// The server alone writes the space, and the machine had changes to it.
    ReadOnly,
    /// Records that were the machine's own became shared, and the person's space has some: the server's stand.
    SharingScope,
}

impl Reason {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Occupied => "occupied",
            Self::Forbidden => "forbidden",
            Self::Gone => "gone",
            Self::Restored => "restored",
            Self::Deleted => "deleted",
            Self::BroughtBack => "brought-back",
            Self::Import => "import",
            Self::ReadOnly => "read-only",
            Self::SharingScope => "sharing-scope",
        }
    }
}

/// One space as it was when it was set aside. Immutable; bringing it back makes new changes with new ids.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Its name.
    pub id: SnapshotId,
    /// Why.
    pub reason: Reason,
    /// When, by the clock of where it was made.
    pub time: Timestamp,
    /// The machine that made it; `None` at a server.
    pub machine: Option<MachineId>,
    /// Whose act it was.
    pub person: Option<String>,
    /// The space.
    pub space: SpaceName,
    /// The epoch it spoke of.
    pub epoch: Option<Epoch>,
    /// The generation it spoke of.
    pub generation: Option<Generation>,
    /// Up to where it had the whole space; at a server, the head.
    pub seen: Sequence,
    /// The records, dead ones too.
    pub records: Vec<(RecordId, Record)>,
    /// What had been superseded.
    pub superseded: Vec<Superseded>,
    /// What had not been sent.
    pub outbox: Vec<Change>,
}
