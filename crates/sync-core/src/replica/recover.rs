//! What a replica does when its server lost its disk and was recovered from a backup: what the copy has beyond the backup
//! is given back.

use crate::{
    change::Change,
    id::{ChangeId, Epoch, PROVISIONAL, RecordId, Sequence},
    protocol::{Ancestor, Giveback},
    record::{Record, Superseded},
};
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// What a space owes its server after a recovery. What exactly is in the copy and among the superseded values: all that
/// is provisional.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owed {
    /// The epoch in which the copy was read.
    pub epoch: Epoch,
    /// The epochs before that one.
    pub lineage: Vec<Ancestor>,
    /// Whether the space was deleted after the backup.
    pub anew: bool,
}

/// A record of the copy as it stands once the server speaks of another epoch, up to `common` of the same changes. What
/// is above it is provisional.
#[must_use]
pub fn provisional(mut record: Record, common: Sequence) -> Record {
    renumber(&mut record, |sequence| if sequence > common { sequence | PROVISIONAL } else { sequence });
    record
}

/// A record in the sequences of the epoch in which it was read.
#[must_use]
pub fn told(mut record: Record) -> Record {
    renumber(&mut record, |sequence| sequence & !PROVISIONAL);
    record
}

fn renumber(record: &mut Record, new: impl Fn(Sequence) -> Sequence) {
    record.sequence = new(record.sequence);
    record.life.sequence = new(record.life.sequence);
    for entry in record.fields.values_mut() {
        entry.sequence = new(entry.sequence);
    }
    for deletion in record.dead.iter_mut().flatten() {
        deletion.0 = new(deletion.0);
    }
}

/// Everything that was written in a record, with its sequence: fields and deletions.
pub(super) fn written(record: &Record) -> impl Iterator<Item = (Sequence, ChangeId)> {
    let fields = record.fields.values().map(|entry| (entry.sequence, entry.writer));
    fields.chain(record.dead.iter().flatten().map(|deletion| (deletion.0, deletion.1)))
}

/// The context of a pending change once the server speaks of another epoch. `copy` is its record in the copy, before it
/// became [`provisional`]. What the change had read above `common` it names by its writers from now on: the sequences
/// mean other changes.
#[must_use]
pub fn recontext(mut change: Change, copy: Option<&Record>, common: Sequence) -> Change {
    let read = common + 1..=change.context.seen;
    for (_, id) in copy.into_iter().flat_map(written).filter(|(sequence, _)| read.contains(sequence)) {
        let highest = change.context.own.entry(id.incarnation).or_insert(0);
        *highest = id.number.max(*highest);
    }
    change.context.seen = change.context.seen.min(common);
    change
}

/// What to send of that which is owed: `records` and `superseded` are provisional ones of the space, a part of them where
/// `more` are left.
#[must_use]
pub fn give_back(
    owed: &Owed,
    records: Vec<(RecordId, Record)>,
    superseded: Vec<Superseded>,
    more: bool,
) -> Giveback {
    Giveback {
        epoch: owed.epoch,
        lineage: owed.lineage.clone(),
        anew: owed.anew,
        records: records.into_iter().map(|(id, record)| (id, told(record))).collect(),
        superseded: superseded
            .into_iter()
            .map(|lost| Superseded { sequence: lost.sequence & !PROVISIONAL, ..lost })
            .collect(),
        more,
    }
}
