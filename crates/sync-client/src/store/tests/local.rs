//! Local spaces, batches, and files of other versions.

use super::*;

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
