//! Changes of sharing scope against the core's own server in memory: machines that are there, away, stopped, new.

#![allow(clippy::unwrap_used)]

use super::super::{
    tests::{NOW, PATIENCE, Server, alice, by, reasons, start},
    *,
};
use crate::settings::place;
use std::collections::BTreeSet;
use sync_core::{
    catalogue::{self, Setting, personal::TIMELINE_ENTRY},
    change::{Change, Context, Operation},
    id::{Incarnation, RecordId},
    import::DEVICE_SPECIFIC,
    record::Lost,
    server::Request,
    sharing::{self, SharingScope},
    value::Value,
};
use uuid::Uuid;

fn copies() -> &'static Setting {
    catalogue::find("copy.copies").unwrap()
}

fn scopes() -> SpaceName {
    sharing::space("office")
}

fn choose(server: &mut Server, scope: SharingScope) {
    choose_of(server, "copy.copies", scope);
}

fn choose_of(server: &mut Server, name: &str, scope: SharingScope) {
    server.commit(Request::Write {
        space: scopes(),
        records: vec![(sharing::record(name), sharing::fields(name, scope))],
        incarnation: Incarnation(draw::uuid().unwrap()),
        author: by(),
    });
}

fn put(store: &mut Store, value: Option<i64>) -> SharingScope {
    let (scope, space, record) = place(store, copies(), "alice").unwrap();
    let mut edit: BTreeMap<_, _> = [("value".to_string(), value.map(Value::Int))].into();
    for (field, word) in [("type", "setting"), ("name", "copy.copies")] {
        edit.insert(field.to_string(), Some(word.into()));
    }
    store.edit(&space, record, Operation::Edit(edit), by()).unwrap();
    scope
}

fn got(store: &Store) -> Option<i64> {
    let (_, space, record) = place(store, copies(), "alice").unwrap();
    store.view(&space, record).unwrap()?.get("value")?.as_int()
}

fn scope(store: &Store) -> SharingScope {
    store.scope(copies(), &alice()).unwrap()
}

fn machine(server: &mut Server, number: u128) -> Store {
    let mut store = server.machine(number, &[&alice(), &scopes()]);
    server.level(&mut store);
    store
}

/// Two machines with one shared value.
fn two(value: i64) -> (Server, Store, Store) {
    let mut server = Server::new();
    let (mut a, mut b) = (machine(&mut server, 101), machine(&mut server, 102));
    put(&mut a, Some(value));
    all_level(&mut server, &mut [&mut a, &mut b]);
    assert_eq!((got(&a), got(&b)), (Some(value), Some(value)));
    (server, a, b)
}

fn all_level(server: &mut Server, stores: &mut [&mut Store]) {
    for _ in 0..3 {
        for store in &mut *stores {
            server.level(store);
        }
    }
}

fn shared(server: &Server) -> Option<i64> {
    server.field(&alice(), copies().record(), "value")?.as_int()
}

fn superseded(store: &Store) -> BTreeSet<i64> {
    let rows = store.superseded().unwrap();
    rows.iter()
        .filter_map(|row| match &row.lost.what {
            Lost::Field(_, Some(value)) => value.as_int(),
            _ => None,
        })
        .collect()
}

#[test]
fn a_setting_that_becomes_device_specific_goes_on_from_the_shared_value() {
    let (mut server, mut a, mut b) = two(3);
    choose(&mut server, SharingScope::DeviceSpecific);
    all_level(&mut server, &mut [&mut a, &mut b]);
    assert_eq!((scope(&a), got(&a), got(&b)), (SharingScope::DeviceSpecific, Some(3), Some(3)));
    put(&mut a, Some(4));
    put(&mut b, None);
    all_level(&mut server, &mut [&mut a, &mut b]);
    // What is in the space stays as it is.
    assert_eq!((got(&a), got(&b), shared(&server)), (Some(4), None, Some(3)));
    let lines = a.log(100).unwrap();
    assert_eq!(lines.iter().filter(|line| line.code == "sharing_scope").count(), 1);
    // Other settings of theirs are shared as before.
    let colour = catalogue::find("copy.colour").unwrap();
    assert_eq!(a.scope(colour, &alice()).unwrap(), SharingScope::Shared);
}

#[test]
fn a_machine_that_was_away_is_brought_level_once_more_with_what_came_meanwhile() {
    let (mut server, mut a, mut b) = two(3);
    // B is out of reach; somebody works at it, and at A.
    put(&mut b, Some(9));
    put(&mut a, Some(5));
    server.level(&mut a);
    choose(&mut server, SharingScope::DeviceSpecific);
    server.level(&mut a);
    put(&mut a, Some(6));
    assert_eq!((scope(&b), got(&b)), (SharingScope::Shared, Some(9)));
    server.level(&mut b);
    assert_eq!((scope(&b), got(&b), got(&a)), (SharingScope::DeviceSpecific, Some(5), Some(6)));
    assert_eq!(superseded(&b), [9].into());
}

#[test]
fn a_person_who_comes_to_a_machine_later_begins_there_with_the_shared_value() {
    let (mut server, mut a, _) = two(3);
    choose(&mut server, SharingScope::DeviceSpecific);
    server.level(&mut a);
    put(&mut a, Some(4));
    let mut c = server.machine(103, &[&scopes()]);
    server.level(&mut c);
    server.member(&c, &[&alice()], true);
    c.join(&[alice()]).unwrap();
    server.level(&mut c);
    assert_eq!((scope(&c), got(&c)), (SharingScope::DeviceSpecific, Some(3)));
}

#[test]
fn where_the_space_has_a_value_it_stands_and_each_machines_own_is_kept() {
    let (mut server, mut a, mut b) = two(3);
    choose(&mut server, SharingScope::DeviceSpecific);
    all_level(&mut server, &mut [&mut a, &mut b]);
    put(&mut a, Some(4));
    put(&mut b, Some(5));
    choose(&mut server, SharingScope::Shared);
    all_level(&mut server, &mut [&mut a, &mut b]);
    for store in [&a, &b] {
        assert_eq!((scope(store), got(store)), (SharingScope::Shared, Some(3)));
        assert_eq!(superseded(store), [4, 5].into());
        let line = store.log(100).unwrap().into_iter().rfind(|line| line.code == "sharing_scope").unwrap();
        assert!(line.level == "warning" && line.text.contains("superseded"), "{line:?}");
    }
    // It can be taken after all, and a stop and a start forget none of it.
    a.set_state(SyncState::Stopped).unwrap();
    start(&mut server, &mut a);
    assert_eq!(superseded(&a), [4, 5].into());
    let row = a
        .superseded()
        .unwrap()
        .into_iter()
        .find(|row| matches!(&row.lost.what, Lost::Field(_, Some(value)) if value.as_int() == Some(5)));
    a.take(row.unwrap().id, &by()).unwrap();
    all_level(&mut server, &mut [&mut a, &mut b]);
    assert_eq!((got(&a), got(&b)), (Some(5), Some(5)));
}

#[test]
fn where_the_space_has_none_the_first_machine_to_arrive_stands() {
    let mut server = Server::new();
    let (mut a, mut b) = (machine(&mut server, 101), machine(&mut server, 102));
    choose(&mut server, SharingScope::DeviceSpecific);
    all_level(&mut server, &mut [&mut a, &mut b]);
    put(&mut a, Some(4));
    put(&mut b, Some(5));
    choose(&mut server, SharingScope::Shared);
    // Both hear of it before either has sent.
    server.round(&mut a);
    server.round(&mut a);
    all_level(&mut server, &mut [&mut b, &mut a]);
    let stands = got(&a).unwrap();
    assert_eq!((got(&b), shared(&server)), (Some(stands), Some(stands)));
    assert_eq!(superseded(&a), [9 - stands].into());
    assert_eq!(superseded(&b), [9 - stands].into());
}

#[test]
fn a_stopped_machine_takes_it_up_at_its_start() {
    let (mut server, mut a, mut b) = two(3);
    b.set_state(SyncState::Stopped).unwrap();
    put(&mut b, Some(9));
    choose(&mut server, SharingScope::DeviceSpecific);
    server.level(&mut a);
    put(&mut a, Some(4));
    assert_eq!((scope(&b), got(&b)), (SharingScope::Shared, Some(9)));
    start(&mut server, &mut b);
    assert_eq!((scope(&b), got(&b)), (SharingScope::DeviceSpecific, Some(3)));
    assert_eq!(reasons(&b), ["start"]);
    // And back while it is stopped: the server's stands, its own is kept.
    put(&mut b, Some(10));
    b.set_state(SyncState::Stopped).unwrap();
    put(&mut b, Some(11));
    choose(&mut server, SharingScope::Shared);
    start(&mut server, &mut b);
    all_level(&mut server, &mut [&mut a, &mut b]);
    assert_eq!((scope(&b), got(&b), got(&a)), (SharingScope::Shared, Some(3), Some(3)));
    assert!(superseded(&b).contains(&11));
}

#[test]
fn what_was_taken_up_outlives_the_process_and_an_answer_that_was_lost() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::new();
    let mut a = server.enrol(Store::open(folder.path()).unwrap(), 101, &[&alice(), &scopes()]);
    put(&mut a, Some(3));
    server.level(&mut a);
    choose(&mut server, SharingScope::DeviceSpecific);
    let plan = a.plan(NOW).unwrap().unwrap();
    let _lost = server.answer(&a, &plan);
    drop(a);
    let mut a = Store::open(folder.path()).unwrap();
    assert_eq!(scope(&a), SharingScope::Shared);
    server.level(&mut a);
    put(&mut a, Some(4));
    drop(a);
    let a = Store::open(folder.path()).unwrap();
    assert_eq!((scope(&a), got(&a)), (SharingScope::DeviceSpecific, Some(4)));
}

#[test]
fn the_server_alone_writes_the_choices() {
    let (mut server, mut a, _) = two(3);
    choose(&mut server, SharingScope::DeviceSpecific);
    server.level(&mut a);
    let edit = Operation::Edit([("value".to_string(), Some("shared".into()))].into());
    let record = sharing::record("copy.copies");
    assert_eq!(a.edit(&scopes(), record, edit.clone(), by()).unwrap_err().code(), "read_only");
    // Of a program that sends it all the same, it is refused, set aside, and what stands is pulled.
    let change = Change {
        id: (a.incarnation(), 1_000).into(),
        record,
        context: Context::default(),
        operation: edit,
        author: by(),
    };
    a.transaction(|tx| {
        let found = rows::find(tx, &scopes())?.unwrap();
        rows::push(tx, found.id, &change)?;
        rows::set_head(tx, found.id, &found.head)
    })
    .unwrap();
    let report = server.level(&mut a);
    assert_eq!(report.set_aside, [(scopes(), sync_core::snapshot::Reason::ReadOnly)]);
    assert_eq!((reasons(&a), scope(&a)), (vec!["read-only".to_string()], SharingScope::DeviceSpecific));
    let snapshot = a.snapshots().unwrap()[0].id;
    assert_eq!(a.restore(snapshot, &by()).unwrap_err().code(), "read_only");
}

/// Writes an entry of alice's timeline, where it lies at this machine.
fn put_entry(store: &mut Store, number: u128, title: &str) {
    let scope = store.scope_of_records(&TIMELINE_ENTRY, &alice()).unwrap();
    let own = scope == SharingScope::DeviceSpecific;
    let mut fields: BTreeMap<_, Option<Value>> =
        [("type", TIMELINE_ENTRY.name), ("title", title), ("function", "copy")]
            .map(|(name, value)| (name.to_string(), Some(value.into())))
            .into();
    fields.insert("time".into(), Some(Value::Int(i64::try_from(number).unwrap())));
    fields.extend(own.then(|| ("user".to_string(), Some("alice".into()))));
    let space = if own { SpaceName::local(DEVICE_SPECIFIC) } else { alice() };
    store.edit(&space, RecordId(Uuid::from_u128(number)), Operation::Edit(fields), by()).unwrap();
}

/// The titles of alice's timeline at this machine, in order.
fn timeline(store: &Store) -> Vec<String> {
    let own = store.scope_of_records(&TIMELINE_ENTRY, &alice()).unwrap() == SharingScope::DeviceSpecific;
    let entries =
        if own { store.own_records(&TIMELINE_ENTRY, "alice") } else { store.live(&alice()) }.unwrap();
    let entries = entries.values().filter(|fields| catalogue::type_of(fields) == Some(TIMELINE_ENTRY.name));
    let title = |fields: &sharing::Fields| {
        assert!(!fields.contains_key("user"));
        fields["title"].as_text().unwrap().to_string()
    };
    entries.map(title).collect()
}

#[test]
fn the_records_of_a_type_go_their_own_way_and_come_back_as_by_a_start() {
    let name = TIMELINE_ENTRY.name;
    let mut server = Server::new();
    let (mut a, mut b) = (machine(&mut server, 101), machine(&mut server, 102));
    put_entry(&mut a, 1, "first");
    all_level(&mut server, &mut [&mut a, &mut b]);
    choose_of(&mut server, name, SharingScope::DeviceSpecific);
    // What was written before the machine hears of it is shared, and comes along.
    put_entry(&mut b, 2, "second");
    all_level(&mut server, &mut [&mut b, &mut a]);
    assert_eq!((timeline(&a), timeline(&b)), (vec!["first".into(), "second".into()], timeline(&a)));
    put_entry(&mut a, 3, "of a");
    put_entry(&mut b, 1, "other at b");
    // Somebody else's lie beside it, and stay.
    let bob = [("type", name), ("title", "of bob"), ("user", "bob")]
        .map(|(name, value)| (name.to_string(), Some(value.into())));
    let place = (SpaceName::local(DEVICE_SPECIFIC), RecordId(Uuid::from_u128(50)));
    a.edit(&place.0, place.1, Operation::Edit(bob.into()), by()).unwrap();
    all_level(&mut server, &mut [&mut a, &mut b]);
    assert_eq!(timeline(&a), ["first", "second", "of a"]);
    assert_eq!(timeline(&b), ["other at b", "second"]);
    assert_eq!(server.space(&alice()).records.len(), 2, "what is in the space stays as it is");

    choose_of(&mut server, name, SharingScope::Shared);
    all_level(&mut server, &mut [&mut a, &mut b]);
    for (store, kept) in [(&a, 3), (&b, 2)] {
        assert_eq!(timeline(store), ["first", "second"], "the server's stands");
        assert_eq!(reasons(store), ["sharing-scope"]);
        assert_eq!(store.snapshots().unwrap()[0].records, kept);
        let line = store.log(100).unwrap().into_iter().rfind(|line| line.code == "sharing_scope").unwrap();
        assert!(line.level == "warning" && line.text.contains("kept as a snapshot"), "{line:?}");
        assert!(store.own_records(&TIMELINE_ENTRY, "alice").unwrap().is_empty(), "moved, not copied");
    }
    assert_eq!(a.own_records(&TIMELINE_ENTRY, "bob").unwrap().len(), 1);
    // It comes back where it is shared now.
    let snapshot = a.snapshots().unwrap()[0].id;
    a.restore(snapshot, &by()).unwrap();
    all_level(&mut server, &mut [&mut a, &mut b]);
    assert_eq!(
        (timeline(&b), timeline(&a)),
        (timeline(&a), vec!["first".into(), "second".into(), "of a".into()])
    );
    // Once more its own: the ids that were moved away are written anew.
    choose_of(&mut server, name, SharingScope::DeviceSpecific);
    all_level(&mut server, &mut [&mut a, &mut b]);
    assert_eq!(
        (timeline(&b), timeline(&a)),
        (timeline(&a), vec!["first".into(), "second".into(), "of a".into()])
    );
}

#[test]
fn where_the_space_has_none_of_the_type_each_machines_own_are_sent() {
    let name = TIMELINE_ENTRY.name;
    let mut server = Server::new();
    let (mut a, mut b) = (machine(&mut server, 101), machine(&mut server, 102));
    // A setting of theirs makes no difference.
    put(&mut a, Some(3));
    choose_of(&mut server, name, SharingScope::DeviceSpecific);
    all_level(&mut server, &mut [&mut a, &mut b]);
    put_entry(&mut a, 1, "of a");
    choose_of(&mut server, name, SharingScope::Shared);
    all_level(&mut server, &mut [&mut a, &mut b]);
    assert_eq!((timeline(&a), timeline(&b)), (vec!["of a".into()], vec!["of a".into()]));
    assert!(reasons(&a).is_empty() && reasons(&b).is_empty());
}

/// What happens in a random history.
#[derive(Debug, Clone, Copy)]
enum Step {
    Set(usize),
    Unset(usize),
    Choose(SharingScope),
    Round(usize),
    LoseAnswer(usize),
    Stop(usize),
    Start(usize),
    Reopen(usize),
}

struct Draw(u64);

impl Draw {
    fn next(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % below
    }

    fn step(&mut self, machines: u64) -> Step {
        let machine = usize::try_from(self.next(machines)).unwrap();
        match self.next(16) {
            0..=3 => Step::Set(machine),
            4 => Step::Unset(machine),
            5 => Step::Choose(SharingScope::DeviceSpecific),
            6 => Step::Choose(SharingScope::Shared),
            7..=11 => Step::Round(machine),
            12 => Step::LoseAnswer(machine),
            13 => Step::Stop(machine),
            14 => Step::Start(machine),
            _ => Step::Reopen(machine),
        }
    }
}

fn value_of(change: &Change) -> Option<&Value> {
    match &change.operation {
        Operation::Edit(edit) => edit.get("value").and_then(Option::as_ref),
        Operation::Delete => None,
    }
}

/// Every value that a machine still has where people find it: in a place, superseded, in a snapshot, waiting.
fn held(store: &Store, into: &mut BTreeSet<i64>) {
    let mut take = |value: Option<&Value>| into.extend(value.and_then(Value::as_int));
    take(got(store).map(Value::Int).as_ref());
    for row in store.superseded().unwrap() {
        if let Lost::Field(_, value) = &row.lost.what {
            take(value.as_ref());
        }
    }
    for row in store.snapshots().unwrap() {
        let snapshot = store.snapshot(row.id).unwrap();
        snapshot.outbox.iter().for_each(|change| take(value_of(change)));
        for lost in &snapshot.superseded {
            if let Lost::Field(_, value) = &lost.what {
                take(value.as_ref());
            }
        }
        for (_, record) in &snapshot.records {
            take(record.get("value"));
        }
    }
    if let Some(found) = rows::find(&store.db, &alice()).unwrap() {
        rows::outbox(&store.db, found.id).unwrap().iter().for_each(|change| take(value_of(change)));
    }
}

/// Random histories of two machines: whatever comes between, a device-specific value stays until the machine hears of
/// another choice, all agree in the end, and no value that was ever set is gone.
#[test]
fn random_histories_of_choices_lose_nothing() {
    let (mut taken_up, mut kept) = (0, 0);
    for seed in 0..30 {
        let mut draw = Draw(seed);
        let mut server = Server::new();
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let mut stores: Vec<Option<Store>> = folders
            .iter()
            .zip(101..)
            .map(|(folder, number)| {
                let store = Store::open(folder.path()).unwrap();
                Some(server.enrol(store, number, &[&alice(), &scopes()]))
            })
            .collect();
        let mut steps = Vec::new();
        let mut value = 0;
        let mut sent = BTreeSet::new();
        // What a machine's own place must say.
        let mut own: [Option<Option<i64>>; 2] = [None, None];
        for _ in 0..40 {
            let step = draw.step(2);
            steps.push(step);
            match step {
                Step::Set(m) | Step::Unset(m) => {
                    let store = stores[m].as_mut().unwrap();
                    value += 1;
                    let new = matches!(step, Step::Set(_)).then_some(value);
                    let scope = put(store, new);
                    own[m] = (scope == SharingScope::DeviceSpecific).then_some(new);
                }
                Step::Choose(scope) => choose(&mut server, scope),
                Step::Round(m) | Step::LoseAnswer(m) => {
                    let store = stores[m].as_mut().unwrap();
                    let before = scope(store);
                    if let Some(plan) = store.plan(NOW).unwrap() {
                        let answer = server.answer(store, &plan);
                        if matches!(step, Step::Round(_)) {
                            store.absorb(&plan, answer, PATIENCE, NOW).unwrap();
                        }
                    }
                    if scope(store) != before {
                        taken_up += 1;
                        sent.extend(own[m].take().flatten());
                    }
                }
                Step::Stop(m) => stores[m].as_mut().unwrap().set_state(SyncState::Stopped).unwrap(),
                Step::Start(m) => {
                    let store = stores[m].as_mut().unwrap();
                    if store.state() == SyncState::Stopped {
                        store.set_state(SyncState::Starting).unwrap();
                    }
                }
                Step::Reopen(m) => {
                    stores[m] = None;
                    stores[m] = Some(Store::open(folders[m].path()).unwrap());
                }
            }
            for (store, own) in stores.iter().flatten().zip(own) {
                if let Some(own) = own {
                    assert_eq!(got(store), own, "seed {seed}: {steps:?}");
                }
            }
        }
        let mut stores: Vec<Store> = stores.into_iter().flatten().collect();
        for _ in 0..4 {
            for store in &mut stores {
                if store.state() == SyncState::Stopped {
                    store.set_state(SyncState::Starting).unwrap();
                }
                let report = server.level(store);
                if !report.outcome.unstarted {
                    store.set_state(SyncState::InProgress).unwrap();
                }
            }
        }
        let chosen = server.memory.spaces.get(&scopes()).map(|space| space.records.values());
        let chosen = sharing::device_specific(chosen.into_iter().flatten());
        let scope_now = sharing::scope_of(copies().name, copies().sharing, &chosen);
        let mut found = BTreeSet::new();
        for store in &stores {
            assert_eq!(scope(store), scope_now, "seed {seed}: {steps:?}");
            if scope_now == SharingScope::Shared {
                assert_eq!(got(store), shared(&server), "seed {seed}: {steps:?}");
            }
            kept += superseded(store).len();
            held(store, &mut found);
        }
        let batches = server.memory.spaces.get(&alice()).into_iter().flat_map(|space| &space.history);
        for change in batches.flat_map(|batch| &batch.changes) {
            found.extend(value_of(change).and_then(Value::as_int));
        }
        // What a machine had of its own when the setting became shared is more than a memory of that machine.
        let gone: Vec<_> = sent.difference(&found).collect();
        assert!(gone.is_empty(), "seed {seed}: {gone:?} kept for nobody in {steps:?}");
        for store in &stores {
            let history = store.history(&SpaceName::local(DEVICE_SPECIFIC)).unwrap();
            found.extend(history.iter().filter_map(value_of).filter_map(Value::as_int));
        }
        let set: BTreeSet<i64> = {
            let mut number = 0;
            let sets = steps.iter().filter_map(|step| match step {
                Step::Set(_) => {
                    number += 1;
                    Some(number)
                }
                Step::Unset(_) => {
                    number += 1;
                    None
                }
                _ => None,
            });
            sets.collect()
        };
        let lost: Vec<_> = set.difference(&found).collect();
        assert!(lost.is_empty(), "seed {seed}: {lost:?} lost in {steps:?}");
    }
    // The histories are about something.
    assert!(taken_up > 15 && kept > 10, "{taken_up} taken up, {kept} kept");
}
