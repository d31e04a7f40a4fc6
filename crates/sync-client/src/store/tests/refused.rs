//! What a server no longer takes, or not yet: deleted and reserved spaces, groups that were left, a restored server.

use super::*;

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
