//! The messages between a machine and a server.
//!
//! They are written as MessagePack maps with short keys (`docs/protocol.md` has the table); a reader passes over keys
//! that it does not know. One [`SyncRequest`] carries what a machine has to say of several spaces; each is answered by
//! itself.

use crate::{
    change::Change,
    digest::Digest,
    id::{
        ChangeId, Epoch, Generation, Incarnation, MachineId, Opening, Position, RecordId, Sequence, ServerId,
    },
    profile::{self, PerLimit},
    record::{Record, Superseded},
    space::SpaceName,
    time::Timestamp,
};
use alloc::{string::String, vec::Vec};
use serde::{Deserialize, Serialize};

/// The media type of a message in MessagePack; its version changes when an older reader would misunderstand it.
pub const MEDIA_TYPE: &str = "application/vnd.fleet-sync.v1+msgpack";
/// The media type of the same structures in JSON.
pub const MEDIA_TYPE_JSON: &str = "application/json";

/// The position up to which a machine has polled, in the epoch in which it did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Polled {
    /// The epoch.
    #[serde(rename = "e")]
    pub epoch: Epoch,
    /// The position.
    #[serde(rename = "p")]
    pub position: Position,
}

/// What a whole-store restore was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RestoreMode {
    /// What came after the backup is set aside.
    Rollback,
    /// The disk was lost: what replicas have seen acknowledged since the backup comes back.
    Recover,
}

/// An epoch before the present one, as far as one space is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ancestor {
    /// The earlier epoch.
    #[serde(rename = "e")]
    pub epoch: Epoch,
    /// What the restore that ended it was for.
    #[serde(rename = "m")]
    pub mode: RestoreMode,
    /// The space's generation in the backup.
    #[serde(rename = "g")]
    pub generation: Generation,
    /// The space's head in the backup.
    #[serde(rename = "h")]
    pub head: Sequence,
}

/// One round trip of a machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncRequest {
    /// The opening of the replica that sends it; echoed.
    #[serde(rename = "o")]
    pub opening: Opening,
    /// The replica's present incarnation.
    #[serde(rename = "i")]
    pub incarnation: Incarnation,
    /// Where the last poll ended; `None` polls from the beginning.
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    pub polled: Option<Polled>,
    /// Who is logged in at the machine.
    #[serde(rename = "u", default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// Spaces of which a Start wants to know where they stand.
    #[serde(rename = "a", default, skip_serializing_if = "Vec::is_empty")]
    pub asks: Vec<SpaceName>,
    /// Pushes and pulls, a space each.
    #[serde(rename = "s", default, skip_serializing_if = "Vec::is_empty")]
    pub spaces: Vec<SpaceRequest>,
    /// About how many bytes of records an answer may carry for each space; the server may send less.
    #[serde(rename = "l", default)]
    pub limit: u32,
}

/// What a machine has to say of one space.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpaceRequest {
    /// The space.
    #[serde(rename = "n")]
    pub space: SpaceName,
    /// The epoch that the replica speaks of; `None` where it was never answered.
    #[serde(rename = "e", default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<Epoch>,
    /// The generation that the replica speaks of; `None` where it was never answered.
    #[serde(rename = "g", default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<Generation>,
    /// The epochs before, oldest first.
    #[serde(rename = "y", default, skip_serializing_if = "Vec::is_empty")]
    pub lineage: Vec<Ancestor>,
    /// A prefix of the space's outbox, in order.
    #[serde(rename = "c", default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
    /// The present incarnation and those in the outbox, each with the highest number that was ever answered for it (0
    /// where none was). The answer names the last number applied of each.
    #[serde(rename = "i", default, skip_serializing_if = "Vec::is_empty")]
    pub known: Vec<(Incarnation, u64)>,
    /// Where the next page begins.
    #[serde(rename = "p", default)]
    pub cursor: Sequence,
    /// Up to where the replica has the whole space.
    #[serde(rename = "s", default)]
    pub seen: Sequence,
    /// The incarnation of a Start whose changes have not been answered yet.
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    pub start: Option<Incarnation>,
    /// The horizon under which a download of the whole space is going on: what the replica holds and does not receive
    /// until its end is gone at the server.
    #[serde(rename = "w", default, skip_serializing_if = "Option::is_none")]
    pub whole: Option<Sequence>,
    /// Whether the outbox has more changes than this request: what the replica still needs remembered is then unknown.
    #[serde(rename = "r", default, skip_serializing_if = "is_false")]
    pub rest: bool,
    /// What the replica gives back after a recovery. Such a request carries no changes, and its answer settles none.
    #[serde(rename = "b", default, skip_serializing_if = "Option::is_none")]
    pub giveback: Option<Giveback>,
}

impl SpaceRequest {
    /// What a replica says that holds nothing of a space and was never answered for it.
    #[must_use]
    pub fn new(space: SpaceName) -> Self {
        Self {
            space,
            epoch: None,
            generation: None,
            lineage: Vec::new(),
            changes: Vec::new(),
            known: Vec::new(),
            cursor: 0,
            seen: 0,
            start: None,
            whole: None,
            rest: false,
            giveback: None,
        }
    }
}

/// What a replica has of an epoch that a recovery ended, beyond what the backup had; a part of it, if there is much.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Giveback {
    /// The epoch in which the replica read it.
    #[serde(rename = "e")]
    pub epoch: Epoch,
    /// The epochs before that one.
    #[serde(rename = "y", default, skip_serializing_if = "Vec::is_empty")]
    pub lineage: Vec<Ancestor>,
    /// Whether the space was deleted after the backup: the generation of the request is then above the server's, and the
    /// server deletes it once more.
    #[serde(rename = "a", default, skip_serializing_if = "is_false")]
    pub anew: bool,
    /// Records with something beyond the backup, whole, in the sequences of the old epoch.
    #[serde(rename = "r", default, skip_serializing_if = "Vec::is_empty")]
    pub records: Vec<(RecordId, Record)>,
    /// What was superseded beyond the backup.
    #[serde(rename = "s", default, skip_serializing_if = "Vec::is_empty")]
    pub superseded: Vec<Superseded>,
    /// Whether more is to follow.
    #[serde(rename = "m", default, skip_serializing_if = "is_false")]
    pub more: bool,
}

/// The answer to a [`SyncRequest`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncAnswer {
    /// Which server answers.
    #[serde(rename = "v")]
    pub server: ServerId,
    /// Echo.
    #[serde(rename = "o")]
    pub opening: Opening,
    /// The poll: the new position, and with it the spaces that moved.
    #[serde(rename = "p")]
    pub polled: Polled,
    /// The spaces that moved above the position asked from. A space may be named again; none is ever left out.
    #[serde(rename = "m", default, skip_serializing_if = "Vec::is_empty")]
    pub moved: Vec<Moved>,
    /// Where the spaces that a Start asked for stand.
    #[serde(rename = "a", default, skip_serializing_if = "Vec::is_empty")]
    pub told: Vec<Told>,
    /// The answers to the pushes and pulls, in their order.
    #[serde(rename = "s", default, skip_serializing_if = "Vec::is_empty")]
    pub spaces: Vec<SpaceReply>,
    /// Whether a distribution is due for the machine: it asks for its deliveries then.
    #[serde(rename = "d", default, skip_serializing_if = "is_false")]
    pub due: bool,
}

/// A machine wants to be told as soon as something of it has moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitRequest {
    /// Where its last poll ended.
    #[serde(rename = "p")]
    pub polled: Polled,
}

/// The answer to a [`WaitRequest`]. It says only that a round trip is worth it: what is new is told by that.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Waited {
    /// Whether something has moved; otherwise the server's patience was over, and the machine asks again.
    #[serde(rename = "n", default, skip_serializing_if = "is_false")]
    pub news: bool,
}

/// A space that moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// The space.
    #[serde(rename = "n")]
    pub space: SpaceName,
    /// Its generation and head; `None` where the machine is no longer a member.
    #[serde(rename = "h", default, skip_serializing_if = "Option::is_none")]
    pub at: Option<(Generation, Sequence)>,
}

/// Where a space stands, for a Start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// The space.
    #[serde(rename = "n")]
    pub space: SpaceName,
    /// `None` where the machine is not a member.
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    pub stands: Option<Standing>,
}

/// The epoch, generation and head of a space, and the epochs before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// The server's epoch.
    #[serde(rename = "e")]
    pub epoch: Epoch,
    /// The space's generation.
    #[serde(rename = "g")]
    pub generation: Generation,
    /// The space's head.
    #[serde(rename = "h")]
    pub head: Sequence,
    /// The epochs before, oldest first.
    #[serde(rename = "y", default, skip_serializing_if = "Vec::is_empty")]
    pub lineage: Vec<Ancestor>,
}

/// The answer for one space, with the echo by which a late answer is told from the awaited one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpaceReply {
    /// The space.
    #[serde(rename = "n")]
    pub space: SpaceName,
    /// The epoch that the request spoke of.
    #[serde(rename = "e", default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<Epoch>,
    /// The generation that the request spoke of.
    #[serde(rename = "g", default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<Generation>,
    /// The answer.
    #[serde(rename = "r")]
    pub reply: Reply,
}

/// What a server answers to what a machine says of one space.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// Applied, and here is what is new.
    #[serde(rename = "ok")]
    Ok(Page),
    /// The machine is not a member of the space.
    #[serde(rename = "forbidden")]
    Forbidden,
    /// The server alone writes the space, and the request carries changes: nothing was applied.
    #[serde(rename = "read_only")]
    ReadOnly,
    /// Another machine's procedure has the space until then: nothing was applied, the outbox waits.
    #[serde(rename = "reserved")]
    Reserved {
        /// Until when, unless it ends before.
        until: Timestamp,
    },
    /// A limit is reached: nothing was applied, the outbox waits.
    #[serde(rename = "limit")]
    Limit(Limit),
    /// The server's store was restored.
    #[serde(rename = "epoch")]
    Epoch {
        /// Where the space stands now.
        stands: Standing,
        /// Up to where both speak of the same changes.
        common: Sequence,
        /// The newest epoch that both know; `None` where there is none.
        shared: Option<Epoch>,
        /// Whether a restore between was a rollback.
        rollback: bool,
    },
    /// The space was deleted; it goes on in this generation.
    #[serde(rename = "gone")]
    Gone {
        /// The present generation.
        generation: Generation,
    },
    /// A Start found the space already taken by another.
    #[serde(rename = "occupied")]
    Occupied,
    /// A number of this incarnation came back with other content: the machine was copied or turned back.
    #[serde(rename = "fork")]
    Fork(Incarnation),
}

/// A limit of a machine that acts as server (rule 10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// Of what.
    pub of: Limited,
    /// The figure.
    pub most: u64,
}

/// What is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Limited {
    /// Machines of the fleet, the server included.
    Machines,
    /// Users with data at the server.
    Users,
    /// Groups with data at the server.
    Groups,
}

impl Limited {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Machines => "machines",
            Self::Users => "users",
            Self::Groups => "groups",
        }
    }
}

/// How many of each a server takes; `None` is no limit but its disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Machines.
    pub machines: Option<u64>,
    /// Users.
    pub users: Option<u64>,
    /// Groups.
    pub groups: Option<u64>,
}

impl Limits {
    /// The vendor's figures for a machine that acts as server (rule 10).
    pub const OF_A_MACHINE: Self = {
        let figures = PerLimit::of_a_machine();
        Self {
            machines: Some(figures.get(profile::Limit::Machines)),
            users: Some(figures.get(profile::Limit::Users)),
            groups: None,
        }
    };
}

/// The answer `ok`: all of it from one snapshot of the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// The server's epoch.
    #[serde(rename = "e")]
    pub epoch: Epoch,
    /// The space's generation.
    #[serde(rename = "g")]
    pub generation: Generation,
    /// The epochs before; only to a replica that named none.
    #[serde(rename = "y", default, skip_serializing_if = "Option::is_none")]
    pub lineage: Option<Vec<Ancestor>>,
    /// The cursor that was asked from.
    #[serde(rename = "f", default)]
    pub from: Sequence,
    /// The space's head.
    #[serde(rename = "h")]
    pub head: Sequence,
    /// The last number applied of each incarnation that was named.
    #[serde(rename = "l", default, skip_serializing_if = "Vec::is_empty")]
    pub last: Vec<(Incarnation, u64)>,
    /// Those of the ids named that were given back after a restore.
    #[serde(rename = "b", default, skip_serializing_if = "Vec::is_empty")]
    pub recovered: Vec<ChangeId>,
    /// The records of all changes of the request as they now are, repeats included; `None` where there is none.
    #[serde(rename = "r", default, skip_serializing_if = "Vec::is_empty")]
    pub records: Vec<(RecordId, Option<Record>)>,
    /// The records above the cursor, by rising sequence, without those in `records`.
    #[serde(rename = "p", default, skip_serializing_if = "Vec::is_empty")]
    pub page: Vec<(RecordId, Record)>,
    /// Whether more follow.
    #[serde(rename = "m", default, skip_serializing_if = "is_false")]
    pub more: bool,
    /// Where the next page begins.
    #[serde(rename = "t")]
    pub to: Sequence,
    /// What was superseded since the replica's `seen`; on the last page.
    #[serde(rename = "s", default, skip_serializing_if = "Vec::is_empty")]
    pub superseded: Vec<Superseded>,
    /// The horizon under which this page belongs to a download of the whole space. Where the cursor asked from was of
    /// another download, or below the horizon, this is the first page of a new one.
    #[serde(rename = "w", default, skip_serializing_if = "Option::is_none")]
    pub whole: Option<Sequence>,
    /// The space's horizon, where it is above 0: what the server has forgotten below it the replica forgets too, once it has
    /// everything.
    #[serde(rename = "z", default, skip_serializing_if = "is_zero")]
    pub horizon: Sequence,
    /// The digest of the space; on the last page.
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_false(flag: &bool) -> bool {
    !flag
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// How a machine asks to be enrolled. The machine draws its own id and token, and keeps both before it sends them, so
/// that asking again after a lost answer gives the same answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrollRequest {
    /// The one-time code that an administrator was given.
    pub code: String,
    /// The machine.
    pub machine: MachineId,
    /// Its bearer token from now on.
    pub token: String,
    /// What people call it.
    pub name: String,
}

/// What a machine learns at its enrolment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolled {
    /// The server's identity.
    pub server: ServerId,
    /// The realm.
    pub realm: String,
    /// What proves the administrator's token at the machine while the server is out of reach.
    pub administrator: TokenProof,
}

/// A salted hash of a token that has 256 random bits: SHA-256 over salt and token. Both as hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenProof {
    /// The salt.
    pub salt: String,
    /// SHA-256(salt, token).
    pub hash: String,
}

/// A person logs in at the machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginRequest {
    /// The user name.
    pub user: String,
}

/// The spaces that a machine is a member of because of a login, or for an administrator's act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// All of them, the person's own and their groups'.
    pub spaces: Vec<SpaceName>,
}

/// An administrator's act makes a machine a member of the spaces that it names, within its enrolment (rule 11).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinRequest {
    /// The spaces.
    pub spaces: Vec<SpaceName>,
}

/// Why something was refused, as `application/problem+json` (RFC 9457) carries it and as every program shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{title}: {detail}")]
pub struct Problem {
    /// Stable, in snake case.
    pub code: String,
    /// What was wrong.
    pub title: String,
    /// What to do next.
    pub detail: String,
    /// The HTTP status.
    pub status: u16,
}
