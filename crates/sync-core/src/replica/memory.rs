//! A replica in memory: the shortest thing that can carry out what [`super`] decides. Tests and the simulator run over
//! it; each method is one local transaction.

use super::{
    Absorbed, Sent, SpaceHead, Started, Touched, Wanted, absorb, apply_locally, bring_back, context, rename,
    request, start, view,
};
use crate::{
    change::{Author, Change, Operation},
    id::{ChangeId, Incarnation, MachineId, Opening, RecordId, SnapshotId},
    protocol::{Polled, SpaceReply, Standing, SyncAnswer, SyncRequest},
    record::{FieldName, Record, Superseded},
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
}

impl MemorySpace {
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
        }
    }

    /// Opens it again.
    pub fn reopen(&mut self, opening: Opening, incarnation: Incarnation) {
        self.opening = opening;
        self.incarnation = incarnation;
    }

    /// The machine becomes a member of a space.
    pub fn join(&mut self, space: &SpaceName, stopped: bool) {
        self.spaces.entry(space.clone()).or_insert_with(|| MemorySpace {
            head: SpaceHead::new(stopped),
            copy: BTreeMap::new(),
            outbox: Vec::new(),
            superseded: Vec::new(),
        });
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
            let changes = space.outbox.iter().take(prefix).cloned().collect();
            let incarnations = space.outbox.iter().map(|change| change.id.incarnation).collect();
            request(name, &space.head, self.incarnation, changes, incarnations)
        });
        let spaces: Vec<_> = spaces.collect();
        let sent = spaces.iter().map(|request| {
            let sent = Sent {
                opening: self.opening,
                epoch: request.epoch,
                generation: request.generation,
                start: request.start,
                carried: !request.changes.is_empty(),
            };
            (request.space.clone(), sent)
        });
        let sent = sent.collect();
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
        };
        match absorb(&space.head, sent, opening, reply, touched) {
            Absorbed::Ignored | Absorbed::Waits(_) => {}
            Absorbed::Taken(taken) => {
                space.head = taken.head;
                for (id, record) in taken.records {
                    match record {
                        Some(record) => space.copy.insert(id, record),
                        None => space.copy.remove(&id),
                    };
                }
                space.outbox.retain(|change| !taken.settled.contains(&change.id));
                for superseded in taken.superseded {
                    if !space.superseded.contains(&superseded) {
                        space.superseded.push(superseded);
                    }
                }
            }
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
        let records: Vec<_> = core::mem::take(&mut space.copy).into_iter().collect();
        let outbox = core::mem::take(&mut space.outbox);
        let superseded = core::mem::take(&mut space.superseded);
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
        let Started { snapshot, head, outbox } = start(
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
            space.copy.clear();
            space.superseded.clear();
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
            head: SpaceHead::new(true),
            copy: snapshot.records.iter().cloned().collect(),
            outbox: snapshot.outbox.clone(),
            superseded: Vec::new(),
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
