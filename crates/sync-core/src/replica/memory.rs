//! A replica in memory: the shortest thing that can carry out what [`super`] decides. Tests and the simulator run over
//! it; each method is one local transaction.

use super::{
    Absorbed, Sent, SpaceHead, Started, Sweep, Taken, Touched, Wanted, absorb, apply_locally, bring_back,
    context, give_back, provisional, recontext, rename, request, start, told, view,
};
use crate::{
    change::{Author, Change, Operation},
    id::{
        ChangeId, Incarnation, MachineId, Opening, PROVISIONAL, RecordId, Sequence, SnapshotId,
        is_provisional,
    },
    protocol::{Giveback, Polled, SpaceReply, Standing, SyncAnswer, SyncRequest},
    record::{FieldName, Record, Superseded},
    server::pruned,
    snapshot::{Reason, Snapshot},
    space::SpaceName,
    value::Value,
};
use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use uuid::Uuid;

/// Everything that a replica keeps. Cloning it copies the data folder, or turns a machine back.
#[derive(Debug, Clone)]
pub struct Memory {
    /// The machine.
    pub machine: MachineId,
    /// The present opening.
    pub opening: Opening,
    /// The present incarnation.
    pub incarnation: Incarnation,
    /// The highest number ever drawn, in whatever incarnation: so no incarnation, renamed ones included, sees one twice.
    pub number: u64,
    /// Where the last poll ended.
    pub polled: Option<Polled>,
    /// What the last polls said.
    pub wanted: BTreeMap<SpaceName, Wanted>,
    /// The spaces.
    pub spaces: BTreeMap<SpaceName, MemorySpace>,
    /// What was set aside.
    pub snapshots: Vec<Snapshot>,
    /// How often a copy turned out to differ from what the server has.
    pub divergences: u64,
}

/// One space.
#[derive(Debug, Clone)]
pub struct MemorySpace {
    /// Its head.
    pub head: SpaceHead,
    /// The copy of the server's records.
    pub copy: BTreeMap<RecordId, Record>,
    /// What waits to be sent, in order.
    pub outbox: Vec<Change>,
    /// What was superseded.
    pub superseded: Vec<Superseded>,
    /// What a download of the whole space has brought so far.
    pub received: BTreeSet<RecordId>,
}

impl MemorySpace {
    /// Nothing but a head.
    #[must_use]
    pub fn new(head: SpaceHead) -> Self {
        Self {
            head,
            copy: BTreeMap::new(),
            outbox: Vec::new(),
            superseded: Vec::new(),
            received: BTreeSet::new(),
        }
    }

    /// What is owed after a recovery, at most `most` records of it.
    fn giveback(&self, most: usize) -> Option<Giveback> {
        let owed = self.head.owed.as_ref()?;
        let mut records: Vec<_> = self
            .copy
            .iter()
            .filter(|(_, record)| is_provisional(record.sequence))
            .map(|(id, record)| (*id, record.clone()))
            .collect();
        let more = records.len() > most;
        records.truncate(most);
        // The superseded values go with the last part.
        let lost = self.superseded.iter().filter(|lost| !more && is_provisional(lost.sequence)).cloned();
        Some(give_back(owed, records, lost.collect(), more))
    }

    /// Takes news; says whether the copy turned out to differ from what the server has.
    fn take(&mut self, taken: Taken) -> bool {
        self.head = taken.head;
        for (id, record) in taken.records {
            match record {
                Some(record) => self.copy.insert(id, record),
                None => self.copy.remove(&id),
            };
        }
        self.outbox.retain(|change| !taken.settled.contains(&change.id));
        self.superseded.retain(|lost| {
            !(is_provisional(lost.sequence)
                && taken.given_back.contains(&(lost.sequence & !PROVISIONAL, lost.id)))
        });
        for superseded in taken.superseded {
            if !self.superseded.contains(&superseded) {
                self.superseded.push(superseded);
            }
        }
        if let Some(Sweep { begins, received, ends }) = taken.sweep {
            if begins {
                self.received.clear();
            }
            self.received.extend(received);
            if ends {
                let received = core::mem::take(&mut self.received);
                let digest = &mut self.head.digest;
                self.copy.retain(|id, record| {
                    let stays = received.contains(id) || is_provisional(record.sequence);
                    if !stays {
                        digest.replace(*id, Some(record), None);
                    }
                    stays
                });
            }
        }
        if let Some(horizon) = taken.prune {
            let copy = core::mem::take(&mut self.copy).into_iter();
            self.copy = copy.filter_map(|(id, record)| Some((id, pruned(record, horizon)?))).collect();
        }
        self.head.compare(taken.digest)
    }

    /// The server was recovered: what is above `common` is not of its sequences.
    fn recover(&mut self, common: Sequence, head: SpaceHead) {
        let outbox = core::mem::take(&mut self.outbox);
        self.outbox = outbox
            .into_iter()
            .map(|change| {
                let copy = self.copy.get(&change.record);
                recontext(change, copy, common)
            })
            .collect();
        let copy = core::mem::take(&mut self.copy);
        self.copy = copy.into_iter().map(|(id, record)| (id, provisional(record, common))).collect();
        for lost in self.superseded.iter_mut().filter(|lost| lost.sequence > common) {
            lost.sequence |= PROVISIONAL;
        }
        self.received.clear();
        self.head = head;
    }

    fn pending(&self, record: RecordId) -> Vec<Change> {
        self.outbox.iter().filter(|change| change.record == record).cloned().collect()
    }

    /// What a person sees of a record.
    #[must_use]
    pub fn view(&self, record: RecordId) -> Option<Record> {
        view(self.copy.get(&record).cloned(), &self.pending(record))
    }

    /// What a person sees: the live records with their set fields.
    #[must_use]
    pub fn live(&self) -> Vec<(RecordId, BTreeMap<FieldName, Value>)> {
        let ids: BTreeSet<RecordId> =
            self.copy.keys().copied().chain(self.outbox.iter().map(|change| change.record)).collect();
        ids.into_iter().filter_map(|id| Some((id, self.view(id)?.into_live()?))).collect()
    }
}

impl Memory {
    /// An empty replica that is open for the first time.
    #[must_use]
    pub fn new(machine: MachineId, opening: Opening, incarnation: Incarnation) -> Self {
        Self {
            machine,
            opening,
            incarnation,
            number: 0,
            polled: None,
            wanted: BTreeMap::new(),
            spaces: BTreeMap::new(),
            snapshots: Vec::new(),
            divergences: 0,
        }
    }

    /// Opens it again.
    pub fn reopen(&mut self, opening: Opening, incarnation: Incarnation) {
        self.opening = opening;
        self.incarnation = incarnation;
    }

    /// The machine becomes a member of a space.
    pub fn join(&mut self, space: &SpaceName, stopped: bool) {
        self.spaces.entry(space.clone()).or_insert_with(|| MemorySpace::new(SpaceHead::new(stopped)));
    }

    /// A person edits.
    pub fn edit(
        &mut self,
        name: &SpaceName,
        record: RecordId,
        operation: Operation,
        author: Author,
    ) -> ChangeId {
        self.join(name, false);
        self.number += 1;
        let id = ChangeId { incarnation: self.incarnation, number: self.number };
        let Some(space) = self.spaces.get_mut(name) else {
            return id;
        };
        let copy = space.copy.get(&record).cloned();
        let change =
            super::edit(&space.head, copy.as_ref(), &space.pending(record), id, record, operation, author);
        if name.synchronizes() {
            space.outbox.push(change);
        } else if let Some(record) = apply_locally(&mut space.head, copy, &change).record {
            space.copy.insert(change.record, record);
        }
        id
    }

    /// What to send now, and what to remember of it; at most `prefix` changes a space, pages of `limit`.
    #[must_use]
    pub fn request(&self, prefix: usize, limit: u32) -> (SyncRequest, BTreeMap<SpaceName, Sent>) {
        let to_do = self.spaces.iter().filter(|(name, space)| {
            name.synchronizes() && space.head.has_to_do(space.outbox.is_empty(), self.wanted.get(name))
        });
        let spaces = to_do.map(|(name, space)| {
            let giveback = space.giveback(prefix);
            let prefix = if giveback.is_some() { 0 } else { prefix };
            let rest = space.outbox.len() > prefix;
            let changes = space.outbox.iter().take(prefix).cloned().collect();
            let incarnations = space.outbox.iter().map(|change| change.id.incarnation).collect();
            request(name, &space.head, self.incarnation, changes, incarnations, rest, giveback)
        });
        let spaces: Vec<_> = spaces.collect();
        let sent =
            spaces.iter().map(|request| (request.space.clone(), Sent::of(self.opening, request))).collect();
        let asks = self.spaces.iter().filter(|(name, s)| name.synchronizes() && s.head.stopped);
        let request = SyncRequest {
            opening: self.opening,
            incarnation: self.incarnation,
            polled: self.polled,
            person: None,
            asks: asks.map(|(name, _)| name.clone()).collect(),
            spaces,
            limit,
        };
        (request, sent)
    }

    /// Takes an answer to the request that asked from the poll `asked`, and of whose spaces `sent` is remembered. `fresh`
    /// gives an incarnation, or a snapshot's name, whenever one is drawn.
    pub fn absorb(
        &mut self,
        asked: Option<Polled>,
        sent: &BTreeMap<SpaceName, Sent>,
        answer: SyncAnswer,
        fresh: &mut impl FnMut() -> Uuid,
    ) {
        let SyncAnswer { opening, polled, moved, spaces, .. } = answer;
        if opening != self.opening {
            return;
        }
        let goes_on = super::goes_on(asked, self.polled);
        if goes_on {
            self.polled = Some(polled);
        }
        for moved in moved.into_iter().filter(|_| goes_on) {
            match moved.at {
                Some((generation, head)) => {
                    self.wanted.insert(moved.space, Wanted { epoch: polled.epoch, generation, head });
                }
                // Only a decoded `forbidden` sets aside: ask for it.
                None => {
                    if let Some(space) = self.spaces.get_mut(&moved.space) {
                        space.head.unpulled = true;
                    }
                }
            }
        }
        for reply in spaces {
            if let Some(sent) = sent.get(&reply.space) {
                self.absorb_one(sent, opening, reply, fresh);
            }
        }
    }

    fn absorb_one(
        &mut self,
        sent: &Sent,
        opening: Opening,
        reply: SpaceReply,
        fresh: &mut impl FnMut() -> Uuid,
    ) {
        let name = reply.space.clone();
        let Some(space) = self.spaces.get_mut(&name) else {
            return;
        };
        let ids: BTreeSet<RecordId> = reply.touched().collect();
        let touched = Touched {
            copies: ids.iter().filter_map(|id| Some((*id, space.copy.get(id)?.clone()))).collect(),
            pending: space.outbox.iter().filter(|change| ids.contains(&change.record)).cloned().collect(),
            outbox_is_empty: space.outbox.is_empty(),
            received: ids.intersection(&space.received).copied().collect(),
            highest: (space.copy.values().map(|record| record.sequence))
                .chain(space.superseded.iter().map(|lost| lost.sequence))
                .max()
                .unwrap_or(0),
        };
        match absorb(&space.head, sent, opening, reply, touched) {
            Absorbed::Ignored | Absorbed::Waits(_) => {}
            Absorbed::Taken(taken) => self.divergences += u64::from(space.take(taken)),
            Absorbed::Recovered { common, head } => space.recover(common, head),
            Absorbed::SetAside { reason, head } => {
                self.set_aside(&name, reason, SnapshotId(fresh()));
                self.reopen(self.opening, Incarnation(fresh()));
                if let Some(space) = self.spaces.get_mut(&name) {
                    space.head = head;
                }
                if reason == Reason::Forbidden {
                    self.spaces.remove(&name);
                    self.wanted.remove(&name);
                }
            }
            Absorbed::GoesOn(head) => space.head = head,
            Absorbed::Forked(old) => {
                let new = Incarnation(fresh());
                for space in self.spaces.values_mut() {
                    let outbox = core::mem::take(&mut space.outbox);
                    space.outbox = rename(outbox, space.head.known_of(old), old, new);
                }
                self.incarnation = new;
            }
        }
    }

    /// Keeps copy and outbox, then empties them.
    fn set_aside(&mut self, name: &SpaceName, reason: Reason, id: SnapshotId) {
        let Some(space) = self.spaces.get_mut(name) else {
            return;
        };
        let copy = core::mem::take(&mut space.copy);
        let records: Vec<_> = copy.into_iter().map(|(id, record)| (id, told(record))).collect();
        let outbox = core::mem::take(&mut space.outbox);
        let superseded = core::mem::take(&mut space.superseded)
            .into_iter()
            .map(|lost| Superseded { sequence: lost.sequence & !PROVISIONAL, ..lost })
            .collect();
        space.received.clear();
        if records.is_empty() && outbox.is_empty() {
            return;
        }
        self.snapshots.push(Snapshot {
            id,
            reason,
            time: crate::time::Timestamp::default(),
            machine: Some(self.machine),
            person: None,
            space: name.clone(),
            epoch: space.head.epoch,
            generation: space.head.generation,
            seen: space.head.seen,
            records,
            superseded,
            outbox,
        });
    }

    /// Stops all spaces.
    pub fn stop(&mut self) {
        for (name, space) in &mut self.spaces {
            space.head.stopped = name.synchronizes();
        }
    }

    /// Starts one stopped space, now that the server has told where it stands.
    pub fn start(&mut self, name: &SpaceName, standing: &Standing, fresh: &mut impl FnMut() -> Uuid) {
        let Some(space) = self.spaces.get_mut(name).filter(|space| space.head.stopped) else {
            return;
        };
        let incarnation = Incarnation(fresh());
        let holds_nothing = space.copy.is_empty() && space.outbox.is_empty();
        let Started { snapshot, stays, head, outbox } = start(
            &space.head,
            standing,
            space.outbox.is_empty(),
            holds_nothing,
            space.live(),
            incarnation,
            &Author::default(),
        );
        if snapshot {
            self.set_aside(name, Reason::Start, SnapshotId(fresh()));
        }
        let number = outbox.len() as u64;
        if let Some(space) = self.spaces.get_mut(name) {
            if !stays {
                *space = MemorySpace::new(space.head.clone());
            }
            (space.head, space.outbox) = (head, outbox);
        }
        (self.incarnation, self.number) = (incarnation, self.number.max(number));
    }

    /// Brings the live records of a snapshot back, as new changes.
    pub fn bring_back(&mut self, snapshot: &Snapshot, author: &Author) {
        let name = &snapshot.space;
        self.join(name, false);
        let Some(space) = self.spaces.get_mut(name) else {
            return;
        };
        let kept = MemorySpace {
            copy: snapshot.records.iter().cloned().collect(),
            outbox: snapshot.outbox.clone(),
            ..MemorySpace::new(SpaceHead::new(true))
        };
        let changes = bring_back(|id| space.view(id), kept.live(), self.incarnation, self.number + 1, author);
        self.number += changes.len() as u64;
        for mut change in changes {
            let copy = space.copy.get(&change.record);
            change.context = context(&space.head, copy, &space.pending(change.record));
            space.outbox.push(change);
        }
    }
}
