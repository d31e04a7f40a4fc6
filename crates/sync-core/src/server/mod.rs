//! The server's side, pure: what a store must load for a group of requests, what it must then write, what it answers.
//!
//! A store has one way to write, `commit(requests) -> answers`, in which it
//! 1. asks [`needs`] what to load;
//! 2. loads it, in one transaction;
//! 3. lets [`merge`] decide: writes, and drafts of the answers; later requests of the group see the writes of earlier
//!    ones;
//! 4. writes, and reads the pages that the drafts ask for;
//! 5. lets [`Draft::finish`] complete the answers;
//! 6. commits, and only then lets the answers go.
//!
//! Administrative acts are requests too. Every kind of store shares every rule that way.

mod admin;
mod distribution;
mod giveback;
mod heads;
#[cfg(feature = "memory")]
pub mod memory;
mod procedure;
mod session;
mod space;
mod state;

pub(crate) use admin::changes_to_bring_back;
pub use admin::outside_scope;
pub use distribution::{Act, DistributionNeeds, DistributionWrites, Distributions};
pub use heads::{Heads, MachineHead};
pub use procedure::{BEGUN, DELETE_STEP, ENDED, SpaceToUndo, UNDO_STEP, deleted_of};
pub use session::{Action, Event, MAX_SPACES, Session};
pub use state::{
    Code, Draft, Floor, HistoryBatch, Last, Loaded, LoadedSpace, Login, Machine, Member, Needs, PageQuery,
    PageRead, PastEpoch, Recovered, Reservation, SpaceHead, SpaceNeeds, SpaceWrites, StepResult, StoreHead,
    Writes, pruned, written_hash,
};

use crate::{
    change::Author,
    distribution::Order,
    id::{Generation, Incarnation, MachineId, ProcedureId, RecordId, Sequence, SnapshotId},
    item::Item,
    procedure::undo::SpaceUndone,
    protocol::{Limits, SpaceReply, SpaceRequest},
    record::FieldName,
    space::SpaceName,
    time::Timestamp,
    value::Value,
};
use alloc::{collections::BTreeMap, string::String, vec::Vec};
use serde::{Deserialize, Serialize};

/// The SHA-256 of a secret (a token or a code). Secrets themselves are never stored.
pub type SecretHash = [u8; 32];

/// What a machine may touch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// Every space of the realm.
    All,
    /// Those of these groups, and the personal spaces of their members.
    Groups(Vec<String>),
}

/// One thing to do, in one commit with others. Each carries the moment at which it was received.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// A machine pushes and pulls one space.
    Sync {
        /// Who asks.
        machine: MachineId,
        /// Its present incarnation.
        incarnation: Incarnation,
        /// Who is logged in there.
        person: Option<String>,
        /// About how many bytes of records the page may have.
        limit: u32,
        /// What it says.
        request: SpaceRequest,
        /// When.
        now: Timestamp,
    },
    /// An administrator makes a one-time code for a machine to enrol with.
    MakeCode(Code),
    /// A machine enrols with a code. Repeating it with the same machine and token gives the same answer.
    Enroll {
        /// The hash of the code.
        code: SecretHash,
        /// The machine, as it drew itself.
        machine: MachineId,
        /// The hash of its token.
        token: SecretHash,
        /// What people call it.
        name: String,
        /// When.
        now: Timestamp,
    },
    /// The spaces that a machine is a member of from now on, and whose login made it so.
    Membership {
        /// The machine.
        machine: MachineId,
        /// The person who just logged in.
        login: Option<String>,
        /// Spaces to join.
        join: Vec<SpaceName>,
        /// Spaces to leave.
        leave: Vec<SpaceName>,
        /// When.
        now: Timestamp,
    },
    /// An administrator withdraws a machine's enrolment: its token no longer works, and its place is free.
    RemoveMachine {
        /// Which.
        machine: MachineId,
        /// The spaces of which it is a member.
        leave: Vec<SpaceName>,
    },
    /// An administrator deletes spaces. Each is kept as a snapshot and goes on, empty, in its next generation.
    Delete {
        /// The spaces, with the name for the snapshot of each.
        spaces: Vec<(SpaceName, SnapshotId)>,
        /// Whose act.
        by: String,
        /// The procedure whose step this is, and the machine for which the spaces are reserved, until when.
        procedure: Option<(ProcedureId, MachineId, Timestamp)>,
        /// When.
        now: Timestamp,
    },
    /// The end of a procedure: its reservations are lifted, and no step of it is done after this.
    CancelProcedure {
        /// Which.
        procedure: ProcedureId,
        /// The machine that asks, which has to be the one that began it; `None` for an administrator at the server, who
        /// may end anybody's.
        machine: Option<MachineId>,
    },
    /// A procedure is taken back: what its deletion kept comes back as new changes, and what its import brought goes,
    /// unless somebody has written there since. No step of it is done after this.
    UndoProcedure {
        /// Which.
        procedure: ProcedureId,
        /// The machine that asks, which has to be the one that began it.
        machine: MachineId,
        /// The spaces that were deleted, with what was kept of them.
        spaces: Vec<SpaceToUndo>,
        /// Whether it is only counted, and nothing written.
        plan: bool,
        /// Who, when.
        author: Author,
    },
    /// The evidence of a procedure's step that writes nothing else (the backup).
    KeepStep {
        /// The procedure, its step and the step's result.
        step: StepResult,
    },
    /// What no member needs any more and is old enough is forgotten: deletions, unset fields, last numbers.
    Prune {
        /// The space.
        space: SpaceName,
        /// The sequence up to which everything is old enough, and in every backup that may still be recovered.
        old: Sequence,
        /// The machines that are its members.
        members: Vec<MachineId>,
    },
    /// An administrator writes records at the server, as new changes over what stands.
    Write {
        /// The space.
        space: SpaceName,
        /// The fields that the records shall have, set.
        records: Vec<(RecordId, BTreeMap<FieldName, Value>)>,
        /// A fresh incarnation for the changes.
        incarnation: Incarnation,
        /// Who, when.
        author: Author,
    },
    /// An administrator brings records back, as new changes over what stands.
    BringBack {
        /// The space.
        space: SpaceName,
        /// The records as they shall be again: the fields that were set.
        records: Vec<(RecordId, BTreeMap<FieldName, Value>)>,
        /// A fresh incarnation for the changes.
        incarnation: Incarnation,
        /// The name for the snapshot of what stands now.
        snapshot: SnapshotId,
        /// Who, when.
        author: Author,
    },
    /// Something is done to a distribution.
    Distribution(Act),
}

/// The answer to a [`Request`].
#[derive(Debug, Clone, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "nearly all answers are of the large kind")]
pub enum Answer {
    /// To a Sync.
    Space(SpaceReply),
    /// Done, or done before.
    Done,
    /// To an Enroll: what the machine may touch.
    Enrolled(Scope),
    /// To a Delete: what was deleted, with the number of live records and the snapshot (none where there was nothing).
    Deleted(Vec<Deleted>),
    /// To a BringBack, or a Write: how many changes were made.
    BroughtBack {
        /// The changes.
        changes: u64,
        /// The snapshot of what stood before; none of a Write, which is in the history.
        snapshot: Option<SnapshotId>,
    },
    /// To a CancelProcedure: what the procedure's deletion did; `None` where it never came, and never will.
    Cancelled(Option<Vec<Deleted>>),
    /// To an UndoProcedure: space by space.
    Undone(Vec<SpaceUndone>),
    /// To a Prune: the horizon from then on.
    Pruned(Sequence),
    /// To a KeepStep: the result that stands, which is an earlier one where the step was done before.
    Step(StepResult),
    /// To an [`Act`] of one distribution: the order as it now stands.
    Distribution(Order),
    /// Refused; nothing was changed.
    Refused(Refusal),
}

/// One space that was deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deleted {
    /// The space.
    pub space: SpaceName,
    /// How many live records it had.
    pub records: u64,
    /// What was kept; `None` where there was nothing to keep.
    pub snapshot: Option<SnapshotId>,
    /// The generation in which it goes on, empty.
    pub generation: Generation,
    /// Until when it is reserved for the machine of a procedure.
    #[serde(default)]
    pub reserved_until: Option<Timestamp>,
}

/// Why a request was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No code has this hash.
    #[error("the enrolment code is not known: ask an administrator for a new one")]
    UnknownCode,
    /// Another machine enrolled with it.
    #[error("the enrolment code was used by another machine: ask an administrator for a new one")]
    UsedCode,
    /// Its time is over.
    #[error("the enrolment code has expired: ask an administrator for a new one")]
    ExpiredCode,
    /// The machine id is taken by a machine with another token.
    #[error("a machine with this id is enrolled with another token: let the machine draw a new id")]
    MachineTaken,
    /// The token is another machine's.
    #[error("another machine is enrolled with this token: let the machine draw its own")]
    TokenTaken,
    /// No such machine.
    #[error("the machine is not enrolled: enrol it first")]
    UnknownMachine,
    /// The space is outside of what the machine was enrolled for.
    #[error("the machine's enrolment does not cover {0}: enrol it for that group")]
    OutsideEnrolment(SpaceName),
    /// A limit of rule 10.
    #[error("the limit of {} {} is reached: remove some, or raise the limit", .0.most, .0.of.as_str())]
    Limit(crate::protocol::Limit),
    /// The space is reserved for another procedure.
    #[error("{0} is reserved for another procedure: let it end, or cancel it")]
    Reserved(SpaceName),
    /// No such distribution, or none for this machine.
    #[error("there is no such distribution for it: list the distributions to see their ids")]
    UnknownDistribution,
    /// The item is never distributed.
    #[error("{} is never distributed: name other items", .0.title())]
    NotDistributable(Item),
    /// No machine is named, and none is enrolled.
    #[error("there is no machine to distribute to: enrol one first")]
    NoMachine,
    /// Too many distributions are not over.
    #[error("{0} distributions are not over: let one end, or cancel it")]
    TooManyDistributions(u64),
    /// Another machine began the procedure.
    #[error("another machine began this procedure: go on with it there, or end it at the server")]
    AnotherMachines,
    /// The procedure was cancelled, finished or undone before the step arrived.
    #[error("the procedure was ended before this step arrived: begin another one")]
    Ended,
    /// The space was deleted again after the procedure, and that was not undone.
    #[error(
        "{0} was deleted again after this procedure: undo the procedure that did it first, or bring back what that deletion \
         kept, or single entries, by their snapshots"
    )]
    Overtaken(SpaceName),
}

impl Refusal {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownCode => "unknown_code",
            Self::UsedCode => "used_code",
            Self::ExpiredCode => "expired_code",
            Self::MachineTaken => "machine_taken",
            Self::TokenTaken => "token_taken",
            Self::UnknownMachine => "unknown_machine",
            Self::OutsideEnrolment(_) => "outside_enrolment",
            Self::Limit(_) => "limit",
            Self::Reserved(_) => "reserved",
            Self::UnknownDistribution => "unknown_distribution",
            Self::NotDistributable(_) => "not_distributable",
            Self::NoMachine => "no_machine",
            Self::TooManyDistributions(_) => "too_many_distributions",
            Self::AnotherMachines => "another_machines_procedure",
            Self::Ended => "procedure_ended",
            Self::Overtaken(_) => "procedure_overtaken",
        }
    }
}

/// What a store must load for these requests.
#[must_use]
pub fn needs(requests: &[Request]) -> Needs {
    let mut needs = Needs::default();
    for request in requests {
        match request {
            Request::Sync { machine, incarnation, request, .. } => {
                space::needs(&mut needs, *machine, *incarnation, request);
            }
            other => admin::needs(&mut needs, other),
        }
    }
    needs
}

/// Decides the requests, in order, over what was loaded: what to write, and the answers as far as they stand without
/// reading pages.
#[must_use]
pub fn merge(mut loaded: Loaded, requests: Vec<Request>, limits: &Limits) -> (Writes, Vec<Draft>) {
    let drafts = requests
        .into_iter()
        .map(|request| match request {
            Request::Sync { machine, incarnation, person, limit, request, now } => {
                let asked = space::Asked { machine, incarnation, person, limit, now };
                space::sync(&mut loaded, asked, request, limits)
            }
            other => Draft::Ready(admin::act(&mut loaded, other, limits)),
        })
        .collect();
    (loaded.into_writes(), drafts)
}
