//! Starts: whose data stand, and starts that are cut off.

use super::*;

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
