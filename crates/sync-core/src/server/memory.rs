//! A store in memory: the shortest thing that can carry out a commit. Tests, the simulator and the conformance suite
//! run over it.

use super::{
    Answer, Distributions, Heads, Request, merge, needs,
    state::{
        Code, HistoryBatch, Last, Loaded, LoadedSpace, Login, Machine, Member, Needs, PageQuery, PageRead,
        Recovered, Reservation, SpaceHead, StepResult, StoreHead, Writes, pruned,
    },
};
use crate::{
    id::{Incarnation, MachineId, ProcedureId, RecordId},
    protocol::Limits,
    record::{Record, Superseded},
    snapshot::Snapshot,
    space::{SpaceKind, SpaceName},
};
use alloc::{
    collections::{BTreeMap, BTreeSet},
    string::String,
    vec::Vec,
};

/// Everything that a server keeps.
#[derive(Debug, Clone)]
pub struct Memory {
    /// What is kept once.
    pub store: StoreHead,
    /// The spaces.
    pub spaces: BTreeMap<SpaceName, MemorySpace>,
    /// The machines.
    pub machines: BTreeMap<MachineId, Machine>,
    /// The codes.
    pub codes: BTreeMap<super::SecretHash, Code>,
    /// Who logged in where.
    pub logins: Vec<Login>,
    /// Steps of procedures.
    pub steps: BTreeMap<(ProcedureId, String), StepResult>,
    /// What was set aside.
    pub snapshots: Vec<Snapshot>,
    /// Distributions.
    pub distributions: Distributions,
}

/// One space.
#[derive(Debug, Clone, Default)]
pub struct MemorySpace {
    /// Its head.
    pub head: SpaceHead,
    /// Its records.
    pub records: BTreeMap<RecordId, Record>,
    /// The last change of each incarnation.
    pub last: BTreeMap<Incarnation, Last>,
    /// What was superseded.
    pub superseded: Vec<Superseded>,
    /// What was given back.
    pub recovered: Recovered,
    /// Every change that was accepted, of all generations.
    pub history: Vec<HistoryBatch>,
    /// The memberships, also ended ones.
    pub members: BTreeMap<MachineId, Member>,
    /// The reservation.
    pub reservation: Option<Reservation>,
}

impl Memory {
    /// An empty store.
    #[must_use]
    pub fn new(store: StoreHead) -> Self {
        Self {
            store,
            spaces: BTreeMap::new(),
            machines: BTreeMap::new(),
            codes: BTreeMap::new(),
            logins: Vec::new(),
            steps: BTreeMap::new(),
            snapshots: Vec::new(),
            distributions: Distributions::default(),
        }
    }

    /// Carries out the requests together.
    pub fn commit(&mut self, requests: Vec<Request>, limits: &Limits) -> Vec<Answer> {
        let loaded = self.load(&needs(&requests));
        let (writes, drafts) = merge(loaded, requests, limits);
        self.write(writes);
        drafts
            .into_iter()
            .map(|draft| {
                let read = draft.query().map(|query| self.page(query));
                draft.finish(read)
            })
            .collect()
    }

    /// What a commit needs.
    #[must_use]
    pub fn load(&self, needs: &Needs) -> Loaded {
        let mut loaded = Loaded::new(self.store.clone());
        let existing =
            |kind| self.spaces.iter().filter(|(name, s)| name.kind == kind && s.head.exists()).count() as u64;
        loaded.machines_enrolled = self.machines.len() as u64;
        loaded.users = existing(SpaceKind::User);
        loaded.groups = existing(SpaceKind::Group);
        for (name, wanted) in &needs.spaces {
            let mut space = LoadedSpace::default();
            if let Some(kept) = self.spaces.get(name) {
                space.stored = true;
                space.head = kept.head;
                space.reservation = kept.reservation;
                space.last = pick(&kept.last, &wanted.incarnations);
                space.members = pick(&kept.members, &wanted.members);
                let given_back = kept.recovered.iter().filter(|((id, _), _)| wanted.recovered.contains(id));
                space.recovered = given_back.map(|(of, hash)| (of.clone(), *hash)).collect();
                let asked = |of: &&Superseded| wanted.superseded.contains(&of.id);
                space.superseded = kept.superseded.iter().filter(asked).cloned().collect();
                if wanted.whole {
                    space.records =
                        kept.records.iter().map(|(id, record)| (*id, Some(record.clone()))).collect();
                    space.superseded.clone_from(&kept.superseded);
                }
                for id in &wanted.records {
                    space.records.insert(*id, kept.records.get(id).cloned());
                }
            }
            loaded.spaces.insert(name.clone(), space);
        }
        for (name, kept) in &self.spaces {
            if kept.reservation.is_some_and(|held| needs.reservations_of.contains(&held.procedure)) {
                let space = loaded.spaces.entry(name.clone()).or_default();
                space.stored = true;
                space.head = kept.head;
                space.reservation = kept.reservation;
            }
        }
        loaded.machines = pick(&self.machines, &needs.machines);
        let owners = self.machines.iter().filter(|(_, machine)| needs.tokens.contains(&machine.token));
        loaded.tokens = owners.map(|(id, machine)| (machine.token, *id)).collect();
        loaded.codes = pick(&self.codes, &needs.codes);
        loaded.steps = pick(&self.steps, &needs.steps);
        loaded.distributions = self.distributions.picked(&needs.distributions);
        loaded
    }

    /// Writes what a commit decided.
    pub fn write(&mut self, writes: Writes) {
        for (name, new) in writes.spaces {
            let space = self.spaces.entry(name).or_default();
            if new.clear {
                space.records.clear();
                space.last.clear();
                space.superseded.clear();
                space.recovered.clear();
            }
            if let Some(head) = new.head {
                space.head = head;
            }
            space.records.extend(new.records);
            space.last.extend(new.last);
            space.superseded.extend(new.superseded);
            space.recovered.extend(new.recovered);
            space.history.extend(new.history);
            space.members.extend(new.members);
            for (machine, floor) in new.floors {
                if let Some(member) = space.members.get_mut(&machine) {
                    member.floor = floor;
                }
            }
            if let Some(reservation) = new.reservation {
                space.reservation = reservation;
            }
            if let Some(horizon) = new.prune {
                let records = core::mem::take(&mut space.records).into_iter();
                space.records = records.filter_map(|(id, r)| Some((id, pruned(r, horizon)?))).collect();
                space.last.retain(|_, last| last.sequence > horizon);
            }
        }
        self.machines.retain(|id, _| !writes.removed_machines.contains(id));
        self.machines.extend(writes.machines);
        self.codes.extend(writes.codes);
        self.logins.extend(writes.logins);
        self.steps.extend(writes.steps.into_iter().map(|step| ((step.procedure, step.step.clone()), step)));
        self.snapshots.extend(writes.snapshots);
        self.distributions.take(writes.distributions);
        if let Some(position) = writes.position {
            self.store.position = position;
        }
    }

    /// Reads a page. Its limit counts records here, not bytes, so that a test can have short pages.
    #[must_use]
    pub fn page(&self, query: &PageQuery) -> PageRead {
        let Some(space) = self.spaces.get(&query.space) else {
            return PageRead::default();
        };
        let mut records: Vec<(RecordId, Record)> = space
            .records
            .iter()
            .filter(|(_, record)| record.sequence > query.after)
            .map(|(id, record)| (*id, record.clone()))
            .collect();
        records.sort_by_key(|(_, record)| record.sequence);
        let most = (query.limit as usize).max(1);
        let more = records.len() > most;
        records.truncate(most);
        let superseded =
            space.superseded.iter().filter(|s| s.sequence > query.superseded_after).cloned().collect();
        PageRead { records, more, superseded }
    }

    /// The heads, for polls.
    #[must_use]
    pub fn heads(&self) -> Heads {
        let mut heads = Heads::new(self.store.clone());
        for (name, space) in &self.spaces {
            for (machine, member) in &space.members {
                heads.set_member(*machine, name, *member);
            }
            heads.set_space(name, space.head);
        }
        for ((distribution, machine), delivery) in &self.distributions.deliveries {
            heads.set_due(*machine, *distribution, delivery.due());
        }
        heads
    }
}

fn pick<K: Ord + Clone, V: Clone>(from: &BTreeMap<K, V>, keys: &BTreeSet<K>) -> BTreeMap<K, V> {
    keys.iter().filter_map(|key| Some((key.clone(), from.get(key)?.clone()))).collect()
}
