//! Procedures at a store: whose they are, their end, and their undoing.

use super::{
    super::Store,
    bench::{
        Bench, Kind, alice, asks, change, incarnation, machine, page, procedure, pushes, record, sales, set,
        set_field, snapshot,
    },
    over_every_store,
};
use std::collections::BTreeMap;
use sync_core::{
    change::{Author, Operation},
    id::RecordId,
    procedure::undo::{Counts, SpaceUndone},
    protocol::{Reply, SpaceRequest},
    record::Record,
    server::{Answer, DELETE_STEP, Refusal, Request, SpaceToUndo},
    snapshot::Reason,
    time::Timestamp,
    value::Value,
};

over_every_store! {
    a_cancel_is_kept_and_a_late_delete_is_refused
    only_its_machine_goes_on_with_a_procedure
    an_undo_brings_back_what_was_deleted_and_takes_out_what_came
    an_undo_leaves_what_somebody_has_written_since
    an_undo_counts_without_writing_and_is_done_once
    an_undo_of_what_was_deleted_again_is_refused
    procedures_over_one_list_are_taken_back_the_newest_first
    an_undo_before_the_delete_keeps_the_delete_out
}

fn deletes(by: u128) -> Request {
    Request::Delete {
        spaces: vec![(alice(), snapshot(1)), (sales(), snapshot(2))],
        by: "administrator".into(),
        procedure: Some((procedure(1), machine(by), Timestamp(9_000))),
        now: Timestamp(1_000),
    }
}

fn cancels(by: Option<u128>) -> Request {
    Request::CancelProcedure { procedure: procedure(1), machine: by.map(machine) }
}

/// The Start of the procedure's machine, in its incarnation 10.
fn start(values: &[(u128, i64)]) -> SpaceRequest {
    let changes = values
        .iter()
        .zip(1..)
        .map(|((n, value), number)| change(incarnation(10), number, record(*n), 0, set(*value)))
        .collect();
    SpaceRequest { start: Some(incarnation(10)), ..pushes(&alice(), changes) }
}

fn undoes(before: &[(u128, i64)], last: u64, plan: bool) -> Request {
    let name = |value: i64| BTreeMap::from([("name".to_string(), Value::Int(value))]);
    let one = |space, before, n: u128| SpaceToUndo {
        space,
        before,
        started: vec![(incarnation(10), last)],
        later: vec![],
        incarnation: incarnation(100 + n),
        snapshot: snapshot(100 + n),
    };
    let before = before.iter().map(|(n, value)| (record(*n), name(*value))).collect();
    Request::UndoProcedure {
        procedure: procedure(1),
        machine: machine(1),
        spaces: vec![one(alice(), before, 1), one(sales(), vec![], 2)],
        plan,
        author: Author { person: Some("administrator".into()), time: Timestamp(2_000), import: None },
    }
}

fn undone(brought_back: u64, changed: u64, removed: u64, kept: u64, snapshot_of_it: bool) -> Answer {
    let counts = Counts { brought_back, changed, removed, kept };
    Answer::Undone(vec![
        SpaceUndone::new(alice(), counts, snapshot_of_it.then(|| snapshot(101))),
        SpaceUndone::new(sales(), Counts::default(), None),
    ])
}

/// What a person would see of alice's space.
async fn live<K: Kind>(bench: &Bench<K>) -> BTreeMap<RecordId, BTreeMap<String, Value>> {
    let records = bench.content(&alice()).await.records;
    records.into_iter().filter_map(|(id, record)| Some((id, record.into_live()?))).collect()
}

/// Two entries, then the procedure: 1 goes, 2 is changed, 3 comes.
async fn after_a_procedure<K: Kind>() -> Bench<K> {
    let bench = Bench::<K>::with_machines(2).await;
    let before = vec![
        change(incarnation(1), 1, record(1), 0, set(1)),
        change(incarnation(1), 2, record(2), 0, set(2)),
    ];
    bench.push(1, &alice(), before).await;
    bench.commit(deletes(1)).await;
    page(bench.sync(1, start(&[(2, 20), (3, 30)])).await);
    bench
}

const BEFORE: &[(u128, i64)] = &[(1, 1), (2, 2)];

async fn a_cancel_is_kept_and_a_late_delete_is_refused<K: Kind>() {
    let bench = Bench::<K>::with_machines(2).await;
    bench.push(2, &alice(), vec![change(incarnation(2), 1, record(1), 0, set(1))]).await;
    assert_eq!(bench.commit(cancels(Some(1))).await, Answer::Cancelled(None));
    let before = bench.picture().await;
    assert_eq!(bench.refused(deletes(1)).await, Refusal::Ended);
    let bench = bench.reopened().await;
    assert_eq!(bench.refused(deletes(1)).await, Refusal::Ended);
    assert_eq!(bench.commit(cancels(Some(1))).await, Answer::Cancelled(None));
    assert_eq!(bench.picture().await, before);

    // After the deletion a cancel says what it did, whenever it is asked.
    let bench = Bench::<K>::with_machines(2).await;
    let Answer::Deleted(deleted) = bench.commit(deletes(1)).await else { panic!("not deleted") };
    assert!(deleted.iter().all(|one| one.generation == 2 && one.reserved_until == Some(Timestamp(9_000))));
    for _ in 0..2 {
        assert_eq!(bench.commit(cancels(Some(1))).await, Answer::Cancelled(Some(deleted.clone())));
    }
    assert!(matches!(bench.sync(2, asks(&alice())).await, Reply::Ok(_)));
    assert_eq!(bench.refused(deletes(1)).await, Refusal::Ended);
}

async fn only_its_machine_goes_on_with_a_procedure<K: Kind>() {
    let bench = Bench::<K>::with_machines(2).await;
    bench.commit(deletes(1)).await;
    let before = bench.picture().await;
    assert_eq!(bench.refused(deletes(2)).await, Refusal::AnotherMachines);
    assert_eq!(bench.refused(cancels(Some(2))).await, Refusal::AnotherMachines);
    let mut undo = undoes(&[], 0, false);
    if let Request::UndoProcedure { machine: by, .. } = &mut undo {
        *by = machine(2);
    }
    assert_eq!(bench.refused(undo).await, Refusal::AnotherMachines);
    assert_eq!(bench.picture().await, before);
    // An administrator at the server may end anybody's.
    assert!(matches!(bench.commit(cancels(None)).await, Answer::Cancelled(Some(_))));
    assert!(matches!(bench.sync(2, asks(&alice())).await, Reply::Ok(_)));
}

async fn an_undo_brings_back_what_was_deleted_and_takes_out_what_came<K: Kind>() {
    let bench = after_a_procedure::<K>().await;
    let standing = bench.content(&alice()).await.records;
    assert_eq!(bench.commit(undoes(BEFORE, 2, false)).await, undone(1, 1, 1, 0, true));
    let now = live(&bench).await;
    assert_eq!(now.keys().copied().collect::<Vec<_>>(), [record(1), record(2)]);
    assert_eq!((&now[&record(1)]["name"], &now[&record(2)]["name"]), (&Value::Int(1), &Value::Int(2)));
    // What stood before is kept, and machines hear of the changes as of any others.
    let kept = bench.store().snapshot(snapshot(101)).await.unwrap().unwrap();
    assert_eq!((kept.reason, &kept.records), (Reason::BroughtBack, &standing));
    let told = page(bench.sync(2, asks(&alice())).await);
    assert_eq!((told.generation, told.head), (2, 5));
    let before = bench.picture().await;
    assert_eq!(bench.reopened().await.picture().await, before);
}

async fn an_undo_leaves_what_somebody_has_written_since<K: Kind>() {
    let bench = after_a_procedure::<K>().await;
    let since = vec![
        // Another field of 2, a field of what came, something new, and the machine's own later edit.
        change(incarnation(2), 1, record(2), 2, set_field("mail", Value::Int(5))),
        change(incarnation(2), 2, record(3), 2, set(31)),
        change(incarnation(2), 3, record(4), 2, set(40)),
    ];
    bench.push(2, &alice(), since).await;
    bench.push(1, &alice(), vec![change(incarnation(10), 3, record(5), 5, set(50))]).await;
    assert_eq!(bench.commit(undoes(BEFORE, 2, false)).await, undone(1, 1, 0, 2, true));
    let now = live(&bench).await;
    let name = |n: u128| now.get(&record(n)).map(|fields| fields["name"].clone());
    assert_eq!([1, 2, 3, 4, 5].map(name), [1, 2, 31, 40, 50].map(|value| Some(Value::Int(value))));
    assert_eq!(now[&record(2)]["mail"], Value::Int(5));

    // What somebody has removed or unset since stays so.
    let bench = after_a_procedure::<K>().await;
    let unset = Operation::Edit([("name".to_string(), None)].into());
    let since = vec![
        change(incarnation(2), 1, record(2), 2, unset),
        change(incarnation(2), 2, record(3), 2, Operation::Delete),
    ];
    bench.push(2, &alice(), since).await;
    bench.commit(undoes(BEFORE, 2, false)).await;
    let now = live(&bench).await;
    assert_eq!(now.keys().copied().collect::<Vec<_>>(), [record(1), record(2)]);
    assert!(now[&record(2)].is_empty());
}

async fn an_undo_counts_without_writing_and_is_done_once<K: Kind>() {
    let bench = after_a_procedure::<K>().await;
    let before = bench.picture().await;
    assert_eq!(bench.commit(undoes(BEFORE, 2, true)).await, undone(1, 1, 1, 0, false));
    assert_eq!(bench.picture().await, before);
    let done = bench.commit(undoes(BEFORE, 2, false)).await;
    bench.push(2, &alice(), vec![change(incarnation(2), 1, record(1), 5, set(9))]).await;
    let before = bench.picture().await;
    // However late, and whatever is said then.
    assert_eq!(bench.commit(undoes(&[], 0, false)).await, done);
    let bench = bench.reopened().await;
    assert_eq!(bench.commit(undoes(BEFORE, 2, true)).await, done);
    assert_eq!(bench.picture().await, before);
}

async fn an_undo_of_what_was_deleted_again_is_refused<K: Kind>() {
    let bench = after_a_procedure::<K>().await;
    bench.commit(super::bench::deletes(&alice(), 50)).await;
    let before = bench.picture().await;
    for plan in [true, false] {
        assert_eq!(bench.refused(undoes(BEFORE, 2, plan)).await, Refusal::Overtaken(alice()));
    }
    assert_eq!(bench.picture().await, before);
}

/// Over what [`after_a_procedure`] left: 2 stays as it is, 3 goes, 1 comes again, 4 comes; and it is undone. What the
/// second deletion kept.
async fn after_a_second_that_was_undone<K: Kind>(bench: &Bench<K>) -> Vec<(RecordId, Record)> {
    let second = Request::Delete {
        spaces: vec![(alice(), snapshot(3))],
        by: "administrator".into(),
        procedure: Some((procedure(2), machine(2), Timestamp(9_000))),
        now: Timestamp(1_500),
    };
    bench.commit(second).await;
    let changes = [(2, 20), (1, 11), (4, 40)]
        .into_iter()
        .zip(1..)
        .map(|((n, value), number)| change(incarnation(20), number, record(n), 0, set(value)));
    let start = SpaceRequest { start: Some(incarnation(20)), ..pushes(&alice(), changes.collect()) };
    page(bench.sync(2, start).await);
    // While it is in force the first one stays.
    assert_eq!(bench.refused(undoes(BEFORE, 2, true)).await, Refusal::Overtaken(alice()));
    let kept = bench.store().snapshot(snapshot(3)).await.unwrap().unwrap().records;
    let undo = Request::UndoProcedure {
        procedure: procedure(2),
        machine: machine(2),
        spaces: vec![SpaceToUndo {
            space: alice(),
            before: kept.iter().filter_map(|(id, record)| Some((*id, record.clone().into_live()?))).collect(),
            started: vec![(incarnation(20), 3)],
            later: vec![],
            incarnation: incarnation(103),
            snapshot: snapshot(103),
        }],
        plan: false,
        author: Author { person: Some("administrator".into()), time: Timestamp(1_800), import: None },
    };
    let counts = Counts { brought_back: 1, changed: 0, removed: 2, kept: 0 };
    let done = Answer::Undone(vec![SpaceUndone::new(alice(), counts, Some(snapshot(103)))]);
    assert_eq!(bench.commit(undo).await, done);
    kept
}

fn undoes_behind(later: Vec<(RecordId, Record)>) -> Request {
    let mut undo = undoes(BEFORE, 2, false);
    if let Request::UndoProcedure { spaces, .. } = &mut undo {
        spaces[0].later = vec![later];
    }
    undo
}

async fn procedures_over_one_list_are_taken_back_the_newest_first<K: Kind>() {
    let bench = after_a_procedure::<K>().await;
    let kept = after_a_second_that_was_undone(&bench).await;
    let steps = bench.store().steps(DELETE_STEP.into()).await.unwrap();
    assert_eq!(steps.iter().map(|step| step.procedure).collect::<Vec<_>>(), [procedure(1), procedure(2)]);
    // Whoever does not know of the second one's undoing does nothing.
    assert_eq!(bench.refused(undoes(BEFORE, 2, false)).await, Refusal::Overtaken(alice()));
    assert_eq!(bench.commit(undoes_behind(kept)).await, undone(1, 1, 1, 0, true));
    let now = live(&bench).await;
    assert_eq!(now.keys().copied().collect::<Vec<_>>(), [record(1), record(2)]);
    assert_eq!((&now[&record(1)]["name"], &now[&record(2)]["name"]), (&Value::Int(1), &Value::Int(2)));

    // What somebody has written between the two undoings stays.
    let bench = after_a_procedure::<K>().await;
    let kept = after_a_second_that_was_undone(&bench).await;
    let head = page(bench.sync(1, asks(&alice())).await).head;
    let since = vec![
        change(incarnation(2), 1, record(2), head, set(21)),
        change(incarnation(2), 2, record(3), head, Operation::Delete),
        change(incarnation(2), 3, record(5), head, set(50)),
    ];
    bench.push(2, &alice(), since).await;
    assert_eq!(bench.commit(undoes_behind(kept)).await, undone(1, 0, 0, 1, true));
    let now = live(&bench).await;
    let name = |n: u128| now.get(&record(n)).map(|fields| fields["name"].clone());
    assert_eq!([1, 2, 3, 5].map(name), [Some(1), Some(21), None, Some(50)].map(|v| v.map(Value::Int)));
}

async fn an_undo_before_the_delete_keeps_the_delete_out<K: Kind>() {
    let bench = Bench::<K>::with_machines(1).await;
    bench.push(1, &alice(), vec![change(incarnation(1), 1, record(1), 0, set(1))]).await;
    let before = bench.picture().await;
    assert_eq!(bench.commit(undoes(&[], 0, true)).await, Answer::Undone(vec![]));
    assert_eq!(bench.commit(undoes(&[], 0, false)).await, Answer::Undone(vec![]));
    assert_eq!(bench.picture().await, before);
    assert_eq!(bench.refused(deletes(1)).await, Refusal::Ended);
    assert_eq!(bench.picture().await, before);
}
