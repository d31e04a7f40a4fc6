//! A store under test, and short words for what machines and administrators ask of it.

use super::super::{MemoryStore, SpaceContent, SqliteOptions, SqliteStore, Store};
use std::collections::BTreeMap;
use sync_core::{
    api::{SnapshotInfo, SpaceInfo},
    change::{Author, Change, Context, Operation},
    id::{Epoch, Incarnation, MachineId, ProcedureId, RecordId, ServerId, SnapshotId},
    protocol::{Limits, Moved, Page, Polled, Reply, SpaceRequest},
    record::{Lost, Superseded},
    server::{Answer, Code, Login, Machine, Refusal, Request, Scope, SecretHash, StoreHead},
    snapshot::Snapshot,
    space::SpaceName,
    time::Timestamp,
    value::Value,
};
use uuid::Uuid;

/// One kind of store.
pub(super) trait Kind: Send + Sized + 'static {
    type Store: Store;
    /// A new one.
    fn with(limits: Limits) -> Self;
    fn store(&self) -> &Self::Store;
    /// Closed and opened again, where the kind outlives its process.
    fn reopened(self) -> impl Future<Output = Self> + Send;
}

pub(super) struct InMemory(MemoryStore);

impl Kind for InMemory {
    type Store = MemoryStore;

    fn with(limits: Limits) -> Self {
        let epoch = Epoch { restores: 0, draw: Uuid::from_u128(0xe) };
        let head = StoreHead { epoch, lineage: Vec::new(), position: 0 };
        Self(MemoryStore::new(ServerId(Uuid::from_u128(0x5)), head, limits))
    }

    fn store(&self) -> &MemoryStore {
        &self.0
    }

    async fn reopened(self) -> Self {
        self
    }
}

pub(super) struct InSqlite {
    store: SqliteStore,
    limits: Limits,
    folder: tempfile::TempDir,
}

impl InSqlite {
    pub(super) fn file(&self) -> std::path::PathBuf {
        self.folder.path().join("store.db")
    }
}

impl Kind for InSqlite {
    type Store = SqliteStore;

    fn with(limits: Limits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = SqliteOptions { limits, ..SqliteOptions::default() };
        let store = SqliteStore::open(&folder.path().join("store.db"), options).unwrap();
        Self { store, limits, folder }
    }

    fn store(&self) -> &SqliteStore {
        &self.store
    }

    async fn reopened(self) -> Self {
        self.store.close().await;
        drop(self.store);
        let options = SqliteOptions { limits: self.limits, ..SqliteOptions::default() };
        let store = SqliteStore::open(&self.folder.path().join("store.db"), options).unwrap();
        Self { store, ..self }
    }
}

pub(super) fn alice() -> SpaceName {
    SpaceName::user("office", "alice")
}

pub(super) fn bob() -> SpaceName {
    SpaceName::user("office", "bob")
}

pub(super) fn sales() -> SpaceName {
    SpaceName::group("office", "sales")
}

pub(super) fn machine(n: u128) -> MachineId {
    MachineId(Uuid::from_u128(0xaaaa_0000 + n))
}

pub(super) fn incarnation(n: u128) -> Incarnation {
    Incarnation(Uuid::from_u128(0xbbbb_0000 + n))
}

pub(super) fn record(n: u128) -> RecordId {
    RecordId(Uuid::from_u128(0xcccc_0000 + n))
}

pub(super) fn procedure(n: u128) -> ProcedureId {
    ProcedureId(Uuid::from_u128(0xdddd_0000 + n))
}

pub(super) fn snapshot(n: u128) -> SnapshotId {
    SnapshotId(Uuid::from_u128(0xffff_0000 + n))
}

pub(super) fn secret(n: u128) -> SecretHash {
    let mut hash = [7; 32];
    hash[..16].copy_from_slice(&n.to_be_bytes());
    hash
}

/// Sets one field to a number.
pub(super) fn set(number: i64) -> Operation {
    set_field("name", Value::Int(number))
}

pub(super) fn set_field(field: &str, value: Value) -> Operation {
    Operation::Edit([(field.to_string(), Some(value))].into())
}

/// A change of an author who had seen everything up to `seen`.
pub(super) fn change(
    who: Incarnation,
    number: u64,
    record: RecordId,
    seen: u64,
    operation: Operation,
) -> Change {
    Change {
        id: (who, number).into(),
        record,
        context: Context { seen, own: BTreeMap::new() },
        operation,
        author: Author { person: None, time: Timestamp(5), import: None },
    }
}

pub(super) fn asks(space: &SpaceName) -> SpaceRequest {
    SpaceRequest::new(space.clone())
}

pub(super) fn pushes(space: &SpaceName, changes: Vec<Change>) -> SpaceRequest {
    SpaceRequest { changes, ..asks(space) }
}

pub(super) fn sync(n: u128, request: SpaceRequest) -> Request {
    Request::Sync {
        machine: machine(n),
        incarnation: incarnation(n),
        person: Some("alice".into()),
        limit: 1 << 20,
        request,
        now: Timestamp(1_000),
    }
}

pub(super) fn joins(n: u128, join: &[SpaceName], leave: &[SpaceName]) -> Request {
    Request::Membership {
        machine: machine(n),
        login: None,
        join: join.to_vec(),
        leave: leave.to_vec(),
        now: Timestamp(1_000),
    }
}

pub(super) fn deletes(space: &SpaceName, n: u128) -> Request {
    Request::Delete {
        spaces: vec![(space.clone(), snapshot(n))],
        by: "administrator".into(),
        procedure: None,
        now: Timestamp(2_000),
    }
}

/// A deletion as the step of a procedure of machine 1, which reserves until then.
pub(super) fn reserves(n: u128, until: i64) -> Request {
    Request::Delete {
        spaces: vec![(alice(), snapshot(n)), (sales(), snapshot(n + 1))],
        by: "administrator".into(),
        procedure: Some((procedure(n), machine(1), Timestamp(until))),
        now: Timestamp(1_000),
    }
}

pub(super) fn code(n: u128, scope: Scope) -> Code {
    Code { hash: secret(n), scope, expires: Timestamp(10_000), used_by: None }
}

pub(super) fn enrols(with: u128, n: u128) -> Request {
    Request::Enroll {
        code: secret(with),
        machine: machine(n),
        token: secret(1_000 + n),
        name: format!("Machine {n}"),
        now: Timestamp(1_000),
    }
}

/// Everything that a store says of itself.
#[derive(Debug, PartialEq)]
pub(super) struct Picture {
    heads: StoreHead,
    infos: Vec<SpaceInfo>,
    content: BTreeMap<SpaceName, SpaceContent>,
    machines: BTreeMap<MachineId, Machine>,
    polls: BTreeMap<MachineId, Vec<(Polled, Vec<Moved>)>>,
    listed: Vec<SnapshotInfo>,
    snapshots: Vec<Option<Snapshot>>,
    logins: Vec<Login>,
}

impl Picture {
    /// As it would be under another store's epoch, which is drawn.
    pub(super) fn under(mut self, epoch: Epoch) -> Self {
        self.heads.epoch = epoch;
        self.polls.values_mut().flatten().for_each(|(polled, _)| polled.epoch = epoch);
        self.snapshots.iter_mut().flatten().for_each(|kept| kept.epoch = Some(epoch));
        self
    }
}

/// A store under test.
pub(super) struct Bench<K> {
    pub(super) kind: K,
}

impl<K: Kind> Bench<K> {
    /// With nothing in it.
    pub(super) fn empty(limits: Limits) -> Self {
        Self { kind: K::with(limits) }
    }

    /// With `count` machines, numbered from 1, that are members of Alice's space and of the group.
    pub(super) async fn with_machines(count: u128) -> Self {
        let bench = Self::empty(Limits::default());
        for n in 1..=count {
            bench.enrol(n).await;
            assert_eq!(bench.commit(joins(n, &[alice(), sales()], &[])).await, Answer::Done);
        }
        bench
    }

    pub(super) fn store(&self) -> &K::Store {
        self.kind.store()
    }

    pub(super) async fn reopened(self) -> Self {
        Self { kind: self.kind.reopened().await }
    }

    pub(super) async fn enrol(&self, n: u128) {
        assert_eq!(self.commit(Request::MakeCode(code(n, Scope::All))).await, Answer::Done);
        assert_eq!(self.commit(enrols(n, n)).await, Answer::Enrolled(Scope::All));
    }

    pub(super) async fn commit(&self, request: Request) -> Answer {
        let mut answers = self.together(vec![request]).await;
        assert_eq!(answers.len(), 1);
        answers.remove(0)
    }

    pub(super) async fn together(&self, requests: Vec<Request>) -> Vec<Answer> {
        self.store().commit(requests).await.unwrap()
    }

    pub(super) async fn refused(&self, request: Request) -> Refusal {
        match self.commit(request).await {
            Answer::Refused(refusal) => refusal,
            other => panic!("{other:?}"),
        }
    }

    pub(super) async fn sync(&self, n: u128, request: SpaceRequest) -> Reply {
        reply(self.commit(sync(n, request)).await)
    }

    /// A push that is accepted; returns the page of its answer.
    pub(super) async fn push(&self, n: u128, space: &SpaceName, changes: Vec<Change>) -> Page {
        page(self.sync(n, pushes(space, changes)).await)
    }

    pub(super) fn position(&self) -> u64 {
        self.store().known(|known| known.heads().store().position)
    }

    pub(super) fn epoch(&self) -> Epoch {
        self.store().known(|known| known.heads().store().epoch)
    }

    pub(super) fn poll(&self, n: u128, after: Option<u64>) -> (u64, Vec<Moved>) {
        let asked = after.map(|position| Polled { epoch: self.epoch(), position });
        let (polled, moved) = self.store().known(|known| known.heads().poll(machine(n), asked));
        assert_eq!(polled.epoch, self.epoch());
        (polled.position, moved)
    }

    pub(super) async fn content(&self, space: &SpaceName) -> SpaceContent {
        self.store().space(space.clone()).await.unwrap()
    }

    pub(super) async fn picture(&self) -> Picture {
        let store = self.store();
        let (heads, machines) =
            store.known(|known| (known.heads().store().clone(), known.machines().clone()));
        let mut polls = BTreeMap::new();
        for id in machines.keys() {
            let asked = [None].into_iter().chain((0..=heads.position).map(Some));
            let answers = asked.map(|at| {
                let at = at.map(|position| Polled { epoch: heads.epoch, position });
                store.known(|known| known.heads().poll(*id, at))
            });
            polls.insert(*id, answers.collect());
        }
        let mut content = BTreeMap::new();
        for space in [alice(), bob(), sales()] {
            content.insert(space.clone(), self.content(&space).await);
        }
        let listed = store.snapshots().await.unwrap();
        let mut snapshots = Vec::new();
        for info in &listed {
            snapshots.push(store.snapshot(info.id).await.unwrap());
        }
        Picture {
            heads,
            infos: store.spaces().await.unwrap(),
            content,
            machines,
            polls,
            listed,
            snapshots,
            logins: store.logins().await.unwrap(),
        }
    }
}

pub(super) fn reply(answer: Answer) -> Reply {
    match answer {
        Answer::Space(answer) => answer.reply,
        other => panic!("{other:?}"),
    }
}

pub(super) fn page(reply: Reply) -> Page {
    match reply {
        Reply::Ok(page) => page,
        other => panic!("{other:?}"),
    }
}

pub(super) fn lost_field(sequence: u64, who: Incarnation, number: u64, n: u128, value: i64) -> Superseded {
    Superseded {
        sequence,
        id: (who, number).into(),
        record: record(n),
        what: Lost::Field("name".into(), Some(Value::Int(value))),
    }
}
