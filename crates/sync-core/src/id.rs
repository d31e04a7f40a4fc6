//! How things are named: machines, incarnations, changes, records, epochs.

use core::fmt;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The server's gapless counter of the changes of one space; 0 before the first.
pub type Sequence = u64;
/// One number per store under which every commit is found.
pub type Position = u64;
/// How often a space was deleted, plus one; a space begins in generation 1.
pub type Generation = u64;

/// The sequence at which [`crate::merge::apply`] works in a view: above every sequence that a server gives.
pub const VIEW_SEQUENCE: Sequence = Sequence::MAX;

/// Set in a sequence that a replica holds from before a whole-store restore, above what the backup had: it is not one of
/// the present epoch's, and stands only until the server has taken back what it numbers. It is below every view, above
/// every sequence of a server, and never travels.
pub const PROVISIONAL: Sequence = 1 << 62;

/// Whether a sequence is of an epoch that a restore ended.
#[must_use]
pub const fn is_provisional(sequence: Sequence) -> bool {
    sequence & PROVISIONAL != 0
}

macro_rules! named_by_uuid {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl core::str::FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }
    };
}

named_by_uuid!(
    /// One device of the fleet, as it was enrolled.
    MachineId
);
named_by_uuid!(
    /// One server, drawn when its store is made: a changed address leads to another server exactly when this differs.
    ServerId
);
named_by_uuid!(
    /// What a replica is between two moments at which it could have been copied or turned back: 16 random bytes,
    /// drawn at each open, whenever a copy is set aside, at Start, and on a fork (`docs/protocol.md`, "A change").
    Incarnation
);
named_by_uuid!(
    /// One opening of a replica; answers to requests of another opening are ignored.
    Opening
);
named_by_uuid!(
    /// One import; all the changes that it makes carry it.
    ImportId
);
named_by_uuid!(
    /// One run of the procedure (stop, back up, delete, import, start).
    ProcedureId
);
named_by_uuid!(
    /// One snapshot.
    SnapshotId
);
named_by_uuid!(
    /// One distribution: a file that a server brings to many machines.
    DistributionId
);
named_by_uuid!(
    /// One entry of a space. A free entry is named by a UUIDv7; a catalogued setting by an id derived from its name
    /// ([`RecordId::of_setting`]), so that two machines that set it offline mean the same record.
    RecordId
);

impl ImportId {
    /// The import that brings a distribution to one machine. It is derived, so that a repeat after a crash, or after a
    /// lost answer, is known for one (RFC 9562, version 5).
    #[must_use]
    pub fn of_distribution(distribution: DistributionId, machine: MachineId) -> Self {
        Self(Uuid::new_v5(&distribution.0, machine.0.as_bytes()))
    }
}

/// The name space under which [`RecordId::of_setting`] derives ids (RFC 9562, version 5).
const SETTINGS: Uuid = Uuid::from_u128(0x6f1a_3b0e_58c7_5d2e_9a44_1c0d_7be2_90f3);

impl RecordId {
    /// The record of the catalogued setting `name`.
    #[must_use]
    pub fn of_setting(name: &str) -> Self {
        Self(Uuid::new_v5(&SETTINGS, name.as_bytes()))
    }

    /// A free entry made at `now`, from ten random bytes (RFC 9562, version 7: time-ordered, so that what is
    /// written together lies together).
    ///
    /// ```
    /// use sync_core::{id::RecordId, time::Timestamp};
    /// let early = RecordId::fresh(Timestamp(1_000), [7; 10]);
    /// assert!(early < RecordId::fresh(Timestamp(2_000), [0; 10]));
    /// ```
    #[must_use]
    pub fn fresh(now: crate::time::Timestamp, random: [u8; 10]) -> Self {
        Self(
            uuid::Builder::from_unix_timestamp_millis(u64::try_from(now.0).unwrap_or(0), &random).into_uuid(),
        )
    }
}

/// Names one change: who was writing, and the how-manyeth of theirs it is. Numbers rise within an incarnation; gaps
/// are legal. Written as a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "(Incarnation, u64)", into = "(Incarnation, u64)")]
pub struct ChangeId {
    /// Who was writing.
    pub incarnation: Incarnation,
    /// Rises within the incarnation, from 1.
    pub number: u64,
}

impl From<(Incarnation, u64)> for ChangeId {
    fn from((incarnation, number): (Incarnation, u64)) -> Self {
        Self { incarnation, number }
    }
}

impl From<ChangeId> for (Incarnation, u64) {
    fn from(id: ChangeId) -> Self {
        (id.incarnation, id.number)
    }
}

impl fmt::Display for ChangeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.incarnation, self.number)
    }
}

/// One life of a server's store: a whole-store restore begins another. The draw tells apart two restores of one
/// backup, which a counter alone would not. Written as a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "(u32, Uuid)", into = "(u32, Uuid)")]
pub struct Epoch {
    /// How many restores lie before it.
    pub restores: u32,
    /// Random.
    pub draw: Uuid,
}

impl From<(u32, Uuid)> for Epoch {
    fn from((restores, draw): (u32, Uuid)) -> Self {
        Self { restores, draw }
    }
}

impl From<Epoch> for (u32, Uuid) {
    fn from(epoch: Epoch) -> Self {
        (epoch.restores, epoch.draw)
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.restores, self.draw)
    }
}
