//! Edits that meet, answers that are lost or late, and pages.

use super::*;

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
fn a_large_outbox_goes_in_parts_and_always_by_the_same_prefix() {
    let mut server = Server::new();
    let mut a = server.machine(101, &[&alice()]);
    server.level(&mut a);
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
