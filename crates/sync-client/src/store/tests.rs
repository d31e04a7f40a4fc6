//! The durable replica against the core's own server in memory: the histories that go wrong without a rule of the
//! protocol (`docs/protocol.md` has the table), as far as a machine meets them.

#![allow(clippy::unwrap_used)]

mod copies;
mod exchange;
mod local;
mod refused;
mod starting;

use super::*;
use core::time::Duration;
use sync_core::{
    change::{Author, Operation},
    id::{Epoch, ProcedureId, RecordId, SnapshotId},
    protocol::{Limits, SyncAnswer},
    record::Lost,
    server::{
        self, Action, Answer, Event, Request, StoreHead,
        memory::{Memory, MemorySpace},
    },
    snapshot::Reason,
    value::Value,
};
use uuid::Uuid;

pub(super) const NOW: Timestamp = Timestamp(1_000_000);
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

pub(super) struct Server {
    id: ServerId,
    pub(super) memory: Memory,
    pub(super) limits: Limits,
}

impl Server {
    pub(super) fn new() -> Self {
        let epoch = Epoch { restores: 0, draw: Uuid::from_u128(1) };
        let memory = Memory::new(StoreHead { epoch, lineage: Vec::new(), position: 0 });
        Self { id: ServerId(Uuid::from_u128(2)), memory, limits: Limits::default() }
    }

    pub(super) fn commit(&mut self, request: Request) -> Answer {
        self.memory.commit(vec![request], &self.limits).pop().unwrap()
    }

    /// A machine that is enrolled, in progress, and a member of these spaces.
    pub(super) fn machine(&mut self, number: u128, spaces: &[&SpaceName]) -> Store {
        self.enrol(Store::in_memory().unwrap(), number, spaces)
    }

    pub(super) fn enrol(&mut self, mut store: Store, number: u128, spaces: &[&SpaceName]) -> Store {
        let machine = MachineId(Uuid::from_u128(number));
        store
            .set_identity(Identity {
                machine: Some(machine),
                server: Some(self.id),
                realm: Some("office".into()),
                ..Identity::default()
            })
            .unwrap();
        let scope = server::Scope::All;
        let enrolled = server::Machine { name: String::new(), token: [0; 32], scope, enrolled: NOW };
        self.memory.machines.insert(machine, enrolled);
        self.member(&store, spaces, true);
        store.set_state(SyncState::InProgress).unwrap();
        let spaces: Vec<SpaceName> = spaces.iter().map(|space| (*space).clone()).collect();
        store.join(&spaces).unwrap();
        store
    }

    pub(super) fn member(&mut self, store: &Store, spaces: &[&SpaceName], present: bool) {
        let spaces: Vec<SpaceName> = spaces.iter().map(|space| (*space).clone()).collect();
        let (join, leave) = if present { (spaces, Vec::new()) } else { (Vec::new(), spaces) };
        let machine = store.identity().machine.unwrap();
        let done = self.commit(Request::Membership { machine, login: None, join, leave, now: NOW });
        assert_eq!(done, Answer::Done);
    }

    pub(super) fn answer(&mut self, store: &Store, plan: &Plan) -> SyncAnswer {
        let mut session = server::Session::new(self.id, store.identity().machine.unwrap());
        // As it travels.
        let request = wire::decode(&wire::encode(&plan.request).unwrap()).unwrap();
        let answer = match session.handle(Event::Asked(request, &self.memory.heads()), NOW) {
            Action::Commit(requests) => {
                let answers = self.memory.commit(requests, &self.limits);
                session.handle(Event::Committed(answers, &self.memory.heads()), NOW)
            }
            other => other,
        };
        match answer {
            Action::Reply(answer) => wire::decode(&wire::encode(&answer).unwrap()).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn round(&mut self, store: &mut Store) -> Report {
        let plan = store.plan(NOW).unwrap().unwrap();
        let answer = self.answer(store, &plan);
        store.absorb(&plan, answer, PATIENCE, NOW).unwrap()
    }

    /// Round trips until nothing is to do.
    pub(super) fn level(&mut self, store: &mut Store) -> Report {
        let mut all = Report::default();
        for _ in 0..50 {
            let report = self.round(store);
            all.superseded += report.superseded;
            all.set_aside.extend(report.set_aside);
            all.forked |= report.forked;
            all.outcome = report.outcome;
            if report.outcome.waits || !(report.outcome.to_do || report.outcome.unstarted) {
                return all;
            }
        }
        panic!("never level: {all:?}");
    }

    pub(super) fn space(&self, space: &SpaceName) -> &MemorySpace {
        &self.memory.spaces[space]
    }

    pub(super) fn field(&self, space: &SpaceName, record: RecordId, field: &str) -> Option<Value> {
        self.space(space).records.get(&record)?.get(field).cloned()
    }

    pub(super) fn delete(&mut self, space: &SpaceName, reserve: Option<(&Store, Timestamp)>) {
        let procedure = reserve.map(|(store, until)| {
            (ProcedureId(Uuid::from_u128(9)), store.identity().machine.unwrap(), until)
        });
        let spaces = vec![(space.clone(), SnapshotId(draw::uuid().unwrap()))];
        let deleted = self.commit(Request::Delete { spaces, by: "admin".into(), procedure, now: NOW });
        assert!(matches!(deleted, Answer::Deleted(_)), "{deleted:?}");
    }
}

pub(super) fn alice() -> SpaceName {
    SpaceName::user("office", "alice")
}

fn group() -> SpaceName {
    SpaceName::group("office", "7")
}

fn id(number: u128) -> RecordId {
    RecordId(Uuid::from_u128(number))
}

pub(super) fn by() -> Author {
    Author { person: Some("alice".into()), time: NOW, import: None }
}

fn set(store: &mut Store, space: &SpaceName, record: u128, fields: &[(&str, i64)]) {
    let fields = fields.iter().map(|(name, value)| ((*name).to_string(), Some(Value::Int(*value))));
    store.edit(space, id(record), Operation::Edit(fields.collect()), by()).unwrap();
}

fn delete(store: &mut Store, space: &SpaceName, record: u128) {
    store.edit(space, id(record), Operation::Delete, by()).unwrap();
}

fn get(store: &Store, space: &SpaceName, record: u128, field: &str) -> Option<i64> {
    store.view(space, id(record)).unwrap()?.get(field)?.as_int()
}

fn outbox(store: &Store, space: &SpaceName) -> u64 {
    store.spaces().unwrap().iter().find(|s| s.name == *space).unwrap().outbox
}

fn head(store: &Store, space: &SpaceName) -> SpaceHead {
    store.spaces().unwrap().into_iter().find(|s| s.name == *space).unwrap().head
}

pub(super) fn reasons(store: &Store) -> Vec<String> {
    store.snapshots().unwrap().into_iter().map(|row| row.reason).collect()
}

/// Two machines and a server that agree on record 1: f = 1, g = 1.
fn agreed() -> (Server, Store, Store) {
    let mut server = Server::new();
    let mut a = server.machine(101, &[&alice()]);
    let mut b = server.machine(102, &[&alice()]);
    set(&mut a, &alice(), 1, &[("f", 1), ("g", 1)]);
    server.level(&mut a);
    server.level(&mut b);
    assert_eq!(get(&b, &alice(), 1, "f"), Some(1));
    (server, a, b)
}

fn converge(server: &mut Server, stores: &mut [&mut Store]) {
    for _ in 0..2 {
        for store in &mut *stores {
            server.level(store);
        }
    }
    let live = stores[0].live(&alice()).unwrap();
    assert!(stores.iter().all(|store| store.live(&alice()).unwrap() == live));
}

pub(super) fn start(server: &mut Server, store: &mut Store) -> Report {
    store.set_state(SyncState::Starting).unwrap();
    let report = server.level(store);
    assert!(!report.outcome.unstarted);
    store.set_state(SyncState::InProgress).unwrap();
    report
}
