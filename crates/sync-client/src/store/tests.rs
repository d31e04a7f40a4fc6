//! The durable replica against the core's own server in memory: the histories that go wrong without a rule of the
//! protocol (`docs/protocol.md` has the table), as far as a machine meets them.

#![allow(clippy::unwrap_used)]

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

#[test]
fn what_is_changed_here_is_found_there() {
    let (mut server, mut a, mut b) = agreed();
    set(&mut b, &alice(), 2, &[("f", 5)]);
    converge(&mut server, &mut [&mut a, &mut b]);
    assert_eq!(get(&a, &alice(), 2, "f"), Some(5));
    // Nothing new: a poll writes nothing.
    let before = a.db.changes();
    let report = server.round(&mut a);
    assert_eq!((report, a.db.changes()), (Report::default(), before));
}

#[test]
fn of_two_edits_the_first_to_arrive_stands_and_the_other_can_be_taken() {
    let (mut server, mut a, mut b) = agreed();
    set(&mut a, &alice(), 1, &[("f", 2), ("g", 2)]);
    set(&mut b, &alice(), 1, &[("f", 3)]);
    server.level(&mut b);
    assert_eq!(server.level(&mut a).superseded, 1);
    converge(&mut server, &mut [&mut a, &mut b]);
    assert_eq!((get(&b, &alice(), 1, "f"), get(&b, &alice(), 1, "g")), (Some(3), Some(2)));
    // Both machines have it once, however often they ask.
    for store in [&a, &b] {
        let kept = store.superseded().unwrap();
        assert_eq!(kept.len(), 1);
        assert_eq!(kept[0].lost.what, Lost::Field("f".into(), Some(Value::Int(2))));
    }
    let row = b.superseded().unwrap()[0].id;
    b.take(row, &by()).unwrap();
    assert_eq!(b.superseded().unwrap(), []);
    assert_eq!(b.take(row, &by()).unwrap_err().code(), "unknown_superseded");
    converge(&mut server, &mut [&mut a, &mut b]);
    assert_eq!(get(&a, &alice(), 1, "f"), Some(2));
    // Pulled from the beginning again, it is still known that it was taken.
    b.set_state(SyncState::Stopped).unwrap();
    start(&mut server, &mut b);
    assert_eq!(b.superseded().unwrap(), []);
}

#[test]
fn own_pending_changes_do_not_conflict_with_each_other_even_over_a_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::new();
    let mut a = server.enrol(Store::open(folder.path()).unwrap(), 101, &[&alice()]);
    set(&mut a, &alice(), 1, &[("f", 1)]);
    let first = a.incarnation();
    drop(a);
    let mut a = Store::open(folder.path()).unwrap();
    assert_ne!(a.incarnation(), first);
    set(&mut a, &alice(), 1, &[("f", 2)]);
    assert_eq!(server.level(&mut a).superseded, 0);
    assert_eq!((get(&a, &alice(), 1, "f"), outbox(&a, &alice())), (Some(2), 0));
}

#[test]
fn a_deletion_and_an_edit_in_both_orders() {
    for deletion_first in [true, false] {
        let (mut server, mut a, mut b) = agreed();
        delete(&mut a, &alice(), 1);
        set(&mut b, &alice(), 1, &[("f", 9)]);
        if deletion_first {
            server.level(&mut a);
            server.level(&mut b);
        } else {
            server.level(&mut b);
            server.level(&mut a);
        }
        converge(&mut server, &mut [&mut a, &mut b]);
        // First deleted, the edit has lost its field to nobody: it revives the record whole; either way it lives.
        assert_eq!(
            (get(&a, &alice(), 1, "f"), get(&a, &alice(), 1, "g")),
            (Some(9), Some(1)),
            "{deletion_first}"
        );
        assert_eq!(a.superseded().unwrap()[0].lost.what, Lost::Deletion);
        let row = a.superseded().unwrap()[0].id;
        a.take(row, &by()).unwrap();
        converge(&mut server, &mut [&mut a, &mut b]);
        assert_eq!(b.live(&alice()).unwrap().len(), 0);
    }
}

#[test]
fn a_lost_answer_is_asked_for_again_and_nothing_is_doubled() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::new();
    let mut a = server.enrol(Store::open(folder.path()).unwrap(), 101, &[&alice()]);
    server.level(&mut a);
    set(&mut a, &alice(), 1, &[("f", 1)]);
    set(&mut a, &alice(), 1, &[("f", 2)]);
    let plan = a.plan(NOW).unwrap().unwrap();
    let _lost = server.answer(&a, &plan);
    // The same again, in this opening and in the next.
    let again = a.plan(NOW).unwrap().unwrap();
    assert_eq!(again.request.spaces[0].changes, plan.request.spaces[0].changes);
    let _lost = server.answer(&a, &again);
    drop(a);
    let mut a = Store::open(folder.path()).unwrap();
    assert_eq!(get(&a, &alice(), 1, "f"), Some(2));
    let report = server.level(&mut a);
    assert!(!report.forked);
    assert_eq!((server.space(&alice()).head.head, outbox(&a, &alice())), (2, 0));
    assert_eq!(get(&a, &alice(), 1, "f"), Some(2));
}

#[test]
fn a_late_answer_is_ignored() {
    let (mut server, mut a, mut b) = agreed();
    let plan = a.plan(NOW).unwrap().unwrap();
    let late = server.answer(&a, &plan);
    server.delete(&alice(), None);
    server.level(&mut a);
    set(&mut b, &alice(), 1, &[("f", 7)]);
    server.level(&mut b);
    let before = (a.live(&alice()).unwrap(), head(&a, &alice()));
    a.absorb(&plan, late, PATIENCE, NOW).unwrap();
    assert_eq!((a.live(&alice()).unwrap(), head(&a, &alice())), before);
}

#[test]
fn a_poll_that_was_overtaken_says_nothing() {
    let (mut server, mut a, mut b) = agreed();
    let plan = a.plan(NOW).unwrap().unwrap();
    set(&mut b, &alice(), 1, &[("f", 7)]);
    server.level(&mut b);
    let late = server.answer(&a, &plan);
    assert!(!late.moved.is_empty());
    set(&mut b, &alice(), 1, &[("f", 8)]);
    server.level(&mut b);
    server.level(&mut a);
    let stands = (a.progress.polled, a.spaces().unwrap().iter().map(|s| s.wanted).collect::<Vec<_>>());
    a.absorb(&plan, late, PATIENCE, NOW).unwrap();
    let now = (a.progress.polled, a.spaces().unwrap().iter().map(|s| s.wanted).collect::<Vec<_>>());
    assert_eq!(now, stands);
    assert!(!a.outcome(NOW).unwrap().to_do);
}

#[test]
fn an_answer_of_another_server_or_opening_is_not_taken() {
    let (mut server, mut a, _) = agreed();
    set(&mut a, &alice(), 1, &[("f", 2)]);
    let plan = a.plan(NOW).unwrap().unwrap();
    let answer = server.answer(&a, &plan);
    let other = SyncAnswer { server: ServerId(Uuid::from_u128(77)), ..answer.clone() };
    assert_eq!(a.absorb(&plan, other, PATIENCE, NOW).unwrap_err().code(), "another_server");
    let other = SyncAnswer { opening: Opening(Uuid::from_u128(77)), ..answer };
    a.absorb(&plan, other, PATIENCE, NOW).unwrap();
    assert_eq!(outbox(&a, &alice()), 1);
}

#[test]
fn a_page_at_a_time_moves_the_cursor_and_only_the_last_moves_seen() {
    let mut server = Server::new();
    let mut a = server.machine(101, &[&alice()]);
    let mut b = server.machine(102, &[&alice()]);
    for record in 1..=3 {
        set(&mut a, &alice(), record, &[("f", 1)]);
    }
    server.level(&mut a);
    let short_page = |server: &mut Server, b: &mut Store| {
        let mut plan = b.plan(NOW).unwrap().unwrap();
        plan.request.limit = 1;
        let answer = server.answer(b, &plan);
        b.absorb(&plan, answer, PATIENCE, NOW).unwrap()
    };
    assert!(short_page(&mut server, &mut b).outcome.to_do);
    assert_eq!((head(&b, &alice()).cursor, head(&b, &alice()).seen), (1, 0));
    // An edit between two pages of a record that is not here yet claims nothing of it.
    set(&mut b, &alice(), 3, &[("f", 8)]);
    while short_page(&mut server, &mut b).outcome.to_do {}
    assert_eq!(head(&b, &alice()).seen, server.space(&alice()).head.head);
    assert_eq!(server.field(&alice(), id(3), "f"), Some(Value::Int(1)));
    assert_eq!(b.superseded().unwrap().len(), 1);
}

#[test]
fn what_a_poll_named_is_pulled_even_after_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::new();
    let mut a = server.machine(101, &[&alice()]);
    let mut b = server.enrol(Store::open(folder.path()).unwrap(), 102, &[&alice()]);
    server.level(&mut b);
    set(&mut a, &alice(), 1, &[("f", 1)]);
    server.level(&mut a);
    assert!(server.round(&mut b).outcome.to_do);
    drop(b);
    let mut b = Store::open(folder.path()).unwrap();
    assert!(b.outcome(NOW).unwrap().to_do);
    server.level(&mut b);
    assert_eq!(get(&b, &alice(), 1, "f"), Some(1));
}

#[test]
fn a_deleted_space_is_set_aside_and_can_be_brought_back() {
    let (mut server, mut a, mut b) = agreed();
    set(&mut b, &alice(), 2, &[("f", 4)]);
    server.delete(&alice(), None);
    let before = b.incarnation();
    assert_eq!(server.level(&mut b).set_aside, [(alice(), Reason::Gone)]);
    assert_ne!(b.incarnation(), before);
    assert_eq!((b.live(&alice()).unwrap().len(), outbox(&b, &alice())), (0, 0));
    let snapshot = b.snapshots().unwrap()[0].id;
    // What had not been sent is part of what comes back.
    assert_eq!(b.restore(snapshot, &by()).unwrap(), 2);
    assert_eq!(b.restore(snapshot, &by()).unwrap(), 0);
    converge(&mut server, &mut [&mut b, &mut a]);
    assert_eq!((get(&a, &alice(), 1, "f"), get(&a, &alice(), 2, "f")), (Some(1), Some(4)));
    assert_eq!(b.restore(SnapshotId(Uuid::nil()), &by()).unwrap_err().code(), "unknown_snapshot");
}

#[test]
fn who_left_a_group_keeps_what_was_not_sent_and_joins_again_without_a_claim() {
    let (mut server, mut a, mut b) = agreed();
    set(&mut b, &alice(), 1, &[("f", 4)]);
    server.member(&b, &[&alice()], false);
    let before = b.incarnation();
    assert_eq!(server.level(&mut b).set_aside, [(alice(), Reason::Forbidden)]);
    assert_ne!(b.incarnation(), before);
    assert_eq!(reasons(&b), ["forbidden"]);
    // It is not asked for again, and nobody writes into it.
    assert!(b.plan(NOW).unwrap().unwrap().request.spaces.is_empty());
    let refused = b.edit(&alice(), id(1), Operation::Delete, by()).unwrap_err();
    assert_eq!(refused.code(), "not_a_member");
    let snapshot = b.snapshots().unwrap()[0].id;
    assert_eq!(b.restore(snapshot, &by()).unwrap_err().code(), "not_a_member");

    set(&mut a, &alice(), 1, &[("f", 6)]);
    server.level(&mut a);
    server.member(&b, &[&alice()], true);
    server.level(&mut b);
    assert_eq!(get(&b, &alice(), 1, "f"), Some(6));
    assert_eq!(b.restore(snapshot, &by()).unwrap(), 1);
    converge(&mut server, &mut [&mut a, &mut b]);
    assert_eq!(get(&a, &alice(), 1, "f"), Some(4));
}

/// A machine whose memory was put back to an earlier moment while it ran: what a copied virtual machine is.
fn twin(of: &Store, folder: &Path) -> Store {
    let mut twin = Store::open(folder).unwrap();
    (twin.incarnation, twin.opening, twin.number) = (of.incarnation, of.opening, of.number);
    twin
}

#[test]
fn a_machine_that_was_turned_back_goes_on_under_a_new_name_in_every_space() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let mut server = Server::new();
    let mut a = server.enrol(Store::open(folders[0].path()).unwrap(), 101, &[&alice(), &group()]);
    set(&mut a, &alice(), 1, &[("f", 1)]);
    set(&mut a, &group(), 1, &[("f", 1)]);
    server.level(&mut a);
    a.db.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    std::fs::copy(folders[0].path().join(FILE), folders[1].path().join(FILE)).unwrap();
    let mut copy = twin(&a, folders[1].path());

    set(&mut a, &alice(), 1, &[("f", 2)]);
    set(&mut a, &group(), 1, &[("f", 2)]);
    server.level(&mut a);
    // The same numbers, other content; the group's space alone hears of the fork first.
    set(&mut copy, &alice(), 1, &[("f", 3)]);
    set(&mut copy, &group(), 1, &[("f", 3)]);
    set(&mut copy, &group(), 2, &[("f", 3)]);
    let report = server.level(&mut copy);
    assert!(report.forked);
    assert_ne!(copy.incarnation(), a.incarnation());
    server.level(&mut a);
    for space in [alice(), group()] {
        assert_eq!(outbox(&copy, &space), 0);
        assert_eq!(get(&copy, &space, 1, "f"), Some(2));
    }
    // Nothing was taken for a repeat: what lost is kept, what did not is applied.
    assert_eq!(copy.superseded().unwrap().len(), 2);
    assert_eq!(get(&a, &group(), 2, "f"), Some(3));
    // And its next changes have numbers of their own.
    set(&mut copy, &alice(), 3, &[("f", 1)]);
    set(&mut copy, &alice(), 3, &[("f", 2)]);
    assert!(!server.level(&mut copy).forked);
    assert_eq!(server.field(&alice(), id(3), "f"), Some(Value::Int(2)));
}

#[test]
fn a_copied_folder_opened_twice_loses_nothing() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let mut server = Server::new();
    let mut a = server.enrol(Store::open(folders[0].path()).unwrap(), 101, &[&alice()]);
    server.level(&mut a);
    set(&mut a, &alice(), 1, &[("f", 1)]);
    drop(a);
    std::fs::copy(folders[0].path().join(FILE), folders[1].path().join(FILE)).unwrap();
    let mut a = Store::open(folders[0].path()).unwrap();
    let mut copy = Store::open(folders[1].path()).unwrap();
    set(&mut a, &alice(), 2, &[("f", 2)]);
    set(&mut copy, &alice(), 3, &[("f", 3)]);
    converge(&mut server, &mut [&mut a, &mut copy]);
    assert_eq!(server.space(&alice()).head.head, 3);
    assert_eq!(a.live(&alice()).unwrap().len(), 3);
}

pub(super) fn start(server: &mut Server, store: &mut Store) -> Report {
    store.set_state(SyncState::Starting).unwrap();
    let report = server.level(store);
    assert!(!report.outcome.unstarted);
    store.set_state(SyncState::InProgress).unwrap();
    report
}

#[test]
fn at_a_start_the_servers_data_stand_and_the_machines_are_kept() {
    let (mut server, mut a, mut b) = agreed();
    b.set_state(SyncState::Stopped).unwrap();
    assert!(b.plan(NOW).unwrap().is_none());
    b.set_state(SyncState::Paused).unwrap();
    assert!(b.plan(NOW).unwrap().is_none());
    b.set_state(SyncState::Stopped).unwrap();
    set(&mut b, &alice(), 1, &[("f", 5)]);
    set(&mut a, &alice(), 1, &[("f", 6)]);
    server.level(&mut a);
    let report = start(&mut server, &mut b);
    assert_eq!(report.set_aside, [(alice(), Reason::Start)]);
    assert_eq!((get(&b, &alice(), 1, "f"), outbox(&b, &alice())), (Some(6), 0));
    assert_eq!(live_of(&b.snapshot(b.snapshots().unwrap()[0].id).unwrap())[&id(1)]["f"], Value::Int(5));
    // A machine that changed nothing meanwhile has nothing to keep.
    a.set_state(SyncState::Stopped).unwrap();
    start(&mut server, &mut a);
    assert_eq!(a.snapshots().unwrap(), []);
}

#[test]
fn people_see_the_list_of_before_until_the_servers_is_there() {
    let (mut server, mut a, mut b) = agreed();
    b.set_state(SyncState::Stopped).unwrap();
    set(&mut b, &alice(), 1, &[("f", 5)]);
    set(&mut b, &alice(), 7, &[("f", 7)]);
    set(&mut a, &alice(), 1, &[("f", 6)]);
    server.level(&mut a);
    let before = b.live(&alice()).unwrap();
    assert_eq!(b.shown(&alice()).unwrap(), before);
    b.set_state(SyncState::Starting).unwrap();
    server.round(&mut b);
    // Between the two round trips the copy is empty.
    assert_eq!(b.live(&alice()).unwrap().len(), 0);
    assert_eq!(b.shown(&alice()).unwrap(), before);
    assert_eq!(b.shown_record(&alice(), id(1)).unwrap().unwrap().get("f"), Some(&Value::Int(5)));
    // What somebody writes now is seen as well.
    set(&mut b, &alice(), 8, &[("f", 8)]);
    assert_eq!(b.shown(&alice()).unwrap().len(), before.len() + 1);
    start(&mut server, &mut b);
    let after = b.live(&alice()).unwrap();
    assert_eq!(b.shown(&alice()).unwrap(), after);
    assert_eq!((after[&id(1)]["f"].clone(), after.contains_key(&id(8))), (Value::Int(6), true));
    assert!(!after.contains_key(&id(7)));
    let left: i64 = b.db.query_row("SELECT count(*) FROM shown", [], |row| row.get(0)).unwrap();
    assert_eq!(left, 0);
}

#[test]
fn a_start_into_an_empty_space_brings_the_machines_data_and_the_second_yields() {
    let (mut server, mut a, mut b) = agreed();
    for store in [&mut a, &mut b] {
        store.set_state(SyncState::Stopped).unwrap();
    }
    set(&mut a, &alice(), 2, &[("f", 2)]);
    server.delete(&alice(), None);
    for store in [&mut a, &mut b] {
        store.set_state(SyncState::Starting).unwrap();
        // Both hear that the space is empty.
        server.round(store);
        assert!(head(store, &alice()).start.is_some());
    }
    server.level(&mut a);
    assert_eq!(server.level(&mut b).set_aside, [(alice(), Reason::Occupied)]);
    converge(&mut server, &mut [&mut a, &mut b]);
    assert_eq!((get(&b, &alice(), 1, "f"), get(&b, &alice(), 2, "f")), (Some(1), Some(2)));
    assert_eq!(reasons(&b), ["occupied", "start"]);
    assert_eq!(head(&a, &alice()).start, None);
}

#[test]
fn a_start_goes_on_after_a_crash_and_after_another_deletion() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::new();
    let mut a = server.enrol(Store::open(folder.path()).unwrap(), 101, &[&alice(), &group()]);
    a.set_state(SyncState::Stopped).unwrap();
    set(&mut a, &alice(), 1, &[("f", 1)]);
    a.set_state(SyncState::Starting).unwrap();
    server.round(&mut a);
    drop(a);
    let mut a = Store::open(folder.path()).unwrap();
    assert_eq!(a.state(), SyncState::Starting);
    let start = head(&a, &alice()).start;
    assert!(start.is_some());
    // Deleted again before anything was acknowledged: it goes on in the new generation.
    server.delete(&alice(), None);
    server.level(&mut a);
    assert_eq!(server.field(&alice(), id(1), "f"), Some(Value::Int(1)));
    assert_eq!(head(&a, &alice()).start, None);
}

#[test]
fn a_reserved_space_and_a_limit_let_the_outbox_wait() {
    let (mut server, mut a, mut b) = agreed();
    server.delete(&alice(), Some((&a, Timestamp(NOW.0 + 60_000))));
    set(&mut b, &alice(), 1, &[("f", 3)]);
    let report = server.round(&mut b);
    assert!(report.outcome.waits && report.outcome.unsent);
    assert_eq!(outbox(&b, &alice()), 1);
    // Not asked for again before the longest back-off can be over.
    assert!(b.plan(NOW).unwrap().unwrap().request.spaces.is_empty());
    assert_eq!(b.plan(NOW.plus(PATIENCE)).unwrap().unwrap().request.spaces.len(), 1);
    assert_eq!(b.log(1).unwrap()[0].code, "reserved");

    server.limits.groups = Some(0);
    server.member(&a, &[&group()], true);
    server.level(&mut a);
    set(&mut a, &group(), 1, &[("f", 1)]);
    assert!(server.level(&mut a).outcome.waits);
    assert_eq!(outbox(&a, &group()), 1);
    assert!(a.log(10).unwrap().iter().any(|line| line.code == "limit" && line.level == "error"));
}

#[test]
fn a_wait_ends_with_the_reservation_not_with_the_back_off() {
    for cancelled in [true, false] {
        let (mut server, mut a, mut b) = agreed();
        a.set_state(SyncState::Stopped).unwrap();
        server.delete(&alice(), Some((&a, Timestamp(NOW.0 + 60_000))));
        assert!(server.level(&mut b).outcome.waits);
        assert!(server.level(&mut b).outcome.waits, "nothing has moved it since");
        if cancelled {
            server.commit(Request::CancelProcedure {
                procedure: ProcedureId(Uuid::from_u128(9)),
                machine: None,
            });
        } else {
            a.set_state(SyncState::Starting).unwrap();
            server.level(&mut a);
        }
        // The next poll, well before the longest back-off is over.
        assert!(!server.level(&mut b).outcome.to_do);
        assert_eq!(get(&b, &alice(), 1, "f"), if cancelled { None } else { Some(1) });
    }
}

#[test]
fn a_restored_server_sets_aside_what_lies_beyond_it() {
    let (mut server, mut a, mut b) = agreed();
    let backup = server.memory.clone();
    set(&mut a, &alice(), 1, &[("f", 2)]);
    server.level(&mut a);
    server.level(&mut b);
    server.memory = backup;
    server.memory.store.epoch = Epoch { restores: 1, draw: Uuid::from_u128(3) };
    assert_eq!(server.level(&mut a).set_aside, [(alice(), Reason::Restored)]);
    converge(&mut server, &mut [&mut a, &mut b]);
    assert_eq!(get(&a, &alice(), 1, "f"), Some(1));
    let snapshot = a.snapshots().unwrap()[0].id;
    a.restore(snapshot, &by()).unwrap();
    converge(&mut server, &mut [&mut a, &mut b]);
    assert_eq!(get(&b, &alice(), 1, "f"), Some(2));
}

#[test]
fn another_server_means_a_start_of_everything() {
    let (_, mut a, _) = agreed();
    a.login("alice", NOW).unwrap();
    a.login_told("alice").unwrap();
    a.forget_server().unwrap();
    assert_eq!(a.state(), SyncState::Stopped);
    assert!(head(&a, &alice()).stopped && !a.logins().unwrap()[0].told);
    let mut other = Server::new();
    other.id = ServerId(Uuid::from_u128(55));
    other.memory.store.epoch.draw = Uuid::from_u128(56);
    let mut a = other.enrol(a, 101, &[&alice()]);
    a.set_state(SyncState::Stopped).unwrap();
    start(&mut other, &mut a);
    assert_eq!(other.field(&alice(), id(1), "g"), Some(Value::Int(1)));
}

#[test]
fn a_local_space_is_written_at_once_with_its_history() {
    let mut store = Store::in_memory().unwrap();
    let space = SpaceName::local("address-lists");
    set(&mut store, &space, 1, &[("f", 1)]);
    set(&mut store, &space, 1, &[("f", 2)]);
    assert_eq!(store.history(&space).unwrap().len(), 2);
    assert_eq!((outbox(&store, &space), get(&store, &space, 1, "f")), (0, Some(2)));
    let edits = vec![Edit { space: space.clone(), record: id(1), operation: Operation::Delete }];
    store.apply(&Batch { edits, author: by(), keep: Some(Reason::Import) }).unwrap();
    assert_eq!(store.live(&space).unwrap().len(), 0);
    let snapshot = store.snapshots().unwrap()[0].id;
    assert_eq!(store.restore(snapshot, &by()).unwrap(), 1);
    assert_eq!(get(&store, &space, 1, "f"), Some(2));
    assert!(!store.outcome(NOW).unwrap().to_do);
    // Stopping is no matter of local spaces.
    store.set_state(SyncState::Stopped).unwrap();
    assert!(!head(&store, &space).stopped);
}

#[test]
fn a_batch_is_written_as_a_whole_or_not_at_all() {
    let (mut server, mut a, _) = agreed();
    let edit = |space: SpaceName, record| Edit {
        space,
        record: id(record),
        operation: Operation::Edit([("f".into(), Some(Value::Int(4)))].into()),
    };
    let edits = vec![edit(alice(), 1), edit(group(), 1)];
    let batch = Batch { edits, author: by(), keep: Some(Reason::Import) };
    assert_eq!(a.apply(&batch).unwrap_err().code(), "not_a_member");
    assert_eq!((get(&a, &alice(), 1, "f"), outbox(&a, &alice()), reasons(&a)), (Some(1), 0, vec![]));
    server.member(&a, &[&group()], true);
    server.level(&mut a);
    assert_eq!(a.apply(&batch).unwrap().len(), 2);
    server.level(&mut a);
    assert_eq!(server.field(&group(), id(1), "f"), Some(Value::Int(4)));
}

#[test]
fn a_large_outbox_goes_in_parts_and_always_by_the_same_prefix() {
    let mut server = Server::new();
    let mut a = server.machine(101, &[&alice()]);
    let edits = (1..=40).map(|record| Edit {
        space: alice(),
        record: id(record),
        operation: Operation::Edit([("f".into(), Some("x".repeat(30_000).into()))].into()),
    });
    a.apply(&Batch { edits: edits.collect(), author: by(), keep: None }).unwrap();
    let plan = a.plan(NOW).unwrap().unwrap();
    let sent = plan.request.spaces[0].changes.len();
    assert!((1..40).contains(&sent));
    set(&mut a, &alice(), 50, &[("f", 1)]);
    assert_eq!(a.plan(NOW).unwrap().unwrap().request.spaces[0].changes, plan.request.spaces[0].changes);
    server.level(&mut a);
    assert_eq!((server.space(&alice()).head.head, outbox(&a, &alice())), (41, 0));
}

#[test]
fn a_foreign_or_newer_file_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE);
    std::fs::write(&path, "not a database at all, but long enough to look at").unwrap();
    assert_eq!(Store::open(folder.path()).unwrap_err().code(), "foreign_store");
    std::fs::remove_file(&path).unwrap();
    let db = Connection::open(&path).unwrap();
    db.execute_batch("CREATE TABLE t(x); PRAGMA user_version = 1").unwrap();
    drop(db);
    assert_eq!(Store::open(folder.path()).unwrap_err().code(), "foreign_store");
    std::fs::remove_file(&path).unwrap();
    drop(Store::open(folder.path()).unwrap());
    let db = Connection::open(&path).unwrap();
    db.execute_batch("PRAGMA user_version = 99").unwrap();
    drop(db);
    assert_eq!(Store::open(folder.path()).unwrap_err().code(), "newer_store");
}
