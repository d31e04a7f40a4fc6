//! A small fleet without a network: a server and some replicas in memory, and messages that a test can lose, hold back
//! and repeat.
#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    reason = "each test uses its own part, and may panic"
)]

use std::collections::BTreeMap;
use sync_core::{
    change::{Author, Operation},
    id::{ChangeId, Epoch, Incarnation, MachineId, Opening, ProcedureId, RecordId, ServerId, SnapshotId},
    protocol::{Limits, Polled, RestoreMode, SyncAnswer, SyncRequest, Told},
    record::{Lost, Record, Superseded},
    replica::{self, Sent},
    server::{self, Action, Answer, Event, Machine, Request, Scope, Session, StoreHead},
    space::SpaceName,
    time::Timestamp,
    value::Value,
};
use uuid::Uuid;

pub struct World {
    pub server: server::memory::Memory,
    pub machines: Vec<replica::memory::Memory>,
    pub limits: Limits,
    pub now: Timestamp,
    /// How many changes a request may carry for a space.
    pub prefix: usize,
    /// How many records a page may have.
    pub page: u32,
    drawn: u128,
}

/// A request on its way, with what its sender remembers of it.
#[derive(Clone)]
pub struct Letter {
    pub machine: usize,
    pub request: SyncRequest,
    pub sent: BTreeMap<SpaceName, Sent>,
}

/// An answer on its way.
#[derive(Clone)]
pub struct Reply {
    pub machine: usize,
    pub asked: Option<Polled>,
    pub sent: BTreeMap<SpaceName, Sent>,
    pub answer: SyncAnswer,
}

pub fn alice() -> SpaceName {
    SpaceName::user("office", "alice")
}

pub fn sales() -> SpaceName {
    SpaceName::group("office", "sales")
}

pub fn record(n: u128) -> RecordId {
    RecordId(Uuid::from_u128(n))
}

pub fn set(fields: &[(&str, i64)]) -> Operation {
    Operation::Edit(fields.iter().map(|(name, value)| ((*name).into(), Some(Value::Int(*value)))).collect())
}

pub fn machine_id(n: usize) -> MachineId {
    MachineId(Uuid::from_u128(0xaaaa_0000 + n as u128))
}

impl World {
    /// A server and `n` machines that are members of both spaces.
    pub fn new(n: usize) -> Self {
        let epoch = Epoch { restores: 0, draw: Uuid::from_u128(0xe) };
        let store = StoreHead { epoch, lineage: Vec::new(), position: 0 };
        let mut world = Self {
            server: server::memory::Memory::new(store),
            machines: Vec::new(),
            limits: Limits::default(),
            now: Timestamp(1),
            prefix: 100,
            page: 100,
            drawn: 0,
        };
        for i in 0..n {
            let machine = Machine {
                name: format!("Machine {}", i + 1),
                token: [u8::try_from(i).unwrap(); 32],
                scope: Scope::All,
                enrolled: Timestamp(0),
            };
            world.server.machines.insert(machine_id(i), machine);
            let (opening, incarnation) = (Opening(world.draw()), Incarnation(world.draw()));
            world.machines.push(replica::memory::Memory::new(machine_id(i), opening, incarnation));
            for space in [alice(), sales()] {
                world.join(i, &space);
            }
        }
        world
    }

    pub fn draw(&mut self) -> Uuid {
        self.drawn += 1;
        Uuid::from_u128(0x1000_0000 + self.drawn)
    }

    pub fn commit(&mut self, request: Request) -> Answer {
        let limits = self.limits;
        self.server.commit(vec![request], &limits).remove(0)
    }

    pub fn join(&mut self, machine: usize, space: &SpaceName) {
        self.membership(machine, vec![space.clone()], vec![]);
        self.machines[machine].join(space, false);
    }

    pub fn membership(&mut self, machine: usize, join: Vec<SpaceName>, leave: Vec<SpaceName>) {
        let machine = self.machines.get(machine).map_or(machine_id(machine), |m| m.machine);
        let now = self.now;
        let done = self.commit(Request::Membership { machine, login: None, join, leave, now });
        assert_eq!(done, Answer::Done);
    }

    pub fn edit(&mut self, machine: usize, space: &SpaceName, n: u128, operation: Operation) -> ChangeId {
        // Clocks go on, also where a machine is turned back.
        self.now = Timestamp(self.now.0 + 1);
        let author = Author { time: self.now, ..Author::default() };
        self.machines[machine].edit(space, record(n), operation, author)
    }

    pub fn letter(&self, machine: usize) -> Letter {
        let (request, sent) = self.machines[machine].request(self.prefix, self.page);
        Letter { machine, request, sent }
    }

    pub fn deliver(&mut self, letter: &Letter) -> Reply {
        let machine = self.machines[letter.machine].machine;
        let mut session = Session::new(ServerId(Uuid::from_u128(0x5)), machine);
        let heads = self.server.heads();
        let mut action = session.handle(Event::Asked(letter.request.clone(), &heads), self.now);
        if let Action::Commit(requests) = action {
            let limits = self.limits;
            let answers = self.server.commit(requests, &limits);
            action = session.handle(Event::Committed(answers, &self.server.heads()), self.now);
        }
        match action {
            Action::Reply(answer) => Reply {
                machine: letter.machine,
                asked: letter.request.polled,
                sent: letter.sent.clone(),
                answer,
            },
            other => panic!("no reply: {other:?}"),
        }
    }

    pub fn absorb(&mut self, reply: Reply) {
        let mut drawn = self.drawn;
        let mut fresh = || {
            drawn += 1;
            Uuid::from_u128(0x1000_0000 + drawn)
        };
        let told = reply.answer.told.clone();
        let machine = &mut self.machines[reply.machine];
        machine.absorb(reply.asked, &reply.sent, reply.answer, &mut fresh);
        for Told { space, stands } in told {
            if let Some(standing) = stands {
                machine.start(&space, &standing, &mut fresh);
            }
        }
        self.drawn = drawn;
    }

    /// One round trip in which nothing goes wrong. A machine that is stopped asks for a Start.
    pub fn round(&mut self, machine: usize) {
        let letter = self.letter(machine);
        let reply = self.deliver(&letter);
        self.absorb(reply);
    }

    /// As many round trips as it takes until nothing is left to say.
    pub fn sync(&mut self, machine: usize) {
        for _ in 0..200 {
            self.round(machine);
            let (request, _) = self.machines[machine].request(self.prefix, self.page);
            if request.spaces.is_empty() && request.asks.is_empty() {
                return;
            }
        }
        panic!("machine {machine} never comes to rest");
    }

    /// Everybody syncs until all have heard of everything.
    pub fn settle(&mut self) {
        for _ in 0..3 {
            for machine in 0..self.machines.len() {
                self.sync(machine);
            }
        }
    }

    pub fn delete(&mut self, space: &SpaceName, reserve: Option<(ProcedureId, usize)>) {
        let snapshot = SnapshotId(self.draw());
        let procedure = reserve.map(|(id, machine)| (id, machine_id(machine), Timestamp(self.now.0 + 1_000)));
        let request = Request::Delete {
            spaces: vec![(space.clone(), snapshot)],
            by: "administrator".into(),
            procedure,
            now: self.now,
        };
        assert!(matches!(self.commit(request), Answer::Deleted(_)));
    }

    /// The server forgets what no machine needs, up to `old`.
    pub fn prune(&mut self, space: &SpaceName, old: u64) {
        let members = self.machines.iter().map(|machine| machine.machine).collect();
        let request = Request::Prune { space: space.clone(), old, members };
        assert!(matches!(self.commit(request), Answer::Pruned(_)));
    }

    /// Takes a whole-store restore upon the server: what came later is set aside.
    pub fn restore(&mut self, backup: &server::memory::Memory) {
        self.restore_for(backup, RestoreMode::Rollback);
    }

    /// Takes a whole-store restore upon the server.
    pub fn restore_for(&mut self, backup: &server::memory::Memory, mode: RestoreMode) {
        let members: BTreeMap<_, _> =
            self.server.spaces.iter().map(|(name, space)| (name.clone(), space.members.clone())).collect();
        let position = self.server.store.position.max(backup.store.position) + 1;
        self.server = backup.clone();
        for (name, members) in members {
            self.server.spaces.entry(name).or_default().members = members;
        }
        let draw = self.draw();
        let heads =
            backup.spaces.iter().map(|(name, s)| (name.clone(), (s.head.generation, s.head.head))).collect();
        self.server.store.lineage.push(server::PastEpoch { epoch: backup.store.epoch, mode, heads });
        self.server.store.epoch = Epoch { restores: backup.store.epoch.restores + 1, draw };
        self.server.store.position = position;
    }

    /// What a person sees of a field.
    pub fn sees(&self, machine: usize, space: &SpaceName, n: u128, field: &str) -> Option<i64> {
        self.machines[machine].spaces.get(space)?.view(record(n))?.get(field)?.as_int()
    }

    /// What the server has.
    pub fn at_server(&self, space: &SpaceName, n: u128) -> Option<&Record> {
        self.server.spaces.get(space)?.records.get(&record(n))
    }

    pub fn server_value(&self, space: &SpaceName, n: u128, field: &str) -> Option<i64> {
        self.at_server(space, n)?.get(field)?.as_int()
    }

    pub fn superseded(&self, space: &SpaceName) -> &[Superseded] {
        self.server.spaces.get(space).map_or(&[], |space| &space.superseded)
    }

    pub fn head(&self, space: &SpaceName) -> u64 {
        self.server.spaces.get(space).map_or(0, |space| space.head.head)
    }
}

/// The value that a superseded field would have had.
pub fn lost(superseded: &Superseded) -> (Option<&str>, Option<i64>) {
    match &superseded.what {
        Lost::Field(name, value) => (Some(name), value.as_ref().and_then(Value::as_int)),
        Lost::Deletion => (None, None),
    }
}
