//! What the store in SQLite does of its own: group commit, its queue, its history, its file.

use super::{
    super::{SqliteOptions, SqliteStore, Store, StoreError, inspect},
    bench::{
        Bench, InSqlite, Kind, alice, asks, change, deletes, incarnation, page, pushes, record, set, sync,
    },
};
use core::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
};
use rusqlite::Connection;
use std::path::Path;
use sync_core::{
    protocol::Reply,
    server::{Answer, Request},
};

fn pushes_one(n: u128) -> Request {
    sync(1, pushes(&alice(), vec![change(incarnation(n), 1, record(n), 0, set(1))]))
}

/// Keeps the writer from beginning, until it is dropped.
fn hold(file: &Path) -> Connection {
    let connection = Connection::open(file).unwrap();
    connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    connection
}

type Waiting<'a> = Pin<Box<dyn Future<Output = Result<Vec<Answer>, StoreError>> + Send + 'a>>;

/// Brings a commit into the queue; what came of it at once, or the wait for its answer.
fn begin(store: &SqliteStore, request: Request) -> Result<Waiting<'_>, StoreError> {
    let mut waiting: Waiting<'_> = Box::pin(store.commit(vec![request]));
    match waiting.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Pending => Ok(waiting),
        Poll::Ready(Err(error)) => Err(error),
        Poll::Ready(Ok(answers)) => panic!("{answers:?}"),
    }
}

/// How many durable commits the log of a store holds: the frames that end one carry the size of the file. The log begins
/// anew after some thousand frames, so that only few commits can be counted.
fn durable_commits(file: &Path) -> usize {
    let log = std::fs::read(file.with_extension("db-wal")).unwrap();
    let word = |at: usize| u32::from_be_bytes(log[at..at + 4].try_into().unwrap());
    let frame = 24 + usize::try_from(word(8)).unwrap();
    let salt = &log[16..24];
    let starts = (32..).step_by(frame).take_while(|at| at + frame <= log.len());
    starts.filter(|at| &log[at + 8..at + 16] == salt && word(at + 4) != 0).count()
}

#[tokio::test]
async fn what_waits_together_is_made_durable_together() {
    let bench = Bench::<InSqlite>::with_machines(1).await;
    let file = bench.kind.file();
    let before = durable_commits(&file);
    let held = hold(&file);
    let waiting: Vec<_> = (1..=40).map(|n| begin(bench.store(), pushes_one(n)).unwrap()).collect();
    // Nothing is answered, nor seen, before it is durable.
    assert_eq!(bench.content(&alice()).await.head.head, 0);
    drop(held);
    for waiting in waiting {
        assert!(matches!(&waiting.await.unwrap()[..], [Answer::Space(_)]));
    }
    let commits = durable_commits(&file) - before;
    assert!((1..20).contains(&commits), "{commits} durable commits for 40");
    let bench = bench.reopened().await;
    let content = bench.content(&alice()).await;
    assert_eq!((content.head.head, content.records.len()), (40, 40));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_one_of_many_at_once_is_answered_and_kept() {
    let bench = Bench::<InSqlite>::with_machines(1).await;
    let kind = std::sync::Arc::new(bench.kind);
    let tasks: Vec<_> = (1..=300_u128)
        .map(|n| {
            let kind = std::sync::Arc::clone(&kind);
            tokio::spawn(async move {
                let answers = kind.store().commit(vec![pushes_one(n)]).await.unwrap();
                let [Answer::Space(answer)] = &answers[..] else { panic!() };
                let Reply::Ok(page) = &answer.reply else { panic!("{answer:?}") };
                assert!(page.records[0].1.is_some());
                // A reader goes on beside the writer.
                assert!(kind.store().commit(vec![sync(1, asks(&alice()))]).await.is_ok());
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let bench = Bench { kind: std::sync::Arc::into_inner(kind).unwrap() }.reopened().await;
    let content = bench.content(&alice()).await;
    let mut sequences: Vec<u64> = content.records.iter().map(|(_, record)| record.sequence).collect();
    sequences.sort_unstable();
    assert_eq!(sequences, (1..=300).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_full_queue_refuses_and_readers_go_on() {
    let bench = Bench::<InSqlite>::with_machines(1).await;
    let file = bench.kind.file();
    bench.store().close().await;
    let options = SqliteOptions { queue: 2, ..SqliteOptions::default() };
    let store = SqliteStore::open(&file, options).unwrap();
    let held = hold(&file);
    let mut waiting = Vec::new();
    let mut busy = 0;
    for n in 1..=10 {
        match begin(&store, pushes_one(n)) {
            Ok(one) => waiting.push(one),
            Err(error) => {
                assert_eq!(error.code(), "busy");
                busy += 1;
            }
        }
    }
    // Two wait; one more where the writer had taken the first already.
    assert!((7..=8).contains(&busy), "{busy}");
    let read = store.commit(vec![sync(1, asks(&alice()))]).await.unwrap();
    assert!(matches!(&read[..], [Answer::Space(_)]));
    let folder = tempfile::tempdir().unwrap();
    store.backup(&folder.path().join("backup.db")).await.unwrap();
    drop(held);
    let kept = waiting.len() as u64;
    for waiting in waiting {
        waiting.await.unwrap();
    }
    assert_eq!(store.space(alice()).await.unwrap().head.head, kept);
    assert!(store.commit(vec![pushes_one(50)]).await.is_ok());
    store.close().await;
}

#[tokio::test]
async fn what_waits_at_the_end_is_still_written() {
    let bench = Bench::<InSqlite>::with_machines(1).await;
    let held = hold(&bench.kind.file());
    let waiting: Vec<_> = (1..=20).map(|n| begin(bench.store(), pushes_one(n)).unwrap()).collect();
    let mut closing = Box::pin(bench.store().close());
    assert!(closing.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    assert_eq!(begin(bench.store(), pushes_one(99)).err().map(|error| error.code()), Some("stopping"));
    drop(held);
    closing.await;
    for waiting in waiting {
        waiting.await.unwrap();
    }
    let bench = bench.reopened().await;
    assert_eq!(bench.content(&alice()).await.head.head, 20);
}

#[tokio::test]
async fn a_commit_that_cannot_be_written_leaves_nothing_and_the_next_goes_on() {
    let bench = Bench::<InSqlite>::with_machines(1).await;
    bench.commit(pushes_one(1)).await;
    bench.commit(deletes(&alice(), 1)).await;
    bench.commit(pushes_one(1)).await;
    let before = bench.picture().await;
    // A snapshot under a name that is taken: the second half of the commit fails.
    let error = bench.store().commit(vec![pushes_one(2), deletes(&alice(), 1)]).await.unwrap_err();
    assert_eq!(error.code(), "store");
    assert_eq!(bench.picture().await, before);
    assert_eq!(page(bench.sync(1, asks(&alice())).await).head, 1);
    bench.commit(pushes_one(2)).await;
    assert_eq!(bench.content(&alice()).await.head.head, 2);
}

#[tokio::test]
async fn the_history_outlives_the_deletion() {
    let bench = Bench::<InSqlite>::with_machines(1).await;
    let two = |number| {
        vec![
            change(incarnation(1), number, record(1), 0, set(1)),
            change(incarnation(1), number + 1, record(2), 0, set(2)),
        ]
    };
    bench.push(1, &alice(), two(1)).await;
    bench.push(1, &alice(), two(2)).await;
    bench.together(vec![deletes(&alice(), 1), sync(1, pushes(&alice(), two(1)))]).await;
    let connection = Connection::open(bench.kind.file()).unwrap();
    let mut statement =
        connection.prepare("SELECT generation, first, body FROM history ORDER BY generation, first").unwrap();
    let rows = statement.query_map([], |row| {
        let batch: sync_core::server::HistoryBatch =
            sync_core::wire::decode(row.get_ref(2)?.as_blob()?).unwrap();
        let key: (i64, i64) = (row.get(0)?, row.get(1)?);
        assert_eq!((batch.generation, batch.first), (key.0.cast_unsigned(), key.1.cast_unsigned()));
        // The person whom the machine names, where the change names none.
        assert!(batch.changes.iter().all(|change| change.author.person.as_deref() == Some("alice")));
        Ok((batch.generation, batch.first, batch.changes.len()))
    });
    let rows: Vec<_> = rows.unwrap().map(Result::unwrap).collect();
    assert_eq!(rows, [(1, 1, 2), (1, 3, 1), (2, 1, 2)]);
}

#[tokio::test]
async fn what_is_no_store_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("store.db");
    let code = |file: &Path| SqliteStore::open(file, SqliteOptions::default()).err().map(|e| e.code());
    std::fs::write(&file, "no store at all ".repeat(1_000)).unwrap();
    assert_eq!(code(&file), Some("foreign_store"));
    assert_eq!(inspect(&file).unwrap_err().code(), "foreign_store");
    std::fs::remove_file(&file).unwrap();
    Connection::open(&file).unwrap().execute_batch("CREATE TABLE t(a)").unwrap();
    assert_eq!(code(&file), Some("foreign_store"));
    std::fs::remove_file(&file).unwrap();
    // Of a later version.
    SqliteStore::open(&file, SqliteOptions::default()).unwrap().close().await;
    inspect(&file).unwrap();
    Connection::open(&file).unwrap().pragma_update(None, "user_version", 99).unwrap();
    assert_eq!(code(&file), Some("store_version"));
    assert_eq!(inspect(&file).unwrap_err().code(), "store_version");
}

#[tokio::test]
async fn a_damaged_backup_is_found_out() {
    let bench = Bench::<InSqlite>::with_machines(1).await;
    let written = (1..=500).map(|n| change(incarnation(1), n, record(n.into()), 0, set(1)));
    bench.push(1, &alice(), written.collect()).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("backup.db");
    let made = bench.store().backup(&file).await.unwrap();
    assert_eq!(std::fs::metadata(&file).unwrap().len(), made.bytes);
    inspect(&file).unwrap();
    // Alone in its folder, in one file.
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    let whole = std::fs::read(&file).unwrap();
    let mut damaged = whole.clone();
    damaged[whole.len() / 2..].fill(0xa5);
    std::fs::write(&file, &damaged).unwrap();
    assert_eq!(inspect(&file).unwrap_err().code(), "store_damaged");
    std::fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    assert_eq!(inspect(&file).unwrap_err().code(), "store_damaged");
}
