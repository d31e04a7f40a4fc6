//! What a replica makes of an answer (`docs/protocol.md`, "absorb").

use super::{Owed, SpaceHead};
use crate::{
    change::Change,
    digest::Digest,
    id::{ChangeId, Epoch, Generation, Incarnation, Opening, RecordId, Sequence, is_provisional},
    protocol::{Limit, Page, Reply, SpaceReply, SpaceRequest, Standing},
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
    /// Where it asked for a page.
    pub cursor: Sequence,
    /// The download of the whole space of which that was to be a page.
    pub whole: Option<Sequence>,
    /// Whether it carried changes.
    pub carried: bool,
    /// What it gave back.
    pub gave_back: Option<GaveBack>,
}

impl Sent {
    /// What to remember of a request.
    #[must_use]
    pub fn of(opening: Opening, request: &SpaceRequest) -> Self {
        Self {
            opening,
            epoch: request.epoch,
            generation: request.generation,
            start: request.start,
            cursor: request.cursor,
            whole: request.whole,
            carried: !request.changes.is_empty(),
            gave_back: request.giveback.as_ref().map(|giveback| GaveBack {
                records: giveback.records.iter().map(|(id, _)| *id).collect(),
                superseded: giveback.superseded.iter().map(|lost| (lost.sequence, lost.id)).collect(),
                more: giveback.more,
            }),
        }
    }
}

/// What a request gave back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GaveBack {
    /// The records.
    pub records: BTreeSet<RecordId>,
    /// The superseded values, in the sequences of the old epoch.
    pub superseded: BTreeSet<(Sequence, ChangeId)>,
    /// Whether more was to follow.
    pub more: bool,
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
    /// The records in the answer that a download of the whole space, where one is going on, has brought already.
    pub received: BTreeSet<RecordId>,
    /// The highest sequence in the copy and among the superseded values; needed only for [`Reply::Epoch`].
    pub highest: Sequence,
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
    /// A Start whose space was deleted again before anything was acknowledged goes on in the new generation; or the
    /// server was rolled back to a backup that has everything that the copy has.
    GoesOn(SpaceHead),
    /// The server was recovered. First each change of the outbox becomes what [`recontext`](super::recontext) makes of it
    /// with its record in the copy; then each record of the copy, and each superseded value, with a sequence above
    /// `common` becomes [`provisional`](super::provisional).
    Recovered {
        /// Up to where the backup and the copy speak of the same changes.
        common: Sequence,
        /// The head from then on.
        head: SpaceHead,
    },
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
    /// What becomes of the copy's other records, while the whole space is downloaded.
    pub sweep: Option<Sweep>,
    /// What the server has forgotten: of each record of the copy what [`pruned`](crate::server::pruned) leaves above this
    /// horizon.
    pub prune: Option<Sequence>,
    /// The server's digest, where it can be compared: [`SpaceHead::compare`], once all is written.
    pub digest: Option<Digest>,
    /// Superseded values that were given back and that the server now counts in its own sequences: these go.
    pub given_back: BTreeSet<(Sequence, ChangeId)>,
}

/// A download of the whole space: what the copy has and the server does not have any more goes at its end.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sweep {
    /// It begins: nothing was received yet.
    pub begins: bool,
    /// These were received.
    pub received: Vec<RecordId>,
    /// It ends: each record of the copy that was never received goes, unless it is provisional, and its share of the
    /// digest with it.
    pub ends: bool,
}

/// So many downloads of the whole space in a row may leave the digests different before they are no longer compared.
const MOST_DOWNLOADS: u8 = 3;

impl SpaceHead {
    /// Compares the copy's digest with the server's, of the same moment. Where they differ, the whole space is downloaded
    /// anew: `true`. Where that was done several times in a row and did not help, digests are not compared until the copy
    /// is emptied.
    pub fn compare(&mut self, server: Option<Digest>) -> bool {
        let Some(server) = server.filter(|_| self.downloads < MOST_DOWNLOADS) else { return false };
        if server == self.digest {
            self.downloads = 0;
            return false;
        }
        self.downloads += 1;
        if self.downloads < MOST_DOWNLOADS {
            (self.cursor, self.whole) = (0, Some(0));
        }
        true
    }
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
        Reply::Ok(page) => Absorbed::Taken(take(head, page, touched, sent)),
        Reply::Forbidden => Absorbed::SetAside { reason: Reason::Forbidden, head: head.emptied() },
        Reply::ReadOnly => Absorbed::SetAside { reason: Reason::ReadOnly, head: head.emptied() },
        Reply::Occupied => Absorbed::SetAside { reason: Reason::Occupied, head: head.emptied() },
        Reply::Gone { generation } if head.start.is_some() => Absorbed::GoesOn(SpaceHead {
            generation: Some(generation),
            cursor: 0,
            seen: 0,
            told: 0,
            horizon: 0,
            ..head.clone()
        }),
        Reply::Gone { generation } => Absorbed::SetAside {
            reason: Reason::Gone,
            head: SpaceHead { generation: Some(generation), ..head.emptied() },
        },
        Reply::Epoch { stands, common, shared, rollback } => {
            another_epoch(head, touched.highest, stands, common, shared, rollback)
        }
        Reply::Fork(incarnation) => Absorbed::Forked(incarnation),
        Reply::Reserved { until } => Absorbed::Waits(Wait::Reserved(until)),
        Reply::Limit(limit) => Absorbed::Waits(Wait::Limit(limit)),
    }
}

/// The server's store was restored since the last answer.
fn another_epoch(
    head: &SpaceHead,
    highest: Sequence,
    stands: Standing,
    common: Sequence,
    shared: Option<Epoch>,
    rollback: bool,
) -> Absorbed {
    let taken =
        SpaceHead { epoch: Some(stands.epoch), lineage: stands.lineage, unpulled: true, ..head.clone() };
    // Beyond what this can bring together, all that the machine has is kept, and can be brought back.
    let set_aside = |taken: SpaceHead| Absorbed::SetAside {
        reason: Reason::Restored,
        head: SpaceHead { generation: Some(stands.generation), ..taken.emptied() },
    };
    if shared.is_none() || head.owed.is_some() {
        return set_aside(taken);
    }
    if rollback {
        let holds_no_more = shared == head.epoch
            && head.generation == Some(stands.generation)
            && highest.max(head.seen) <= common;
        return if holds_no_more {
            let cursor = if head.whole.is_some() { 0 } else { head.seen };
            let horizon = head.horizon.min(common);
            Absorbed::GoesOn(SpaceHead { cursor, whole: head.whole.map(|_| 0), told: 0, horizon, ..taken })
        } else {
            set_aside(taken)
        };
    }
    if head.generation.is_some_and(|generation| generation < stands.generation) {
        return set_aside(taken);
    }
    // The space was deleted after the backup: nothing of the backup is what the machine has.
    let anew = head.generation > Some(stands.generation);
    let common = if anew { 0 } else { common };
    let owed = Owed { epoch: head.epoch.unwrap_or(stands.epoch), lineage: head.lineage.clone(), anew };
    let seen = head.seen.min(common);
    Absorbed::Recovered {
        common,
        head: SpaceHead {
            seen,
            cursor: if head.whole.is_some() { 0 } else { seen },
            whole: head.whole.map(|_| 0),
            owed: (anew || highest > common).then_some(owed),
            told: 0,
            horizon: head.horizon.min(common),
            ..taken
        },
    }
}

fn take(head: &SpaceHead, page: Page, touched: Touched, sent: &Sent) -> Taken {
    let last: BTreeMap<Incarnation, u64> = page.last.iter().copied().collect();
    let recovered: BTreeSet<ChangeId> = page.recovered.iter().copied().collect();
    let is_settled = |id: ChangeId| {
        last.get(&id.incarnation).is_some_and(|number| *number >= id.number) || recovered.contains(&id)
    };
    // `pending` holds only changes whose record is in this answer: one whose record is not stays until it comes, so
    // that its value never vanishes from the panel in between.
    let settled: Vec<ChangeId> =
        touched.pending.iter().map(|change| change.id).filter(|id| is_settled(*id)).collect();

    // A page of a download of the whole space counts only as the next one of it, or as the first of one that the server
    // begins at this very request.
    let fits = match page.whole {
        None => head.whole.is_none() && page.from <= head.cursor,
        Some(_) if (sent.cursor, sent.whole) != (head.cursor, head.whole) => false,
        Some(_) if page.from == 0 => true,
        whole => whole == head.whole && page.from == head.cursor,
    };
    let mut new = head.clone();
    let mut received = Vec::new();
    let begins = fits && page.whole.is_some() && page.from == 0;
    let mut records = Vec::new();
    let paged = page.page.into_iter().map(|(id, record)| (id, Some(record), true));
    for (id, record, paged) in page.records.into_iter().map(|(id, r)| (id, r, false)).chain(paged) {
        if paged && page.whole.is_some() && !fits {
            continue;
        }
        let copy = touched.copies.get(&id);
        let gave = sent.gave_back.as_ref().is_some_and(|gave| gave.records.contains(&id));
        let known = !begins && touched.received.contains(&id);
        let takes = match (&record, copy) {
            // What has not been given back yet comes with the answer to that.
            (_, Some(copy)) if is_provisional(copy.sequence) => gave,
            (Some(_), Some(_)) if paged && page.whole.is_some() && !known => true,
            (Some(record), Some(copy)) => record.sequence >= copy.sequence,
            (Some(_), None) => true,
            (None, Some(copy)) => copy.sequence <= page.head,
            (None, None) => false,
        };
        if record.is_some() {
            received.push(id);
        }
        if takes {
            new.digest.replace(id, copy, record.as_ref());
            records.push((id, record));
        }
    }

    if new.epoch.is_none() {
        new.epoch = Some(page.epoch);
        new.lineage = page.lineage.unwrap_or_default();
    }
    new.generation = new.generation.or(Some(page.generation));
    let mut given_back = BTreeSet::new();
    if let Some(gave) = &sent.gave_back {
        // Such a request settles nothing, and is told of no incarnation.
        if !gave.more {
            new.owed = None;
        }
        given_back.clone_from(&gave.superseded);
    } else {
        // A Start that had no change is over once it is answered, whatever was edited meanwhile.
        if !settled.is_empty() || touched.outbox_is_empty || !sent.carried {
            new.start = None;
        }
        // The answer names every incarnation of the outbox: others have nothing left to be known of.
        new.known = last.iter().map(|(i, number)| (*i, head.known_of(*i).max(*number))).collect();
    }
    new.told = head.told.max(page.head);
    let (mut sweep, mut digest, mut prune) = (None, None, None);
    if fits {
        let ends = page.whole.is_some() && !page.more;
        new.cursor = if page.whole.is_some() { page.to } else { head.cursor.max(page.to) };
        new.whole = page.whole.filter(|_| page.more);
        if !page.more {
            new.seen = head.seen.max(page.to);
            new.unpulled = false;
            let whole = new.seen == page.head && new.told == page.head && new.owed.is_none();
            digest = page.digest.filter(|_| whole);
            if whole && page.horizon > head.horizon {
                new.horizon = page.horizon;
                prune = Some(page.horizon);
            }
        }
        sweep = page.whole.map(|_| Sweep { begins, received, ends });
    } else if head.whole.is_some() {
        sweep = Some(Sweep { begins: false, received, ends: false });
    }
    Taken {
        head: new,
        records,
        settled,
        superseded: page.superseded,
        more: page.more,
        sweep,
        prune,
        digest,
        given_back,
    }
}
