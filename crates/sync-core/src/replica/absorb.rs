//! What a replica makes of an answer (`docs/protocol.md`, "absorb").

use super::SpaceHead;
use crate::{
    change::Change,
    id::{ChangeId, Epoch, Generation, Incarnation, Opening, RecordId},
    protocol::{Limit, Page, Reply, SpaceReply},
    record::{Record, Superseded},
    snapshot::Reason,
    time::Timestamp,
};
use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};

/// What this memory sent: an answer to anything else is late, and ignored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// The opening.
    pub opening: Opening,
    /// The epoch that the request spoke of.
    pub epoch: Option<Epoch>,
    /// The generation that the request spoke of.
    pub generation: Option<Generation>,
    /// The Start that it carried.
    pub start: Option<Incarnation>,
    /// Whether it carried changes.
    pub carried: bool,
}

/// What of the replica an answer touches: the caller loads it by [`SpaceReply::touched`].
#[derive(Debug, Clone, Default)]
pub struct Touched {
    /// The copies of the records in the answer.
    pub copies: BTreeMap<RecordId, Record>,
    /// The outbox's changes to the records in the answer.
    pub pending: Vec<Change>,
    /// Whether the whole outbox is empty.
    pub outbox_is_empty: bool,
}

impl SpaceReply {
    /// The records that the answer brings.
    pub fn touched(&self) -> impl Iterator<Item = RecordId> {
        let page = match &self.reply {
            Reply::Ok(page) => Some(page),
            _ => None,
        };
        page.into_iter().flat_map(|page| {
            page.records.iter().map(|(id, _)| *id).chain(page.page.iter().map(|(id, _)| *id))
        })
    }
}

/// What to make of an answer. Each case is written in one local transaction.
#[derive(Debug, Clone, PartialEq)]
pub enum Absorbed {
    /// A late answer, or one to a space that was stopped meanwhile.
    Ignored,
    /// News, and what of the outbox is settled.
    Taken(Taken),
    /// Keep copy, superseded values and outbox as a snapshot; then the space is empty under this head, and the fresh
    /// incarnation is the replica's present one.
    SetAside {
        /// Why.
        reason: Reason,
        /// The head from then on.
        head: SpaceHead,
    },
    /// A Start whose space was deleted again before anything was acknowledged: it goes on in the new generation.
    GoesOn(SpaceHead),
    /// The machine was copied or turned back: [`rename`](super::rename) this incarnation's changes in the outbox of
    /// **every** space to the fresh one, which is the replica's present incarnation from then on.
    Forked(Incarnation),
    /// Nothing was applied; try again at the longest back-off.
    Waits(Wait),
}

/// News.
#[derive(Debug, Clone, PartialEq)]
pub struct Taken {
    /// The head from now on.
    pub head: SpaceHead,
    /// Records of the copy to write, or to remove.
    pub records: Vec<(RecordId, Option<Record>)>,
    /// Changes that leave the outbox.
    pub settled: Vec<ChangeId>,
    /// Superseded values to add (those that are there already stay once).
    pub superseded: Vec<Superseded>,
    /// Whether another page follows.
    pub more: bool,
}

/// Why the server lets a space wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// Another machine's procedure has it.
    Reserved(Timestamp),
    /// A limit is reached.
    Limit(Limit),
}

/// Decides what to make of `answer`.
#[must_use]
pub fn absorb(
    head: &SpaceHead,
    sent: &Sent,
    opening: Opening,
    answer: SpaceReply,
    touched: Touched,
) -> Absorbed {
    let awaited = sent.opening == opening
        && (sent.epoch, sent.generation) == (answer.epoch, answer.generation)
        && (head.epoch, head.generation) == (answer.epoch, answer.generation)
        && sent.start == head.start;
    if head.stopped || !awaited {
        return Absorbed::Ignored;
    }
    match answer.reply {
        Reply::Ok(page) => Absorbed::Taken(take(head, page, touched, sent.carried)),
        Reply::Forbidden => Absorbed::SetAside { reason: Reason::Forbidden, head: head.emptied() },
        Reply::ReadOnly => Absorbed::SetAside { reason: Reason::ReadOnly, head: head.emptied() },
        Reply::Occupied => Absorbed::SetAside { reason: Reason::Occupied, head: head.emptied() },
        Reply::Gone { generation } if head.start.is_some() => {
            Absorbed::GoesOn(SpaceHead { generation: Some(generation), cursor: 0, seen: 0, ..head.clone() })
        }
        Reply::Gone { generation } => Absorbed::SetAside {
            reason: Reason::Gone,
            head: SpaceHead { generation: Some(generation), ..head.emptied() },
        },
        // What the machine holds beyond the restored state is kept and can be brought back.
        Reply::Epoch { stands, .. } => Absorbed::SetAside {
            reason: Reason::Restored,
            head: SpaceHead {
                epoch: Some(stands.epoch),
                generation: Some(stands.generation),
                lineage: stands.lineage,
                ..head.emptied()
            },
        },
        Reply::Fork(incarnation) => Absorbed::Forked(incarnation),
        Reply::Reserved { until } => Absorbed::Waits(Wait::Reserved(until)),
        Reply::Limit(limit) => Absorbed::Waits(Wait::Limit(limit)),
    }
}

fn take(head: &SpaceHead, page: Page, touched: Touched, carried: bool) -> Taken {
    let last: BTreeMap<Incarnation, u64> = page.last.iter().copied().collect();
    let recovered: BTreeSet<ChangeId> = page.recovered.iter().copied().collect();
    let is_settled = |id: ChangeId| {
        last.get(&id.incarnation).is_some_and(|number| *number >= id.number) || recovered.contains(&id)
    };
    // `pending` holds only changes whose record is in this answer: one whose record is not stays until it comes, so
    // that its value never vanishes from the panel in between.
    let settled: Vec<ChangeId> =
        touched.pending.iter().map(|change| change.id).filter(|id| is_settled(*id)).collect();

    let news = page.records.into_iter().chain(page.page.into_iter().map(|(id, record)| (id, Some(record))));
    let records = news.filter(|(id, record)| {
        let copy = touched.copies.get(id).map(|copy| copy.sequence);
        match (record, copy) {
            (Some(record), Some(copy)) => record.sequence >= copy,
            (Some(_), None) => true,
            (None, Some(copy)) => copy <= page.head,
            (None, None) => false,
        }
    });
    let records = records.collect();

    let mut new = head.clone();
    if new.epoch.is_none() {
        new.epoch = Some(page.epoch);
        new.lineage = page.lineage.unwrap_or_default();
    }
    new.generation = new.generation.or(Some(page.generation));
    // A Start that had no change is over once it is answered, whatever was edited meanwhile.
    if !settled.is_empty() || touched.outbox_is_empty || !carried {
        new.start = None;
    }
    // The answer names every incarnation of the outbox: others have nothing left to be known of.
    new.known = last.iter().map(|(i, number)| (*i, head.known_of(*i).max(*number))).collect();
    if page.from <= head.cursor {
        new.cursor = head.cursor.max(page.to);
        if !page.more {
            new.seen = head.seen.max(page.to);
            new.unpulled = false;
        }
    }
    Taken { head: new, records, settled, superseded: page.superseded, more: page.more }
}
