//! What a server keeps, what a commit loads of it, and what it writes.

use super::{Answer, DistributionNeeds, DistributionWrites, Distributions, Scope, SecretHash};
use crate::{
    canonical,
    change::Change,
    digest::Digest,
    id::{ChangeId, Epoch, Generation, Incarnation, MachineId, Position, ProcedureId, RecordId, Sequence},
    protocol::{Ancestor, Reply, RestoreMode},
    record::{FieldName, Record, Superseded},
    snapshot::Snapshot,
    space::SpaceName,
    time::Timestamp,
    value::Value,
};
use alloc::{
    collections::{BTreeMap, BTreeSet},
    string::String,
    vec::Vec,
};
use serde::{Deserialize, Serialize};

/// What a store keeps once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreHead {
    /// The present epoch.
    pub epoch: Epoch,
    /// The epochs before, oldest first, each with the restore that ended it and the heads in its backup.
    pub lineage: Vec<PastEpoch>,
    /// The position of the last commit.
    pub position: Position,
}

/// An epoch that a restore ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastEpoch {
    /// The epoch.
    pub epoch: Epoch,
    /// What the restore was for.
    pub mode: RestoreMode,
    /// Where the spaces stood in the backup.
    pub heads: BTreeMap<SpaceName, (Generation, Sequence)>,
}

impl StoreHead {
    /// The lineage as far as `space` is concerned.
    #[must_use]
    pub fn lineage_of(&self, space: &SpaceName) -> Vec<Ancestor> {
        self.lineage
            .iter()
            .map(|past| {
                let (generation, head) = past.heads.get(space).copied().unwrap_or((1, 0));
                Ancestor { epoch: past.epoch, mode: past.mode, generation, head }
            })
            .collect()
    }
}

/// What a server keeps once per space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpaceHead {
    /// The present generation.
    pub generation: Generation,
    /// The sequence of the last change.
    pub head: Sequence,
    /// Below it, tombstones and unset fields may have been forgotten.
    pub horizon: Sequence,
    /// The position of its last commit.
    pub position: Position,
    /// The digest of its records.
    pub digest: Digest,
}

impl Default for SpaceHead {
    fn default() -> Self {
        Self { generation: 1, head: 0, horizon: 0, position: 0, digest: Digest::default() }
    }
}

impl SpaceHead {
    /// Whether the space has had data in this generation: it exists from its first accepted change.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.head > 0
    }
}

/// The last change of one incarnation that was applied in a space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Last {
    /// Its number.
    pub number: u64,
    /// Its content hash.
    pub hash: [u8; 32],
    /// The sequence it took.
    pub sequence: Sequence,
}

/// What was given back after a recovery, by the change that had written it: a field of it, or (`None`) its deletion. The
/// content is a hash of what was written ([`written_hash`]): the author's repeat of the change is told by it from another
/// change that a machine, turned back meanwhile, made under the same id.
pub type Recovered = BTreeMap<(ChangeId, Option<FieldName>), u64>;

/// The first eight bytes of SHA-256 over the canonical encoding of record, field (nil for a deletion) and value (nil for
/// UNSET and for a deletion).
#[must_use]
pub fn written_hash(record: RecordId, field: Option<&str>, value: Option<&Value>) -> u64 {
    let mut encoder = canonical::Encoder::default();
    encoder.array(3);
    encoder.bytes(record.0.as_bytes());
    match field {
        Some(field) => encoder.text(field),
        None => encoder.nil(),
    }
    encoder.option(value);
    encoder.sha256().iter().take(8).fold(0, |hash, byte| hash << 8 | u64::from(*byte))
}

/// A space that waits for one machine's procedure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    /// For whom.
    pub machine: MachineId,
    /// For which procedure.
    pub procedure: ProcedureId,
    /// Until when.
    pub until: Timestamp,
}

/// Whether a machine is a member of a space, and since which position that is so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// Whether it is.
    pub present: bool,
    /// The position of the commit that made it so.
    pub position: Position,
    /// What it still needs remembered, as far as it has told.
    pub floor: Floor,
}

/// Up to where a machine has a space, and up to where its pending changes have read it: below the smaller of both nothing
/// need be remembered for it. It is told in every request; a store may keep it a little late, since a lower one does no
/// harm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Floor {
    /// The generation of which it speaks; 0 before the first request.
    pub generation: Generation,
    /// The sequence.
    pub sequence: Sequence,
}

/// A machine that was enrolled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// What people call it.
    pub name: String,
    /// The hash of its token.
    pub token: SecretHash,
    /// What it may touch.
    pub scope: Scope,
    /// When it was enrolled.
    pub enrolled: Timestamp,
}

/// A one-time code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code {
    /// Its hash.
    pub hash: SecretHash,
    /// What the machine that uses it may touch.
    pub scope: Scope,
    /// Until when it can be used.
    pub expires: Timestamp,
    /// The machine that used it.
    pub used_by: Option<MachineId>,
}

/// Somebody logged in at a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// Where.
    pub machine: MachineId,
    /// Who.
    pub user: String,
    /// When.
    pub time: Timestamp,
}

/// The result of one step of a procedure, kept in the step's own transaction so that a repeat gives the same result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepResult {
    /// The procedure.
    pub procedure: ProcedureId,
    /// The step's name.
    pub step: String,
    /// Its result, as the step wrote it (JSON).
    pub result: String,
}

/// Changes that were accepted together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryBatch {
    /// The generation of the space.
    pub generation: Generation,
    /// The sequence of the first; the others follow without a gap.
    pub first: Sequence,
    /// The machine that brought them; `None` for an administrator's act at the server.
    pub machine: Option<MachineId>,
    /// When they arrived.
    pub time: Timestamp,
    /// Where they were given back after a recovery: the epoch in which they had been accepted. They are told as far as the
    /// record that came back tells them: without context and author.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_back: Option<Epoch>,
    /// The changes.
    pub changes: Vec<Change>,
}

/// What a store must load for a commit. The [`StoreHead`] and the counts are always loaded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    /// Per space.
    pub spaces: BTreeMap<SpaceName, SpaceNeeds>,
    /// Machines by id.
    pub machines: BTreeSet<MachineId>,
    /// Machines by the hash of their token.
    pub tokens: BTreeSet<SecretHash>,
    /// Codes by hash.
    pub codes: BTreeSet<SecretHash>,
    /// Steps of procedures.
    pub steps: BTreeSet<(ProcedureId, String)>,
    /// Procedures whose reservations are needed, whichever spaces they hold.
    pub reservations_of: BTreeSet<ProcedureId>,
    /// Of distributions.
    pub distributions: DistributionNeeds,
}

/// What must be loaded of one space.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SpaceNeeds {
    /// These records.
    pub records: BTreeSet<RecordId>,
    /// All records and everything superseded.
    pub whole: bool,
    /// The last numbers of these incarnations.
    pub incarnations: BTreeSet<Incarnation>,
    /// What of these changes was given back.
    pub recovered: BTreeSet<ChangeId>,
    /// What of these changes was superseded.
    pub superseded: BTreeSet<ChangeId>,
    /// Whether these machines are members.
    pub members: BTreeSet<MachineId>,
}

/// What was loaded. A merge works on it in place and notes what it touched.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// What the store keeps once.
    pub store: StoreHead,
    /// How many machines are enrolled.
    pub machines_enrolled: u64,
    /// How many users have data.
    pub users: u64,
    /// How many groups have data.
    pub groups: u64,
    /// The spaces that were asked for; every one, also those of which the store holds nothing.
    pub spaces: BTreeMap<SpaceName, LoadedSpace>,
    /// The machines that were found.
    pub machines: BTreeMap<MachineId, Machine>,
    /// Whose the tokens are that were found.
    pub tokens: BTreeMap<SecretHash, MachineId>,
    /// The codes that were found.
    pub codes: BTreeMap<SecretHash, Code>,
    /// The steps that were found.
    pub steps: BTreeMap<(ProcedureId, String), StepResult>,
    /// The distributions that were found.
    pub distributions: Distributions,
    /// What is to be written so far.
    pub writes: Writes,
}

impl Loaded {
    /// A commit over a store whose head is `store`, with nothing else loaded yet.
    #[must_use]
    pub fn new(store: StoreHead) -> Self {
        Self {
            store,
            machines_enrolled: 0,
            users: 0,
            groups: 0,
            spaces: BTreeMap::new(),
            machines: BTreeMap::new(),
            tokens: BTreeMap::new(),
            codes: BTreeMap::new(),
            steps: BTreeMap::new(),
            distributions: Distributions::default(),
            writes: Writes::default(),
        }
    }

    /// The position of this request's writes: one above the last.
    pub(super) fn next_position(&mut self) -> Position {
        self.store.position += 1;
        self.writes.position = Some(self.store.position);
        self.store.position
    }

    pub(super) fn into_writes(mut self) -> Writes {
        for (name, space) in self.spaces {
            let LoadedSpace {
                head, mut records, mut last, mut members, recovered, reservation, touched, ..
            } = space;
            if touched == Touched::default() {
                continue;
            }
            let take_records =
                touched.records.iter().filter_map(|id| records.remove(id)?.map(|record| (*id, record)));
            let take_last = touched.last.iter().filter_map(|i| Some((*i, last.remove(i)?)));
            let writes = SpaceWrites {
                clear: touched.cleared,
                head: touched.head.then_some(head),
                records: take_records.collect(),
                last: take_last.collect(),
                superseded: touched.superseded,
                recovered: recovered.into_iter().filter(|(of, _)| touched.recovered.contains(of)).collect(),
                history: touched.history,
                floors: touched.floors.iter().filter_map(|m| Some((*m, members.get(m)?.floor))).collect(),
                members: touched.members.iter().filter_map(|m| Some((*m, members.remove(m)?))).collect(),
                reservation: touched.reservation.then_some(reservation),
                prune: touched.pruned.then_some(head.horizon),
            };
            self.writes.spaces.insert(name, writes);
        }
        self.writes
    }
}

/// What was loaded of one space.
#[derive(Debug, Clone, Default)]
pub struct LoadedSpace {
    /// Whether the store holds anything of it, be it a membership or a reservation alone.
    pub stored: bool,
    /// Its head; the default for a space of which the store holds nothing.
    pub head: SpaceHead,
    /// The records that were asked for; `None` where there is none. All of them where the whole was asked for.
    pub records: BTreeMap<RecordId, Option<Record>>,
    /// What of the changes asked for was superseded; everything, where the whole was asked for.
    pub superseded: Vec<Superseded>,
    /// What of the changes asked for was given back.
    pub recovered: Recovered,
    /// The last numbers that were found.
    pub last: BTreeMap<Incarnation, Last>,
    /// The memberships that were found, also ended ones.
    pub members: BTreeMap<MachineId, Member>,
    /// The reservation, also one whose time has passed.
    pub reservation: Option<Reservation>,
    /// What of it a merge has touched.
    pub(super) touched: Touched,
}

/// What of a space is to be written.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Touched {
    pub(super) cleared: bool,
    pub(super) head: bool,
    pub(super) records: BTreeSet<RecordId>,
    pub(super) last: BTreeSet<Incarnation>,
    pub(super) superseded: Vec<Superseded>,
    pub(super) recovered: BTreeSet<(ChangeId, Option<FieldName>)>,
    pub(super) history: Vec<HistoryBatch>,
    pub(super) members: BTreeSet<MachineId>,
    pub(super) floors: BTreeSet<MachineId>,
    pub(super) reservation: bool,
    pub(super) pruned: bool,
}

/// What a commit writes, all of it or nothing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Writes {
    /// The store's new position; `None` where nothing moved.
    pub position: Option<Position>,
    /// Per space.
    pub spaces: BTreeMap<SpaceName, SpaceWrites>,
    /// Machines whose enrolment was withdrawn. They go before others are written.
    pub removed_machines: BTreeSet<MachineId>,
    /// Machines, new or changed.
    pub machines: BTreeMap<MachineId, Machine>,
    /// Codes, new or changed.
    pub codes: BTreeMap<SecretHash, Code>,
    /// Logins.
    pub logins: Vec<Login>,
    /// Steps of procedures.
    pub steps: Vec<StepResult>,
    /// Snapshots.
    pub snapshots: Vec<Snapshot>,
    /// Distributions.
    pub distributions: DistributionWrites,
}

impl Writes {
    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Takes out what members still need, where there is nothing else to write: it can wait for the next commit.
    #[must_use]
    pub fn take_floors(&mut self) -> Option<BTreeMap<SpaceName, BTreeMap<MachineId, Floor>>> {
        let only = |space: &SpaceWrites| {
            SpaceWrites { floors: space.floors.clone(), ..SpaceWrites::default() } == *space
        };
        if !self.spaces.values().all(only) {
            return None;
        }
        let spaces = core::mem::take(&mut self.spaces);
        if self.is_empty() {
            return Some(spaces.into_iter().map(|(name, space)| (name, space.floors)).collect());
        }
        self.spaces = spaces;
        None
    }
}

/// What a commit writes of one space.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SpaceWrites {
    /// Forget its records, last numbers, superseded values and what was given back first: it goes on in another generation.
    /// The history stays.
    pub clear: bool,
    /// The head.
    pub head: Option<SpaceHead>,
    /// Records, new or changed.
    pub records: BTreeMap<RecordId, Record>,
    /// Last numbers, new or changed.
    pub last: BTreeMap<Incarnation, Last>,
    /// To add.
    pub superseded: Vec<Superseded>,
    /// To add.
    pub recovered: Recovered,
    /// To add.
    pub history: Vec<HistoryBatch>,
    /// Memberships, new or changed.
    pub members: BTreeMap<MachineId, Member>,
    /// What members still need, where that changed. These alone are no reason for a durable commit.
    pub floors: BTreeMap<MachineId, Floor>,
    /// The reservation, where it changed: `Some(None)` lifts it.
    pub reservation: Option<Option<Reservation>>,
    /// Forget what is not needed above this horizon: of each record what [`pruned`] leaves, and the last numbers that were
    /// taken up to there.
    pub prune: Option<Sequence>,
}

/// What is left of a record below a horizon: nothing of one that is dead and was touched last up to there; else no field that
/// was unset up to there. `None`: it goes.
#[must_use]
pub fn pruned(mut record: Record, horizon: Sequence) -> Option<Record> {
    if record.dead.is_some() && record.sequence <= horizon {
        return None;
    }
    record.fields.retain(|_, entry| entry.value.is_some() || entry.sequence > horizon);
    Some(record)
}

/// The page that a draft still needs, read in the same transaction after the writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageQuery {
    /// The space.
    pub space: SpaceName,
    /// Records with a sequence above it, by rising sequence.
    pub after: Sequence,
    /// Everything superseded with a sequence above it; needed only where no more records follow.
    pub superseded_after: Sequence,
    /// Stop behind the record with which this many bytes of encoded records are reached; at least one is read.
    pub limit: u32,
}

/// What was read for a [`PageQuery`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PageRead {
    /// The records, by rising sequence.
    pub records: Vec<(RecordId, Record)>,
    /// Whether more follow.
    pub more: bool,
    /// What was superseded; may be empty where more follow.
    pub superseded: Vec<Superseded>,
}

/// An answer that may still need a page.
#[derive(Debug, Clone, PartialEq)]
pub enum Draft {
    /// Complete.
    Ready(Answer),
    /// `ok`, but for its page.
    Paged {
        /// What to read.
        query: PageQuery,
        /// The answer so far.
        answer: crate::protocol::SpaceReply,
    },
}

impl Draft {
    /// The page that is needed.
    #[must_use]
    pub fn query(&self) -> Option<&PageQuery> {
        match self {
            Self::Ready(_) => None,
            Self::Paged { query, .. } => Some(query),
        }
    }

    /// Completes the answer with the page that was read.
    #[must_use]
    pub fn finish(self, read: Option<PageRead>) -> Answer {
        match self {
            Self::Ready(answer) => answer,
            Self::Paged { mut answer, .. } => {
                if let (Reply::Ok(page), Some(read)) = (&mut answer.reply, read) {
                    page.more = read.more;
                    page.to = match read.records.last() {
                        Some((_, record)) if read.more => record.sequence,
                        _ => page.head,
                    };
                    let pushed: BTreeSet<RecordId> = page.records.iter().map(|(id, _)| *id).collect();
                    page.page = read.records.into_iter().filter(|(id, _)| !pushed.contains(id)).collect();
                    // Only the last page moves the replica's `seen`, so only then they are owed.
                    page.superseded = if read.more { Vec::new() } else { read.superseded };
                    page.digest = page.digest.filter(|_| !read.more);
                }
                Answer::Space(answer)
            }
        }
    }
}
