//! What administrators ask: codes, deletions, backups, bringing back.

use super::served::{Served, change, group, push, user};
use sync_core::{
    api::{
        self, BackupAnswer, BackupRequest, BringBackAnswer, BringBackRequest, CodeAnswer, CodeRequest,
        DeleteAnswer, DeleteRequest, SnapshotInfo, Source, SpaceInfo,
    },
    id::SnapshotId,
    protocol::Reply,
    server::Scope,
    snapshot::Reason,
    space::SpaceName,
    value::Value,
};
use uuid::Uuid;

#[tokio::test]
async fn a_code_has_its_bounds() {
    let served = Served::new();
    let ask = |scope: &Scope, valid_for| CodeRequest { scope: scope.clone(), valid_for };
    let month = 30 * 24 * 3_600;
    for time in [0, month + 1, u64::MAX] {
        let found = served.refused(api::CODES, 0, &ask(&Scope::All, time)).await;
        assert_eq!(found, (422, "wrong_time".to_string()), "{time}");
    }
    for time in [1, month] {
        let made: CodeAnswer = served.told(api::CODES, 0, &ask(&Scope::All, time)).await;
        assert_eq!((made.code.len(), made.fingerprint.len()), (19, 64));
        assert!(made.expires > crate::clock::now() || time == 1);
    }
    let unknown = Scope::Groups(vec!["sales".into(), "none".into()]);
    let found = served.refused(api::CODES, 0, &ask(&unknown, 60)).await;
    assert_eq!(found, (422, "unknown_group".to_string()));
    let made: CodeAnswer = served.told(api::CODES, 0, &ask(&Scope::Groups(vec!["sales".into()]), 60)).await;
    assert_ne!(made.code, served.code(Scope::All).await.code);
}

#[tokio::test]
async fn deletions_are_listed_and_brought_back() {
    let served = Served::new().with_alice().await;
    let spaces: Vec<SpaceInfo> = served.told(api::SPACES, 0, &()).await;
    assert_eq!(spaces.len(), 1);
    let request = |spaces: Vec<SpaceName>| DeleteRequest { spaces };
    for wrong in [SpaceName::user("elsewhere", "alice"), SpaceName::local("settings")] {
        let found = served.refused(api::DELETE, 0, &request(vec![user("alice"), wrong])).await;
        assert_eq!(found, (422, "other_realm".to_string()));
    }
    // Who is not in the directory any more can be deleted all the same; twice named is once deleted.
    let all = request(vec![user("alice"), user("gone"), user("alice")]);
    let done: DeleteAnswer = served.packed(api::DELETE, 0, &all).await;
    assert_eq!(done.deleted.len(), 2);
    assert_eq!((done.deleted[0].records, done.deleted[1].records), (1, 0));
    assert_eq!(done.deleted[1].snapshot, None);
    let spaces: Vec<SpaceInfo> = served.told(api::SPACES, 0, &()).await;
    assert_eq!(spaces.iter().map(|info| &info.space).collect::<Vec<_>>(), [&user("alice")]);
    let id = done.deleted[0].snapshot.unwrap();
    let snapshots: Vec<SnapshotInfo> = served.told(api::SNAPSHOTS, 0, &()).await;
    assert_eq!((snapshots.len(), snapshots[0].id, snapshots[0].reason), (1, id, Reason::Deleted));
    assert_eq!(snapshots[0].person.as_deref(), Some("administrator"));
    // A machine of the older generation is told.
    let mut late = push(user("alice"), vec![change(2, 2, "late")]);
    (late.spaces[0].epoch, late.spaces[0].generation) = (None, Some(1));
    assert_eq!(served.sync(1, &late).await.spaces[0].reply, Reply::Gone { generation: 2 });
    let back = |from| BringBackRequest { from };
    let unknown = back(Source::Snapshot(SnapshotId(Uuid::from_u128(9))));
    assert_eq!(served.refused(api::BRING_BACK, 0, &unknown).await, (404, "unknown_snapshot".to_string()));
    let done: BringBackAnswer = served.told(api::BRING_BACK, 0, &back(Source::Snapshot(id))).await;
    assert_eq!((done.space, done.changes, done.snapshot), (user("alice"), 1, None));
    // Once more there is nothing to bring.
    let done: BringBackAnswer = served.told(api::BRING_BACK, 0, &back(Source::Snapshot(id))).await;
    assert_eq!((done.changes, done.snapshot), (0, None));
    let pulled = served.sync(1, &push(user("alice"), vec![])).await;
    let Reply::Ok(page) = &pulled.spaces[0].reply else { panic!() };
    assert_eq!(page.page[0].1.get("name"), Some(&Value::from("Front desk")));
}

#[tokio::test]
async fn a_backup_has_a_plain_name_and_is_never_written_over() {
    let served = Served::durable().with_alice().await;
    let named = |name: &str| BackupRequest { name: Some(name.into()) };
    let long = "x".repeat(129);
    for wrong in
        ["", ".", "..", ".hidden", "../x", "a/b", "/tmp/x", "a\\b", "a b", "a\0b", "ä", "C:x", "x\n", &long]
    {
        let found = served.refused(api::BACKUP, 0, &named(wrong)).await;
        assert_eq!(found, (400, "wrong_name".to_string()), "{wrong:?}");
        let from = Source::Backup { name: wrong.into(), space: user("alice") };
        let found = served.refused(api::BRING_BACK, 0, &BringBackRequest { from }).await;
        assert_eq!(found, (400, "wrong_name".to_string()), "{wrong:?}");
    }
    assert!(!served.backups().exists());
    let made: BackupAnswer = served.told(api::BACKUP, 0, &named("monday.db")).await;
    assert_eq!((made.name.as_str(), made.sha256.len()), ("monday.db", 64));
    let bytes = std::fs::read(served.backups().join("monday.db")).unwrap();
    assert_eq!(bytes.len() as u64, made.bytes);
    assert_eq!(served.refused(api::BACKUP, 0, &named("monday.db")).await, (409, "exists".to_string()));
    assert_eq!(std::fs::read(served.backups().join("monday.db")).unwrap(), bytes);
    // Without a name it is made from the time.
    let made: BackupAnswer = served.told(api::BACKUP, 0, &BackupRequest::default()).await;
    assert!(made.name.starts_with("backup-") && made.name.ends_with(".db"), "{}", made.name);
    assert_eq!(std::fs::read_dir(served.backups()).unwrap().count(), 2);
}

#[tokio::test]
async fn a_space_of_a_backup_comes_back_beside_what_stands() {
    let served = Served::durable().with_alice().await;
    let made: BackupAnswer =
        served.told(api::BACKUP, 0, &BackupRequest { name: Some("monday.db".into()) }).await;
    let mut changed = change(2, 1, "changed");
    changed.context.seen = 1;
    served.sync(1, &push(user("alice"), vec![changed, change(3, 2, "beside")])).await;
    let from = |name: &str, space| BringBackRequest { from: Source::Backup { name: name.into(), space } };
    for (request, expected) in [
        (from("none.db", user("alice")), (404, "unknown_backup")),
        (from("monday.db", user("bob")), (404, "unknown_space")),
        (from("monday.db", SpaceName::user("elsewhere", "alice")), (404, "unknown_space")),
        (from("monday.db", SpaceName::local("settings")), (404, "unknown_space")),
    ] {
        let found = served.refused(api::BRING_BACK, 0, &request).await;
        assert_eq!((found.0, found.1.as_str()), expected);
    }
    // A folder is no backup; nor is a file of something else, or one that is damaged.
    std::fs::create_dir(served.backups().join("folder")).unwrap();
    let found = served.refused(api::BRING_BACK, 0, &from("folder", user("alice"))).await;
    assert_eq!(found, (404, "unknown_backup".to_string()));
    std::fs::write(served.backups().join("text.db"), "no backup at all ".repeat(500)).unwrap();
    let found = served.refused(api::BRING_BACK, 0, &from("text.db", user("alice"))).await;
    assert_eq!(found, (409, "foreign_store".to_string()));
    let mut damaged = std::fs::read(served.backups().join(&made.name)).unwrap();
    let half = damaged.len() / 8;
    damaged[half..].fill(0xa5);
    std::fs::write(served.backups().join("damaged.db"), damaged).unwrap();
    let found = served.refused(api::BRING_BACK, 0, &from("damaged.db", user("alice"))).await;
    assert_eq!(found, (409, "store_damaged".to_string()));

    let done: BringBackAnswer = served.told(api::BRING_BACK, 0, &from("monday.db", user("alice"))).await;
    assert_eq!(done.changes, 1);
    let kept = done.snapshot.unwrap();
    let pulled = served.sync(1, &push(user("alice"), vec![])).await;
    let Reply::Ok(page) = &pulled.spaces[0].reply else { panic!() };
    let values: Vec<_> = page.page.iter().map(|(_, record)| record.get("name").cloned().unwrap()).collect();
    assert_eq!(values, [Value::from("beside"), Value::from("Front desk")]);
    // And back again to what stood before.
    let back = BringBackRequest { from: Source::Snapshot(kept) };
    let done: BringBackAnswer = served.told(api::BRING_BACK, 0, &back).await;
    assert_eq!(done.changes, 1);
    let group_of = served.refused(api::BRING_BACK, 0, &from("monday.db", group("sales"))).await;
    assert_eq!(group_of, (404, "unknown_space".to_string()));
}
