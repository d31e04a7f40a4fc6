//! Pushes, pages, forks, and what is there after reopening.

use super::{
    super::Store,
    bench::{
        Bench, Kind, alice, asks, bob, change, deletes, incarnation, joins, lost_field, page, pushes, record,
        reply, reserves, sales, set, set_field, sync,
    },
    over_every_store,
};
use std::collections::BTreeMap;
use sync_core::{
    api::SpaceInfo,
    change::Operation,
    id::RecordId,
    protocol::{Reply, SpaceRequest},
    record::{Lost, Superseded},
    server::Request,
    value::Value,
};

over_every_store! {
    a_push_is_kept_and_told
    a_repeat_changes_nothing
    the_number_of_an_incarnation_counts_in_each_space_by_itself
    pages_follow_one_another_without_gap_or_repeat
    a_cursor_beyond_everything_is_answered
    two_machines_that_push_one_field_in_one_commit
    two_spaces_in_one_commit
    deletions_and_edits_of_one_record
    a_fork_of_the_present_incarnation_and_of_an_older_one
    everything_is_there_after_reopening
}

pub(super) fn info(
    space: sync_core::space::SpaceName,
    generation: u64,
    head: u64,
    records: u64,
) -> SpaceInfo {
    SpaceInfo { space, generation, head, records, reserved_until: None, reserved_for: None }
}

async fn a_push_is_kept_and_told<K: Kind>() {
    let bench = Bench::<K>::with_machines(2).await;
    let start = bench.position();
    let both = vec![
        change(incarnation(1), 1, record(1), 0, set(1)),
        change(incarnation(1), 2, record(2), 0, set(2)),
    ];
    let told = bench.push(1, &alice(), both).await;
    assert_eq!((told.epoch, told.generation, told.head, told.from, told.to), (bench.epoch(), 1, 2, 0, 2));
    assert_eq!(told.lineage, Some(vec![]));
    assert_eq!(told.last, [(incarnation(1), 2)]);
    assert_eq!((told.page.len(), told.more, told.superseded.len()), (0, false, 0));
    assert_eq!(told.records.len(), 2);
    let found = told.records[0].1.as_ref().unwrap();
    assert_eq!((found.sequence, found.get("name")), (1, Some(&Value::Int(1))));
    assert_eq!(bench.position(), start + 1);
    let content = bench.content(&alice()).await;
    assert_eq!((content.head.generation, content.head.head, content.head.position), (1, 2, start + 1));
    assert_eq!(content.records.len(), 2);
    assert_eq!(bench.store().spaces().await.unwrap(), [info(alice(), 1, 2, 2)]);
    // The other machine pulls the same.
    let pulled = page(bench.sync(2, asks(&alice())).await);
    assert_eq!(pulled.page, content.records);
    assert_eq!((pulled.to, pulled.more, pulled.last), (2, false, vec![]));
    // Who has everything is told nothing new.
    let level = SpaceRequest {
        epoch: Some(bench.epoch()),
        generation: Some(1),
        cursor: 2,
        seen: 2,
        ..asks(&alice())
    };
    let told = page(bench.sync(2, level).await);
    assert_eq!((told.lineage, told.page.len(), told.to), (None, 0, 2));
}

async fn a_repeat_changes_nothing<K: Kind>() {
    let bench = Bench::<K>::with_machines(2).await;
    let first = change(incarnation(1), 3, record(1), 0, set(1));
    let told = bench.push(1, &alice(), vec![first.clone()]).await;
    bench.push(2, &alice(), vec![change(incarnation(2), 1, record(1), 1, set(2))]).await;
    let before = bench.picture().await;
    // The answer was lost: the record comes as it now is.
    let again = bench.push(1, &alice(), vec![first.clone()]).await;
    assert_eq!(told.last, again.last);
    assert_eq!(again.records[0].1.as_ref().unwrap().get("name"), Some(&Value::Int(2)));
    // A lower number was applied as well, whatever it says; also beside one that is new.
    let lower = change(incarnation(1), 2, record(2), 0, set(9));
    let told = bench.push(1, &alice(), vec![lower.clone()]).await;
    assert_eq!(told.records, [(record(2), None)]);
    assert_eq!(bench.picture().await, before);
    let new = change(incarnation(1), 4, record(3), 0, set(3));
    let told = bench.push(1, &alice(), vec![lower, first, new]).await;
    assert_eq!((told.head, told.last), (3, vec![(incarnation(1), 4)]));
    assert_eq!(told.records.len(), 3);
    // Gaps are legal, and what stands between is a repeat after.
    let gap = change(incarnation(1), u64::MAX, record(4), 0, set(4));
    assert_eq!(bench.push(1, &alice(), vec![gap]).await.last, [(incarnation(1), u64::MAX)]);
    let bench = bench.reopened().await;
    let late = change(incarnation(1), 1_000, record(5), 0, set(5));
    assert_eq!(bench.push(1, &alice(), vec![late]).await.last, [(incarnation(1), u64::MAX)]);
    assert_eq!(bench.content(&alice()).await.head.head, 4);
}

async fn the_number_of_an_incarnation_counts_in_each_space_by_itself<K: Kind>() {
    let bench = Bench::<K>::with_machines(1).await;
    bench.push(1, &alice(), vec![change(incarnation(1), 5, record(1), 0, set(1))]).await;
    let told = bench.push(1, &sales(), vec![change(incarnation(1), 2, record(1), 0, set(2))]).await;
    assert_eq!((told.head, told.last), (1, vec![(incarnation(1), 2)]));
    assert_eq!(bench.content(&alice()).await.records[0].1.get("name"), Some(&Value::Int(1)));
    assert_eq!(bench.content(&sales()).await.records[0].1.get("name"), Some(&Value::Int(2)));
}

/// Pulls page by page; returns the records in the order in which they came, and what was superseded.
async fn pull_all<K: Kind>(bench: &Bench<K>, n: u128, limit: u32) -> (Vec<RecordId>, Vec<Superseded>, usize) {
    let (mut cursor, mut came, mut pages) = (0, Vec::new(), 0);
    loop {
        let Request::Sync { machine, incarnation, person, request, now, .. } =
            sync(n, SpaceRequest { cursor, ..asks(&alice()) })
        else {
            unreachable!()
        };
        let asked = Request::Sync { machine, incarnation, person, limit, request, now };
        let told = page(reply(bench.commit(asked).await));
        pages += 1;
        assert_eq!(told.from, cursor);
        assert!(told.page.is_sorted_by_key(|(_, record)| record.sequence));
        assert!(told.page.iter().all(|(_, r)| r.sequence > cursor && r.sequence <= told.to));
        came.extend(told.page.iter().map(|(id, _)| *id));
        if !told.more {
            assert_eq!(told.to, told.head);
            return (came, told.superseded, pages);
        }
        assert!(!told.page.is_empty() && told.superseded.is_empty());
        assert_eq!(told.to, told.page.last().unwrap().1.sequence);
        cursor = told.to;
    }
}

async fn pages_follow_one_another_without_gap_or_repeat<K: Kind>() {
    let bench = Bench::<K>::with_machines(2).await;
    let text = |n: u64| set_field("name", Value::from("x".repeat(usize::try_from(n).unwrap() * 7)));
    let written = (1..=40).map(|n| change(incarnation(1), n, record(n.into()), 0, text(n)));
    bench.push(1, &alice(), written.collect()).await;
    // Some are written again, so that sequences and ids rise differently.
    let again = (41..=50).map(|n| change(incarnation(1), n, record((n - 40).into()), 40, text(n)));
    bench.push(1, &alice(), again.collect()).await;
    bench.push(2, &alice(), vec![change(incarnation(2), 1, record(3), 0, set(9))]).await;
    let lost = lost_field(51, incarnation(2), 1, 3, 9);
    let order: Vec<RecordId> = (11..=40).chain(1..=10).map(record).collect();
    for (limit, least) in [(0, 40), (1, 40), (600, 8), (1 << 20, 1)] {
        let (came, superseded, pages) = pull_all(&bench, 2, limit).await;
        assert_eq!(came, order, "{limit}");
        assert_eq!(superseded, std::slice::from_ref(&lost), "{limit}");
        assert!(pages >= least, "{limit}: {pages}");
    }
    // A page ends with the record that fills it to the byte.
    let first = bench.content(&alice()).await.records.into_iter().find(|(id, _)| *id == order[0]).unwrap();
    let size = u32::try_from(sync_core::wire::encode(&first.1).unwrap().len()).unwrap();
    for (limit, many) in [(size - 1, 1), (size, 1), (size + 1, 2)] {
        let mut asked = sync(2, asks(&alice()));
        if let Request::Sync { limit: bytes, .. } = &mut asked {
            *bytes = limit;
        }
        assert_eq!(page(reply(bench.commit(asked).await)).page.len(), many);
    }
    // What was superseded before the machine's `seen` is not told again.
    let request = SpaceRequest { cursor: 50, seen: 51, ..asks(&alice()) };
    assert_eq!(page(bench.sync(1, request).await).superseded, []);
}

async fn a_cursor_beyond_everything_is_answered<K: Kind>() {
    let bench = Bench::<K>::with_machines(1).await;
    bench.push(1, &alice(), vec![change(incarnation(1), 1, record(1), 0, set(1))]).await;
    for far in [2, 1 << 40, i64::MAX as u64, 1 << 63, u64::MAX] {
        let request = SpaceRequest { cursor: far, seen: far, ..asks(&alice()) };
        let told = page(bench.sync(1, request.clone()).await);
        assert_eq!((told.page.len(), told.more, told.to), (0, false, 1));
        // Nor does a context that claims to have seen the future harm anything but what it writes.
        let number = bench.content(&alice()).await.head.head + 1;
        let claims = change(incarnation(1), number, record(1), far, set(2));
        let told = page(bench.sync(1, SpaceRequest { changes: vec![claims], ..request }).await);
        assert_eq!(told.head, number);
        let undo = change(incarnation(2), number, record(9), 0, Operation::Delete);
        bench.push(1, &sales(), vec![undo]).await;
        bench.commit(deletes(&alice(), u128::from(far) << 32)).await;
        bench.push(1, &alice(), vec![change(incarnation(1), 1, record(1), 0, set(1))]).await;
    }
}

async fn two_machines_that_push_one_field_in_one_commit<K: Kind>() {
    let bench = Bench::<K>::with_machines(2).await;
    let one = |n: u128, value| pushes(&alice(), vec![change(incarnation(n), 1, record(1), 0, set(value))]);
    let answers = bench.together(vec![sync(1, one(1, 10)), sync(2, one(2, 20))]).await;
    let pages: Vec<_> = answers.into_iter().map(|answer| page(reply(answer))).collect();
    assert_eq!((pages[0].head, pages[1].head), (1, 2));
    // The second is told what stands, and what became of its own.
    let stands = pages[1].records[0].1.as_ref().unwrap();
    assert_eq!(stands.get("name"), Some(&Value::Int(10)));
    assert!(pages[1].superseded.contains(&lost_field(2, incarnation(2), 1, 1, 20)));
    let content = bench.content(&alice()).await;
    assert_eq!(content.superseded, [lost_field(2, incarnation(2), 1, 1, 20)]);
    assert_eq!((content.records.len(), content.records[0].1.sequence), (1, 1));
    // Another record and another field do not conflict; an order of two by one machine stands.
    let two = vec![
        change(incarnation(1), 2, record(2), 0, set(1)),
        change(incarnation(1), 3, record(2), 3, set(2)),
        change(incarnation(1), 4, record(1), 0, set_field("colour", Value::Int(3))),
    ];
    bench.push(1, &alice(), two).await;
    let content = bench.content(&alice()).await;
    assert_eq!(content.superseded.len(), 1);
    assert_eq!(content.records[1].1.get("name"), Some(&Value::Int(2)));
    assert_eq!(content.records[0].1.get("colour"), Some(&Value::Int(3)));
}

async fn two_spaces_in_one_commit<K: Kind>() {
    let bench = Bench::<K>::with_machines(1).await;
    let start = bench.position();
    let one = |space, n| sync(1, pushes(space, vec![change(incarnation(1), n, record(1), 0, set(1))]));
    let answers = bench.together(vec![one(&alice(), 1), one(&sales(), 2), one(&bob(), 3)]).await;
    let replies: Vec<Reply> = answers.into_iter().map(reply).collect();
    assert!(matches!(&replies[..], [Reply::Ok(_), Reply::Ok(_), Reply::Forbidden]));
    assert_eq!(bench.position(), start + 2);
    assert_eq!(bench.content(&bob()).await.head.head, 0);
}

async fn deletions_and_edits_of_one_record<K: Kind>() {
    let bench = Bench::<K>::with_machines(2).await;
    bench.push(1, &alice(), vec![change(incarnation(1), 1, record(1), 0, set(1))]).await;
    // Of what is not there, nothing comes; it takes its sequence all the same.
    let told =
        bench.push(1, &alice(), vec![change(incarnation(1), 2, record(7), 0, Operation::Delete)]).await;
    assert_eq!((told.head, told.records), (2, vec![(record(7), None)]));
    let told =
        bench.push(1, &alice(), vec![change(incarnation(1), 3, record(1), 2, Operation::Delete)]).await;
    assert!(told.records[0].1.as_ref().unwrap().dead.is_some());
    assert_eq!(bench.store().spaces().await.unwrap(), [info(alice(), 1, 3, 0)]);
    // A dead record is still pulled.
    assert_eq!(page(bench.sync(2, asks(&alice())).await).page.len(), 1);
    // An edit that did not see the deletion overcomes it.
    bench.push(2, &alice(), vec![change(incarnation(2), 1, record(1), 1, set(2))]).await;
    let content = bench.content(&alice()).await;
    assert_eq!(content.records[0].1.get("name"), Some(&Value::Int(2)));
    let lost = |sequence, who, number| Superseded {
        sequence,
        id: (incarnation(who), number).into(),
        record: record(1),
        what: Lost::Deletion,
    };
    assert_eq!(content.superseded, [lost(4, 1, 3)]);
    // And the other order: a deletion that did not see the edit.
    bench.push(1, &alice(), vec![change(incarnation(1), 4, record(1), 3, Operation::Delete)]).await;
    assert_eq!(bench.content(&alice()).await.superseded, [lost(4, 1, 3), lost(5, 1, 4)]);
    assert_eq!(bench.store().spaces().await.unwrap(), [info(alice(), 1, 5, 1)]);
}

async fn a_fork_of_the_present_incarnation_and_of_an_older_one<K: Kind>() {
    let bench = Bench::<K>::with_machines(1).await;
    let first = change(incarnation(1), 1, record(1), 0, set(1));
    let second = change(incarnation(1), 2, record(1), 1, set(2));
    bench.push(1, &alice(), vec![first.clone(), second.clone()]).await;
    let before = bench.picture().await;
    // The machine was put back to before its second change, and makes another.
    let other = change(incarnation(1), 2, record(1), 1, set(3));
    let says = |known: Vec<_>, changes| SpaceRequest { known, ..pushes(&alice(), changes) };
    let known = vec![(incarnation(1), 1)];
    let forked = bench.sync(1, says(known.clone(), vec![other.clone()])).await;
    assert_eq!(forked, Reply::Fork(incarnation(1)));
    // The number alone, without its change, is one too; so is an older incarnation of the outbox.
    assert_eq!(bench.sync(1, says(known.clone(), vec![])).await, Reply::Fork(incarnation(1)));
    let older = vec![(incarnation(2), 0), (incarnation(1), 1)];
    let forked = bench.sync(1, says(older.clone(), vec![other])).await;
    assert_eq!(forked, Reply::Fork(incarnation(1)));
    let third = change(incarnation(2), 3, record(2), 0, set(1));
    assert_eq!(bench.sync(1, says(older.clone(), vec![third.clone()])).await, Reply::Fork(incarnation(1)));
    assert_eq!(bench.picture().await, before);
    // The very change that was lost on the way is none, nor is what was answered.
    assert!(matches!(bench.sync(1, says(older, vec![second, third])).await, Reply::Ok(_)));
    let known = vec![(incarnation(1), 2), (incarnation(2), 3)];
    assert!(matches!(bench.sync(1, says(known, vec![])).await, Reply::Ok(_)));
}

async fn everything_is_there_after_reopening<K: Kind>() {
    let bench = Bench::<K>::with_machines(3).await;
    let deep = Value::Map(BTreeMap::from([
        ("list".to_string(), Value::List(vec![Value::Bool(true), Value::Bytes(vec![0, 255])])),
        (String::new(), Value::Int(i64::MIN)),
    ]));
    let written = vec![
        change(incarnation(1), 1, record(1), 0, set_field("deep", deep)),
        change(incarnation(1), 2, record(2), 0, Operation::Edit([("none".to_string(), None)].into())),
        change(incarnation(1), 3, record(3), 0, set_field("", Value::from("\0 ä 漢"))),
        change(incarnation(1), 4, record(4), 0, Operation::Edit(BTreeMap::new())),
        change(incarnation(1), 5, record(3), 3, Operation::Delete),
    ];
    bench.push(1, &alice(), written).await;
    bench.push(2, &alice(), vec![change(incarnation(2), 1, record(1), 0, set(5))]).await;
    bench.push(2, &sales(), vec![change(incarnation(2), 2, record(1), 0, set(5))]).await;
    bench.commit(deletes(&sales(), 1)).await;
    bench.commit(reserves(10, 5_000)).await;
    bench.commit(joins(3, &[bob()], &[alice()])).await;
    bench.push(3, &bob(), vec![change(incarnation(3), 1, record(1), 0, set(5))]).await;
    let before = bench.picture().await;
    let bench = bench.reopened().await;
    assert_eq!(bench.picture().await, before);
    let bench = bench.reopened().await;
    assert_eq!(bench.picture().await, before);
}
