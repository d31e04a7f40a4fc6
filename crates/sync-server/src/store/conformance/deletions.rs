//! Generations, starts, reservations, deletions, and what is brought back.

use super::{
    super::Store,
    bench::{
        Bench, Kind, alice, asks, bob, change, deletes, incarnation, machine, page, procedure, pushes,
        record, reserves, sales, set, snapshot, sync,
    },
    histories::info,
    over_every_store,
};
use std::collections::BTreeMap;
use sync_core::{
    change::{Author, Operation},
    id::Epoch,
    protocol::{Reply, SpaceRequest},
    server::{Answer, Deleted, Refusal, Request},
    snapshot::Reason,
    time::Timestamp,
    value::Value,
};
use uuid::Uuid;

over_every_store! {
    another_generation_is_gone
    a_start_on_a_space_that_another_took_is_occupied
    a_reservation_keeps_others_out_until_the_start
    a_reservation_ends_with_its_time_or_its_procedure
    nothing_is_brought_back_into_a_reserved_space
    another_epoch_is_told_what_is_shared
    a_deleted_space_is_kept_and_goes_on_empty
    a_deletion_is_seen_by_what_follows_in_its_commit
    a_step_that_is_repeated_gives_the_result_that_it_had
    a_space_comes_back_as_new_changes
}

async fn another_generation_is_gone<K: Kind>() {
    let bench = Bench::<K>::with_machines(1).await;
    let first = change(incarnation(1), 1, record(1), 0, set(1));
    let speaks = |generation, changes| SpaceRequest {
        epoch: Some(bench.epoch()),
        generation: Some(generation),
        ..pushes(&alice(), changes)
    };
    assert!(matches!(bench.sync(1, speaks(1, vec![first.clone()])).await, Reply::Ok(_)));
    bench.commit(deletes(&alice(), 1)).await;
    let before = bench.picture().await;
    for other in [0, 1, 3] {
        assert_eq!(bench.sync(1, speaks(other, vec![first.clone()])).await, Reply::Gone { generation: 2 });
    }
    assert_eq!(bench.picture().await, before);
    assert!(matches!(bench.sync(1, speaks(2, vec![first.clone()])).await, Reply::Ok(_)));
}

async fn a_start_on_a_space_that_another_took_is_occupied<K: Kind>() {
    let bench = Bench::<K>::with_machines(2).await;
    let start = |n: u128, changes| SpaceRequest {
        start: Some(incarnation(n)),
        known: vec![(incarnation(n), 0)],
        ..pushes(&alice(), changes)
    };
    let mine = vec![change(incarnation(1), 1, record(1), 0, set(1))];
    let theirs = vec![change(incarnation(2), 1, record(2), 0, set(2))];
    assert!(matches!(bench.sync(1, start(1, mine.clone())).await, Reply::Ok(_)));
    let before = bench.picture().await;
    assert_eq!(bench.sync(2, start(2, theirs)).await, Reply::Occupied);
    assert_eq!(bench.sync(2, start(2, vec![])).await, Reply::Occupied);
    // Its own answer lost, the first goes on; also where a fork has renamed it since.
    assert!(matches!(bench.sync(1, start(1, mine)).await, Reply::Ok(_)));
    let renamed = SpaceRequest { known: vec![(incarnation(3), 0), (incarnation(1), 1)], ..start(3, vec![]) };
    assert!(matches!(bench.sync(1, renamed).await, Reply::Ok(_)));
    assert_eq!(bench.picture().await, before);
}

async fn reserved_until<K: Kind>(bench: &Bench<K>) -> Vec<Option<Timestamp>> {
    bench.store().spaces().await.unwrap().into_iter().map(|info| info.reserved_until).collect()
}

async fn a_reservation_keeps_others_out_until_the_start<K: Kind>() {
    let bench = Bench::<K>::with_machines(2).await;
    bench.push(2, &alice(), vec![change(incarnation(2), 1, record(1), 0, set(1))]).await;
    bench.commit(reserves(10, 5_000)).await;
    let reserved = Reply::Reserved { until: Timestamp(5_000) };
    let edit = vec![change(incarnation(2), 2, record(2), 0, set(2))];
    assert_eq!(bench.sync(2, pushes(&alice(), edit.clone())).await, reserved);
    assert_eq!(bench.sync(2, asks(&alice())).await, reserved);
    assert_eq!(reserved_until(&bench).await, [Some(Timestamp(5_000)), Some(Timestamp(5_000))]);
    let bench = bench.reopened().await;
    assert_eq!(bench.sync(2, asks(&alice())).await, reserved);
    // An ordinary push of its own machine does not end it; its Start does, in each space by itself.
    let own = vec![change(incarnation(1), 1, record(3), 0, set(3))];
    assert!(matches!(bench.sync(1, asks(&alice())).await, Reply::Ok(_)));
    assert_eq!(bench.sync(2, asks(&alice())).await, reserved);
    let start = SpaceRequest { start: Some(incarnation(1)), ..pushes(&alice(), own) };
    assert!(matches!(bench.sync(1, start).await, Reply::Ok(_)));
    assert!(matches!(bench.sync(2, pushes(&alice(), edit)).await, Reply::Ok(_)));
    assert_eq!(bench.sync(2, asks(&sales())).await, reserved);
    // A Start that has nothing to send ends it as well.
    let start = SpaceRequest { start: Some(incarnation(1)), ..asks(&sales()) };
    assert!(matches!(bench.sync(1, start).await, Reply::Ok(_)));
    assert!(matches!(bench.sync(2, asks(&sales())).await, Reply::Ok(_)));
    assert!(reserved_until(&bench).await.iter().all(Option::is_none));
}

async fn a_reservation_ends_with_its_time_or_its_procedure<K: Kind>() {
    let bench = Bench::<K>::with_machines(2).await;
    // Its time: the requests of this bench come at 1,000.
    bench.commit(reserves(10, 1_000)).await;
    assert!(matches!(bench.sync(2, asks(&alice())).await, Reply::Ok(_)));
    bench.commit(reserves(20, 1_001)).await;
    assert!(matches!(bench.sync(2, asks(&alice())).await, Reply::Reserved { .. }));
    // Another procedure and an administrator wait; the same one may delete again.
    assert_eq!(bench.refused(reserves(30, 9_000)).await, Refusal::Reserved(alice()));
    let mut by_hand = deletes(&alice(), 40);
    if let Request::Delete { now, .. } = &mut by_hand {
        *now = Timestamp(1_000);
    }
    assert_eq!(bench.refused(by_hand).await, Refusal::Reserved(alice()));
    bench.commit(Request::CancelProcedure { procedure: procedure(99), machine: None }).await;
    assert!(matches!(bench.sync(2, asks(&alice())).await, Reply::Reserved { .. }));
    let start = bench.position();
    bench.commit(Request::CancelProcedure { procedure: procedure(20), machine: None }).await;
    for space in [alice(), sales()] {
        assert!(matches!(bench.sync(2, asks(&space)).await, Reply::Ok(_)));
    }
    // Who waits hears of it by its poll.
    assert_eq!(bench.poll(2, Some(start)).1.len(), 2);
    let before = bench.picture().await;
    bench.commit(Request::CancelProcedure { procedure: procedure(20), machine: None }).await;
    assert_eq!(bench.picture().await, before);
    // Reserved and cancelled in one commit is not reserved.
    let both =
        vec![reserves(50, 9_000), Request::CancelProcedure { procedure: procedure(50), machine: None }];
    bench.together(both).await;
    assert!(matches!(bench.sync(2, asks(&alice())).await, Reply::Ok(_)));
}

async fn nothing_is_brought_back_into_a_reserved_space<K: Kind>() {
    let bench = Bench::<K>::with_machines(1).await;
    bench.commit(reserves(10, 6_000)).await;
    let before = bench.picture().await;
    let at = |time| Request::BringBack {
        space: alice(),
        records: vec![(record(1), [("name".to_string(), Value::Int(1))].into())],
        incarnation: incarnation(50),
        snapshot: snapshot(50),
        author: Author { person: None, time: Timestamp(time), import: None },
    };
    assert_eq!(bench.refused(at(5_999)).await, Refusal::Reserved(alice()));
    assert_eq!(bench.picture().await, before);
    assert_eq!(bench.commit(at(6_000)).await, Answer::BroughtBack { changes: 1, snapshot: None });
}

async fn another_epoch_is_told_what_is_shared<K: Kind>() {
    let bench = Bench::<K>::with_machines(1).await;
    let first = vec![change(incarnation(1), 1, record(1), 0, set(1))];
    bench.push(1, &alice(), first.clone()).await;
    let before = bench.picture().await;
    let other = Epoch { restores: 1, draw: Uuid::from_u128(0xbad) };
    let speaks = SpaceRequest { epoch: Some(other), generation: Some(1), ..pushes(&alice(), first) };
    let Reply::Epoch { stands, common, shared, rollback } = bench.sync(1, speaks.clone()).await else {
        panic!()
    };
    assert_eq!((stands.epoch, stands.generation, stands.head), (bench.epoch(), 1, 1));
    assert_eq!((common, shared, rollback), (0, None, true));
    // One that came from this epoch, and left it at its head 1.
    let lineage = vec![sync_core::protocol::Ancestor {
        epoch: bench.epoch(),
        mode: sync_core::protocol::RestoreMode::Recover,
        generation: 1,
        head: 1,
    }];
    let Reply::Epoch { common, shared, .. } = bench.sync(1, SpaceRequest { lineage, ..speaks }).await else {
        panic!()
    };
    assert_eq!((common, shared), (1, Some(bench.epoch())));
    assert_eq!(bench.picture().await, before);
}

async fn a_deleted_space_is_kept_and_goes_on_empty<K: Kind>() {
    let bench = Bench::<K>::with_machines(2).await;
    let written = vec![
        change(incarnation(1), 1, record(1), 0, set(1)),
        change(incarnation(1), 2, record(2), 0, set(2)),
        change(incarnation(1), 3, record(2), 2, Operation::Delete),
        change(incarnation(2), 1, record(1), 0, set(3)),
    ];
    bench.push(1, &alice(), written.clone()).await;
    let (content, start) = (bench.content(&alice()).await, bench.position());
    assert_eq!(content.superseded.len(), 1);
    let deleted = |records, snapshot, generation| {
        let one = Deleted { space: alice(), records, snapshot, generation, reserved_until: None };
        Answer::Deleted(vec![one])
    };
    assert_eq!(bench.commit(deletes(&alice(), 1)).await, deleted(1, Some(snapshot(1)), 2));
    let after = bench.content(&alice()).await;
    assert_eq!((after.head.generation, after.head.head, after.head.position), (2, 0, start + 1));
    assert!(after.records.is_empty() && after.superseded.is_empty());
    assert_eq!(bench.store().spaces().await.unwrap(), [info(alice(), 2, 0, 0)]);
    let kept = bench.store().snapshot(snapshot(1)).await.unwrap().unwrap();
    assert_eq!((kept.reason, kept.time, kept.machine), (Reason::Deleted, Timestamp(2_000), None));
    assert_eq!((kept.generation, kept.seen, kept.epoch), (Some(1), 4, Some(bench.epoch())));
    assert_eq!((&kept.records, &kept.superseded), (&content.records, &content.superseded));
    assert_eq!(kept.person.as_deref(), Some("administrator"));
    let listed = bench.store().snapshots().await.unwrap();
    assert_eq!((listed.len(), listed[0].records, listed[0].outbox), (1, 1, 0));
    // Where there is nothing, nothing is kept; the generation goes on.
    assert_eq!(bench.commit(deletes(&alice(), 2)).await, deleted(0, None, 3));
    assert_eq!(bench.content(&alice()).await.head.generation, 3);
    assert_eq!(bench.store().snapshots().await.unwrap().len(), 1);
    // Of what there never was nothing is left, not even a row; a procedure's deletion reserves it all the same.
    let (before, nosuch) = (bench.picture().await, sync_core::space::SpaceName::group("office", "nosuch"));
    let Answer::Deleted(done) = bench.commit(deletes(&nosuch, 9)).await else { panic!() };
    assert_eq!((&done[0].space, done[0].records, done[0].snapshot), (&nosuch, 0, None));
    assert_eq!(bench.picture().await, before);
    assert_eq!(bench.store().spaces().await.unwrap(), [info(alice(), 3, 0, 0)]);
    // Numbers count anew, and members stay.
    let told = bench.push(1, &alice(), written).await;
    assert_eq!((told.generation, told.head), (3, 4));
    // The newest first.
    bench.commit(deletes(&alice(), 3)).await;
    let listed: Vec<_> = bench.store().snapshots().await.unwrap().into_iter().map(|info| info.id).collect();
    assert_eq!(listed, [snapshot(3), snapshot(1)]);
}

async fn a_deletion_is_seen_by_what_follows_in_its_commit<K: Kind>() {
    let bench = Bench::<K>::with_machines(1).await;
    let one = |number, value| vec![change(incarnation(1), number, record(1), 0, set(value))];
    bench.push(1, &alice(), one(7, 1)).await;
    let start = bench.position();
    // Another push, the deletion, and a push that is new in the generation after it.
    let answers = bench
        .together(vec![
            sync(1, pushes(&alice(), one(8, 2))),
            deletes(&alice(), 1),
            sync(1, pushes(&alice(), one(3, 3))),
            deletes(&alice(), 2),
            sync(1, SpaceRequest { generation: Some(2), ..pushes(&alice(), one(1, 4)) }),
            sync(1, SpaceRequest { generation: Some(3), ..pushes(&alice(), one(2, 5)) }),
        ])
        .await;
    let mut replies = answers.into_iter().filter_map(|answer| match answer {
        Answer::Space(answer) => Some(answer.reply),
        _ => None,
    });
    let told = page(replies.next().unwrap());
    assert_eq!((told.generation, told.head), (1, 2));
    let told = page(replies.next().unwrap());
    assert_eq!((told.generation, told.head), (2, 1));
    assert_eq!(told.records[0].1.as_ref().unwrap().get("name"), Some(&Value::Int(3)));
    assert_eq!(replies.next().unwrap(), Reply::Gone { generation: 3 });
    let told = page(replies.next().unwrap());
    assert_eq!((told.generation, told.head, told.last), (3, 1, vec![(incarnation(1), 2)]));
    assert_eq!(bench.position(), start + 5);
    let content = bench.content(&alice()).await;
    assert_eq!((content.head.generation, content.head.head, content.records.len()), (3, 1, 1));
    let kept = bench.store().snapshot(snapshot(1)).await.unwrap().unwrap();
    assert_eq!((kept.seen, kept.superseded.len()), (2, 1));
    assert_eq!(kept.records[0].1.get("name"), Some(&Value::Int(1)));
    let kept = bench.store().snapshot(snapshot(2)).await.unwrap().unwrap();
    assert_eq!((kept.generation, kept.superseded.len()), (Some(2), 0));
    let before = bench.picture().await;
    assert_eq!(bench.reopened().await.picture().await, before);
}

async fn a_step_that_is_repeated_gives_the_result_that_it_had<K: Kind>() {
    let bench = Bench::<K>::with_machines(2).await;
    bench.push(1, &alice(), vec![change(incarnation(1), 1, record(1), 0, set(1))]).await;
    let done = bench.commit(reserves(10, 5_000)).await;
    let Answer::Deleted(deleted) = &done else { panic!("{done:?}") };
    assert_eq!((deleted[0].records, deleted[0].snapshot), (1, Some(snapshot(10))));
    assert_eq!((deleted[1].records, deleted[1].snapshot), (0, None));
    assert_eq!((deleted[0].generation, deleted[0].reserved_until), (2, Some(Timestamp(5_000))));
    let start = SpaceRequest {
        start: Some(incarnation(1)),
        ..pushes(&alice(), vec![change(incarnation(1), 2, record(2), 0, set(2))])
    };
    bench.sync(1, start).await;
    let before = bench.picture().await;
    // However late, with other names and times: what came after stays.
    let Request::Delete { by, now, .. } = reserves(10, 1) else { unreachable!() };
    let again = Request::Delete {
        spaces: vec![(alice(), snapshot(77))],
        by,
        procedure: Some((procedure(10), machine(1), Timestamp(99_000))),
        now,
    };
    assert_eq!(bench.commit(again.clone()).await, done);
    assert_eq!(bench.picture().await, before);
    let bench = bench.reopened().await;
    assert_eq!(bench.commit(again).await, done);
    assert!(bench.store().step(procedure(10), "delete".into()).await.unwrap().is_some());
    // Twice in one commit it is done once.
    bench.commit(Request::CancelProcedure { procedure: procedure(10), machine: None }).await;
    let both = bench.together(vec![reserves(30, 5_000), reserves(30, 5_000)]).await;
    assert_eq!(both[0], both[1]);
    assert_eq!(bench.content(&alice()).await.head.generation, 3);
}

async fn a_space_comes_back_as_new_changes<K: Kind>() {
    let bench = Bench::<K>::with_machines(2).await;
    let folder = tempfile::tempdir().unwrap();
    let written = vec![
        change(incarnation(1), 1, record(1), 0, set(1)),
        change(incarnation(1), 2, record(2), 0, set(2)),
        change(incarnation(1), 3, record(3), 0, set(3)),
        change(incarnation(1), 4, record(3), 3, Operation::Delete),
    ];
    bench.push(1, &alice(), written).await;
    let file = folder.path().join("backup");
    let made = bench.store().backup(&file).await.unwrap();
    assert_eq!(std::fs::metadata(&file).unwrap().len(), made.bytes);
    let held = bench.store().space_in_backup(&file, alice()).await.unwrap();
    assert_eq!(held.records, bench.content(&alice()).await.records);
    assert_eq!((held.head.generation, held.head.head), (1, 4));
    assert!(!bench.store().space_in_backup(&file, bob()).await.unwrap().head.exists());
    assert!(bench.store().space_in_backup(&folder.path().join("none"), bob()).await.is_err());
    // Meanwhile one record is changed, one deleted, and one comes beside.
    let meanwhile = vec![
        change(incarnation(1), 5, record(1), 4, set(10)),
        change(incarnation(1), 6, record(2), 4, Operation::Delete),
        change(incarnation(1), 7, record(4), 4, set(4)),
    ];
    bench.push(1, &alice(), meanwhile).await;
    let start = bench.position();
    let fields = |value| BTreeMap::from([("name".to_string(), Value::Int(value))]);
    let back = |n, records| Request::BringBack {
        space: alice(),
        records,
        incarnation: incarnation(n),
        snapshot: snapshot(n),
        author: Author { person: Some("administrator".into()), time: Timestamp(3_000), import: None },
    };
    let all = vec![(record(1), fields(1)), (record(2), fields(2))];
    let done = bench.commit(back(50, all.clone())).await;
    assert_eq!(done, Answer::BroughtBack { changes: 2, snapshot: Some(snapshot(50)) });
    assert_eq!(bench.position(), start + 1);
    let content = bench.content(&alice()).await;
    let values: Vec<_> = content.records.iter().map(|(_, record)| record.get("name").cloned()).collect();
    assert_eq!(values, [Some(Value::Int(1)), Some(Value::Int(2)), None, Some(Value::Int(4))]);
    assert!(content.superseded.is_empty());
    let kept = bench.store().snapshot(snapshot(50)).await.unwrap().unwrap();
    assert_eq!((kept.reason, kept.seen, kept.records.len()), (Reason::BroughtBack, 7, 4));
    // What is level already changes nothing.
    let before = bench.picture().await;
    let none = Answer::BroughtBack { changes: 0, snapshot: None };
    assert_eq!(bench.commit(back(60, all.clone())).await, none);
    assert_eq!(bench.commit(back(61, vec![])).await, none);
    assert_eq!(bench.picture().await, before);
    // A space that was never there, and one that was deleted in the same commit.
    let answers = bench.together(vec![deletes(&alice(), 70), back(71, all)]).await;
    assert_eq!(answers[1], Answer::BroughtBack { changes: 2, snapshot: None });
    let told = page(bench.sync(2, asks(&alice())).await);
    assert_eq!((told.generation, told.page.len()), (2, 2));
}
