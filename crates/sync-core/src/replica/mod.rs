//! The machine's side, pure: the mirror of [`crate::server`].
//!
//! A replica is a machine's durable copy of the spaces it uses, with the changes that wait to be sent. What a person
//! sees is [`view`]: the same [`apply`] that the server runs, over the copy with the outbox on top. A person's edit
//! becomes a change by [`edit`]; [`request`] says what to send, [`absorb`] what to make of the answer, [`start()`] how a
//! stopped machine begins again.
//!
//! Nothing here draws an incarnation: where one may be needed, a fresh one (16 random bytes) is passed in, and the
//! result says whether it was used.

mod absorb;
mod fork;
#[cfg(feature = "memory")]
pub mod memory;
mod recover;
mod session;
mod start;

pub use absorb::{Absorbed, GaveBack, Sent, Sweep, Taken, Touched, Wait, absorb};
pub use fork::rename;
pub use recover::{Owed, give_back, provisional, recontext, told};
pub use session::{Action, Actions, Event, Outcome, Pace, Session, back_off};
pub use start::{Started, start};

use crate::{
    change::{Author, Change, Context, Operation},
    digest::Digest,
    id::{ChangeId, Epoch, Generation, Incarnation, RecordId, Sequence, VIEW_SEQUENCE, is_provisional},
    merge::{Applied, apply},
    protocol::{Ancestor, Giveback, Polled, SpaceRequest},
    record::{FieldName, Record},
    server::changes_to_bring_back,
    space::SpaceName,
    value::Value,
};
use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use serde::{Deserialize, Serialize};

/// What a replica keeps once per space.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpaceHead {
    /// The epoch that it speaks of; `None` where it was never answered.
    pub epoch: Option<Epoch>,
    /// The generation that it speaks of; `None` where it was never answered.
    pub generation: Option<Generation>,
    /// The epochs before, oldest first.
    pub lineage: Vec<Ancestor>,
    /// Where the next page begins.
    pub cursor: Sequence,
    /// Up to where it has the whole space. In a local space, the sequence of its last change.
    pub seen: Sequence,
    /// The highest number ever answered for each incarnation that the last answer named.
    pub known: BTreeMap<Incarnation, u64>,
    /// The incarnation of a Start whose changes have not been answered yet.
    pub start: Option<Incarnation>,
    /// Whether the space is stopped: it neither sends nor takes until the next Start.
    pub stopped: bool,
    /// Whether it still has to be pulled from the beginning, without waiting for a poll to name it.
    pub unpulled: bool,
    /// The horizon under which a download of the whole space is going on.
    #[serde(default)]
    pub whole: Option<Sequence>,
    /// What has to be given back first: the server was recovered from a backup that lacks some of the copy.
    #[serde(default)]
    pub owed: Option<Owed>,
    /// Below it the copy has forgotten what the server has.
    #[serde(default)]
    pub horizon: Sequence,
    /// The digest of the copy.
    #[serde(default)]
    pub digest: Digest,
    /// The highest head that was answered: nothing in the copy is above it.
    #[serde(default)]
    pub told: Sequence,
    /// How often in a row the digests differed.
    #[serde(default)]
    pub downloads: u8,
}

impl SpaceHead {
    /// A space that the machine has just become a member of.
    #[must_use]
    pub fn new(stopped: bool) -> Self {
        Self {
            epoch: None,
            generation: None,
            lineage: Vec::new(),
            cursor: 0,
            seen: 0,
            known: BTreeMap::new(),
            start: None,
            stopped,
            unpulled: true,
            whole: None,
            owed: None,
            horizon: 0,
            digest: Digest::default(),
            told: 0,
            downloads: 0,
        }
    }

    /// The highest number that was answered for an incarnation; 0 where none was.
    #[must_use]
    pub fn known_of(&self, incarnation: Incarnation) -> u64 {
        self.known.get(&incarnation).copied().unwrap_or(0)
    }

    /// As it is after copy and outbox were set aside.
    #[must_use]
    pub fn emptied(&self) -> Self {
        Self {
            epoch: self.epoch,
            generation: self.generation,
            lineage: self.lineage.clone(),
            ..Self::new(self.stopped)
        }
    }

    /// Whether there is something to say to the server. `wanted` is what the last poll said of the space.
    #[must_use]
    pub fn has_to_do(&self, outbox_is_empty: bool, wanted: Option<&Wanted>) -> bool {
        let behind = |wanted: &Wanted| {
            self.epoch != Some(wanted.epoch)
                || self.generation.is_none_or(|generation| wanted.generation > generation)
                || (self.generation == Some(wanted.generation) && self.seen < wanted.head)
        };
        !self.stopped
            && (!outbox_is_empty
                || self.start.is_some()
                || self.unpulled
                || self.owed.is_some()
                || self.whole.is_some()
                || wanted.is_some_and(behind))
    }
}

/// What the last poll said of a space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// The epoch of the poll.
    pub epoch: Epoch,
    /// The space's generation.
    pub generation: Generation,
    /// The space's head.
    pub head: Sequence,
}

/// Whether what a poll says is to be taken: only where the question that it answers went on from where the last poll that
/// was taken ended. One that was overtaken says nothing that the next does not say again, and what it says may be older
/// than what is known.
#[must_use]
pub fn goes_on(asked: Option<Polled>, stands: Option<Polled>) -> bool {
    asked == stands
}

/// What a person sees of a record, and edits: the copy with the outbox's changes to it on top, in order. Not the own
/// pending values laid over it: that would hide what others wrote from the person who then overwrites it.
#[must_use]
pub fn view(copy: Option<Record>, pending: &[Change]) -> Option<Record> {
    pending.iter().fold(copy, |record, change| apply(record, change, VIEW_SEQUENCE, 0).record)
}

/// The context of a change that is born now: what its author has read of the record.
#[must_use]
pub fn context(head: &SpaceHead, copy: Option<&Record>, pending: &[Change]) -> Context {
    let mut own: BTreeMap<Incarnation, u64> = BTreeMap::new();
    for change in pending {
        let highest = own.entry(change.id.incarnation).or_insert(0);
        *highest = change.id.number.max(*highest);
    }
    let mut seen = head.seen;
    if let Some(copy) = copy {
        if is_provisional(copy.sequence) {
            // The server does not count what it has not been given back yet: it is named by its writers.
            for (sequence, id) in recover::written(copy) {
                if is_provisional(sequence) {
                    let highest = own.entry(id.incarnation).or_insert(0);
                    *highest = id.number.max(*highest);
                } else {
                    seen = seen.max(sequence);
                }
            }
        } else {
            seen = seen.max(copy.sequence);
        }
    }
    Context { seen, own }
}

/// A person's edit becomes a change. `pending` are the outbox's changes to this record.
#[must_use]
pub fn edit(
    head: &SpaceHead,
    copy: Option<&Record>,
    pending: &[Change],
    id: ChangeId,
    record: RecordId,
    operation: Operation,
    author: Author,
) -> Change {
    Change { id, record, context: context(head, copy, pending), operation, author }
}

/// A change to a local space, which has no server: it is applied at once, at the next sequence.
#[must_use]
pub fn apply_locally(head: &mut SpaceHead, copy: Option<Record>, change: &Change) -> Applied {
    head.seen += 1;
    head.cursor = head.seen;
    apply(copy, change, head.seen, 0)
}

/// What to send for a space. `outbox` is a prefix of its outbox, in order; `incarnations` are those of the whole outbox.
/// `rest` says that the outbox has more. Where the space owes something, the caller gives it as `giveback`, and no changes.
/// A replica that was never answered asks first, and sends no change: without a generation to speak of, a repeat would bring
/// back what was deleted meanwhile.
#[must_use]
pub fn request(
    space: &SpaceName,
    head: &SpaceHead,
    incarnation: Incarnation,
    mut outbox: Vec<Change>,
    mut incarnations: BTreeSet<Incarnation>,
    mut rest: bool,
    giveback: Option<Giveback>,
) -> SpaceRequest {
    incarnations.insert(incarnation);
    if head.generation.is_none() {
        rest |= !outbox.is_empty();
        outbox.clear();
    }
    SpaceRequest {
        space: space.clone(),
        epoch: head.epoch,
        generation: head.generation,
        lineage: head.lineage.clone(),
        changes: outbox,
        known: incarnations.into_iter().map(|i| (i, head.known_of(i))).collect(),
        cursor: head.cursor,
        seen: head.seen,
        start: head.start,
        whole: head.whole,
        rest,
        giveback,
    }
}

/// New changes that bring back the live records of a snapshot: over what stands in the view now, and beside it.
/// The changes are numbered from `first` in `incarnation`; the caller gives each its context by [`context`].
#[must_use]
pub fn bring_back(
    stands: impl Fn(RecordId) -> Option<Record>,
    records: Vec<(RecordId, BTreeMap<FieldName, Value>)>,
    incarnation: Incarnation,
    first: u64,
    author: &Author,
) -> Vec<Change> {
    let mut changes = changes_to_bring_back(stands, 0, records, incarnation, author);
    for change in &mut changes {
        change.id.number += first - 1;
    }
    changes
}
