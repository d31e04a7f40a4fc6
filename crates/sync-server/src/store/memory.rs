//! A store in memory, over the core's own: for tests, and the second implementation that keeps the trait honest.

use super::{
    BackupFile, Deliveries, Floors, Known, OLD_BATCHES, SpaceContent, Store, StoreError, Transaction,
    at_once, decide, last_before, snapshot_info,
};
use core::future::{Future, ready};
use parking_lot::{Mutex, RwLock};
use sha2::{Digest, Sha256};
use std::{collections::BTreeMap, path::Path};
use sync_core::{
    api::{SnapshotInfo, SpaceInfo},
    distribution::{FileBytes, Order},
    id::{DistributionId, Generation, MachineId, ProcedureId, RecordId, Sequence, ServerId, SnapshotId},
    protocol::Limits,
    record::Record,
    server::{
        Answer, Heads, HistoryBatch, Loaded, Login, Needs, PageQuery, PageRead, Request, SpaceHead,
        SpaceWrites, StepResult, StoreHead, Writes,
        memory::{Memory, MemorySpace},
    },
    snapshot::Snapshot,
    space::SpaceName,
    time::Timestamp,
    wire,
};

/// A store in memory. It is gone when it is dropped.
#[derive(Debug)]
pub struct MemoryStore {
    server: ServerId,
    limits: Limits,
    state: Mutex<State>,
    known: RwLock<Known>,
}

#[derive(Debug)]
struct State {
    kept: Memory,
    notes: BTreeMap<&'static str, String>,
    closed: bool,
}

/// A space of a backup: name, generation, head, records.
type BackedUp = (SpaceName, Generation, u64, Vec<(RecordId, Record)>);

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new(server: ServerId, head: StoreHead, limits: Limits) -> Self {
        let known = Known::new(Heads::new(head.clone()), BTreeMap::new());
        let state = State { kept: Memory::new(head), notes: BTreeMap::new(), closed: false };
        Self { server, limits, state: Mutex::new(state), known: RwLock::new(known) }
    }

    /// Lets commits fail, or no longer.
    #[cfg(test)]
    pub(crate) fn refuse(&self, refuse: bool) {
        self.state.lock().closed = refuse;
    }

    fn commit_now(&self, requests: Vec<Request>) -> Result<Vec<Answer>, StoreError> {
        let mut state = self.state.lock();
        if state.closed {
            return Err(StoreError::Closed);
        }
        let (writes, answers) = at_once(decide(&mut *state, requests, &self.limits))?;
        self.known.write().take(&writes);
        Ok(answers)
    }

    fn read<T>(&self, read: impl FnOnce(&State) -> T) -> impl Future<Output = Result<T, StoreError>> + Send
    where
        T: Send,
    {
        let state = self.state.lock();
        ready(if state.closed { Err(StoreError::Closed) } else { Ok(read(&state)) })
    }
}

impl State {
    /// A page whose limit counts bytes, as it travels.
    fn page_now(&self, query: &PageQuery) -> PageRead {
        let Some(space) = self.kept.spaces.get(&query.space) else {
            return PageRead::default();
        };
        let mut all: Vec<_> =
            space.records.iter().filter(|(_, record)| record.sequence > query.after).collect();
        all.sort_by_key(|(_, record)| record.sequence);
        let mut read = PageRead::default();
        let mut bytes = 0;
        for (id, record) in all {
            if bytes >= query.limit as usize && !read.records.is_empty() {
                read.more = true;
                return read;
            }
            bytes += wire::encode(record).map_or(0, |encoded| encoded.len());
            read.records.push((*id, record.clone()));
        }
        let superseded = space.superseded.iter();
        read.superseded = superseded.filter(|lost| lost.sequence > query.superseded_after).cloned().collect();
        read
    }
}

impl Transaction for State {
    fn load(&mut self, needs: &Needs) -> impl Future<Output = Result<Loaded, StoreError>> + Send {
        ready(Ok(self.kept.load(needs)))
    }

    fn write(&mut self, writes: &Writes) -> impl Future<Output = Result<(), StoreError>> + Send {
        self.kept.write(writes.clone());
        ready(Ok(()))
    }

    fn keep_floors(&mut self, floors: Floors) {
        let writes = |floors| SpaceWrites { floors, ..SpaceWrites::default() };
        let spaces = floors.into_iter().map(|(name, floors)| (name, writes(floors))).collect();
        self.kept.write(Writes { spaces, ..Writes::default() });
    }

    fn page(&mut self, query: &PageQuery) -> impl Future<Output = Result<PageRead, StoreError>> + Send {
        ready(Ok(self.page_now(query)))
    }
}

impl Store for MemoryStore {
    fn server(&self) -> ServerId {
        self.server
    }

    fn commit(&self, requests: Vec<Request>) -> impl Future<Output = Result<Vec<Answer>, StoreError>> + Send {
        ready(self.commit_now(requests))
    }

    fn refresh(&self) -> impl Future<Output = Result<(), StoreError>> + Send {
        ready(Ok(()))
    }

    fn known<R>(&self, read: impl FnOnce(&Known) -> R) -> R {
        read(&self.known.read())
    }

    fn spaces(&self) -> impl Future<Output = Result<Vec<SpaceInfo>, StoreError>> + Send {
        self.read(|state| {
            let info = |(name, space): (&SpaceName, &MemorySpace)| SpaceInfo {
                space: name.clone(),
                generation: space.head.generation,
                head: space.head.head,
                records: space.records.values().filter(|r| r.dead.is_none()).count() as u64,
                reserved_until: space.reservation.map(|held| held.until),
                reserved_for: space.reservation.map(|held| held.procedure),
            };
            let spaces = state.kept.spaces.iter();
            let mut infos: Vec<_> = spaces.filter(|(_, space)| space.head.position > 0).map(info).collect();
            infos.sort_by_cached_key(|info| info.space.to_string());
            infos
        })
    }

    fn space(&self, space: SpaceName) -> impl Future<Output = Result<SpaceContent, StoreError>> + Send {
        self.read(move |state| {
            state
                .kept
                .spaces
                .get(&space)
                .map(|space| SpaceContent {
                    head: space.head,
                    records: space.records.clone().into_iter().collect(),
                    superseded: space.superseded.clone(),
                })
                .unwrap_or_default()
        })
    }

    fn snapshots(&self) -> impl Future<Output = Result<Vec<SnapshotInfo>, StoreError>> + Send {
        self.read(|state| {
            let mut infos: Vec<_> = state.kept.snapshots.iter().map(snapshot_info).collect();
            infos.sort_by_key(|info| core::cmp::Reverse((info.time, info.id)));
            infos
        })
    }

    fn snapshot(&self, id: SnapshotId) -> impl Future<Output = Result<Option<Snapshot>, StoreError>> + Send {
        self.read(move |state| state.kept.snapshots.iter().find(|kept| kept.id == id).cloned())
    }

    fn logins(&self) -> impl Future<Output = Result<Vec<Login>, StoreError>> + Send {
        self.read(|state| {
            // The last of each person at each machine.
            let logins = state.kept.logins.iter();
            let last: BTreeMap<_, _> = logins.map(|login| ((login.machine, &login.user), login)).collect();
            last.into_values().cloned().collect()
        })
    }

    fn step(
        &self,
        procedure: ProcedureId,
        step: String,
    ) -> impl Future<Output = Result<Option<StepResult>, StoreError>> + Send {
        self.read(move |state| state.kept.steps.get(&(procedure, step)).cloned())
    }

    fn steps(&self, step: String) -> impl Future<Output = Result<Vec<StepResult>, StoreError>> + Send {
        self.read(move |state| state.kept.steps.values().filter(|kept| kept.step == step).cloned().collect())
    }

    fn distributions(&self) -> impl Future<Output = Result<Vec<Order>, StoreError>> + Send {
        self.read(|state| {
            let mut orders: Vec<Order> = state.kept.distributions.orders.values().cloned().collect();
            orders.sort_by_key(|order| core::cmp::Reverse((order.ordered, order.id)));
            orders
        })
    }

    fn distribution(
        &self,
        distribution: DistributionId,
        of: Option<MachineId>,
    ) -> impl Future<Output = Result<Option<(Order, Deliveries)>, StoreError>> + Send {
        self.read(move |state| {
            let order = state.kept.distributions.orders.get(&distribution)?.clone();
            let deliveries = state.kept.distributions.of(distribution);
            let wanted = deliveries.filter(|(machine, _)| of.is_none_or(|of| of == *machine));
            Some((order, wanted.map(|(machine, delivery)| (machine, delivery.clone())).collect()))
        })
    }

    fn distribution_file(
        &self,
        distribution: DistributionId,
        from: u64,
        most: u64,
    ) -> impl Future<Output = Result<Option<FileBytes>, StoreError>> + Send {
        self.read(move |state| {
            let FileBytes(file) = state.kept.distributions.files.get(&distribution)?;
            let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(file.len());
            let (from, to) = (place(from), place(from.saturating_add(most)));
            Some(FileBytes(file[from..to].to_vec()))
        })
    }

    fn note(&self, key: &'static str) -> impl Future<Output = Result<Option<String>, StoreError>> + Send {
        self.read(|state| state.notes.get(key).cloned())
    }

    fn keep_note(
        &self,
        key: &'static str,
        value: String,
    ) -> impl Future<Output = Result<(), StoreError>> + Send {
        let mut state = self.state.lock();
        if state.closed {
            return ready(Err(StoreError::Closed));
        }
        state.notes.insert(key, value);
        ready(Ok(()))
    }

    fn backup(&self, to: &Path) -> impl Future<Output = Result<BackupFile, StoreError>> + Send {
        let spaces: Vec<BackedUp> = {
            let state = self.state.lock();
            let spaces = state.kept.spaces.iter();
            spaces
                .map(|(name, space)| {
                    let records = space.records.clone().into_iter().collect();
                    (name.clone(), space.head.generation, space.head.head, records)
                })
                .collect()
        };
        let made = wire::encode(&spaces).map_err(StoreError::from).and_then(|bytes| {
            std::fs::write(to, &bytes).map_err(StoreError::io("the backup was not written"))?;
            Ok(BackupFile { bytes: bytes.len() as u64, sha256: Sha256::digest(&bytes).into() })
        });
        ready(made)
    }

    fn old(
        &self,
        space: SpaceName,
        before: Timestamp,
    ) -> impl Future<Output = Result<Sequence, StoreError>> + Send {
        self.read(move |state| {
            let Some(space) = state.kept.spaces.get(&space) else { return 0 };
            let SpaceHead { generation, horizon, .. } = space.head;
            let above = |batch: &&HistoryBatch| batch.generation == generation && batch.first > horizon;
            last_before(horizon, space.history.iter().filter(above).take(OLD_BATCHES).cloned(), before)
        })
    }

    fn heads_in_backup(
        &self,
        backup: &Path,
    ) -> impl Future<Output = Result<Vec<(SpaceName, Generation, Sequence)>, StoreError>> + Send {
        let read = std::fs::read(backup).map_err(StoreError::io("the backup cannot be read"));
        ready(read.and_then(|bytes| {
            let spaces: Vec<BackedUp> = wire::decode(&bytes)?;
            Ok(spaces.into_iter().map(|(name, generation, head, _)| (name, generation, head)).collect())
        }))
    }

    fn space_in_backup(
        &self,
        backup: &Path,
        space: SpaceName,
    ) -> impl Future<Output = Result<SpaceContent, StoreError>> + Send {
        let read =
            std::fs::read(backup).map_err(StoreError::io("the backup cannot be read")).and_then(|bytes| {
                let spaces: Vec<BackedUp> = wire::decode(&bytes)?;
                let found = spaces.into_iter().find(|(name, ..)| *name == space);
                Ok(found
                    .map(|(_, generation, head, records)| SpaceContent {
                        head: SpaceHead { generation, head, ..SpaceHead::default() },
                        records,
                        superseded: Vec::new(),
                    })
                    .unwrap_or_default())
            });
        ready(read)
    }

    fn close(&self) -> impl Future<Output = ()> + Send {
        self.state.lock().closed = true;
        ready(())
    }
}
