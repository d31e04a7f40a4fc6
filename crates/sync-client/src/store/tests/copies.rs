//! Machines that were copied or turned back.

use super::*;

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
