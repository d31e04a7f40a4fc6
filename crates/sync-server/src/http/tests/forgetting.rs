//! What is forgotten, and what keeps it.

use super::served::{Served, change, of_space, poll, user};
use crate::store::Store;
use core::time::Duration;
use sync_core::{
    api,
    change::{Context, Operation},
    protocol::{Page, Reply, SpaceRequest, SyncRequest},
    server::Scope,
};

/// What machine `n` is answered that has read up to `seen` and pushes nothing.
async fn reads(served: &Served<impl Store>, n: u128, seen: u64) -> Page {
    let request =
        SpaceRequest { generation: Some(1), cursor: seen, seen, ..of_space(user("alice"), Vec::new()) };
    let answer = served.sync(n, &SyncRequest { spaces: vec![request], ..poll() }).await;
    match answer.spaces.into_iter().next().unwrap().reply {
        Reply::Ok(page) => page,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_deletion_is_forgotten_once_it_is_old_all_have_read_it_and_every_backup_has_it() {
    let served = Served::durable().with_alice().await;
    served.enrol(2, Scope::All).await;
    served.login(2, "alice").await;
    let mut deletion = change(2, 1, "");
    deletion.operation = Operation::Delete;
    deletion.context = Context { seen: 9, ..Context::default() };
    let push = SpaceRequest { generation: Some(1), ..of_space(user("alice"), vec![deletion]) };
    let answer = served.sync(1, &SyncRequest { spaces: vec![push], ..poll() }).await;
    let Reply::Ok(page) = &answer.spaces[0].reply else { panic!("{answer:?}") };
    assert!(page.records[0].1.as_ref().unwrap().dead.is_some());
    let head = page.head;
    let later = crate::clock::now().plus(Duration::from_secs(60));
    let forget = || served.interface.forget_before(later);

    assert_eq!(forget().await.unwrap(), 0, "nobody has read it");
    for n in [1, 2] {
        let _ = reads(&served, n, head).await;
    }
    let early = crate::clock::now().minus(Duration::from_secs(60));
    assert_eq!(served.interface.forget_before(early).await.unwrap(), 0, "it is not old");
    assert_eq!(forget().await.unwrap(), 1);
    assert_eq!(forget().await.unwrap(), 0);
    // A machine that was turned back gets the whole space.
    let page = reads(&served, 2, 0).await;
    assert_eq!((page.whole, page.horizon, page.page.len()), (Some(head), head, 0));

    // From now on a backup holds it up.
    let backup = api::BackupRequest { name: Some("early.db".into()) };
    let _: api::BackupAnswer = served.told(api::BACKUP, 0, &backup).await;
    let push = SpaceRequest { generation: Some(1), ..of_space(user("alice"), vec![change(3, 2, "x")]) };
    let answer = served.sync(1, &SyncRequest { spaces: vec![push], ..poll() }).await;
    assert!(matches!(answer.spaces[0].reply, Reply::Ok(_)));
    for n in [1, 2] {
        let _ = reads(&served, n, head + 1).await;
    }
    assert_eq!(forget().await.unwrap(), 0, "the backup does not have it");
    std::fs::write(served.backups().join("notes.txt"), "no backup").unwrap();
    std::fs::remove_file(served.backups().join("early.db")).unwrap();
    assert_eq!(forget().await.unwrap(), 1);
}
